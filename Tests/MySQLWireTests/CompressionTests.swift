import ByteKit
import Testing

@testable import MySQLWire

/// Frames made and taken apart, as they should be and as they should not.
@Suite struct CompressionTests {
    private static let both: [PacketCompression] = [.zlib, .zstd(level: 3)]
    private let contexts = CompressionContexts()

    private func framed(_ plain: [UInt8], _ compression: PacketCompression, _ sequence: UInt8 = 0) -> [UInt8] {
        var writer = CompressedPacketWriter(compression, sequence: sequence)
        return payload { out in plain.withSpan { writer.write($0, to: &out, contexts) } }
    }

    /// Reads all of `bytes` in pieces of `piece` bytes with `limit` bytes of room at once.
    private func read(
        _ bytes: [UInt8], _ compression: PacketCompression, piece: Int = .max, limit: Int = .max,
        longest: Int = PacketCompression.longestFrame
    ) throws -> (plain: [UInt8], reader: CompressedPacketReader) {
        var reader = CompressedPacketReader(compression, longestFrame: longest)
        var all: [UInt8] = []
        var at = 0
        while at < bytes.count {
            let end = min(bytes.count, at + min(piece, bytes.count))
            var out = ByteWriter()
            let progress = try bytes.withSpan { span in
                try reader.read(span.extracting(at..<end), into: &out, limit: limit, contexts)
            }
            #expect(out.count <= limit && progress.consumed <= end - at)
            #expect(progress.hasMore || progress.consumed == end - at)
            at += progress.consumed
            all += out.take()
            var more = progress.hasMore && at == bytes.count
            while more {
                let progress = try [].withSpan { try reader.read($0, into: &out, limit: limit, contexts) }
                all += out.take()
                more = progress.hasMore
            }
        }
        return (all, reader)
    }

    private func text(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: ($0 * $0) >> 7 & 0x3F) }
    }

    private func noise(_ count: Int) -> [UInt8] {
        var state: UInt64 = 88_172_645_463_325_252
        return (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state)
        }
    }

    /// Packets come in pieces, and leave whole unless they are longer than a frame; nothing is held that could go.
    @Test func packetsAreNotCutIntoFrames() {
        let longest = CompressedPacketWriter.longestPart
        let lengths = [0, 1, 70, longest - 5, longest, 3 * longest + 7, 0, 12]
        let all = lengths.flatMap { length in
            payload {
                $0.le24(UInt32(length))
                $0.u8(0)
            } + text(length)
        }
        for piece in [1, 3, 4, 1000, 65_536, all.count] {
            var framing = CompressedPacketFraming()
            var held: [UInt8] = []
            var cuts: [Int] = []
            var sent = 0
            for start in stride(from: 0, to: all.count, by: piece) {
                held += all[start..<min(all.count, start + piece)]
                let ready = held.withSpan { framing.ready($0) }
                held.removeFirst(ready)
                sent += ready
                if ready > 0 { cuts.append(sent) }
                #expect(held.count < longest)
            }
            #expect(held.isEmpty && sent == all.count)
            var start = 0
            for length in lengths {
                let end = start + length + 4
                if length + 4 <= longest { #expect(!cuts.contains { $0 > start && $0 < end }) }
                start = end
            }
        }
    }

    @Test(arguments: both) func whatIsWrittenIsRead(_ compression: PacketCompression) throws {
        for count in [1, 49, 50, 51, 1000, 131_071, 131_072, 131_073, 400_000] {
            for plain in [text(count), noise(count)] {
                let bytes = framed(plain, compression, 250)
                let (read, reader) = try read(bytes, compression)
                #expect(read == plain && reader.isBetweenFrames)
                #expect(reader.sequence == 250 &+ UInt8((count - 1) / CompressedPacketWriter.longestPart))
            }
        }
        #expect(framed([], compression).isEmpty)
    }

    @Test(arguments: both) func inAnyPieces(_ compression: PacketCompression) throws {
        let plain = text(5000) + noise(300)
        let bytes = framed(text(5000), compression) + framed(noise(300), compression, 1) + framed([7], compression, 2)
        for (piece, limit) in [(1, 1), (1, Int.max), (3, 7), (1000, 100), (.max, 1), (.max, 4999)] {
            #expect(try read(bytes, compression, piece: piece, limit: limit).plain == plain + [7], "\(piece) \(limit)")
        }
    }

    @Test func whatIsShortOrDense() {
        // Below the threshold, or when it would not get shorter, bytes are put in as they are.
        #expect(framed([1, 2, 3], .zlib, 9) == [3, 0, 0, 9, 0, 0, 0, 1, 2, 3])
        let dense = noise(60)
        #expect(framed(dense, .zlib) == [60, 0, 0, 0, 0, 0, 0] + dense)
        let zeros = framed([UInt8](repeating: 0, count: 50), .zlib)
        #expect(zeros.count < 30 && zeros[4] == 50)
    }

    /// Every zstd level; what is no level becomes one.
    @Test func levels() throws {
        for level in [1, 22] {
            let bytes = framed(text(200_000), .zstd(level: level))
            #expect(try read(bytes, .zstd(level: 3)).plain == text(200_000))
        }
        #expect(PacketCompression(.zstd, zstdLevel: 0) == .zstd(level: 1))
        #expect(PacketCompression(.zstd, zstdLevel: 255) == .zstd(level: 22))
        #expect(PacketCompression([.zstd, .compress], zstdLevel: 5) == .zlib)
        #expect(PacketCompression(.protocol41, zstdLevel: 5) == nil)
    }

    @Test func emptyFrames() throws {
        let empty: [UInt8] = [0, 0, 0, 5, 0, 0, 0]
        let (plain, reader) = try read(empty + framed([1], .zlib, 6) + empty, .zlib)
        #expect(plain == [1] && reader.sequence == 5 && reader.isBetweenFrames)
    }

    /// Lengths that lie, and bytes that are nothing.
    @Test(arguments: both) func lies(_ compression: PacketCompression) {
        let good = framed(text(1000), compression)
        func changed(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
            var bytes = good
            change(&bytes)
            return bytes
        }
        let cases: [[UInt8]] = [
            // More and less than was declared.
            changed { $0[4] &-= 1 }, changed { $0[4] &+= 1 }, changed { $0[6] = 0xFF },
            // A frame that goes on behind its end, and one that ends too early.
            changed {
                $0[0] &+= 1
                $0.append(0)
            },
            changed {
                $0[0] &-= 1
                $0.removeLast()
            },
            [5, 0, 0, 0, 100, 0, 0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 1, 0, 0], changed { $0[12] ^= 0xFF },
        ]
        for (number, bytes) in cases.enumerated() {
            #expect(throws: MySQLWireError.self, "\(number)") { try read(bytes, compression) }
            #expect(throws: MySQLWireError.self, "\(number)") { try read(bytes, compression, piece: 1, limit: 10) }
        }
    }

    @Test func anErrorStays() {
        var reader = CompressedPacketReader(.zlib)
        var out = ByteWriter()
        for bytes in [[0, 0, 0, 0, 1, 0, 0], [1, 0, 0, 0, 0, 0, 0, 7], []] as [[UInt8]] {
            #expect(throws: MySQLWireError.self) {
                try bytes.withSpan { try reader.read($0, into: &out, limit: 10, contexts) }
            }
        }
        #expect(out.count == 0 && !reader.isBetweenFrames)
    }

    /// A bomb goes off in small parts, and not at all where frames of its size are not wanted.
    @Test(arguments: both) func bombs(_ compression: PacketCompression) throws {
        let zeros = [UInt8](repeating: 0, count: PacketCompression.longestFrame)
        var body = ByteWriter()
        #expect(zeros.withSpan { contexts.compress($0, compression, to: &body) })
        let packed = body.take()
        let length = packed.count
        let bytes =
            [UInt8(length & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length >> 16), 0, 0xFF, 0xFF, 0xFF] + packed
        #expect(length < 20_000)
        var reader = CompressedPacketReader(compression)
        var out = ByteWriter()
        var at = 0
        var total = 0
        while true {
            let progress = try bytes.withSpan {
                try reader.read($0.extracting(at..<bytes.count), into: &out, limit: 65_536, contexts)
            }
            at += progress.consumed
            #expect(out.count <= 65_536)
            total += out.count
            out.reset()
            if !progress.hasMore { break }
        }
        #expect(total == zeros.count && at == bytes.count && reader.isBetweenFrames)
        #expect(throws: MySQLWireError.excessive(.compressedFrame)) {
            try read(bytes, compression, longest: 1 << 20)
        }
    }

    /// A frame takes memory only while it is read.
    @Test func decodersAreShared() throws {
        let bytes = framed(text(1000), .zlib)
        for _ in 0..<50 { _ = try read(bytes, .zlib) }
        var readers: [CompressedPacketReader] = []
        for _ in 0..<20 {
            var reader = CompressedPacketReader(.zlib)
            var out = ByteWriter()
            _ = try bytes.withSpan { span in
                try reader.read(span.extracting(0..<20), into: &out, limit: 10, contexts)
            }
            readers.append(reader)
        }
        for index in readers.indices {
            var out = ByteWriter()
            _ = try bytes.withSpan { span in
                try readers[index].read(span.extracting(20..<span.byteCount), into: &out, limit: .max, contexts)
            }
            #expect(readers[index].isBetweenFrames)
        }
    }
}
