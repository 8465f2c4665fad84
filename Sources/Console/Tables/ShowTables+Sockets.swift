import Proxy

/// A connection with what is shown of it that depends on the moment.
private struct ShownSocket: Sendable {
    let row: SocketRow
    let state: String
    let connected: String
    let requested: String

    init(_ row: SocketRow, _ facts: Facts, state: String) {
        self.row = row
        self.state = state
        connected = facts.time(row.connectedAt)
        requested = facts.time(row.requestedAt)
    }

    /// As `SHOW CLIENTS` and `SHOW SERVERS` call the state.
    static func short(_ row: SocketRow, _ facts: Facts) -> ShownSocket {
        ShownSocket(row, facts, state: row.isServer && row.state == .login ? "new" : row.state.rawValue)
    }

    /// As `SHOW SOCKETS` calls it.
    static func long(_ row: SocketRow, _ facts: Facts) -> ShownSocket {
        let name: String
        switch (row.isServer, row.state) {
        case (false, .idle), (false, .active): name = "cl_active"
        case (false, .waiting): name = "cl_waiting"
        case (false, .login), (false, .tested), (false, .beingCanceled): name = "cl_login"
        case (true, .login): name = "sv_login"
        case (true, .idle), (true, .waiting): name = "sv_idle"
        case (true, .active): name = "sv_active"
        case (true, .tested): name = "sv_tested"
        case (true, .beingCanceled): name = "sv_being_canceled"
        }
        return ShownSocket(row, facts, state: name)
    }
}

extension ShowTables {
    private static let socketColumns: [ItemColumn<ShownSocket>] = [
        .text("type") { $0.row.isServer ? "S" : "C" },
        .text("user") { $0.row.user.isEmpty ? "(nouser)" : $0.row.user },
        .text("database") { $0.row.database.isEmpty ? "(nodb)" : $0.row.database },
        .text("replication") { $0.row.replication },
        .text("state") { $0.state },
        .text("addr") { $0.row.address },
        .int4("port") { Int($0.row.port) },
        .text("local_addr") { $0.row.localAddress },
        .int4("local_port") { Int($0.row.localPort) },
        .text("connect_time") { $0.connected },
        .text("request_time") { $0.requested },
        .int4("wait") { Int($0.row.waited / 1_000_000) },
        .int4("wait_us") { Int($0.row.waited % 1_000_000) },
        .int4("close_needed") { $0.row.closeNeeded ? 1 : 0 },
        .text("ptr") { $0.row.id.text },
        .text("link") { $0.row.link?.text ?? "" },
        .int4("remote_pid") { Int($0.row.remotePID) },
        .text("tls") { $0.row.tls },
        .text("application_name") { $0.row.applicationName },
        .int4("prepared_statements") { $0.row.preparedCount },
        .int4("id") { Int($0.row.id.number) },
    ]

    private static let bufferColumns: [ItemColumn<ShownSocket>] = [
        .int4("recv_pos") { _ in 0 },
        .int4("pkt_pos") { _ in 0 },
        .int4("pkt_remain") { _ in 0 },
        .int4("send_pos") { _ in 0 },
        .int4("send_remain") { $0.row.unsent },
        .int4("pkt_avail") { $0.row.carried },
        .int4("send_avail") { _ in 0 },
    ]

    static let clients = ShowTable(
        of: { facts in facts.loggedIn.map { ShownSocket.short($0, facts) } },
        socketColumns + [.text("app") { $0.row.app }])

    static let servers = ShowTable(
        of: { facts in facts.census.servers.map { ShownSocket.short($0, facts) } }, socketColumns)

    static let sockets = ShowTable(
        of: { facts in (facts.census.clients + facts.census.servers).map { ShownSocket.long($0, facts) } },
        socketColumns + bufferColumns)

    static let activeSockets = ShowTable(
        of: { facts in
            (facts.census.clients + facts.census.servers).filter { !($0.isServer && $0.state == .idle) }
                .map { ShownSocket.long($0, facts) }
        },
        socketColumns + bufferColumns)

    /// PgBouncer's columns; those that hold secrets stay empty.
    static let descriptors = ShowTable(
        needsAdmin: true, of: { $0.census.clients + $0.census.servers },
        [
            .int4("fd") { Int($0.descriptor) },
            .text("task") { $0.isServer ? "server" : "client" },
            .text("user") { $0.user },
            .text("database") { $0.database },
            .text("addr") { $0.address },
            .int4("port") { Int($0.port) },
            .int8("cancel") { _ in 0 },
            .int4("link") { _ in 0 },
            .text("client_encoding") { _ in nil },
            .text("std_strings") { _ in nil },
            .text("datestyle") { _ in nil },
            .text("timezone") { _ in nil },
            .text("password") { _ in nil },
            .text("scram_client_key") { _ in nil },
            .text("scram_server_key") { _ in nil },
        ])

    /// Who keeps a server outside transactions, and why.
    static let pins = ShowTable(
        of: { facts in facts.census.clients.filter { !$0.pinned.isEmpty } },
        [
            .text("database") { $0.database },
            .text("user") { $0.user },
            .text("client") { $0.id.text },
            .text("addr") { $0.address },
            .int4("port") { Int($0.port) },
            .text("application_name") { $0.applicationName },
            .text("server") { $0.link?.text ?? "" },
            .text("reason") { $0.pinned },
        ])
}
