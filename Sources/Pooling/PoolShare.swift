import Synchronization

/// How many of something exist in the whole process, against a limit: servers of a database, of a user.
public final class CapacityCounter: Sendable {
    private let used = Atomic<Int>(0)
    private let wanted = Atomic<Bool>(false)

    /// Nothing used.
    public init() {}

    /// How many are in use.
    public var inUse: Int { used.load(ordering: .relaxed) }

    /// Takes one unless `limit` are taken; 0 means no limit.
    public func reserve(limit: Int) -> Bool {
        var current = used.load(ordering: .relaxed)
        while true {
            if limit > 0 && current >= limit {
                wanted.store(true, ordering: .sequentiallyConsistent)
                // Whoever released one between the look and the note has not seen the note.
                current = used.load(ordering: .sequentiallyConsistent)
                if current >= limit { return false }
            }
            let (done, original) = used.compareExchange(
                expected: current, desired: current &+ 1, ordering: .sequentiallyConsistent)
            if done { return true }
            current = original
        }
    }

    /// Gives one back; true if somebody was refused since the last time this was true.
    public func release() -> Bool {
        used.subtract(1, ordering: .sequentiallyConsistent)
        return wanted.exchange(false, ordering: .sequentiallyConsistent)
    }
}

/// What the workers of one process share about one pool (one database and user): how many servers it has, which worker
/// has idle ones, and whose waiter has waited longest.
///
/// There is no lock. A worker that begins to wait first says so and then looks for idle servers elsewhere; a worker whose
/// server becomes idle first says so and then looks for waiters elsewhere. Both orders are sequentially consistent, so
/// at least one of the two sees the other and no client waits while an idle server lies with another worker.
@safe public final class PoolShare: Sendable {
    /// One worker's line; a cache line apart from the next.
    private struct Slot: ~Copyable {
        let oldest = Atomic<UInt64>(UInt64.max)
        let idle = Atomic<Int>(0)
        let padding: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0)
    }

    /// Number of workers.
    public let workers: Int
    /// Servers of this pool, connecting ones included.
    public let servers = CapacityCounter()
    /// Servers of this pool's database, whoever the user.
    public let database: CapacityCounter
    /// Servers of this pool's user, whatever the database.
    public let user: CapacityCounter

    let tickets: Tickets
    /// The turn of whoever was served last.
    private let now = Atomic<UInt64>(0)
    private let lanes = Mutex<[ObjectIdentifier: Lane]>([:])
    private nonisolated(unsafe) let slots: UnsafeMutablePointer<Slot>

    /// The shared part of a pool for `workers` workers.
    public init(
        workers: Int, database: CapacityCounter, user: CapacityCounter, tickets: Tickets = Tickets()
    ) {
        self.tickets = tickets
        self.workers = max(1, workers)
        self.database = database
        self.user = user
        unsafe slots = .allocate(capacity: max(1, workers))
        for index in 0..<max(1, workers) { unsafe (slots + index).initialize(to: Slot()) }
    }

    deinit {
        unsafe slots.deinitialize(count: workers)
        unsafe slots.deallocate()
    }

    /// One application's clients among those who wait for this pool, over all workers.
    final class Lane: Sendable {
        /// Keeps the application, so that no other has its identity.
        private let app: AppShare
        /// When its next client is to be served.
        fileprivate let next = Atomic<UInt64>(0)

        fileprivate init(_ app: AppShare) { self.app = app }

        fileprivate var isDeserted: Bool { app.clients.inUse == 0 }
    }

    func lane(of app: AppShare) -> Lane {
        lanes.withLock { lanes in
            if let known = lanes[ObjectIdentifier(app)] { return known }
            lanes = lanes.filter { !$0.value.isDeserted }
            let made = Lane(app)
            lanes[ObjectIdentifier(app)] = made
            return made
        }
    }

    /// How far apart the turns of an application are that has weight 1.
    private static let stride: UInt64 = 1 << 20

    /// The turn of a client that begins to wait (start-time fair queueing; Goyal, Vin, Cheng 1996): behind the last one
    /// of its application by as much as its weight says, but not before those that are being served. So an application
    /// with three times the weight has three turns for one of the other while both have clients waiting, and one that
    /// comes new waits for nobody's backlog.
    func turn(_ lane: Lane, _ weight: Int) -> UInt64 {
        let step = max(1, Self.stride / UInt64(max(1, weight)))
        var old = lane.next.load(ordering: .relaxed)
        while true {
            let start = max(old, turnNow)
            let (done, original) = lane.next.compareExchange(expected: old, desired: start &+ step, ordering: .relaxed)
            if done { return start }
            old = original
        }
    }

    /// No turn given out from now on is lower.
    var turnNow: UInt64 { now.load(ordering: .relaxed) }

    func served(_ turn: UInt64) { now.max(turn, ordering: .relaxed) }

    /// Says whose turn is next among the clients that wait in `worker`; `UInt64.max` for nobody's.
    func publish(oldest: UInt64, of worker: Int) {
        unsafe slots[worker].oldest.store(oldest, ordering: .sequentiallyConsistent)
    }

    /// Says how many idle servers `worker` has.
    func publish(idle: Int, of worker: Int) {
        unsafe slots[worker].idle.store(idle, ordering: .sequentiallyConsistent)
    }

    /// The worker, not `me`, whose next waiter's turn is before `before` and before all others, claimed for the caller: it
    /// must send that worker a server.
    func claimWaiter(before: UInt64, notOf me: Int) -> Int? {
        var best = before
        var found: Int?
        for worker in 0..<workers where worker != me {
            let oldest = unsafe slots[worker].oldest.load(ordering: .sequentiallyConsistent)
            if oldest < best {
                best = oldest
                found = worker
            }
        }
        guard let found else { return nil }
        let (done, _) = unsafe slots[found].oldest.compareExchange(
            expected: best, desired: UInt64.max, ordering: .sequentiallyConsistent)
        return done ? found : nil
    }

    /// A worker, not `me`, that has idle servers.
    func workerWithIdle(notOf me: Int) -> Int? {
        for step in 1..<max(2, workers) {
            let worker = (me &+ step) % workers
            if worker != me, unsafe slots[worker].idle.load(ordering: .sequentiallyConsistent) > 0 { return worker }
        }
        return nil
    }

    /// Workers, not `me`, that have waiters.
    public func workersWaiting(notOf me: Int) -> [Int] {
        (0..<workers).filter { worker in
            let oldest = unsafe slots[worker].oldest.load(ordering: .sequentiallyConsistent)
            return worker != me && oldest != UInt64.max
        }
    }
}
