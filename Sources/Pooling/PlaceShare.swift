import Synchronization

/// Who may be first for a place: the ticket of its turn. Tickets are given out in the order in which clients begin to
/// wait, for everything in the process.
public final class Tickets: Sendable {
    private let last = Atomic<UInt64>(0)

    /// None given out.
    public init() {}

    func next() -> UInt64 { last.add(1, ordering: .relaxed).newValue }
}

/// One kind of place an application may have so many of in the whole process (servers, running statements), and who
/// waits longest for one.
///
/// There is no lock. Whoever begins to wait says so first and looks for a free place again then; whoever frees one does
/// that first and looks for who waits then. Both orders are sequentially consistent, so at least one of the two sees the
/// other. Nobody takes a place before somebody who has waited longer.
@safe public final class PlaceShare: Sendable {
    /// One worker's line; a cache line apart from the next.
    private struct Slot: ~Copyable {
        let oldest = Atomic<UInt64>(UInt64.max)
        let padding: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0)
    }

    private let workers: Int
    private let counter = CapacityCounter()
    private let limit = Atomic<Int>(0)
    private nonisolated(unsafe) let slots: UnsafeMutablePointer<Slot>

    init(workers: Int) {
        self.workers = max(1, workers)
        unsafe slots = .allocate(capacity: max(1, workers))
        for index in 0..<max(1, workers) { unsafe (slots + index).initialize(to: Slot()) }
    }

    deinit {
        unsafe slots.deinitialize(count: workers)
        unsafe slots.deallocate()
    }

    /// How many are taken, as far as they are counted: while there is no limit, none are.
    public var inUse: Int { counter.inUse }

    /// Whether there is a limit.
    @inline(__always)
    public var isLimited: Bool { limit.load(ordering: .relaxed) > 0 }

    /// How many more may be taken.
    var room: Int {
        let limit = self.limit.load(ordering: .relaxed)
        return limit > 0 ? max(0, limit &- counter.inUse) : .max
    }

    func set(limit new: Int) { limit.store(new, ordering: .sequentiallyConsistent) }

    /// Takes one, unless all are taken or somebody waits whose ticket is older. `UInt64.max` is who has not waited yet.
    func take(before ticket: UInt64) -> Bool {
        oldest.ticket >= ticket && counter.reserve(limit: limit.load(ordering: .sequentiallyConsistent))
    }

    /// Counts one that is taken already.
    func count() { _ = counter.reserve(limit: 0) }

    /// Gives one back; true if somebody waits, who must be told (`PlaceLine.next`).
    func release() -> Bool {
        _ = counter.release()
        return oldest.ticket != UInt64.max
    }

    func publish(oldest ticket: UInt64, of worker: Int) {
        unsafe slots[worker].oldest.store(ticket, ordering: .sequentiallyConsistent)
    }

    /// Who waits longest, and where; `UInt64.max` for nobody.
    var oldest: (ticket: UInt64, worker: Int) {
        var found = (ticket: UInt64.max, worker: 0)
        for worker in 0..<workers {
            let ticket = unsafe slots[worker].oldest.load(ordering: .sequentiallyConsistent)
            if ticket < found.ticket { found = (ticket, worker) }
        }
        return found
    }
}
