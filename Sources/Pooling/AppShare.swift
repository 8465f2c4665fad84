import Synchronization

/// What a client of an application may hold of what the application may have only so much of.
public struct AppPlaces: OptionSet, Sendable {
    /// The places as bits.
    public let rawValue: UInt8
    /// The places of these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// One of its servers (`max_server_connections`).
    public static let server = AppPlaces(rawValue: 1)
    /// One of its running statements (`max_concurrent_statements`).
    public static let statement = AppPlaces(rawValue: 2)
}

/// The limits of an application as they are configured; 0 is none.
public struct AppLimits: Equatable, Sendable {
    /// Servers it may have.
    public var servers = 0
    /// Statements it may run at once.
    public var statements = 0
    /// Clients of it that may wait.
    public var waiting = 0
    /// Statements it may start a second.
    public var statementsPerSecond = 0
    /// Statements it may start at once after a quiet time; 0 is as many as a second's.
    public var burst = 0
    /// Bytes it may be sent a second.
    public var bytesPerSecond = 0
    /// Its share where applications compete for the same servers.
    public var weight = 100

    /// No limits.
    public init() {}
}

/// What the workers of one process share about one application: what it uses of what is limited, and who waits.
public final class AppShare: Sendable {
    /// What it is called.
    public let name: String
    /// Its clients.
    public let clients = CapacityCounter()
    /// Its clients that wait: for a server, for one of its places, or for its rate.
    public let waiting = CapacityCounter()
    /// Servers its clients have.
    public let servers: PlaceShare
    /// Statements its clients run.
    public let statements: PlaceShare
    /// Statements a second.
    public let rate = TokenBucket()
    /// Bytes a second.
    public let bytes = TokenBucket()
    let tickets: Tickets
    private let weightNow = Atomic<Int>(100)
    private let hasPlaces = Atomic<Bool>(false)
    private let mostWaiting = Atomic<Int>(0)

    /// An application that uses nothing yet, in a process of so many workers.
    public init(name: String, workers: Int = 1, tickets: Tickets = Tickets()) {
        self.name = name
        self.tickets = tickets
        servers = PlaceShare(workers: workers)
        statements = PlaceShare(workers: workers)
    }

    /// From now on these limits hold. `now` is the monotonic clock in microseconds.
    public func set(_ limits: AppLimits, now: Int64) {
        servers.set(limit: limits.servers)
        statements.set(limit: limits.statements)
        hasPlaces.store(limits.servers > 0 || limits.statements > 0, ordering: .sequentiallyConsistent)
        mostWaiting.store(limits.waiting, ordering: .relaxed)
        weightNow.store(max(1, limits.weight), ordering: .relaxed)
        let burst = limits.burst > 0 ? limits.burst : limits.statementsPerSecond
        rate.set(rate: limits.statementsPerSecond, burst: burst, now: now)
        bytes.set(rate: limits.bytesPerSecond, burst: limits.bytesPerSecond, now: now)
    }

    /// Whether leases count: it has a limit of servers or statements.
    @inline(__always)
    public var countsPlaces: Bool { hasPlaces.load(ordering: .relaxed) }

    /// How many more leases it may have.
    var roomForLeases: Int { min(servers.room, statements.room) }

    /// What one more lease would lack.
    var missing: AppPlaces {
        if servers.room == 0 { return .server }
        return statements.room == 0 ? .statement : []
    }

    /// Its share against others'.
    var weight: Int { weightNow.load(ordering: .relaxed) }

    /// One more of its clients begins to wait; false if there are too many already.
    public func beginWaiting() -> Bool { waiting.reserve(limit: mostWaiting.load(ordering: .relaxed)) }

    /// One waits no longer.
    public func endWaiting() { _ = waiting.release() }

    /// Gives places back; true if somebody waits for one of them.
    public func release(_ places: AppPlaces) -> Bool {
        var isWanted = false
        if places.contains(.server), servers.release() { isWanted = true }
        if places.contains(.statement), statements.release() { isWanted = true }
        return isWanted
    }

    /// Counts places that were taken before there was a limit.
    public func count(_ places: AppPlaces) {
        if places.contains(.server) { servers.count() }
        if places.contains(.statement) { statements.count() }
    }
}
