import ByteKit
import Testing

@testable import MySQLWire

@Suite struct PacketTests {
    /// What a stream says of `bytes` that arrive `step` at a time: the payloads, and how many pieces they came in.
    private func payloads(_ bytes: [UInt8], step: Int, head: Int) -> (bodies: [[UInt8]], pieces: Int) {
        var stream = PacketStream()
        var bodies: [[UInt8]] = []
        var pieces = 0
        var position = 0
        var there = 0
        while there < bytes.count {
            there = min(there + step, bytes.count)
            Array(bytes[..<there]).withSpan { span in
                while true {
                    let piece: PacketPiece
                    switch stream.next(in: span, at: position, head: head) {
                    case .need: return
                    case .head(let found):
                        #expect(found.end - found.body >= min(head, found.length))
                        bodies.append([])
                        piece = found
                    case .more(let found): piece = found
                    }
                    pieces += 1
                    bodies[bodies.count - 1] += Array(bytes[piece.body..<piece.end])
                    position = piece.end
                    #expect(stream.isBetweenPayloads == piece.endsPayload)
                }
            }
        }
        #expect(stream.isBetweenPayloads)
        return (bodies, pieces)
    }

    @Test func packetsComeOutHoweverTheyArrive() {
        let bodies: [[UInt8]] = [ascii("\u{3}SELECT 1"), [], ascii("x"), Array(repeating: 7, count: 300)]
        let bytes = bodies.enumerated().flatMap { packet(UInt8($0.offset), $0.element) }
        for step in [1, 2, 3, 5, 64, 1000] {
            for head in [0, 1, 16, 1000] { #expect(payloads(bytes, step: step, head: head).bodies == bodies) }
        }
        #expect(payloads(bytes, step: 1, head: 1000).pieces == 4)
    }

    /// 16 MiB - 1 is followed by an empty packet; the sequence goes on and wraps.
    @Test(arguments: [0xFF_FFFE, 0xFF_FFFF, 0x100_0000, 0x200_0001])
    func longPayloads(_ length: Int) {
        let body = [UInt8](repeating: 0x61, count: length)
        let bytes = packet(254, body)
        let expected = [0xFF_FFFE: 1, 0xFF_FFFF: 2, 0x100_0000: 2, 0x200_0001: 3][length]
        #expect(bytes.count == length + 4 * (expected ?? 0))
        var position = 0
        var sequences: [UInt8] = []
        bytes.withSpan { span in
            while case .header(let sequence, _, let end) = scanPacket(span, at: position) {
                sequences.append(sequence)
                position = end
            }
        }
        #expect(sequences == Array([254, 255, 0][..<(expected ?? 0)]))
        let read = payloads(bytes + packet(0, [1]), step: 1 << 20, head: 64)
        #expect(read.bodies.count == 2 && read.bodies[0].count == length && read.bodies[1] == [1])
    }

    @Test func lengthEncodedIntegers() {
        let cases: [(UInt64, String)] = [
            (0, "00"), (250, "fa"), (251, "fcfb00"), (0xFFFF, "fcffff"), (0x1_0000, "fd000001"),
            (0xFF_FFFF, "fdffffff"), (0x100_0000, "fe0000000100000000"), (.max, "feffffffffffffffff"),
        ]
        for (value, written) in cases {
            let bytes = payload { $0.lengthEncoded(value) }
            #expect(bytes == hex(written))
            for part in prefixes(bytes) {
                part.withSpan { span in
                    var cursor = ByteCursor(span)
                    let whole = part.count == bytes.count
                    #expect(cursor.lengthEncoded() == (whole ? value : nil))
                    #expect(span.lengthEncoded(at: 0)?.value == (whole ? value : nil))
                }
            }
        }
        for none in ["fb", "ff", ""] {
            hex(none).withSpan { span in
                var cursor = ByteCursor(span)
                #expect(cursor.lengthEncoded() == nil && span.lengthEncoded(at: 0) == nil)
            }
        }
        // A length that leads past the end, or past the end of all memory.
        for hostile in ["05616263", "fe ffffffffffffffff 61", "fe ffffffffffffff7f 61", "fd ffffff 61"] {
            hex(hostile).withSpan { span in
                var cursor = ByteCursor(span)
                #expect(cursor.lengthEncodedBytes() == nil)
            }
        }
    }
}
