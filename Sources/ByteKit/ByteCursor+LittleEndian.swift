/// Reading MySQL's integers and strings: little-endian, and length-encoded (protocol documentation, "Integer Types").
extension ByteCursor {
    /// A little-endian unsigned 16-bit integer (`int<2>`).
    @_lifetime(self: copy self)
    public mutating func le16() -> UInt16? {
        guard let range = take(2) else { return nil }
        return bytes.le16(at: range.lowerBound)
    }

    /// A little-endian unsigned 24-bit integer (`int<3>`).
    @_lifetime(self: copy self)
    public mutating func le24() -> UInt32? {
        guard let range = take(3) else { return nil }
        return bytes.le24(at: range.lowerBound)
    }

    /// A little-endian unsigned 32-bit integer (`int<4>`).
    @_lifetime(self: copy self)
    public mutating func le32() -> UInt32? {
        guard let range = take(4) else { return nil }
        return bytes.le32(at: range.lowerBound)
    }

    /// A little-endian unsigned 64-bit integer (`int<8>`).
    @_lifetime(self: copy self)
    public mutating func le64() -> UInt64? {
        guard let range = take(8) else { return nil }
        return bytes.le64(at: range.lowerBound)
    }

    /// A length-encoded integer (`int<lenenc>`); nil when it is cut off, NULL (0xFB) or no integer at all (0xFF).
    @_lifetime(self: copy self)
    public mutating func lengthEncoded() -> UInt64? {
        guard let first = u8() else { return nil }
        switch first {
        case 0xFC: return le16().map(UInt64.init)
        case 0xFD: return le24().map(UInt64.init)
        case 0xFE: return le64()
        case 0xFB, 0xFF: return nil
        default: return UInt64(first)
        }
    }

    /// The range of a length-encoded string (`string<lenenc>`); nil when it does not fit into what is left.
    @_lifetime(self: copy self)
    public mutating func lengthEncodedBytes() -> Range<Int>? {
        guard let length = lengthEncoded(), let count = Int(exactly: length) else { return nil }
        return take(count)
    }

    /// The range of a string whose length is one byte.
    @_lifetime(self: copy self)
    public mutating func byteCounted() -> Range<Int>? {
        guard let length = u8() else { return nil }
        return take(Int(length))
    }

    /// The range of all that is left (`string<EOF>`).
    @_lifetime(self: copy self)
    public mutating func rest() -> Range<Int> {
        take(remaining) ?? offset..<offset
    }

    /// What the next byte is, without moving.
    public var next: UInt8? { remaining >= 1 ? bytes.u8(at: offset) : nil }
}

/// The `le` family expects an offset the caller has already checked, like its big-endian sisters.
extension RawSpan {
    /// A little-endian unsigned 16-bit integer.
    @inlinable @inline(__always)
    public func le16(at offset: Int) -> UInt16 {
        unsafe UInt16(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// A little-endian unsigned 24-bit integer.
    @inlinable @inline(__always)
    public func le24(at offset: Int) -> UInt32 {
        UInt32(le16(at: offset)) | UInt32(u8(at: offset &+ 2)) << 16
    }

    /// A little-endian unsigned 32-bit integer.
    @inlinable @inline(__always)
    public func le32(at offset: Int) -> UInt32 {
        unsafe UInt32(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// A little-endian unsigned 64-bit integer.
    @inlinable @inline(__always)
    public func le64(at offset: Int) -> UInt64 {
        unsafe UInt64(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}
