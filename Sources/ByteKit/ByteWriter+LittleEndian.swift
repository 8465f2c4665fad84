/// Writing MySQL's integers and strings: little-endian, and length-encoded (protocol documentation, "Integer Types").
extension ByteWriter {
    /// A little-endian 16-bit integer.
    public mutating func le16(_ value: UInt16) {
        i16(Int16(bitPattern: value.byteSwapped))
    }

    /// The low 24 bits, little-endian.
    public mutating func le24(_ value: UInt32) {
        le16(UInt16(truncatingIfNeeded: value))
        u8(UInt8(truncatingIfNeeded: value >> 16))
    }

    /// A little-endian 32-bit integer.
    public mutating func le32(_ value: UInt32) {
        u32(value.byteSwapped)
    }

    /// A little-endian 64-bit integer.
    public mutating func le64(_ value: UInt64) {
        le32(UInt32(truncatingIfNeeded: value))
        le32(UInt32(truncatingIfNeeded: value >> 32))
    }

    /// A length-encoded integer in its shortest form.
    public mutating func lengthEncoded(_ value: UInt64) {
        switch value {
        case 0..<0xFB: u8(UInt8(truncatingIfNeeded: value))
        case 0xFB...0xFFFF:
            u8(0xFC)
            le16(UInt16(truncatingIfNeeded: value))
        case 0x1_0000...0xFF_FFFF:
            u8(0xFD)
            le24(UInt32(truncatingIfNeeded: value))
        default:
            u8(0xFE)
            le64(value)
        }
    }

    /// A length-encoded string.
    public mutating func lengthEncoded(_ bytes: RawSpan) {
        lengthEncoded(UInt64(bytes.byteCount))
        span(bytes)
    }

    /// A length-encoded string.
    public mutating func lengthEncoded(_ bytes: [UInt8]) {
        lengthEncoded(UInt64(bytes.count))
        raw(bytes)
    }

    /// A length-encoded string.
    public mutating func lengthEncoded(_ source: String) {
        lengthEncoded(UInt64(source.utf8.count))
        text(source)
    }

    /// `count` zeros.
    public mutating func zeros(_ count: Int) {
        for _ in 0..<max(count, 0) { u8(0) }
    }
}
