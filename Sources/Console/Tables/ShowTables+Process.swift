import EventLoop
import Proxy
import Settings

extension ShowTables {
    static let version = ShowTable(of: { _ in [Product.versionText] }, [.text("version") { $0 }])

    static let config = ShowTable(
        of: { $0.configuration.rows },
        [
            .text("key") { $0.key },
            .text("value") { $0.value },
            .text("default") { $0.defaultValue },
            .text("changeable") { $0.isChangeable ? "yes" : "no" },
        ])

    static let state = ShowTable(
        of: { facts in
            [
                NamedValue(name: "active", value: facts.admin.isPaused || facts.admin.isSuspended ? "no" : "yes"),
                NamedValue(name: "paused", value: facts.admin.isPaused ? "yes" : "no"),
                NamedValue(name: "suspended", value: facts.admin.isSuspended ? "yes" : "no"),
            ]
        },
        [.text("key") { $0.name }, .text("value") { $0.value }])

    /// What PgBouncer's caches hold, as far as Headgate has the like of them. Sizes are the measured average.
    static let memory = ShowTable(
        of: { facts in
            [
                memoryRow("user_cache", 512, facts.configuration.users.count),
                memoryRow("db_cache", 512, facts.configuration.databases.count),
                memoryRow("pool_cache", 1024, facts.census.pools.count),
                memoryRow("server_cache", 2048, facts.census.servers.count),
                memoryRow("client_cache", 800, facts.census.clients.count),
                memoryRow("iobuf_cache", 1, buffered(facts)),
            ]
        },
        [
            .text("name") { $0.name },
            .int4("size") { $0.size },
            .int4("used") { $0.used },
            .int4("free") { _ in 0 },
            .int4("memtotal") { $0.size * $0.used },
        ])

    private static func memoryRow(_ name: String, _ size: Int, _ used: Int) -> (name: String, size: Int, used: Int) {
        (name, size, used)
    }

    private static func buffered(_ facts: Facts) -> Int {
        (facts.census.clients + facts.census.servers).reduce(0) { $0 + $1.carried + $1.unsent }
    }

    static let dnsHosts = ShowTable(
        of: { $0.names },
        [
            .text("hostname") { $0.host }, .int8("ttl") { Int64($0.timeToLive / 1_000_000) },
            .text("addrs") { $0.addresses.joined(separator: ",") },
        ])

    static let dnsZones = ShowTable(
        of: { _ in [NamedValue]() },
        [.text("zonename") { $0.name }, .int8("serial") { _ in 0 }, .int4("count") { _ in 0 }])

    static let peers = ShowTable(
        of: { _ in [NamedValue]() },
        [
            .int4("peer_id") { _ in 0 }, .text("host") { $0.value }, .int4("port") { _ in 0 },
            .int4("pool_size") { _ in 0 },
        ])

    static let peerPools = ShowTable(
        of: { _ in [NamedValue]() },
        [
            .int4("peer_id") { _ in 0 }, .int4("cl_active_cancel_req") { _ in 0 },
            .int4("cl_waiting_cancel_req") { _ in 0 }, .int4("sv_active_cancel") { _ in 0 },
            .int4("sv_login") { _ in 0 },
        ])
}
