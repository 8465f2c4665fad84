import ByteKit

/// A run of received bytes that belong to one packet.
public struct PacketPiece: Equatable, Sendable {
    /// Where the piece starts: at the packet's header if it `startsPacket`, else in its body.
    public let start: Int
    /// Where the bytes of the body start.
    public let body: Int
    /// Where the piece ends.
    public let end: Int
    /// The length of the packet's whole body. `MySQLPacket.longestBody` means that the payload goes on behind it.
    public let length: Int
    /// The packet's sequence id.
    public let sequence: UInt8
    /// The packet's header is in front.
    public let startsPacket: Bool
    /// It is the last piece of the payload.
    public let endsPayload: Bool

    @inlinable @inline(__always)
    init(
        start: Int, body: Int, end: Int, length: Int, sequence: UInt8, startsPacket: Bool, endsPayload: Bool
    ) {
        self.start = start
        self.body = body
        self.end = end
        self.length = length
        self.sequence = sequence
        self.startsPacket = startsPacket
        self.endsPayload = endsPayload
    }
}

/// Cuts a stream into payloads without gathering them: what is long is handed on as it comes.
///
/// A payload is a body of less than 16 MiB - 1, or several packets of which only the last is shorter. The first piece of
/// a payload holds its head, as many bytes as the reader asked for; the pieces behind it are only passed on.
public struct PacketStream: Equatable, Sendable {
    /// What lies at a position of the received bytes.
    public enum Step: Equatable, Sendable {
        /// So many bytes must be there, counted from the position, before anything can be said.
        case need(Int)
        /// The beginning of a payload.
        case head(PacketPiece)
        /// More of the payload begun before.
        case more(PacketPiece)
    }

    @usableFromInline var left = 0
    @usableFromInline var length = 0
    @usableFromInline var sequence: UInt8 = 0
    @usableFromInline var goesOn = false

    /// A stream at the start of a payload.
    public init() {}

    /// Whether the next piece begins a payload.
    public var isBetweenPayloads: Bool { left == 0 && !goesOn }

    /// The piece at `position`. `head` says how much of a payload's first packet must be there before it is handed out.
    ///
    /// The caller goes on at the piece's `end`.
    @inlinable
    public mutating func next(in bytes: RawSpan, at position: Int, head: Int) -> Step {
        let available = bytes.byteCount &- position
        guard position >= 0, available >= 0 else { return .need(1) }
        if left > 0 {
            guard available > 0 else { return .need(1) }
            return .more(advance(position, position, left < available ? left : available, startsPacket: false))
        }
        guard case .header(let id, let body, let end) = scanPacket(bytes, at: position) else {
            return .need(MySQLPacket.headerLength)
        }
        let isHead = !goesOn
        let wanted = !isHead ? 0 : head < end &- body ? head : end &- body
        guard bytes.byteCount &- body >= wanted else { return .need(body &- position &+ wanted) }
        left = end &- body
        length = left
        sequence = id
        goesOn = left == MySQLPacket.longestBody
        let piece = advance(position, body, bytes.byteCount < end ? bytes.byteCount &- body : left, startsPacket: true)
        return isHead ? .head(piece) : .more(piece)
    }

    @inlinable
    mutating func advance(_ start: Int, _ body: Int, _ count: Int, startsPacket: Bool) -> PacketPiece {
        left &-= count
        return PacketPiece(
            start: start, body: body, end: body &+ count, length: length, sequence: sequence,
            startsPacket: startsPacket, endsPayload: left == 0 && !goesOn)
    }
}
