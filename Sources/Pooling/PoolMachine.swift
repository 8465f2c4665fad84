import ByteKit

/// The sizes that bound one pool, from the configuration in force.
public struct PoolLimits: Equatable, Sendable {
    /// Servers in normal times.
    public var size: Int
    /// Servers on top of these when somebody has waited for `reserveAfter`.
    public var reserve: Int
    /// Microseconds a client must have waited before the reserve is used.
    public var reserveAfter: Int64
    /// Servers of the whole database; 0 is no limit.
    public var database: Int
    /// Servers of the whole user; 0 is no limit.
    public var user: Int

    /// Limits of these values.
    public init(size: Int, reserve: Int = 0, reserveAfter: Int64 = 5_000_000, database: Int = 0, user: Int = 0) {
        self.size = size
        self.reserve = reserve
        self.reserveAfter = reserveAfter
        self.database = database
        self.user = user
    }
}

/// The answer to a client that asks for a server.
public enum LeaseAnswer: Equatable, Sendable {
    /// This server is the client's now, and with it these places of its application.
    case granted(server: UInt32, AppPlaces)
    /// The client waits in line.
    case waits(ticket: UInt64)
}

/// What happens to a server that has become free.
public enum Placement: Equatable, Sendable {
    /// It is this waiting client's now, and with it these places of its application.
    case assigned(client: UInt32, waitedSince: Int64, AppPlaces)
    /// It lies idle.
    case idle
    /// It is to be sent to this worker, whose client waits longer than anyone here. It no longer belongs to this part of
    /// the pool.
    case lent(worker: Int)
}

/// What can be done so that a waiting client gets a server.
public enum Supply: Equatable, Sendable {
    /// Nobody waits, or as many servers are on their way as clients wait.
    case enough
    /// A place in all limits has been reserved: open a connection (and report how it went).
    case open
    /// Ask this worker for an idle server.
    case ask(worker: Int)
    /// The pool may have more servers, but the database or user may not: an idle server of another pool must go.
    case evict
    /// Every server there may be exists and is busy.
    case full
}

/// One worker's part of one pool: its idle servers, its waiting clients, and what the pool as a whole allows. Pure: it
/// names clients and servers by number, takes the time as an argument, and returns what is to be done.
///
/// As long as all who wait are of one application, and that counts no places, they are one plain line. Otherwise each
/// application has a lane (`PoolMachine+Lanes.swift`).
public struct PoolMachine {
    private struct IdleServer {
        let server: UInt32
        let since: Int64
        let affinity: UInt64
    }
    struct Waiter {
        let client: UInt32
        let ticket: UInt64
        let since: Int64
        /// Whose turn it is: the lowest comes first, whatever its application (`PoolShare.turn`).
        let turn: UInt64
    }
    /// The clients of one application, in the order they came.
    struct Lane {
        let app: AppLine
        let share: PoolShare.Lane
        var waiters = Ring<Waiter>()
        var gone: Set<UInt64> = []
        /// The application has all it may have: until there is more, they wait in its line and not for servers here.
        var isBlocked = false

        var count: Int { waiters.count &- gone.count }

        mutating func dropGone() {
            if gone.isEmpty { return }
            while let first = waiters.first, gone.remove(first.ticket) != nil { waiters.popFirst() }
        }
    }

    /// What all workers share about this pool.
    public let share: PoolShare
    /// Which worker this is.
    public let worker: Int
    /// The sizes in force.
    public var limits: PoolLimits
    /// Idle servers are taken in turn, not the last one first.
    public var isRoundRobin = false
    /// No server is given out while paused.
    public var isPaused = false

    private var idle: [IdleServer] = []
    /// The plain line: whose clients it has, who they are, and who of them has left.
    private var plainApp: AppLine?
    private var plainShare: PoolShare.Lane?
    private var waiters = Ring<Waiter>()
    private var gone: Set<UInt64> = []
    /// One for each application; none while the plain line is enough.
    var lanes: [Lane] = []
    /// What its worker calls it.
    let number: UInt32
    /// Connections this worker is opening.
    public private(set) var opening = 0
    private let isAlone: Bool

    /// One worker's part of the pool `share`, in which lines of applications call it `number`.
    public init(share: PoolShare, worker: Int, limits: PoolLimits, number: UInt32 = 0) {
        self.number = number
        self.share = share
        self.worker = worker
        self.limits = limits
        isAlone = share.workers == 1
    }

    /// How many clients wait here.
    public var waiting: Int { lanes.isEmpty ? waiters.count &- gone.count : waitingInLanes }

    /// How many of them could have a server if there was one.
    private var ready: Int { lanes.isEmpty ? waiters.count &- gone.count : readyInLanes }

    /// How many servers lie idle here.
    public var idleCount: Int { idle.count }

    /// Whether `serve` may have something to do.
    public var canServe: Bool { !isPaused && !idle.isEmpty && ready > 0 }

    /// Since when the client has waited that has waited longest for a server.
    public mutating func oldestWait() -> Int64? {
        dropGone()
        return lanes.isEmpty ? waiters.first?.since : oldestWaitInLanes
    }

    /// A client of an application needs a server. `affinity` says which servers would suit it best (same settings).
    /// `preferred` is one server that would suit it better than any other.
    public mutating func request(
        client: UInt32, app: AppLine, affinity: UInt64, preferred: UInt32? = nil, now: Int64
    ) -> LeaseAnswer {
        // Whoever waits while servers lie idle waits for one that is being looked at, or for its application.
        if !isPaused, !idle.isEmpty, let places = app.share.countsPlaces ? app.takeForLease() : [] {
            return .granted(server: takeIdle(affinity, preferred), places)
        }
        dropGone()
        let ticket = share.tickets.next()
        guard isPlain(for: app), let lane = plainShare else {
            return wait(client, app, ticket, affinity, preferred, now)
        }
        let turn = share.turn(lane, app.share.weight)
        waiters.append(Waiter(client: client, ticket: ticket, since: now, turn: turn))
        if !isAlone, waiters.count == 1 { share.publish(oldest: turn, of: worker) }
        return .waits(ticket: ticket)
    }

    /// Whether a client of the application can wait in the plain line.
    @inline(__always)
    private mutating func isPlain(for app: AppLine) -> Bool {
        guard lanes.isEmpty, !app.share.countsPlaces else { return false }
        return plainApp === app || becomesPlain(for: app)
    }

    private mutating func becomesPlain(for app: AppLine) -> Bool {
        guard waiters.isEmpty else { return false }
        plainApp = app
        plainShare = share.lane(of: app.share)
        return true
    }

    /// Every application gets a lane of its own.
    mutating func spread() {
        guard lanes.isEmpty, let app = plainApp, let share = plainShare else { return }
        plainApp = nil
        plainShare = nil
        if waiters.isEmpty { return }
        lanes.append(Lane(app: app, share: share, waiters: waiters, gone: gone))
        waiters = Ring()
        gone = []
    }

    /// Whether those in the plain line have begun to be counted since they came.
    private var hasBegunToCount: Bool { lanes.isEmpty && !waiters.isEmpty && plainApp?.share.countsPlaces == true }

    /// The server granted to a client must be looked at first: the client waits at the front of the line. What it held of
    /// its application has been given back.
    public mutating func waitAtFront(client: UInt32, app: AppLine, now: Int64) -> UInt64 {
        let ticket = share.tickets.next()
        let waiter = Waiter(client: client, ticket: ticket, since: now, turn: share.turnNow)
        if isPlain(for: app) {
            waiters.prepend(waiter)
        } else {
            spread()
            let index = lane(of: app)
            lanes[index].waiters.prepend(waiter)
        }
        publishOldest()
        return ticket
    }

    mutating func takeIdle(_ affinity: UInt64, _ preferred: UInt32?) -> UInt32 {
        if let preferred, removeIdle(preferred) { return preferred }
        return takeIdle(affinity: affinity)
    }

    private mutating func takeIdle(affinity: UInt64) -> UInt32 {
        var index = isRoundRobin ? 0 : idle.count &- 1
        // A server that already has the client's settings saves a round trip: look a few places down.
        var candidate = idle.count &- 1
        let last = max(0, idle.count &- 8)
        while candidate >= last {
            if idle[candidate].affinity == affinity {
                if !isRoundRobin || idle[index].affinity != affinity { index = candidate }
                break
            }
            candidate &-= 1
        }
        let server = idle[index].server
        idle.remove(at: index)
        if !isAlone { share.publish(idle: idle.count, of: worker) }
        return server
    }

    /// The client waits no longer: it left, or was given up on.
    public mutating func withdraw(ticket: UInt64, app: AppLine) {
        if lanes.isEmpty {
            guard plainApp === app else { return }
            gone.insert(ticket)
            dropGone()
        } else {
            withdrawFromLane(ticket, app)
        }
        publishOldest()
    }

    /// A server has become free: returned by its client, newly opened, or sent by another worker.
    public mutating func place(server: UInt32, affinity: UInt64, now: Int64) -> Placement {
        dropGone()
        if !isPaused {
            // A limit may have come while they waited.
            if hasBegunToCount { spread() }
            if lanes.isEmpty {
                let turn = waiters.first?.turn ?? UInt64.max
                if !isAlone, let other = share.claimWaiter(before: turn, notOf: worker) { return .lent(worker: other) }
                if let waiter = waiters.popFirst() {
                    share.served(waiter.turn)
                    dropGone()
                    publishOldest()
                    return .assigned(client: waiter.client, waitedSince: waiter.since, [])
                }
            } else if let placement = placeInLanes() {
                return placement
            }
        }
        idle.append(IdleServer(server: server, since: now, affinity: affinity))
        if !isAlone { share.publish(idle: idle.count, of: worker) }
        if !isAlone && !isPaused, let other = share.claimWaiter(before: UInt64.max, notOf: worker) {
            // Somebody began to wait between the first look and the note that a server is idle.
            removeIdle(server)
            return .lent(worker: other)
        }
        return .idle
    }

    /// Who gets a server that has become free, while applications have lanes; nil if nobody may.
    private mutating func placeInLanes() -> Placement? {
        while true {
            let next = nextLane()
            let turn = next.flatMap { lanes[$0].waiters.first?.turn } ?? UInt64.max
            if !isAlone, let other = share.claimWaiter(before: turn, notOf: worker) { return .lent(worker: other) }
            // Where others lie idle one of them may suit it better: `serve` looks.
            guard let next, idle.isEmpty else { return nil }
            guard let places = takeOrBlock(next), let waiter = lanes[next].waiters.popFirst() else { continue }
            served(waiter, next)
            return .assigned(client: waiter.client, waitedSince: waiter.since, places)
        }
    }

    /// Gives an idle server to a client that waits, if both are there. To be called until it answers nil. `wish` says of a
    /// client what `request` was told.
    public mutating func serve(
        _ wish: (UInt32) -> (affinity: UInt64, preferred: UInt32?) = { _ in (0, nil) }
    ) -> (server: UInt32, client: UInt32, waitedSince: Int64, places: AppPlaces)? {
        guard canServe else { return nil }
        dropGone()
        spread()
        while let index = nextLane() {
            guard let places = takeOrBlock(index), let waiter = lanes[index].waiters.popFirst() else { continue }
            served(waiter, index)
            let wish = wish(waiter.client)
            return (takeIdle(wish.affinity, wish.preferred), waiter.client, waiter.since, places)
        }
        publishOldest()
        return nil
    }

    /// Another worker asks for an idle server: one to send, if it still has a waiter and there is one to give.
    public mutating func lend(to other: Int) -> UInt32? {
        guard !isPaused, ready == 0, !idle.isEmpty else { return nil }
        let server = idle.removeFirst().server
        share.publish(idle: idle.count, of: worker)
        return server
    }

    /// What to do for the clients that wait. Call again until it answers `.enough`, `.full` or `.evict`.
    public mutating func supply(now: Int64) -> Supply {
        if !lanes.isEmpty || hasBegunToCount { blockFullLanes() }
        guard !isPaused, ready > opening else { return .enough }
        if !isAlone, let other = share.workerWithIdle(notOf: worker) { return .ask(worker: other) }
        return reserve(now: now)
    }

    /// Tries to reserve the right to open one connection.
    public mutating func reserve(now: Int64) -> Supply {
        var size = limits.size
        if limits.reserve > 0, let since = oldestWait(), now &- since >= limits.reserveAfter { size &+= limits.reserve }
        guard share.servers.reserve(limit: max(1, size)) else { return .full }
        guard share.database.reserve(limit: limits.database) else {
            _ = share.servers.release()
            return .evict
        }
        guard share.user.reserve(limit: limits.user) else {
            _ = share.database.release()
            _ = share.servers.release()
            return .evict
        }
        opening &+= 1
        return .open
    }

    /// A connection this worker opened is logged in, and will be placed, or failed.
    public mutating func opened() { opening &-= 1 }

    /// A server no longer exists; true if somebody in another pool may have waited for its place.
    public mutating func closed() -> Bool {
        let freedUser = share.user.release()
        let freedDatabase = share.database.release()
        _ = share.servers.release()
        return freedUser || freedDatabase
    }

    /// Takes `server` out of the idle ones; false if it is not there.
    @discardableResult
    public mutating func removeIdle(_ server: UInt32) -> Bool {
        guard let index = idle.lastIndex(where: { $0.server == server }) else { return false }
        idle.remove(at: index)
        if !isAlone { share.publish(idle: idle.count, of: worker) }
        return true
    }

    /// The idle server that has been idle longest, with since when.
    public var longestIdle: (server: UInt32, since: Int64)? {
        idle.min { $0.since < $1.since }.map { ($0.server, $0.since) }
    }

    /// All idle servers, longest idle first or not.
    public var idleServers: [UInt32] { idle.map(\.server) }

    /// Takes every waiting client out of the line.
    public mutating func takeWaiters() -> [UInt32] {
        spread()
        let clients = takeWaitersOfLanes()
        publishOldest()
        return clients
    }

    /// A client that has waited since before `deadline`, taken out of the line.
    public mutating func takeOverdue(since deadline: Int64) -> UInt32? {
        dropGone()
        guard lanes.isEmpty else { return takeOverdueOfLanes(deadline) }
        guard let waiter = waiters.first, waiter.since <= deadline else { return nil }
        waiters.popFirst()
        dropGone()
        publishOldest()
        return waiter.client
    }

    /// Clients that began to wait after `start` and not after `end`, and still do. O(waiting).
    public func waiters(after start: Int64, until end: Int64) -> [UInt32] {
        var clients: [UInt32] = []
        func look(_ waiters: Ring<Waiter>, _ gone: Set<UInt64>) {
            for index in 0..<waiters.count {
                guard let waiter = waiters[index] else { continue }
                if waiter.since > start, waiter.since <= end, !gone.contains(waiter.ticket) {
                    clients.append(waiter.client)
                }
            }
        }
        look(waiters, gone)
        for lane in lanes { look(lane.waiters, lane.gone) }
        return clients
    }

    /// Says again whose waiter is oldest: after a claimed waiter was served, or to make sure.
    public mutating func publishOldest() {
        if isAlone { return }
        let turn = lanes.isEmpty ? waiters.first?.turn : nextLane().flatMap { lanes[$0].waiters.first?.turn }
        share.publish(oldest: turn ?? UInt64.max, of: worker)
    }

    mutating func dropGone() {
        if lanes.isEmpty {
            if gone.isEmpty { return }
            while let first = waiters.first, gone.remove(first.ticket) != nil { waiters.popFirst() }
        } else {
            for index in lanes.indices where !lanes[index].gone.isEmpty { lanes[index].dropGone() }
        }
    }
}
