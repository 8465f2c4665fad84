/// Deadlines by the ten thousand: a hashed wheel of 1024 slots. Pure: time is handed in, in microseconds.
///
/// ```
///  slot = tick of the deadline mod 1024        heads[slot] ─► entry ⇄ entry ⇄ entry
///  cursor = last tick handled                  (entries of a later rotation stay where they are)
/// ```
///
/// Every operation is O(1); `advance` is O(slots passed + entries in them). Nothing is allocated per arm once the wheel
/// has grown to the number of deadlines that exist at once. A deadline never fires early, and at most one tick late.
public struct TimerWheel {
    private struct Entry {
        var deadline: Int64
        var token: UInt32
        var next: Int32
        var previous: Int32
        /// The list it is in: a slot, `due`, or `free`.
        var list: Int16
        /// Counts reuses, so that the handle of an entry that fired is not taken for its successor's.
        var generation: UInt16
    }

    private static let slots = 1024
    private static let due: Int16 = 1024
    private static let free: Int16 = -1
    private static let none: Int32 = -1
    private static let indexBits: Int32 = 22
    private static let indexMask: Int32 = (1 << 22) - 1
    private static let generationMask: UInt16 = 511

    private var entries: [Entry] = []
    private var heads = [Int32](repeating: -1, count: slots + 1)
    private var dueTail: Int32 = -1
    private var freeHead: Int32 = -1
    private var cursor: Int64

    /// The length of a slot in microseconds.
    public let tick: Int64
    /// How many deadlines are armed or due.
    public private(set) var count = 0

    /// An empty wheel whose time starts at `now`.
    public init(now: Int64, tick: Int64 = 25_000) {
        self.tick = max(tick, 1)
        cursor = now / self.tick
    }

    /// Whether nothing is armed.
    public var isEmpty: Bool { count == 0 }

    /// Arms a deadline; `token` is what comes back when it has passed. The handle is valid until then (or `cancel`);
    /// afterwards it is ignored. At most four million at once.
    public mutating func add(deadline: Int64, token: UInt32) -> Int32 {
        var index = freeHead
        if index == Self.none {
            precondition(entries.count <= Int(Self.indexMask), "too many timers")
            index = Int32(truncatingIfNeeded: entries.count)
            entries.append(
                Entry(deadline: 0, token: 0, next: Self.none, previous: Self.none, list: Self.free, generation: 0))
        } else {
            freeHead = entries[Int(index)].next
        }
        entries[Int(index)].deadline = deadline
        entries[Int(index)].token = token
        count &+= 1
        link(index, into: slot(of: deadline))
        return Int32(entries[Int(index)].generation) << Self.indexBits | index
    }

    /// Disarms a deadline that has not been popped yet. False if it has, or was cancelled.
    @discardableResult
    public mutating func cancel(_ handle: Int32) -> Bool {
        guard let index = index(of: handle) else { return false }
        unlink(index)
        release(index)
        return true
    }

    /// Moves a deadline that has not been popped yet. False if it has, or was cancelled.
    @discardableResult
    public mutating func reschedule(_ handle: Int32, deadline: Int64) -> Bool {
        guard let index = index(of: handle) else { return false }
        entries[Int(index)].deadline = deadline
        let target = slot(of: deadline)
        if entries[Int(index)].list == target { return true }
        unlink(index)
        link(index, into: target)
        return true
    }

    /// Moves time on: what has passed becomes due and is taken with `popDue`.
    public mutating func advance(to now: Int64) {
        let target = now / tick
        guard target > cursor else { return }
        let passed = min(target - cursor, Int64(Self.slots))
        let first = target - passed + 1
        cursor = target
        for step in 0..<passed {
            var index = heads[Int((first + step) & Int64(Self.slots - 1))]
            while index != Self.none {
                let next = entries[Int(index)].next
                if lastTick(of: entries[Int(index)].deadline) <= target {
                    unlink(index)
                    link(index, into: Self.due)
                }
                index = next
            }
        }
    }

    /// The token of a deadline that has passed, and forgets it; nil when there is none left. Between two calls the
    /// wheel may be changed in any way.
    public mutating func popDue() -> UInt32? {
        let index = heads[Int(Self.due)]
        guard index != Self.none else { return nil }
        let token = entries[Int(index)].token
        unlink(index)
        release(index)
        return token
    }

    /// Moves time on and hands over each token that became due. `fire` must not touch the wheel (that stops the
    /// process): callers that re-arm use `advance(to:)` and `popDue()`.
    public mutating func advance(to now: Int64, fire: (UInt32) -> Void) {
        advance(to: now)
        while let token = popDue() { fire(token) }
    }

    /// The first tick at whose end the deadline has passed.
    private func lastTick(of deadline: Int64) -> Int64 {
        let (quotient, remainder) = deadline.quotientAndRemainder(dividingBy: tick)
        return remainder > 0 ? quotient + 1 : quotient
    }

    private func slot(of deadline: Int64) -> Int16 {
        Int16(truncatingIfNeeded: max(lastTick(of: deadline), cursor + 1) & Int64(Self.slots - 1))
    }

    private func index(of handle: Int32) -> Int32? {
        let index = handle & Self.indexMask
        guard handle >= 0, Int(index) < entries.count else { return nil }
        let entry = entries[Int(index)]
        guard entry.list != Self.free, Int32(entry.generation) == handle >> Self.indexBits else { return nil }
        return index
    }

    private mutating func link(_ index: Int32, into list: Int16) {
        entries[Int(index)].list = list
        if list == Self.due {
            // In the order they were found, so that older ticks fire first.
            entries[Int(index)].previous = dueTail
            entries[Int(index)].next = Self.none
            if dueTail == Self.none {
                heads[Int(list)] = index
            } else {
                entries[Int(dueTail)].next = index
            }
            dueTail = index
            return
        }
        let head = heads[Int(list)]
        entries[Int(index)].previous = Self.none
        entries[Int(index)].next = head
        if head != Self.none { entries[Int(head)].previous = index }
        heads[Int(list)] = index
    }

    private mutating func unlink(_ index: Int32) {
        let entry = entries[Int(index)]
        if entry.previous == Self.none {
            heads[Int(entry.list)] = entry.next
        } else {
            entries[Int(entry.previous)].next = entry.next
        }
        if entry.next != Self.none {
            entries[Int(entry.next)].previous = entry.previous
        } else if entry.list == Self.due {
            dueTail = entry.previous
        }
    }

    private mutating func release(_ index: Int32) {
        entries[Int(index)].list = Self.free
        entries[Int(index)].generation = (entries[Int(index)].generation &+ 1) & Self.generationMask
        entries[Int(index)].next = freeHead
        freeHead = index
        count &-= 1
    }
}
