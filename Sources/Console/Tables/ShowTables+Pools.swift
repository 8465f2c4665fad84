import EventLoop
import Proxy
import Settings

/// A pool with its connections counted by what they do.
private struct ShownPool: Sendable {
    let database: String
    let user: String
    let mode: String
    var clients: [SocketState: Int] = [:]
    var servers: [SocketState: Int] = [:]
    var longestWait: Int64 = 0

    private struct Key: Hashable {
        let database: String
        let user: String
    }

    static func all(_ facts: Facts) -> [ShownPool] {
        var index: [Key: Int] = [:]
        var pools = facts.census.pools.map { ShownPool(database: $0.database, user: $0.user, mode: $0.mode) }
        for (place, pool) in pools.enumerated() { index[Key(database: pool.database, user: pool.user)] = place }
        var console = ShownPool(database: "pgbouncer", user: "pgbouncer", mode: "statement")
        for row in facts.loggedIn {
            if row.isConsole {
                console.clients[.active, default: 0] += 1
            } else if let place = index[Key(database: row.database, user: row.user)] {
                pools[place].clients[row.state, default: 0] += 1
                pools[place].longestWait = max(pools[place].longestWait, row.waited)
            }
        }
        for row in facts.census.servers {
            guard let place = index[Key(database: row.database, user: row.user)] else { continue }
            pools[place].servers[row.state, default: 0] += 1
        }
        return pools + [console]
    }

    func clients(_ states: SocketState...) -> Int { states.reduce(0) { $0 + (clients[$1] ?? 0) } }

    func servers(_ state: SocketState) -> Int { servers[state] ?? 0 }
}

/// A database as clients name it: one of the configuration, or one that `*` stands for and that has a pool.
private struct ShownDatabase: Sendable {
    let name: String
    let settings: DatabaseSettings
    let server: ServerAddress?
    let facts: Facts

    static func all(_ facts: Facts) -> [ShownDatabase] {
        let names = Set(facts.configuration.databases.keys).union(facts.census.pools.map(\.database))
        return names.sorted().compactMap { name in
            guard let settings = facts.configuration.database(name) else { return nil }
            let server = facts.configuration.clusters[settings.cluster]?.servers.first
            return ShownDatabase(name: name, settings: settings, server: server, facts: facts)
        }
    }

    var pool: PoolSettings { settings.pool }
}

extension ShowTables {
    static let pools = ShowTable(
        of: ShownPool.all,
        [
            .text("database") { $0.database },
            .text("user") { $0.user },
            .int4("cl_active") { $0.clients(.active, .idle) },
            .int4("cl_waiting") { $0.clients(.waiting) },
            .int4("cl_active_cancel_req") { _ in 0 },
            .int4("cl_waiting_cancel_req") { _ in 0 },
            .int4("sv_active") { $0.servers(.active) },
            .int4("sv_active_cancel") { _ in 0 },
            .int4("sv_being_canceled") { $0.servers(.beingCanceled) },
            .int4("sv_idle") { $0.servers(.idle) },
            .int4("sv_used") { _ in 0 },
            .int4("sv_tested") { $0.servers(.tested) },
            .int4("sv_login") { $0.servers(.login) },
            .int4("maxwait") { Int($0.longestWait / 1_000_000) },
            .int4("maxwait_us") { Int($0.longestWait % 1_000_000) },
            .text("pool_mode") { $0.mode },
            .text("load_balance_hosts") { _ in nil },
        ])

    static let databases = ShowTable(
        of: ShownDatabase.all,
        [
            .text("name") { $0.name },
            .text("host") { $0.server?.host },
            .int4("port") { Int($0.server?.port ?? 0) },
            .text("database") { $0.settings.dbname ?? $0.name },
            .text("force_user") { _ in nil },
            .int4("pool_size") { $0.pool.defaultPoolSize },
            .int4("min_pool_size") { $0.pool.minPoolSize },
            .int4("reserve_pool_size") { $0.pool.reservePoolSize },
            .int4("server_lifetime") { Int($0.pool.serverLifetime.seconds) },
            .text("pool_mode") { $0.pool.poolMode.rawValue },
            .text("load_balance_hosts") { _ in nil },
            .int4("max_connections") { $0.pool.maxDBConnections },
            .int4("current_connections") { $0.facts.databases[$0.name]?.servers ?? 0 },
            .int4("max_client_connections") { $0.pool.maxDBClientConnections },
            .int4("current_client_connections") { $0.facts.databases[$0.name]?.clients ?? 0 },
            .int4("paused") { $0.facts.admin.isPaused($0.name) ? 1 : 0 },
            .int4("disabled") { $0.facts.admin.disabled.contains($0.name) ? 1 : 0 },
        ])

    static let users = ShowTable(
        of: { facts in
            facts.configuration.users.keys.sorted().map { (name: $0, user: facts.configuration.user($0), facts: facts) }
        },
        [
            .text("name") { $0.name },
            .text("pool_size") { $0.user.poolSize.map(Self.wide) ?? "" },
            .text("reserve_pool_size") { $0.user.reservePoolSize.map(Self.wide) ?? "" },
            .text("pool_mode") { $0.user.poolMode?.rawValue },
            .int4("max_user_connections") { $0.user.maxUserConnections },
            .int4("current_connections") { $0.facts.users[$0.name]?.servers ?? 0 },
            .int4("max_user_client_connections") { $0.user.maxUserClientConnections },
            .int4("current_client_connections") { $0.facts.users[$0.name]?.clients ?? 0 },
        ])

    /// PgBouncer's `%9d`.
    private static func wide(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: " ", count: max(0, 9 - digits.count)) + digits
    }

    static let lists = ShowTable(
        of: { facts in
            let used = facts.census.servers.filter { $0.state == .active }.count
            let counts: [(name: String, count: Int)] = [
                ("databases", facts.configuration.databases.count), ("users", facts.configuration.users.count),
                ("peers", 0), ("pools", facts.census.pools.count + 1), ("peer_pools", 0), ("free_clients", 0),
                ("used_clients", facts.loggedIn.count),
                ("login_clients", facts.census.clients.count - facts.loggedIn.count),
                ("free_servers", facts.census.servers.count - used), ("used_servers", used),
                ("dns_names", facts.names.count),
                ("dns_zones", 0), ("dns_queries", 0), ("dns_pending", facts.names.count(where: \.isBeingAsked)),
            ]
            return counts
        },
        [.text("list") { $0.name }, .int4("items") { $0.count }])
}
