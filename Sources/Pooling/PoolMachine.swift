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
    /// This server is the client's now.
    case granted(server: UInt32)
    /// The client waits in line.
    case waits(ticket: UInt64)
}

/// What happens to a server that has become free.
public enum Placement: Equatable, Sendable {
    /// It is this waiting client's now.
    case assigned(client: UInt32, waitedSince: Int64)
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
public struct PoolMachine {
    private struct IdleServer {
        let server: UInt32
        let since: Int64
        let affinity: UInt64
    }
    private struct Waiter {
        let client: UInt32
        let ticket: UInt64
        let since: Int64
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
    private var waiters = Ring<Waiter>()
    private var gone: Set<UInt64> = []
    /// Connections this worker is opening.
    public private(set) var opening = 0
    private let isAlone: Bool

    /// One worker's part of the pool `share`.
    public init(share: PoolShare, worker: Int, limits: PoolLimits) {
        self.share = share
        self.worker = worker
        self.limits = limits
        isAlone = share.workers == 1
    }

    /// How many clients wait here.
    public var waiting: Int { waiters.count &- gone.count }

    /// How many servers lie idle here.
    public var idleCount: Int { idle.count }

    /// Since when the client at the front has waited.
    public mutating func oldestWait() -> Int64? {
        dropGone()
        return waiters.first?.since
    }

    /// A client needs a server. `affinity` says which servers would suit it best (same settings).
    /// `preferred` is one server that would suit it better than any other.
    public mutating func request(
        client: UInt32, affinity: UInt64, preferred: UInt32? = nil, now: Int64
    ) -> LeaseAnswer {
        // Whoever waits while servers lie idle waits for one that is being looked at.
        if !isPaused && !idle.isEmpty {
            if let preferred, removeIdle(preferred) { return .granted(server: preferred) }
            return .granted(server: takeIdle(affinity: affinity))
        }
        let ticket = share.takeTicket()
        dropGone()
        waiters.append(Waiter(client: client, ticket: ticket, since: now))
        if waiters.count == 1 { publishOldest() }
        return .waits(ticket: ticket)
    }

    /// The server granted to a client must be looked at first: the client waits at the front of the line.
    public mutating func waitAtFront(client: UInt32, now: Int64) -> UInt64 {
        let ticket = share.takeTicket()
        waiters.prepend(Waiter(client: client, ticket: ticket, since: now))
        publishOldest()
        return ticket
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
    public mutating func withdraw(ticket: UInt64) {
        gone.insert(ticket)
        let wasFirst = waiters.first?.ticket == ticket
        dropGone()
        if wasFirst { publishOldest() }
    }

    /// A server has become free: returned by its client, newly opened, or sent by another worker.
    public mutating func place(server: UInt32, affinity: UInt64, now: Int64) -> Placement {
        dropGone()
        if !isPaused {
            if !isAlone, let other = share.claimWaiter(olderThan: waiters.first?.ticket ?? UInt64.max, notOf: worker) {
                return .lent(worker: other)
            }
            if let waiter = waiters.popFirst() {
                dropGone()
                publishOldest()
                return .assigned(client: waiter.client, waitedSince: waiter.since)
            }
        }
        idle.append(IdleServer(server: server, since: now, affinity: affinity))
        if !isAlone { share.publish(idle: idle.count, of: worker) }
        if !isAlone && !isPaused, let other = share.claimWaiter(olderThan: UInt64.max, notOf: worker) {
            // Somebody began to wait between the first look and the note that a server is idle.
            removeIdle(server)
            return .lent(worker: other)
        }
        return .idle
    }

    /// Another worker asks for an idle server: one to send, if it still has a waiter and there is one to give.
    public mutating func lend(to other: Int) -> UInt32? {
        guard !isPaused, waiting == 0, !idle.isEmpty else { return nil }
        let server = idle.removeFirst().server
        share.publish(idle: idle.count, of: worker)
        return server
    }

    /// What to do for the clients that wait. Call again until it answers `.enough`, `.full` or `.evict`.
    public mutating func supply(now: Int64) -> Supply {
        guard !isPaused, waiting > opening else { return .enough }
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
        dropGone()
        var clients: [UInt32] = []
        while let waiter = waiters.popFirst() {
            clients.append(waiter.client)
            dropGone()
        }
        publishOldest()
        return clients
    }

    /// The client at the front if it has waited since before `deadline`, taken out of the line.
    public mutating func takeOverdue(since deadline: Int64) -> UInt32? {
        dropGone()
        guard let waiter = waiters.first, waiter.since <= deadline else { return nil }
        waiters.popFirst()
        dropGone()
        publishOldest()
        return waiter.client
    }

    /// Clients that began to wait after `start` and not after `end`, and still do. O(waiting).
    public func waiters(after start: Int64, until end: Int64) -> [UInt32] {
        var clients: [UInt32] = []
        for index in 0..<waiters.count {
            guard let waiter = waiters[index] else { continue }
            if waiter.since > start, waiter.since <= end, !gone.contains(waiter.ticket) {
                clients.append(waiter.client)
            }
        }
        return clients
    }

    /// Says again whose waiter is oldest: after a claimed waiter was served, or to make sure.
    public mutating func publishOldest() {
        if !isAlone { share.publish(oldest: waiters.first?.ticket ?? UInt64.max, of: worker) }
    }

    private mutating func dropGone() {
        if gone.isEmpty { return }
        while let first = waiters.first, gone.remove(first.ticket) != nil { waiters.popFirst() }
    }
}
