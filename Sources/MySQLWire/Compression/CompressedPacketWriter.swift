public import ByteKit

/// Puts the bytes of plain packets into the frames of a compressed connection.
public struct CompressedPacketWriter: Equatable, Sendable {
    /// How frames are compressed.
    public let compression: PacketCompression
    /// The sequence id of the next frame. An answer goes on behind the last frame received (`CompressedPacketReader`).
    public var sequence: UInt8

    /// The most bytes that are put into one frame: what is longer takes several. A longer frame would be compressed little
    /// better, and whoever reads it may have to gather it.
    public static let longestPart = 1 << 17

    /// A writer whose next frame has this sequence id.
    public init(_ compression: PacketCompression, sequence: UInt8 = 0) {
        self.compression = compression
        self.sequence = sequence
    }

    /// Appends the frames that hold `plain`; none if it is empty. What is shorter than `PacketCompression.threshold`, or
    /// gets no shorter, is put in as it is.
    public mutating func write(
        _ plain: RawSpan, to out: inout ByteWriter, _ contexts: CompressionContexts
    ) {
        var at = 0
        while at < plain.byteCount {
            let count = min(plain.byteCount &- at, Self.longestPart)
            let part = plain.extracting(at..<at &+ count)
            let mark = out.count
            out.le24(0)
            out.u8(sequence)
            out.le24(0)
            if count >= PacketCompression.threshold, contexts.compress(part, compression, to: &out) {
                out.patch24(mark &+ 4, count)
            } else {
                out.span(part)
            }
            out.patch24(mark, out.count &- mark &- PacketCompression.headerLength)
            sequence &+= 1
            at &+= count
        }
    }
}
