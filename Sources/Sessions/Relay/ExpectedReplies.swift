import ByteKit

/// What a message sent to a server makes the server answer.
public enum ExpectedKind: UInt8, Sendable {
    case parse
    case bind
    case describeStatement
    case describePortal
    case execute
    case closeStatement
    case closePortal
    case sync
    case query
    case functionCall
    /// Nothing was sent: the proxy itself owes the client a ParseComplete here.
    case owedParseComplete
    /// Nothing was sent: the proxy itself owes the client a CloseComplete here.
    case owedCloseComplete
    /// A Parse sent only to be refused where PostgreSQL would: its ParseComplete is not passed on, all else is.
    case trialParse
    /// A message was sent that is sure to fail; its error is replaced by one of ours.
    case failure
    /// Nothing is owed: here the client ended COPY data before the server had asked for any. What was sent behind it is
    /// not part of the COPY.
    case endOfCopyData
}

/// One expected reply, packed in four bytes.
public struct Expected: Sendable {
    /// Which reply.
    public let kind: ExpectedKind
    /// The proxy asked, not the client: the reply is not passed on.
    public let isHidden: Bool
    /// The statement's facts wait in the server's `tracked` queue: something is to be done when it completes.
    public let isTracked: Bool
    /// The statement waits in the server's `audited` queue: what became of it is noted.
    public let isRecorded: Bool

    /// An expectation.
    public init(_ kind: ExpectedKind, hidden: Bool = false, tracked: Bool = false, recorded: Bool = false) {
        self.kind = kind
        isHidden = hidden
        isTracked = tracked
        isRecorded = recorded
    }
}

/// The replies a server owes, in order (DESIGN.md 7). A byte each: kind in the low five bits, then recorded, hidden,
/// tracked.
///
/// The next eight lie in the struct itself, since a transaction rarely owes more and every message looks here; only what
/// is behind them needs memory of its own.
public struct ExpectedReplies: Sendable {
    /// The next replies, the first in the lowest byte; what is above them is zero.
    private var near: UInt64 = 0
    /// Those behind the eighth: a ring whose size is a power of two, or nothing.
    private var far: ContiguousArray<UInt8> = []
    private var head = 0
    /// How many replies are owed.
    public private(set) var count = 0
    /// How many of them end with a ReadyForQuery.
    public private(set) var syncs = 0

    private static let nearby = 8

    /// Nothing is owed.
    public init() {}

    /// Whether nothing is owed.
    @inline(__always)
    public var isEmpty: Bool { count == 0 }

    /// More than this and the client that asks for more is not read until some have come.
    public static let limit = 65_536

    @inline(__always)
    private static func pack(_ expected: Expected) -> UInt8 {
        expected.kind.rawValue | (expected.isRecorded ? 0x20 : 0) | (expected.isHidden ? 0x40 : 0)
            | (expected.isTracked ? 0x80 : 0)
    }

    @inline(__always)
    private static func unpack(_ byte: UInt8) -> Expected {
        Expected(
            ExpectedKind(rawValue: byte & 0x1F) ?? .failure, hidden: byte & 0x40 != 0, tracked: byte & 0x80 != 0,
            recorded: byte & 0x20 != 0)
    }

    @inline(__always)
    private static func endsWithReady(_ kind: ExpectedKind) -> Bool {
        kind == .sync || kind == .query || kind == .functionCall
    }

    /// Adds a reply that will come after all others.
    @inline(__always)
    public mutating func append(_ expected: Expected) {
        if count < Self.nearby {
            near |= UInt64(Self.pack(expected)) << UInt64(truncatingIfNeeded: count &* 8)
        } else {
            appendFar(Self.pack(expected))
        }
        count &+= 1
        if Self.endsWithReady(expected.kind) { syncs &+= 1 }
    }

    /// The reply that comes next.
    @inline(__always)
    public var first: Expected? { count > 0 ? Self.unpack(UInt8(truncatingIfNeeded: near)) : nil }

    /// Removes the reply that came.
    @inline(__always) @discardableResult
    public mutating func popFirst() -> Expected? {
        guard count > 0 else { return nil }
        let expected = Self.unpack(UInt8(truncatingIfNeeded: near))
        near >>= 8
        if count > Self.nearby { refill() }
        count &-= 1
        if Self.endsWithReady(expected.kind) { syncs &-= 1 }
        return expected
    }

    /// The reply `index` places behind the next.
    public subscript(index: Int) -> Expected? {
        guard index >= 0 && index < count else { return nil }
        if index < Self.nearby { return Self.unpack(UInt8(truncatingIfNeeded: near >> UInt64(index &* 8))) }
        return Self.unpack(far[(head &+ index &- Self.nearby) & (far.count &- 1)])
    }

    /// Removes the reply one place behind the next one.
    mutating func removeSecond() {
        guard let second = self[1] else { return }
        if Self.endsWithReady(second.kind) { syncs &-= 1 }
        near = ((near >> 16) << 8) | (near & 0xFF)
        if count > Self.nearby { refill() }
        count &-= 1
    }

    /// Forgets everything.
    public mutating func removeAll() { self = ExpectedReplies() }

    /// The ninth reply becomes the eighth, whose place is free.
    @inline(never)
    private mutating func refill() {
        near |= UInt64(far[head]) << 56
        head = (head &+ 1) & (far.count &- 1)
        if count == Self.nearby &+ 1 && far.count > 1024 {
            far = []
            head = 0
        }
    }

    @inline(never)
    private mutating func appendFar(_ byte: UInt8) {
        let used = count &- Self.nearby
        if used == far.count {
            var larger: ContiguousArray<UInt8> = []
            let size = max(32, far.count &* 2)
            larger.reserveCapacity(size)
            for index in 0..<used { larger.append(far[(head &+ index) & (far.count &- 1)]) }
            while larger.count < size { larger.append(0) }
            far = larger
            head = 0
        }
        far[(head &+ used) & (far.count &- 1)] = byte
    }
}
