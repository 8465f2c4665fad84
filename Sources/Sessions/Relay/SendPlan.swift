public import ByteKit

/// What is to be sent to one side after a span from the other was read: ranges of that span as they lie, and bytes the
/// proxy made itself, in order.
///
/// Short ranges next to made bytes are copied behind them, so that a plan is one piece in all but rare cases; that one
/// piece needs no array. A class, because it is changed from many places in one step: the accesses of a struct would be
/// checked at run time.
public final class SendPlan {
    /// A run of bytes of one origin.
    public struct Piece: Sendable {
        /// Whether the range is in `made` or in the received span.
        public var isMade: Bool
        /// First byte.
        public var start: Int
        /// One past the last byte.
        public var end: Int
    }

    /// The last piece; of no meaning while the plan is empty.
    public private(set) var last = Piece(isMade: false, start: 0, end: 0)
    /// The pieces before the last.
    public private(set) var earlier: ContiguousArray<Piece> = []
    /// Bytes made by the proxy.
    public private(set) var made = ByteWriter(capacity: 4096)
    /// All bytes of all pieces.
    public private(set) var byteCount = 0

    /// Nothing is added: what would be is for nobody.
    var isMuted = false

    private static let copyLimit = 2048

    /// An empty plan.
    public init() { earlier.reserveCapacity(16) }

    /// Whether there is nothing to send.
    @inline(__always)
    public var isEmpty: Bool { byteCount == 0 }

    /// Whether everything is in one piece.
    @inline(__always)
    public var isOnePiece: Bool { earlier.isEmpty }

    /// Empties the plan for the next span.
    @inline(__always)
    public func reset() {
        if byteCount == 0 { return }
        byteCount = 0
        if !earlier.isEmpty { earlier.removeAll(keepingCapacity: true) }
        if made.count > 0 { made.reset() }
    }

    /// Sends `start..<end` of the received span as it lies.
    @inline(__always)
    public func forward(_ bytes: RawSpan, _ start: Int, _ end: Int) {
        guard start < end, !isMuted else { return }
        if byteCount == 0 {
            last = Piece(isMade: false, start: start, end: end)
        } else if !last.isMade && last.end == start {
            last.end = end
        } else if last.isMade && end &- start <= Self.copyLimit {
            made.span(bytes.extracting(start..<end))
            last.end = made.count
        } else {
            add(Piece(isMade: false, start: start, end: end))
        }
        byteCount &+= end &- start
    }

    /// Sends what `write` makes. `bytes` is the received span; without it (empty), ranges of it stay where they are.
    public func make(_ bytes: RawSpan, _ write: (inout ByteWriter) -> Void) {
        if isMuted { return }
        if byteCount > 0, !last.isMade, last.end &- last.start <= Self.copyLimit, last.end <= bytes.byteCount {
            // Pull a short untouched run into the made bytes: one send instead of two pieces.
            let start = made.count
            made.span(bytes.extracting(last.start..<last.end))
            if let before = earlier.last, before.isMade, before.end == start {
                last = Piece(isMade: true, start: before.start, end: made.count)
                earlier.removeLast()
            } else {
                last = Piece(isMade: true, start: start, end: made.count)
            }
        }
        let start = made.count
        write(&made)
        guard made.count > start else { return }
        if byteCount > 0 && last.isMade && last.end == start {
            last.end = made.count
        } else {
            add(Piece(isMade: true, start: start, end: made.count))
        }
        byteCount &+= made.count &- start
    }

    /// All of it in one, for a span that will be gone when it is sent.
    func bytes(of source: RawSpan) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(byteCount)
        for piece in earlier + [last] where byteCount > 0 {
            if piece.isMade {
                made.withBytes { out += $0.extracting(piece.start..<piece.end).toArray() }
            } else if piece.end <= source.byteCount {
                out += source.extracting(piece.start..<piece.end).toArray()
            }
        }
        return out
    }

    private func add(_ piece: Piece) {
        if byteCount > 0 { earlier.append(last) }
        last = piece
    }
}
