/// Hexadecimal (RFC 4648 section 8), written in lower case.
public enum Hex {
    /// Two lower-case digits a byte, as ASCII. Allocates.
    public static func encode(_ bytes: RawSpan) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.byteCount &* 2)
        for offset in 0..<bytes.byteCount {
            let byte = bytes.u8(at: offset)
            text.append(digit(byte >> 4))
            text.append(digit(byte & 15))
        }
        return text
    }

    /// Two lower-case digits a byte, as ASCII. Allocates.
    public static func encode(_ bytes: [UInt8]) -> [UInt8] { unsafe encode(bytes.span.bytes) }

    /// The bytes of an even number of digits of either case, or nil for anything else. Allocates.
    public static func decode(_ text: RawSpan) -> [UInt8]? {
        guard text.byteCount & 1 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.byteCount >> 1)
        var offset = 0
        while offset < text.byteCount {
            guard let high = value(of: text.u8(at: offset)), let low = value(of: text.u8(at: offset &+ 1)) else {
                return nil
            }
            bytes.append(high << 4 | low)
            offset &+= 2
        }
        return bytes
    }

    /// The bytes of an even number of digits of either case, or nil for anything else. Allocates.
    public static func decode(_ text: [UInt8]) -> [UInt8]? { unsafe decode(text.span.bytes) }

    /// The lower-case digit of the low four bits.
    public static func digit(_ bits: UInt8) -> UInt8 {
        let bits = bits & 15
        return bits < 10 ? bits &+ UInt8(ascii: "0") : bits &- 10 &+ UInt8(ascii: "a")
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit &- UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit &- UInt8(ascii: "a") &+ 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit &- UInt8(ascii: "A") &+ 10
        default: nil
        }
    }
}
