import ByteKit
import Testing

@testable import MySQLWire

/// What real clients and servers put into frames, as integration/mysql_compression.py has written it down.
@Suite struct RecordedCompressionTests {
    private struct Conversation {
        let name: String
        var lines: [(fromServer: Bool, bytes: [UInt8])] = []
        var compression: PacketCompression { name.hasSuffix("zstd") ? .zstd(level: 7) : .zlib }
    }

    private static let all: [Conversation] = {
        var all: [Conversation] = []
        for line in Recording.text("compression").split(separator: "\n") {
            if line.hasPrefix("# ") {
                all.append(Conversation(name: String(line.dropFirst(2))))
            } else {
                all[all.count - 1].lines.append((line.hasPrefix("S"), hex(String(line.dropFirst(2)))))
            }
        }
        return all
    }()

    /// The bytes of a payload that a whole stream of packets holds, with the length of each.
    private func payloads(_ bytes: [UInt8]) -> [(head: [UInt8], length: Int)] {
        var found: [(head: [UInt8], length: Int)] = []
        bytes.withSpan { span in
            var stream = PacketStream()
            var at = 0
            while at < span.byteCount {
                switch stream.next(in: span, at: at, head: 64) {
                case .need: return
                case .head(let piece):
                    found.append(
                        (
                            span.extracting(piece.body..<min(piece.body + 64, piece.end)).toArray(),
                            piece.end - piece.body
                        ))
                    at = piece.end
                case .more(let piece):
                    found[found.count - 1].length += piece.end - piece.body
                    at = piece.end
                }
            }
        }
        return found
    }

    @Test func thereAreRecordings() {
        #expect(Self.all.map(\.name) == ["mariadb by mariadb zlib", "mysql by mysql zlib", "mysql by mysql zstd"])
    }

    /// Every frame is read, in large pieces and in small ones, and what comes out are the packets of the conversation.
    @Test(arguments: [Int.max, 1000, 13]) func framesAreRead(_ piece: Int) throws {
        let contexts = CompressionContexts()
        for conversation in Self.all {
            var readers = [
                CompressedPacketReader(conversation.compression), CompressedPacketReader(conversation.compression),
            ]
            var plain: [[UInt8]] = [[], []]
            var last: UInt8 = 0
            for (number, line) in conversation.lines.enumerated() {
                let side = line.fromServer ? 1 : 0
                var at = 0
                while at < line.bytes.count {
                    var out = ByteWriter()
                    let end = min(line.bytes.count, at + min(piece, line.bytes.count))
                    let progress = try line.bytes.withSpan { span in
                        try readers[side].read(span.extracting(at..<end), into: &out, limit: 1 << 20, contexts)
                    }
                    // The answer goes on behind the question.
                    if at == 0, line.fromServer, progress.consumed >= 7 {
                        #expect(line.bytes[3] == last &+ 1, "\(conversation.name), line \(number)")
                    }
                    at += progress.consumed
                    plain[side] += out.take()
                }
                #expect(readers[side].isBetweenFrames, "\(conversation.name), line \(number)")
                last = readers[side].sequence
            }
            let commands = payloads(plain[0]).map { String(decoding: $0.head.dropFirst(), as: UTF8.self) }
            #expect(commands.contains { $0.hasSuffix("SELECT nothing FROM nowhere") })
            #expect(payloads(plain[0]).contains { $0.length > 190_000 })
            let replies = payloads(plain[1])
            #expect(replies.contains { $0.length > 20_000_000 } && replies.contains { $0.head.first == 0xFF })
            #expect(replies.count > 3000)
        }
    }

    /// What they said, said by us, is shorter than it was, and still the same.
    @Test func framesAreWritten() throws {
        let contexts = CompressionContexts()
        for conversation in Self.all {
            for line in conversation.lines where line.fromServer {
                var reader = CompressedPacketReader(conversation.compression)
                var plain = ByteWriter()
                _ = try line.bytes.withSpan { try reader.read($0, into: &plain, limit: 1 << 18, contexts) }
                var writer = CompressedPacketWriter(conversation.compression, sequence: 1)
                var framed = ByteWriter()
                plain.withBytes { writer.write($0, to: &framed, contexts) }
                var again = ByteWriter()
                var second = CompressedPacketReader(conversation.compression)
                _ = try framed.withBytes { try second.read($0, into: &again, limit: .max, contexts) }
                #expect(plain.take() == again.take())
            }
        }
    }
}
