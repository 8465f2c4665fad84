public import ByteKit

/// What is to be sent to one side after a span from the other was read: ranges of that span as they lie, and bytes the
/// proxy made itself, in order.
///
/// Short ranges next to made bytes are copied behind them, so that a plan is one piece in all but rare cases.
public struct SendPlan: ~Copyable {
    /// A run of bytes of one origin.
    public struct Piece: Sendable {
        /// Whether the range is in `made` or in the received span.
        public let isMade: Bool
        /// First byte.
        public let start: Int
        /// One past the last byte.
        public fileprivate(set) var end: Int
    }

    /// The pieces in the order they are to be sent.
    public private(set) var pieces: ContiguousArray<Piece> = []
    /// Bytes made by the proxy.
    public private(set) var made = ByteWriter(capacity: 4096)
    /// All bytes of all pieces.
    public private(set) var byteCount = 0

    private static let copyLimit = 2048

    /// An empty plan.
    public init() { pieces.reserveCapacity(16) }

    /// Whether there is nothing to send.
    public var isEmpty: Bool { byteCount == 0 }

    /// Empties the plan for the next span.
    public mutating func reset() {
        if byteCount == 0 { return }
        pieces.removeAll(keepingCapacity: true)
        made.reset()
        byteCount = 0
    }

    /// Sends `start..<end` of the received span as it lies.
    @inline(__always)
    public mutating func forward(_ bytes: RawSpan, _ start: Int, _ end: Int) {
        guard start < end else { return }
        byteCount &+= end &- start
        if let last = pieces.last {
            if !last.isMade && last.end == start {
                pieces[pieces.count &- 1].end = end
                return
            }
            if last.isMade && end &- start <= Self.copyLimit {
                made.span(bytes.extracting(start..<end))
                pieces[pieces.count &- 1].end = made.count
                return
            }
        }
        pieces.append(Piece(isMade: false, start: start, end: end))
    }

    /// Sends what `write` makes.
    public mutating func make(_ bytes: RawSpan, _ write: (inout ByteWriter) -> Void) {
        if let last = pieces.last, !last.isMade, last.end &- last.start <= Self.copyLimit {
            // Pull a short untouched run into the made bytes: one send instead of two pieces.
            pieces.removeLast()
            let start = made.count
            made.span(bytes.extracting(last.start..<last.end))
            grow(from: start, counting: false)
        }
        let start = made.count
        write(&made)
        grow(from: start, counting: true)
    }

    private mutating func grow(from start: Int, counting: Bool) {
        guard made.count > start else { return }
        if counting { byteCount &+= made.count &- start }
        if let last = pieces.last, last.isMade, last.end == start {
            pieces[pieces.count &- 1].end = made.count
        } else {
            pieces.append(Piece(isMade: true, start: start, end: made.count))
        }
    }
}
