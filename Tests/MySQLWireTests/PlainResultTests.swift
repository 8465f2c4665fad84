import ByteKit
import Testing

@testable import MySQLWire

@Suite struct PlainResultTests {
    private let capabilities: MySQLCapabilities = [.mysql, .protocol41, .deprecateEOF]
    private let definition = payload { out in
        for text in ["def", "", "", "", "a", ""] { out.lengthEncoded(text) }
        out.raw(hex("0c3f0001000000 08 8100 00 0000"))
    }

    /// These payloads as packets, numbered from 1.
    private func reply(_ payloads: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (index, payload) in payloads.enumerated() {
            bytes += packet(UInt8(truncatingIfNeeded: index + 1), payload)
        }
        return bytes
    }

    /// Two columns, and so many rows.
    private func result(rows: Int, ok: [UInt8] = hex("fe000002000000")) -> [UInt8] {
        reply([[2], definition, definition] + Array(repeating: hex("01310132"), count: rows) + [ok])
    }

    private func scan(_ bytes: [UInt8]) -> PlainResult? { bytes.withSpan { PlainResult(in: $0, at: 0) } }

    @Test func saysWhatTheTrackerSays() throws {
        for rows in [0, 1, 2, 300] {
            let bytes = result(rows: rows, ok: hex("fe000022000300"))
            let plain = try #require(scan(bytes))
            #expect(plain.end == bytes.count)
            var followed = ReplyTracker(capabilities)
            followed.begin(.query)
            var stream = PacketStream()
            bytes.withSpan { span in
                var position = 0
                while case .head(let piece) = stream.next(in: span, at: position, head: .max) {
                    position = piece.end
                    let event = followed.received(span.extracting(piece.body..<piece.end), length: piece.length)
                    #expect(event != .violation)
                }
            }
            var told = ReplyTracker(capabilities)
            told.begin(.query)
            #expect(told.mayBeginResult)
            told.passed(plain)
            #expect(told == followed)
            #expect(!told.mayBeginResult)
        }
    }

    @Test func isWrittenWithEOFPackets() throws {
        let eof = hex("fe00000200")
        for rows in [0, 1, 300] {
            let bytes = result(rows: rows, ok: hex("fe000022000300"))
            let plain = try #require(scan(bytes))
            let written = payload { out in
                bytes.withSpan { out.write(plain, from: $0, at: 0, before: .autocommit) }
            }
            let packets: [[UInt8]] = [[2], definition, definition, eof]
            let wanted = packets + Array(repeating: hex("01310132"), count: rows) + [hex("fe03002200")]
            #expect(written == reply(wanted))
        }
    }

    @Test func isNothingElse() {
        let whole = result(rows: 2)
        for part in prefixes(whole).dropLast() { #expect(scan(part) == nil) }
        // More results, a change of the session, a cursor, the last row, OUT parameters.
        for status in ["0a00", "0240", "4200", "8200", "0210"] {
            #expect(scan(result(rows: 1, ok: hex("fe0000" + status + "0000"))) == nil)
        }
        #expect(scan(result(rows: 1, ok: hex("fe00000200000004036f6b21"))) == nil)
        #expect(scan(result(rows: 1, ok: hex("fe00000200"))) == nil)
        #expect(scan(result(rows: 1, ok: hex("ff2804") + ascii("#HY000no"))) == nil)
        #expect(scan(reply([hex("00000002000000")])) == nil)
        #expect(scan(reply([hex("fb") + ascii("file")])) == nil)
        #expect(scan(reply([hex("0100"), definition, hex("fe000002000000")])) == nil)
    }

    @Test func onlyWithoutEOFPackets() {
        var tracker = ReplyTracker([.mysql, .protocol41])
        tracker.begin(.query)
        #expect(!tracker.mayBeginResult)
    }
}
