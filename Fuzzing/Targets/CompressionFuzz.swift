import ByteKit
import MySQLWire

/// Frames of anything: no lie in them traps or makes more than it says, and what is put into frames comes out of them as it
/// was, whatever the pieces.
enum CompressionFuzz {
    static func run(_ input: [UInt8]) -> String? {
        var dice = Dice(input)
        let compression: PacketCompression = dice.below(2) == 0 ? .zlib : .zstd(level: 1 + dice.below(22))
        let contexts = CompressionContexts()
        switch dice.below(2) {
        case 0: return hostile(&dice, compression, contexts)
        default: return roundTrip(&dice, compression, contexts)
        }
    }

    private static func hostile(
        _ dice: inout Dice, _ compression: PacketCompression, _ contexts: CompressionContexts
    ) -> String? {
        var reader = CompressedPacketReader(compression, longestFrame: 1 << (8 + dice.below(17)))
        var carried: [UInt8] = []
        while !dice.isEmpty {
            let limit = dice.below(8) == 0 ? 1 << 24 : 1 + dice.below(200)
            carried += dice.take(1 + dice.below(100))
            for _ in 0..<64 {
                var out = ByteWriter()
                guard
                    let progress = try? carried.withSpan({ try reader.read($0, into: &out, limit: limit, contexts) })
                else {
                    let again = try? carried.withSpan { try reader.read($0, into: &out, limit: limit, contexts) }
                    return again == nil ? nil : "read on after an error"
                }
                if progress.consumed > carried.count { return "more was taken than there was" }
                if out.count > limit { return "\(out.count) bytes with room for \(limit)" }
                carried.removeFirst(progress.consumed)
                if !progress.hasMore {
                    if !carried.isEmpty { return "bytes were left lying" }
                    break
                }
            }
        }
        return nil
    }

    private static func roundTrip(
        _ dice: inout Dice, _ compression: PacketCompression, _ contexts: CompressionContexts
    ) -> String? {
        let piece = 1 + dice.below(64)
        let limit = 1 + dice.below(64)
        var writer = CompressedPacketWriter(compression)
        var framed = ByteWriter()
        var plain: [UInt8] = []
        while !dice.isEmpty {
            let times = 1 + dice.below(8) * dice.below(8)
            let some = dice.take(dice.below(120))
            let part = (0..<times).flatMap { _ in some }
            plain += part
            part.withSpan { writer.write($0, to: &framed, contexts) }
        }
        var reader = CompressedPacketReader(compression)
        var read: [UInt8] = []
        let bytes = framed.take()
        var at = 0
        var hasMore = false
        while at < bytes.count || hasMore {
            var out = ByteWriter()
            let end = min(bytes.count, at + piece)
            guard
                let progress = try? bytes.withSpan({
                    try reader.read($0.extracting(at..<end), into: &out, limit: limit, contexts)
                })
            else { return "what was written cannot be read" }
            at += progress.consumed
            hasMore = progress.hasMore
            read += out.take()
        }
        return read == plain && reader.isBetweenFrames ? nil : "what was written is read as something else"
    }
}
