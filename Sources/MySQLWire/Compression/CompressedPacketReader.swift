public import ByteKit

/// Takes the frames of a compressed connection apart: bytes in as they were received, the bytes of plain packets out.
///
/// Frames are never gathered: what there is of one is decompressed at once. In front of a frame the reader holds no
/// memory of its own. Nothing a frame says of its lengths is believed: it is decompressed to what it says and no byte more,
/// and it is an error if it holds less.
public struct CompressedPacketReader {
    /// What `read` has done.
    public struct Progress: Equatable, Sendable {
        /// So many of the bytes given were taken.
        public let consumed: Int
        /// The limit was reached: there is more to be had from what was given, or from what has been taken already.
        public let hasMore: Bool
    }

    private enum State {
        case header
        /// So many bytes as they are.
        case stored(Int)
        /// So many compressed bytes, of which so many others come.
        case compressed(Int, plain: Int, FrameDecoder)
        case broken
    }

    private let isZstd: Bool
    private let longestFrame: Int
    private var state = State.header
    private var header: UInt64 = 0
    private var headerCount = 0

    /// The sequence id of the last frame that began; what is answered goes on behind it. Frames have a counter of their own,
    /// which begins anew with each command, like that of packets.
    public private(set) var sequence: UInt8 = 0

    /// At the beginning of a frame. A frame that says that it is longer than `longestFrame` when uncompressed is an error.
    public init(_ compression: PacketCompression, longestFrame: Int = PacketCompression.longestFrame) {
        if case .zstd = compression { isZstd = true } else { isZstd = false }
        self.longestFrame = longestFrame
    }

    /// Nothing of a frame has been received, and all of the one before has been handed on.
    public var isBetweenFrames: Bool {
        switch state {
        case .header: headerCount == 0
        case .stored, .compressed, .broken: false
        }
    }

    /// Appends to `out` what `bytes` hold, at most `limit` bytes of it. After an error every call throws.
    public mutating func read(
        _ bytes: RawSpan, into out: inout ByteWriter, limit: Int, _ contexts: CompressionContexts
    ) throws(MySQLWireError) -> Progress {
        var at = 0
        var room = max(limit, 0)
        while true {
            switch state {
            case .broken: throw .malformed(.compressedFrame)
            case .header:
                guard at < bytes.byteCount else { return Progress(consumed: at, hasMore: false) }
                header |= UInt64(bytes.u8(at: at)) << (8 &* UInt64(truncatingIfNeeded: headerCount))
                headerCount &+= 1
                at &+= 1
                if headerCount == PacketCompression.headerLength { try begin(contexts) }
            case .stored(let left):
                let count = min(left, bytes.byteCount &- at, room)
                guard count > 0 else {
                    return Progress(consumed: at, hasMore: room == 0 && at < bytes.byteCount)
                }
                out.span(bytes.extracting(at..<at &+ count))
                at &+= count
                room &-= count
                state = left == count ? .header : .stored(left &- count)
            case .compressed(let left, let plain, let decoder):
                guard room > 0 else { return Progress(consumed: at, hasMore: true) }
                let input = bytes.extracting(at..<at &+ min(left, bytes.byteCount &- at))
                let step = try decompress(input, plain, decoder, into: &out, room)
                at &+= step.consumed
                room &-= step.produced
                if step.ended {
                    guard step.consumed == left, step.produced == plain else { throw broken() }
                    contexts.release(decoder)
                    state = .header
                } else {
                    // All of it is there and does not make what it should.
                    if step.consumed == 0, step.produced == 0 {
                        if left == 0 || !input.isEmpty { throw broken() }
                        return Progress(consumed: at, hasMore: false)
                    }
                    state = .compressed(left &- step.consumed, plain: plain &- step.produced, decoder)
                }
            }
        }
    }

    private mutating func broken() -> MySQLWireError {
        state = .broken
        return .malformed(.compressedFrame)
    }

    /// The header is there whole.
    private mutating func begin(_ contexts: CompressionContexts) throws(MySQLWireError) {
        let length = Int(truncatingIfNeeded: header & 0xFF_FFFF)
        let plain = Int(truncatingIfNeeded: header >> 32)
        sequence = UInt8(truncatingIfNeeded: header >> 24)
        header = 0
        headerCount = 0
        guard max(plain, length) <= longestFrame else {
            state = .broken
            throw .excessive(.compressedFrame)
        }
        // An empty frame is one, and nothing else.
        if length == 0 {
            if plain > 0 { throw broken() }
            return
        }
        guard plain > 0 else {
            state = .stored(length)
            return
        }
        guard let decoder = contexts.decoder(isZstd: isZstd) else { throw broken() }
        state = .compressed(length, plain: plain, decoder)
    }

    /// One step; at most `plain` bytes may come, and one more is asked for to see that none does.
    private mutating func decompress(
        _ input: RawSpan, _ plain: Int, _ decoder: FrameDecoder, into out: inout ByteWriter, _ room: Int
    ) throws(MySQLWireError) -> (consumed: Int, produced: Int, ended: Bool) {
        var consumed = 0
        var status = FrameDecoder.Status.broken
        // Not more at once than is likely needed: what is declared is not believed.
        let wanted = min(plain, room, max(1 << 16, input.byteCount &* 4))
        var produced = 0
        if wanted > 0 {
            produced = unsafe out.fill(upTo: wanted) { space in
                let step = unsafe decoder.decode(input, into: space)
                consumed = step.consumed
                status = step.status
                return step.produced
            }
        } else {
            var spare: UInt8 = 0
            let step = unsafe withUnsafeMutableBytes(of: &spare) { unsafe decoder.decode(input, into: $0) }
            consumed = step.consumed
            status = step.produced > 0 ? .broken : step.status
        }
        if status == .broken { throw broken() }
        return (consumed, produced, status == .ended)
    }
}
