import ByteKit
import Testing

@testable import PostgresWire

@Suite struct StartupTests {
    private func parse(_ bytes: [UInt8]) -> StartupPacket { bytes.withSpan { StartupPacket.parse($0) } }

    @Test func aStartupMessageIsReadOnceItIsWhole() {
        var out = ByteWriter()
        out.startup(minor: 2, [("user", "bob"), ("_pq_.x", "1")])
        let bytes = out.take()
        for count in 0..<bytes.count { #expect(parse(Array(bytes[..<count])) == .needMore) }
        guard case .startup(let message, let end) = parse(bytes) else {
            Issue.record("not a start-up message")
            return
        }
        #expect(end == bytes.count)
        #expect(message["user"] == "bob")
        #expect(message.minor == 2)
        #expect(message.unknownOptions == ["_pq_.x"])
    }

    @Test(arguments: [0, 4, 7, 10_001, 0x7FFF_FFFF, 0xFFFF_FFFF] as [UInt32])
    func hostileLengthsAreRefused(_ length: UInt32) {
        var out = ByteWriter()
        out.u32(length)
        out.u32(3 << 16)
        #expect(parse(out.take()) == .malformed("invalid length of startup packet"))
    }

    @Test func framesOfHostileLengthAreRefused() {
        for length: UInt32 in [0, 3, 0x4000_0004, 0xFFFF_FFFF] {
            var out = ByteWriter()
            out.u8(0x51)
            out.u32(length)
            #expect(out.take().withSpan { scanFrame($0, at: 0) } == .bad(length: length))
        }
    }
}
