import ByteKit
import Sessions

extension SendPlan {
    /// The bytes to be sent, for a plan made from `source`; empties it.
    func flatten(_ source: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        if isEmpty { return bytes }
        for piece in earlier + [last] {
            if piece.isMade {
                made.withBytes { bytes += $0.extracting(piece.start..<piece.end).toArray() }
            } else {
                bytes += source[piece.start..<piece.end]
            }
        }
        reset()
        return bytes
    }
}
