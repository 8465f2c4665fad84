import ByteKit

/// How a value of a type is laid out in the binary protocol (protocol documentation, "Binary Protocol Value").
public enum MySQLValueLayout: Equatable, Sendable {
    /// So many bytes.
    case fixed(Int)
    /// One byte that says how many follow; at most 12.
    case timed
    /// A length-encoded string.
    case lengthEncoded
}

/// The types of columns and parameters (protocol documentation, "enum_field_types").
public enum MySQLType {
    public static let decimal: UInt8 = 0
    public static let tiny: UInt8 = 1
    public static let short: UInt8 = 2
    public static let long: UInt8 = 3
    public static let float: UInt8 = 4
    public static let double: UInt8 = 5
    public static let null: UInt8 = 6
    public static let timestamp: UInt8 = 7
    public static let longLong: UInt8 = 8
    public static let int24: UInt8 = 9
    public static let date: UInt8 = 10
    public static let time: UInt8 = 11
    public static let dateTime: UInt8 = 12
    public static let year: UInt8 = 13
    public static let varchar: UInt8 = 15
    public static let bit: UInt8 = 16
    public static let vector: UInt8 = 242
    public static let bool: UInt8 = 244
    public static let json: UInt8 = 245
    public static let newDecimal: UInt8 = 246
    public static let blob: UInt8 = 252
    public static let varString: UInt8 = 253
    public static let string: UInt8 = 254
    public static let geometry: UInt8 = 255

    /// The layout of a type's values. What is not known is taken for a string, as both servers do.
    @inline(__always)
    public static func layout(_ type: UInt8) -> MySQLValueLayout {
        switch type {
        case tiny, bool: .fixed(1)
        case short, year: .fixed(2)
        case long, int24, float: .fixed(4)
        case longLong, double: .fixed(8)
        case null: .fixed(0)
        case timestamp, date, time, dateTime: .timed
        default: .lengthEncoded
        }
    }
}

extension RawSpan {
    /// Where the binary value of `type` at `offset` ends; nil when it does not end inside.
    func endOfValue(_ type: UInt8, at offset: Int) -> Int? {
        guard offset >= 0, offset <= byteCount else { return nil }
        switch MySQLType.layout(type) {
        case .fixed(let count): return byteCount &- offset >= count ? offset &+ count : nil
        case .timed:
            guard offset < byteCount else { return nil }
            let count = Int(u8(at: offset))
            return count <= 12 && byteCount &- offset &- 1 >= count ? offset &+ 1 &+ count : nil
        case .lengthEncoded:
            guard let length = lengthEncoded(at: offset), let count = Int(exactly: length.value),
                byteCount &- length.end >= count
            else { return nil }
            return length.end &+ count
        }
    }

    /// Bit `index` of a NULL bitmap that begins at `range`; false outside of it.
    func isNull(_ index: Int, in range: Range<Int>) -> Bool {
        let at = range.lowerBound &+ index >> 3
        guard index >= 0, at < range.upperBound, at < byteCount else { return false }
        return u8(at: at) >> UInt8(truncatingIfNeeded: index & 7) & 1 == 1
    }
}
