import Sessions

/// What a connection is doing, in PgBouncer's words.
public enum SocketState: String, Sendable {
    /// A client that logs in; a server that connects.
    case login
    /// Neither asks nor is asked.
    case idle
    /// A client with a server, a server with a client.
    case active
    /// A client in line for a server.
    case waiting
    /// A server that is asked whether it still answers, or forgets what its last client left.
    case tested
    /// A server that a cancel request is on its way to.
    case beingCanceled = "being_canceled"
}

/// One connection, as `SHOW CLIENTS`, `SHOW SERVERS` and `SHOW SOCKETS` tell of it.
public struct SocketRow: Sendable {
    /// Its name.
    public var id: SocketID
    /// The user who logged in, or whose pool it is in; empty before login.
    public var user = ""
    /// The database it is for; empty before login.
    public var database = ""
    /// `none`, `logical` or `physical`.
    public var replication = "none"
    /// What it is doing.
    public var state = SocketState.login
    /// Whether it talks to the console.
    public var isConsole = false
    /// The other end.
    public var address = ""
    /// The other end's port.
    public var port: UInt16 = 0
    /// This end.
    public var localAddress = ""
    /// This end's port.
    public var localPort: UInt16 = 0
    /// When it was made, on the monotonic clock.
    public var connectedAt: Int64 = 0
    /// When it last asked, or was asked.
    public var requestedAt: Int64 = 0
    /// For how many microseconds it has waited for a server.
    public var waited: Int64 = 0
    /// It will be closed when it is free.
    public var closeNeeded = false
    /// The connection at the other side of the proxy.
    public var link: SocketID?
    /// The process id at the server.
    public var remotePID: Int64 = 0
    /// What the client calls itself.
    public var applicationName = ""
    /// How many prepared statements it has.
    public var preparedCount = 0
    /// Its descriptor.
    public var descriptor: Int32 = -1
    /// Version and cipher of its TLS; empty without.
    public var tls = ""
    /// Bytes received and not dealt with.
    public var carried = 0
    /// Bytes not yet sent.
    public var unsent = 0
    /// Why the client keeps its server; empty when it does not.
    public var pinned = ""
    /// A statement of the client runs.
    public var isRunning = false
    /// The application the client belongs to; empty before login.
    public var app = ""

    init(id: SocketID) { self.id = id }

    /// A server and not a client.
    public var isServer: Bool { id.isServer }
}

/// Counts that only grow. Times are microseconds.
public struct Totals: Sendable, Equatable {
    /// How often a client was given a server.
    public var assignments: UInt64 = 0
    /// Transactions completed.
    public var transactions: UInt64 = 0
    /// Queries completed.
    public var queries: UInt64 = 0
    /// Bytes clients sent.
    public var received: UInt64 = 0
    /// Bytes clients were sent.
    public var sent: UInt64 = 0
    /// Time in transactions.
    public var transactionMicros: UInt64 = 0
    /// Time in queries.
    public var queryMicros: UInt64 = 0
    /// Time clients waited for a server.
    public var waitMicros: UInt64 = 0
    /// Clients that logged in.
    public var logins: UInt64 = 0
    /// Prepared statements clients made.
    public var clientParses: UInt64 = 0
    /// Prepared statements servers were given.
    public var serverParses: UInt64 = 0
    /// Prepared statements clients bound.
    public var binds: UInt64 = 0

    /// Nothing yet.
    public init() {}

    /// Adds what another counted.
    public static func += (sum: inout Totals, other: Totals) {
        sum.assignments &+= other.assignments
        sum.transactions &+= other.transactions
        sum.queries &+= other.queries
        sum.received &+= other.received
        sum.sent &+= other.sent
        sum.transactionMicros &+= other.transactionMicros
        sum.queryMicros &+= other.queryMicros
        sum.waitMicros &+= other.waitMicros
        sum.logins &+= other.logins
        sum.clientParses &+= other.clientParses
        sum.serverParses &+= other.serverParses
        sum.binds &+= other.binds
    }

    init(_ counters: PoolCounters) {
        assignments = counters.assignments
        transactions = counters.transactions
        queries = counters.queries
        received = counters.bytesFromClients
        sent = counters.bytesFromServers
        transactionMicros = counters.transactionMicros
        queryMicros = counters.queryMicros
        waitMicros = counters.waitMicros
        logins = counters.logins
        clientParses = counters.clientParses
        serverParses = counters.serverParses
        binds = counters.binds
    }
}

/// One pool.
public struct PoolRow: Sendable {
    /// The database as clients call it.
    public var database: String
    /// The user.
    public var user: String
    /// `session`, `transaction` or `statement`.
    public var mode: String
    /// What it has done.
    public var totals: Totals

    /// A pool of these parts.
    public init(database: String, user: String, mode: String, totals: Totals) {
        self.database = database
        self.user = user
        self.mode = mode
        self.totals = totals
    }
}

/// What was counted of one application. Counts only grow.
public struct AppTotals: Sendable, Equatable {
    /// How often a connection or statement was refused for one of its limits.
    public var refused: UInt64 = 0
    /// How often a statement had to wait for one of its limits.
    public var throttled: UInt64 = 0

    init(_ counters: AppCounters, _ rules: StatementRules) {
        refused = counters.refused &+ rules.refused
        throttled = counters.throttled
    }

    /// Nothing yet.
    public init() {}

    static func + (one: AppTotals, other: AppTotals) -> AppTotals {
        var sum = one
        sum.refused &+= other.refused
        sum.throttled &+= other.throttled
        return sum
    }
}

/// What an application uses now.
public struct AppUse: Sendable, Equatable {
    /// Its clients.
    public var clients = 0
    /// Servers its clients have; counted only where there is a limit, else nil.
    public var servers: Int?
    /// Statements its clients run that count; counted only where there is a limit, else nil.
    public var statements: Int?
    /// How much of its burst is taken.
    public var burstUsed = 0
    /// How much of a second's bytes is taken.
    public var bytesUsed = 0

    /// Nothing.
    public init() {}
}

/// Everything the workers have, at about one moment.
public struct Census: Sendable {
    /// Every client connection.
    public var clients: [SocketRow] = []
    /// Every server connection.
    public var servers: [SocketRow] = []
    /// Every pool, by database and user.
    public var pools: [PoolRow] = []
    /// What was counted of applications, by name.
    public var apps: [String: AppTotals] = [:]

    /// Nothing.
    public init() {}

    /// Puts the parts of all workers together.
    init(_ parts: [Census]) {
        var byName: [PoolKey: PoolRow] = [:]
        for part in parts {
            clients += part.clients
            servers += part.servers
            apps.merge(part.apps) { $0 + $1 }
            for pool in part.pools {
                let key = PoolKey(database: pool.database, user: pool.user)
                if var known = byName[key] {
                    known.totals += pool.totals
                    byName[key] = known
                } else {
                    byName[key] = pool
                }
            }
        }
        pools = byName.values.sorted { ($0.database, $0.user) < ($1.database, $1.user) }
    }
}
