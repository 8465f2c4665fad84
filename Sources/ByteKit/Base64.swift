/// Base64 with the standard alphabet and padding (RFC 4648 section 4), as SCRAM messages and verifiers use it.
///
/// Decoding is strict: no white space, no missing padding, no bits set behind the last byte (RFC 4648 section 3.5), so
/// one value has exactly one spelling.
public enum Base64 {
    private static let alphabet = [UInt8]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")

    /// The text of `bytes`, as ASCII. Allocates.
    public static func encode(_ bytes: RawSpan) -> [UInt8] {
        let count = bytes.byteCount
        var text: [UInt8] = []
        text.reserveCapacity(((count &+ 2) / 3) &* 4)
        var offset = 0
        while offset < count {
            let left = count &- offset
            let a = UInt32(bytes.u8(at: offset))
            let b = left > 1 ? UInt32(bytes.u8(at: offset &+ 1)) : 0
            let c = left > 2 ? UInt32(bytes.u8(at: offset &+ 2)) : 0
            let group = a << 16 | b << 8 | c
            text.append(letter(group >> 18))
            text.append(letter(group >> 12))
            text.append(left > 1 ? letter(group >> 6) : padding)
            text.append(left > 2 ? letter(group) : padding)
            offset &+= 3
        }
        return text
    }

    /// The text of `bytes`, as ASCII. Allocates.
    public static func encode(_ bytes: [UInt8]) -> [UInt8] { unsafe encode(bytes.span.bytes) }

    /// The bytes `text` stands for, or nil when it is not strict base64. Allocates; empty text is no bytes.
    public static func decode(_ text: RawSpan) -> [UInt8]? {
        let count = text.byteCount
        guard count & 3 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity((count >> 2) &* 3)
        var offset = 0
        while offset < count {
            let isLast = offset &+ 4 == count
            let padded = isLast ? paddingLength(text, at: offset) : 0
            var group: UInt32 = 0
            for index in 0..<(4 &- padded) {
                guard let value = value(of: text.u8(at: offset &+ index)) else { return nil }
                group |= value << UInt32(truncatingIfNeeded: 18 &- 6 &* index)
            }
            guard group & unusedBits(padded) == 0 else { return nil }
            bytes.append(UInt8(truncatingIfNeeded: group >> 16))
            if padded < 2 { bytes.append(UInt8(truncatingIfNeeded: group >> 8)) }
            if padded < 1 { bytes.append(UInt8(truncatingIfNeeded: group)) }
            offset &+= 4
        }
        return bytes
    }

    /// The bytes `text` stands for, or nil when it is not strict base64. Allocates; empty text is no bytes.
    public static func decode(_ text: [UInt8]) -> [UInt8]? { unsafe decode(text.span.bytes) }

    private static func letter(_ bits: UInt32) -> UInt8 { alphabet[Int(bits & 63)] }

    /// How many padding letters the last group ends in: 0, 1 or 2. "=" anywhere else is no letter and refused later.
    private static func paddingLength(_ text: RawSpan, at offset: Int) -> Int {
        guard text.u8(at: offset &+ 3) == padding else { return 0 }
        return text.u8(at: offset &+ 2) == padding ? 2 : 1
    }

    /// The bits of a group that no byte takes.
    private static func unusedBits(_ padded: Int) -> UInt32 {
        switch padded {
        case 0: 0
        case 1: 0xff
        default: 0xffff
        }
    }

    private static func value(of letter: UInt8) -> UInt32? {
        switch letter {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(letter &- UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(letter &- UInt8(ascii: "a")) &+ 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(letter &- UInt8(ascii: "0")) &+ 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
