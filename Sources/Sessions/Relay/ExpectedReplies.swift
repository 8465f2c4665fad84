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

    /// An expectation.
    public init(_ kind: ExpectedKind, hidden: Bool = false, tracked: Bool = false) {
        self.kind = kind
        isHidden = hidden
        isTracked = tracked
    }
}

/// The replies a server owes, in order (DESIGN.md 7). A byte each: kind in the low six bits, then hidden, then tracked.
public struct ExpectedReplies: Sendable {
    private var slots: ContiguousArray<UInt8> = ContiguousArray(repeating: 0, count: 32)
    private var head = 0
    /// How many replies are owed.
    public private(set) var count = 0
    /// How many of them end with a ReadyForQuery.
    public private(set) var syncs = 0

    /// Nothing is owed.
    public init() {}

    /// Whether nothing is owed.
    public var isEmpty: Bool { count == 0 }

    /// More than this and the client that asks for more is not read until some have come.
    public static let limit = 65_536

    @inline(__always)
    private static func pack(_ expected: Expected) -> UInt8 {
        expected.kind.rawValue | (expected.isHidden ? 0x40 : 0) | (expected.isTracked ? 0x80 : 0)
    }

    @inline(__always)
    private static func unpack(_ byte: UInt8) -> Expected {
        Expected(
            ExpectedKind(rawValue: byte & 0x3F) ?? .failure, hidden: byte & 0x40 != 0, tracked: byte & 0x80 != 0)
    }

    @inline(__always)
    private static func endsWithReady(_ kind: ExpectedKind) -> Bool {
        kind == .sync || kind == .query || kind == .functionCall
    }

    /// Adds a reply that will come after all others.
    @inline(__always)
    public mutating func append(_ expected: Expected) {
        if count == slots.count { grow() }
        slots[(head &+ count) & (slots.count &- 1)] = Self.pack(expected)
        count &+= 1
        if Self.endsWithReady(expected.kind) { syncs &+= 1 }
    }

    /// The reply that comes next.
    @inline(__always)
    public var first: Expected? { count > 0 ? Self.unpack(slots[head]) : nil }

    /// Removes the reply that came.
    @inline(__always) @discardableResult
    public mutating func popFirst() -> Expected? {
        guard count > 0 else { return nil }
        let expected = Self.unpack(slots[head])
        head = (head &+ 1) & (slots.count &- 1)
        count &-= 1
        if Self.endsWithReady(expected.kind) { syncs &-= 1 }
        return expected
    }

    /// The reply `index` places behind the next.
    public subscript(index: Int) -> Expected? {
        index >= 0 && index < count ? Self.unpack(slots[(head &+ index) & (slots.count &- 1)]) : nil
    }

    /// Removes the reply one place behind the next one.
    mutating func removeSecond() {
        guard count > 1, let front = popFirst() else { return }
        popFirst()
        head = (head &- 1) & (slots.count &- 1)
        slots[head] = Self.pack(front)
        count &+= 1
        if Self.endsWithReady(front.kind) { syncs &+= 1 }
    }

    /// Forgets everything.
    public mutating func removeAll() {
        if slots.count > 1024 { slots = ContiguousArray(repeating: 0, count: 32) }
        head = 0
        count = 0
        syncs = 0
    }

    private mutating func grow() {
        var larger: ContiguousArray<UInt8> = []
        larger.reserveCapacity(slots.count &* 2)
        for index in 0..<count { larger.append(slots[(head &+ index) & (slots.count &- 1)]) }
        while larger.count < slots.count &* 2 { larger.append(0) }
        slots = larger
        head = 0
    }
}
