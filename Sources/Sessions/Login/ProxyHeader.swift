import ByteKit
import Settings

/// What a proxy in front of us says before anything else: on whose behalf it connects ("The PROXY protocol", versions 1 and 2,
/// HAProxy's doc/proxy-protocol.txt). Pure, and read anew from its first byte until it is whole.
public enum ProxyHeader: Equatable, Sendable {
    /// More bytes must come.
    case needBytes
    /// For somebody else, whose address is 4 or 16 bytes in network order; what follows after `end` bytes is the client's.
    case client(address: [UInt8], port: UInt16, end: Int)
    /// On its own behalf, as for a health check, or for somebody whose address it does not know or who has none.
    case proxyItself(end: Int)
    /// There is no header, or it breaks the rules: why, without its bytes.
    case malformed(String)

    /// The longest header of version 1 (section 2.1: 107 bytes with its line end).
    static let longestLine = 107
    /// The longest part of version 2 behind its first 16 bytes that is taken. 65,535 would be allowed; who has to log in is to
    /// cost little, and certificates fit.
    public static let longestRest = 4_096

    /// Reads a header at the start of `bytes`.
    public static func parse(_ bytes: RawSpan) -> ProxyHeader {
        if begins(bytes, with: signature) { return binary(bytes) }
        if begins(bytes, with: name) { return line(bytes) }
        return .malformed("what came first is no PROXY header")
    }

    /// Whether bytes of somebody who is not believed begin like a header, for the log.
    public static func isLikely(_ bytes: RawSpan) -> Bool {
        bytes.byteCount >= name.count && (begins(bytes, with: name) || begins(bytes, with: signature))
    }

    /// As far as there are bytes.
    private static func begins(_ bytes: RawSpan, with start: [UInt8]) -> Bool {
        for index in 0..<min(bytes.byteCount, start.count) where bytes.u8(at: index) != start[index] { return false }
        return true
    }

    // MARK: Version 1

    private static let name = Array("PROXY ".utf8)

    /// `PROXY TCP4 192.0.2.1 192.0.2.2 56324 5432\r\n`, or `PROXY UNKNOWN` and anything.
    private static func line(_ bytes: RawSpan) -> ProxyHeader {
        let most = min(bytes.byteCount, longestLine)
        guard let feed = bytes.firstIndex(of: 0x0A, from: 0, to: most) else {
            return most < longestLine ? .needBytes : .malformed("its line is longer than 107 bytes")
        }
        guard feed > 0, bytes.u8(at: feed &- 1) == 0x0D else { return .malformed("its line does not end with CR LF") }
        let text = ByteCursor(bytes).string(0..<(feed &- 1))
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        let end = feed &+ 1
        guard words.count >= 2 else { return .malformed("its line says nothing") }
        switch words[1] {
        case "UNKNOWN": return .proxyItself(end: end)
        case "TCP4", "TCP6": break
        default: return .malformed("its line is for neither TCP4, TCP6 nor UNKNOWN")
        }
        // A NUL would end an address early.
        guard words.count == 6, !text.utf8.contains(0) else {
            return .malformed("its line has not two addresses and two ports")
        }
        let width = words[1] == "TCP4" ? 4 : 16
        guard let source = AddressRange.address(String(words[2])), source.count == width,
            let destination = AddressRange.address(String(words[3])), destination.count == width
        else { return .malformed("its line has an address that is none of its family") }
        guard let port = self.port(words[4]), self.port(words[5]) != nil else {
            return .malformed("its line has a port that is none")
        }
        return .client(address: source, port: port, end: end)
    }

    /// Digits only, and no zeros in front of others.
    private static func port(_ word: Substring) -> UInt16? {
        guard let number = UInt16(word), "\(number)" == word else { return nil }
        return number
    }

    // MARK: Version 2

    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    /// ```
    /// | signature 12 | version, command | family, transport | length 2 | addresses | type, length 2, value | …
    /// ```
    private static func binary(_ bytes: RawSpan) -> ProxyHeader {
        guard bytes.byteCount >= 16 else { return .needBytes }
        let (command, family) = (bytes.u8(at: 12), bytes.u8(at: 13))
        let length = Int(bytes.u8(at: 14)) << 8 | Int(bytes.u8(at: 15))
        guard command == 0x20 || command == 0x21 else {
            return .malformed("its version or command is unknown (\(command))")
        }
        guard length <= longestRest else {
            return .malformed("it is \(length) bytes long, more than the \(longestRest) that are taken")
        }
        let end = 16 &+ length
        guard bytes.byteCount >= end else { return .needBytes }
        // LOCAL: nothing else of it counts, whatever it is.
        if command == 0x20 { return .proxyItself(end: end) }
        let width: Int
        let addresses: Int
        switch family {
        case 0x00: (width, addresses) = (0, 0)
        case 0x11: (width, addresses) = (4, 12)
        case 0x21: (width, addresses) = (16, 36)
        case 0x31: (width, addresses) = (0, 216)
        default: return .malformed("its family or transport is none of a stream's (\(family))")
        }
        guard length >= addresses else { return .malformed("it is too short for its addresses") }
        if let why = extensions(bytes.extracting(0..<end), from: 16 &+ addresses) { return .malformed(why) }
        guard width > 0 else { return .proxyItself(end: end) }
        let port = UInt16(bytes.u8(at: 16 &+ 2 &* width)) << 8 | UInt16(bytes.u8(at: 17 &+ 2 &* width))
        return .client(address: bytes.extracting(16..<(16 &+ width)).toArray(), port: port, end: end)
    }

    private static let checksum: UInt8 = 0x03

    /// Passes over what follows the addresses; why it breaks the rules, if it does. A checksum is checked (section 2.2.3).
    private static func extensions(_ header: RawSpan, from start: Int) -> String? {
        var at = start
        while at < header.byteCount {
            guard header.byteCount &- at >= 3 else { return "it ends in the middle of an extension" }
            let kind = header.u8(at: at)
            let value = at &+ 3
            let length = Int(header.u8(at: at &+ 1)) << 8 | Int(header.u8(at: at &+ 2))
            guard length <= header.byteCount &- value else { return "an extension is longer than the header" }
            if kind == checksum {
                guard length == 4 else { return "its checksum is not four bytes long" }
                var sent: UInt32 = 0
                for index in value..<(value &+ 4) { sent = sent << 8 | UInt32(header.u8(at: index)) }
                if sent != crc32c(header, zeroing: value..<(value &+ 4)) { return "its checksum is wrong" }
            }
            at = value &+ length
        }
        return nil
    }

    /// RFC 3720, appendix B.4. Bit by bit: there is one per connection at most.
    static func crc32c(_ bytes: RawSpan, zeroing gap: Range<Int>) -> UInt32 {
        var sum = UInt32.max
        for index in 0..<bytes.byteCount {
            sum ^= gap.contains(index) ? 0 : UInt32(bytes.u8(at: index))
            for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0x82F6_3B78 }
        }
        return ~sum
    }
}
