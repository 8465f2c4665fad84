import ByteKit

/// Who waits in one worker for one kind of an application's places: pools whose clients need it together with a server,
/// and clients that have a server and need it besides.
struct PlaceLine {
    private struct Waiter {
        let client: UInt32
        let ticket: UInt64
        let since: Int64
    }

    enum Head {
        case pool(UInt32)
        case client(UInt32)
    }

    let share: PlaceShare
    private let worker: Int
    private var pools: [(pool: UInt32, ticket: UInt64)] = []
    private var clients = Ring<Waiter>()
    private var gone: Set<UInt64> = []

    init(share: PlaceShare, worker: Int) {
        self.share = share
        self.worker = worker
    }

    /// How many clients that have a server wait here.
    var waitingClients: Int { clients.count &- gone.count }

    private func publish() {
        let ticket = min(clients.first?.ticket ?? .max, pools.lazy.map(\.ticket).min() ?? .max)
        share.publish(oldest: ticket, of: worker)
    }

    /// The client of a pool that is next there came with this ticket.
    mutating func enter(pool: UInt32, ticket: UInt64) {
        pools.removeAll { $0.pool == pool }
        pools.append((pool, ticket))
        publish()
    }

    mutating func leave(pool: UInt32) {
        guard pools.contains(where: { $0.pool == pool }) else { return }
        pools.removeAll { $0.pool == pool }
        publish()
    }

    mutating func enter(client: UInt32, ticket: UInt64, since: Int64) {
        clients.append(Waiter(client: client, ticket: ticket, since: since))
        publish()
    }

    mutating func leave(ticket: UInt64) {
        gone.insert(ticket)
        dropGone()
        publish()
    }

    private mutating func dropGone() {
        if gone.isEmpty { return }
        while let first = clients.first, gone.remove(first.ticket) != nil { clients.popFirst() }
    }

    /// Who has waited longest here, taken out of the line, with a place taken where it is a client; nil if there is no
    /// place, or nobody.
    mutating func popFirst() -> Head? {
        let ofPools = pools.min { $0.ticket < $1.ticket }
        if let first = clients.first, first.ticket < ofPools?.ticket ?? .max {
            guard share.take(before: first.ticket) else { return nil }
            clients.popFirst()
            dropGone()
            publish()
            return .client(first.client)
        }
        guard let ofPools else { return nil }
        leave(pool: ofPools.pool)
        return .pool(ofPools.pool)
    }

    /// The client at the front if it has waited since before `deadline`, taken out of the line.
    mutating func takeOverdue(since deadline: Int64) -> UInt32? {
        guard let first = clients.first, first.since <= deadline else { return nil }
        clients.popFirst()
        dropGone()
        publish()
        return first.client
    }
}

/// One worker's part of an application's waiting lines. Pure, like `PoolMachine`: it returns what is to be done.
public final class AppLine {
    /// What all workers share about the application.
    public let share: AppShare
    private let worker: Int
    private var servers: PlaceLine
    private var statements: PlaceLine
    /// `next` is to be asked: who waited longest waits no longer, or a place was held for a moment and somebody may have
    /// been refused it.
    public private(set) var mustAskNext = false

    /// Nobody waits.
    public init(share: AppShare, worker: Int) {
        self.share = share
        self.worker = worker
        servers = PlaceLine(share: share.servers, worker: worker)
        statements = PlaceLine(share: share.statements, worker: worker)
    }

    /// Who may go on.
    public enum Next: Equatable, Sendable {
        /// Nobody here.
        case nobody
        /// Somebody in that worker: it is to ask for its own `next`.
        case elsewhere(worker: Int)
        /// This client has its statement.
        case client(UInt32)
        /// Clients of the application in this pool: `PoolMachine.unblock`, then `serve`.
        case pool(UInt32)
    }

    /// Places have become free, or limits have changed: who may go on? To be asked until it is nobody here.
    public func next() -> Next {
        mustAskNext = false
        let first = Self.next(&servers, worker)
        return first == .nobody ? Self.next(&statements, worker) : first
    }

    private static func next(_ line: inout PlaceLine, _ worker: Int) -> Next {
        let oldest = line.share.oldest
        guard oldest.ticket != .max, line.share.room > 0 else { return .nobody }
        guard oldest.worker == worker else { return .elsewhere(worker: oldest.worker) }
        return switch line.popFirst() {
        case nil: .nobody
        case .client(let client)?: .client(client)
        case .pool(let pool)?: .pool(pool)
        }
    }

    // MARK: Clients that have a server

    /// A client that has a server wants to run a statement: true if it may. Otherwise it waits under this ticket, and
    /// `next` names it.
    public func takeStatement(client: UInt32, now: Int64) -> StatementAnswer {
        if !share.statements.isLimited { return .granted([]) }
        if share.statements.take(before: .max) { return .granted(.statement) }
        let ticket = share.tickets.next()
        statements.enter(client: client, ticket: ticket, since: now)
        // A place may have become free before it was known that somebody waits.
        if share.statements.take(before: ticket) {
            statements.leave(ticket: ticket)
            return .granted(.statement)
        }
        return .waits(ticket: ticket)
    }

    /// Whether a client may run a statement.
    public enum StatementAnswer: Equatable, Sendable {
        /// It may, and holds this.
        case granted(AppPlaces)
        /// It waits.
        case waits(ticket: UInt64)
    }

    /// A client that waits for a statement waits no longer.
    public func withdraw(ticket: UInt64) {
        statements.leave(ticket: ticket)
        mustAskNext = true
    }

    /// The client that has waited longest for a statement, since before `deadline`, taken out of the line.
    public func takeOverdue(since deadline: Int64) -> UInt32? { statements.takeOverdue(since: deadline) }

    /// How many clients that have a server wait here.
    public var waitingClients: Int { statements.waitingClients }

    // MARK: Leases

    /// What a lease needs for a client that has not waited; nil if it cannot be had now.
    func takeForLease() -> AppPlaces? {
        share.countsPlaces ? take(.max).places : []
    }

    /// The same for the client at the front in a pool, which came with this ticket. nil means that the pool's clients of
    /// this application wait here now, until `next` names the pool.
    func takeForLease(pool: UInt32, ticket: UInt64) -> AppPlaces? {
        guard share.countsPlaces else { return [] }
        let first = take(ticket)
        if let places = first.places { return places }
        var missing = first.missing
        while true {
            enter(pool, ticket, missing)
            // A place may have become free before it was known that somebody waits.
            let again = take(ticket)
            if again.places == nil, again.missing == missing { return nil }
            leave(pool: pool)
            if let places = again.places { return places }
            missing = again.missing
        }
    }

    /// Whether the application has all it may have; then the pool's clients of it wait here from now on, as above.
    func isFull(pool: UInt32, ticket: UInt64) -> Bool {
        guard share.countsPlaces else { return false }
        var missing = share.missing
        while !missing.isEmpty {
            enter(pool, ticket, missing)
            let again = share.missing
            if again == missing { return true }
            leave(pool: pool)
            missing = again
        }
        return false
    }

    private func enter(_ pool: UInt32, _ ticket: UInt64, _ missing: AppPlaces) {
        if missing == .server {
            servers.enter(pool: pool, ticket: ticket)
        } else {
            statements.enter(pool: pool, ticket: ticket)
        }
    }

    /// The clients of a pool do not wait here any more.
    func leave(pool: UInt32) {
        servers.leave(pool: pool)
        statements.leave(pool: pool)
        mustAskNext = true
    }

    private func take(_ ticket: UInt64) -> (places: AppPlaces?, missing: AppPlaces) {
        var places: AppPlaces = []
        if share.servers.isLimited {
            guard share.servers.take(before: ticket) else { return (nil, .server) }
            places.insert(.server)
        }
        if share.statements.isLimited {
            guard share.statements.take(before: ticket) else {
                if places.contains(.server), share.servers.release() { mustAskNext = true }
                return (nil, .statement)
            }
            places.insert(.statement)
        }
        return (places, [])
    }
}
