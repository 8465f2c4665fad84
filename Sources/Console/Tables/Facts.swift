import EventLoop
import Proxy
import Settings
import Telemetry

/// What the tables are made of: what the workers told, and what the control thread knows itself.
struct Facts: Sendable {
    var census = Census()
    var configuration = Configuration()
    var admin = AdminState()
    var statistics: [DatabaseStatistics] = []
    /// What is known of the names of servers.
    var names: [ResolvedName] = []
    /// Servers and clients by database and by user, as the limits count them.
    var databases: [String: (servers: Int, clients: Int)] = [:]
    var users: [String: (servers: Int, clients: Int)] = [:]
    /// What applications use now.
    var apps: [String: AppUse] = [:]
    var logins = LoginTotals()
    /// How the audit trail does; nil if nothing is recorded.
    var audit: AuditService?
    /// The monotonic clock at the moment the facts were gathered, and the wall clock at the same.
    var now: Int64 = 0
    var wall: Int64 = 0

    /// A moment of the monotonic clock in PgBouncer's form.
    func time(_ moment: Int64) -> String {
        let text = Clock.rfc3339(micros: wall - (now - moment))
        return text.prefix(10) + " " + text.dropFirst(11).prefix(8) + " UTC"
    }

    /// Clients that have logged in.
    var loggedIn: [SocketRow] { census.clients.filter { $0.state != .login } }
}

/// What a database has done, and what it does on average.
struct DatabaseStatistics: Sendable, Equatable {
    let database: String
    let totals: Totals
    let averages: Totals
}

/// Remembers what had been counted at the end of the last periods. Averages are over the last whole period; before
/// there is one, since the start.
struct StatsHistory {
    private struct Sample {
        let at: Int64
        let totals: [String: Totals]
    }

    private var older: Sample
    private var newer: Sample?

    /// Nothing counted at `now`.
    init(now: Int64) { older = Sample(at: now, totals: [:]) }

    /// A period has ended.
    mutating func sample(_ pools: [PoolRow], at now: Int64) {
        if let newer { older = newer }
        newer = Sample(at: now, totals: Self.byDatabase(pools))
    }

    /// Totals and averages by database.
    func statistics(_ pools: [PoolRow], now: Int64) -> [DatabaseStatistics] {
        let current = Self.byDatabase(pools)
        let end = newer ?? Sample(at: now, totals: current)
        let seconds = max(Double(end.at - older.at) / 1e6, 0.001)
        return current.keys.sorted().map { name in
            let averages = Self.averages(
                from: older.totals[name] ?? Totals(), to: end.totals[name] ?? Totals(), seconds)
            return DatabaseStatistics(database: name, totals: current[name] ?? Totals(), averages: averages)
        }
    }

    private static func byDatabase(_ pools: [PoolRow]) -> [String: Totals] {
        var sums: [String: Totals] = [:]
        for pool in pools { sums[pool.database, default: Totals()] += pool.totals }
        return sums
    }

    /// Counts a second; times for each of what took them.
    private static func averages(from old: Totals, to new: Totals, _ seconds: Double) -> Totals {
        func rate(_ path: KeyPath<Totals, UInt64>) -> UInt64 {
            let grown = new[keyPath: path] &- old[keyPath: path]
            return UInt64(min(Double(grown) / seconds, 1e18))
        }
        func each(_ time: KeyPath<Totals, UInt64>, _ count: KeyPath<Totals, UInt64>) -> UInt64 {
            let grown = new[keyPath: count] &- old[keyPath: count]
            return grown == 0 ? 0 : (new[keyPath: time] &- old[keyPath: time]) / grown
        }
        var result = Totals()
        result.assignments = rate(\.assignments)
        result.transactions = rate(\.transactions)
        result.queries = rate(\.queries)
        result.received = rate(\.received)
        result.sent = rate(\.sent)
        result.logins = rate(\.logins)
        result.clientParses = rate(\.clientParses)
        result.serverParses = rate(\.serverParses)
        result.binds = rate(\.binds)
        result.transactionMicros = each(\.transactionMicros, \.transactions)
        result.queryMicros = each(\.queryMicros, \.queries)
        result.waitMicros = each(\.waitMicros, \.assignments)
        return result
    }
}
