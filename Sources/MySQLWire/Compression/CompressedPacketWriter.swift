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

/// Where to cut plain bytes into frames: a packet is in one frame as far as it fits, since there are clients that read no
/// packet which takes more than two (MySQL's connector in pure Python).
public struct CompressedPacketFraming: Sendable {
    /// Bytes of a packet begun in a frame before.
    private var left = 0

    /// At the beginning of a packet.
    public init() {}

    /// How many of the bytes make whole packets, or fill a frame: those are taken, the others come again with more behind.
    public mutating func ready(_ bytes: RawSpan) -> Int {
        var at = min(left, bytes.byteCount)
        left &-= at
        guard left == 0 else { return at }
        while let end = end(ofPacketAt: at, bytes), end <= bytes.byteCount { at = end }
        guard bytes.byteCount &- at >= CompressedPacketWriter.longestPart, let end = end(ofPacketAt: at, bytes) else {
            return at
        }
        left = end &- bytes.byteCount
        return bytes.byteCount
    }

    private func end(ofPacketAt start: Int, _ bytes: RawSpan) -> Int? {
        guard bytes.byteCount &- start >= MySQLPacket.headerLength else { return nil }
        return start &+ MySQLPacket.headerLength &+ Int(bytes.le24(at: start))
    }
}
