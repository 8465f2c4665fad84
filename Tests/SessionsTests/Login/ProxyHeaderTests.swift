import ByteKit
import Testing

@testable import Sessions

/// Headers as haproxy and others send them, and what is none. Wherever a header is cut, the first part is not yet one.
@Suite("PROXY protocol")
struct ProxyHeaderTests {
    private func parse(_ bytes: [UInt8]) -> ProxyHeader { bytes.withSpan { ProxyHeader.parse($0) } }
    private func parse(_ text: String) -> ProxyHeader { parse(Array(text.utf8)) }

    /// It is read the same whatever follows, and not before it is whole.
    private func expect(_ header: [UInt8], _ expected: ProxyHeader, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(parse(header) == expected, sourceLocation: sourceLocation)
        #expect(parse(header + [0, 0, 0, 8]) == expected, sourceLocation: sourceLocation)
        for cut in 0..<header.count {
            #expect(parse(Array(header[..<cut])) == .needBytes, "cut at \(cut)", sourceLocation: sourceLocation)
        }
    }

    @Test func lines() {
        let v4 = Array("PROXY TCP4 192.0.2.7 192.0.2.1 56324 5432\r\n".utf8)
        expect(v4, .client(address: [192, 0, 2, 7], port: 56_324, end: v4.count))
        let v6 = Array("PROXY TCP6 2001:db8::7 ::1 0 65535\r\n".utf8)
        let address: [UInt8] = [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]
        expect(v6, .client(address: address, port: 0, end: v6.count))
        let unknown = Array("PROXY UNKNOWN\r\n".utf8)
        expect(unknown, .proxyItself(end: unknown.count))
        let more = Array("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n".utf8)
        expect(more, .proxyItself(end: more.count))
    }

    @Test func theLongestLine() {
        let line = "PROXY UNKNOWN " + String(repeating: "f", count: 91) + "\r\n"
        #expect(line.utf8.count == 107)
        expect(Array(line.utf8), .proxyItself(end: 107))
        let long = "PROXY UNKNOWN " + String(repeating: "f", count: 92) + "\r\n"
        #expect(parse(long) == .malformed("its line is longer than 107 bytes"))
        #expect(parse(String(long.prefix(106))) == .needBytes)
        #expect(parse(String(long.prefix(107))) == .malformed("its line is longer than 107 bytes"))
    }

    @Test(arguments: [
        "PROXY \r\n", "PROXY TCP4\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n", "PROXY UNKNOWN\n",
        "PROXY TCP5 1.2.3.4 1.2.3.4 1 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n",
        "PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 -1 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 +1 1\r\n", "PROXY TCP4 1.2.3 1.2.3.4 1 1\r\n",
        "PROXY TCP4 01.2.3.4 1.2.3.4 1 1\r\n",
        "PROXY TCP4 ::1 ::1 1 1\r\n", "PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n", "PROXY TCP4 1.2.3.4\0 1.2.3.4 1 1\r\n",
        "PROXY TCP4 1.2.3.4 300.2.3.4 1 1\r\n", "PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n",
        "proxy TCP4 1.2.3.4 1.2.3.4 1 1\r\n",
        "GET / HTTP/1.1\r\n", "\u{0}\u{0}\u{0}\u{8}\u{4}\u{D2}\u{16}\u{2F}",
    ])
    func linesThatAreNone(_ text: String) {
        guard case .malformed = parse(text) else {
            Issue.record("\(text.debugDescription) is \(parse(text))")
            return
        }
    }

    // MARK: Version 2

    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
    private static let v4: [UInt8] = [192, 0, 2, 7, 192, 0, 2, 1, 0xDC, 0x04, 0x15, 0x38]

    private func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8]) -> [UInt8] {
        Self.signature + [command, family, UInt8(rest.count >> 8), UInt8(rest.count & 0xFF)] + rest
    }

    @Test func binaries() {
        expect(binary(0x21, 0x11, Self.v4), .client(address: [192, 0, 2, 7], port: 56_324, end: 28))
        let address: [UInt8] = [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]
        expect(
            binary(0x21, 0x21, address + address + [0, 1, 0, 2]), .client(address: address, port: 1, end: 52))
        // haproxy's health checks, with whatever they carry.
        expect(binary(0x20, 0x00, []), .proxyItself(end: 16))
        expect(binary(0x20, 0x11, Self.v4), .proxyItself(end: 28))
        expect(binary(0x20, 0x99, [1, 2, 3]), .proxyItself(end: 19))
        expect(binary(0x21, 0x00, []), .proxyItself(end: 16))
        // A client of haproxy's own unix socket: what is a unix socket there is none here.
        expect(binary(0x21, 0x31, [UInt8](repeating: 0, count: 216)), .proxyItself(end: 232))
    }

    @Test func extensionsArePassedOver() {
        let authority: [UInt8] = [0x02, 0, 3] + Array("a.b".utf8)
        let nothing: [UInt8] = [0x04, 0, 0]
        let unknown: [UInt8] = [0xEA, 0x01, 0x00] + [UInt8](repeating: 9, count: 256)
        let header = binary(0x21, 0x11, Self.v4 + authority + nothing + unknown)
        expect(header, .client(address: [192, 0, 2, 7], port: 56_324, end: header.count))
        #expect(parse(binary(0x21, 0x11, Self.v4 + [0x02, 0])) == .malformed("it ends in the middle of an extension"))
        #expect(
            parse(binary(0x21, 0x11, Self.v4 + [0x02, 0, 2, 0])) == .malformed("an extension is longer than the header")
        )
    }

    @Test func checksums() {
        // RFC 3720, B.4: 32 bytes of zeros, and 0 to 31.
        #expect([UInt8](repeating: 0, count: 32).withSpan { ProxyHeader.crc32c($0, zeroing: 0..<0) } == 0x8A91_36AA)
        #expect((0..<32).map { UInt8($0) }.withSpan { ProxyHeader.crc32c($0, zeroing: 0..<0) } == 0x46DD_794E)
        var header = binary(0x21, 0x11, Self.v4 + [0x03, 0, 4, 0, 0, 0, 0])
        let sum = header.withSpan { ProxyHeader.crc32c($0, zeroing: 0..<0) }
        for index in 0..<4 { header[31 + index] = UInt8(truncatingIfNeeded: sum >> UInt32(24 - 8 * index)) }
        expect(header, .client(address: [192, 0, 2, 7], port: 56_324, end: header.count))
        header[16] ^= 1
        #expect(parse(header) == .malformed("its checksum is wrong"))
        #expect(parse(binary(0x21, 0x11, Self.v4 + [3, 0, 1, 0])) == .malformed("its checksum is not four bytes long"))
    }

    @Test func binariesThatAreNone() {
        let bad: [[UInt8]] = [
            binary(0x11, 0x11, Self.v4), binary(0x22, 0x11, Self.v4), binary(0x31, 0x11, Self.v4),
            binary(0x21, 0x11, Array(Self.v4.dropLast())), binary(0x21, 0x21, [UInt8](repeating: 0, count: 35)),
            binary(0x21, 0x31, [UInt8](repeating: 0, count: 215)), binary(0x21, 0x12, Self.v4),
            binary(0x21, 0x13, Self.v4), binary(0x21, 0x41, Self.v4), [13, 10, 13, 10, 1],
        ]
        for header in bad {
            guard case .malformed = parse(header) else {
                Issue.record("\(header) is \(parse(header))")
                continue
            }
        }
        // Refused before it has come.
        let long = Self.signature + [0x20, 0x00, 0x10, 0x01]
        #expect(parse(long) == .malformed("it is 4097 bytes long, more than the 4096 that are taken"))
        let longest = binary(0x20, 0x00, [UInt8](repeating: 0, count: 4_096))
        #expect(parse(longest) == .proxyItself(end: 4_112))
    }
}
