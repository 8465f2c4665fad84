internal import ByteKit

/// The character sets in which the second byte of a character may be a backslash, a quote or a back-tick. MySQL's lexer
/// skips such characters whole; reading them byte by byte sees quotes where there are none, or none where they are.
public enum MultibyteCharset: UInt8, Sendable {
    case big5 = 1
    case gbk, gb18030, sjis

    /// By the name of `character_set_client`; nil for one that hides nothing.
    public init?(name: String) {
        switch name.lowercased() {
        case "big5": self = .big5
        case "gbk": self = .gbk
        case "gb18030": self = .gb18030
        case "sjis", "cp932": self = .sjis
        default: return nil
        }
    }

    /// The length of the character at `offset`, if it is one of several bytes, else 1 (`ismbchar` of the servers).
    @inline(__always)
    func length(_ text: RawSpan, _ offset: Int) -> Int {
        let lead = text.u8(at: offset)
        guard lead > 0x80, offset &+ 1 < text.byteCount else { return 1 }
        let trail = text.u8(at: offset &+ 1)
        switch self {
        case .big5:
            return (0xA1...0xF9).contains(lead) && (0x40...0x7E ~= trail || 0xA1...0xFE ~= trail) ? 2 : 1
        case .gbk:
            return (0x81...0xFE).contains(lead) && (0x40...0x7E ~= trail || 0x80...0xFE ~= trail) ? 2 : 1
        case .gb18030:
            guard (0x81...0xFE).contains(lead) else { return 1 }
            if 0x40...0x7E ~= trail || 0x80...0xFE ~= trail { return 2 }
            guard 0x30...0x39 ~= trail, offset &+ 3 < text.byteCount,
                0x81...0xFE ~= text.u8(at: offset &+ 2), 0x30...0x39 ~= text.u8(at: offset &+ 3)
            else { return 1 }
            return 4
        case .sjis:
            let leads = 0x81...0x9F ~= lead || 0xE0...0xFC ~= lead
            return leads && (0x40...0x7E ~= trail || 0x80...0xFC ~= trail) ? 2 : 1
        }
    }
}
