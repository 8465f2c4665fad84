import Proxy
import Settings

/// An application with what it may use and what it does.
private struct ShownApp: Sendable {
    let settings: AppSettings
    let use: AppUse
    let totals: AppTotals
    /// Its clients, as far as they have logged in.
    let clients: [SocketRow]

    /// In the order in which they are tried, the last resort at the end.
    static func all(_ facts: Facts) -> [ShownApp] {
        let configuration = facts.configuration
        let apps = configuration.apps.filter { !$0.isLastResort } + [configuration.appOfLastResort]
        let clients = Dictionary(grouping: facts.census.clients, by: \.app)
        return apps.map { app in
            ShownApp(
                settings: app, use: facts.apps[app.name] ?? AppUse(),
                totals: facts.census.apps[app.name] ?? AppTotals(), clients: clients[app.name] ?? [])
        }
    }

    func count(_ what: (SocketRow) -> Bool) -> Int { clients.count(where: what) }
}

extension ShowTables {
    /// Each limit beside its use; 0 is no limit.
    static let apps = ShowTable(
        of: ShownApp.all,
        [
            .text("name") { $0.settings.name },
            .int4("clients") { $0.use.clients },
            .int4("max_client_connections") { $0.settings.maxClientConnections },
            .int4("servers") { app in app.use.servers ?? app.count { $0.link != nil } },
            .int4("max_server_connections") { $0.settings.maxServerConnections },
            .int4("statements") { app in app.use.statements ?? app.count(\.isRunning) },
            .int4("max_concurrent_statements") { $0.settings.maxConcurrentStatements },
            .int4("waiting") { app in app.count { $0.state == .waiting } },
            .int4("max_waiting") { $0.settings.maxWaiting },
            .int4("burst_used") { $0.use.burstUsed },
            .int4("burst") { $0.settings.burst > 0 ? $0.settings.burst : $0.settings.statementsPerSecond },
            .int4("statements_per_second") { $0.settings.statementsPerSecond },
            .int8("bytes_used") { Int64($0.use.bytesUsed) },
            .int8("bytes_per_second") { Int64($0.settings.bytesPerSecond.bytes) },
            .int8("max_result_rows") { Int64($0.settings.maxResultRows) },
            .int8("max_result_bytes") { Int64($0.settings.maxResultBytes.bytes) },
            .int8("max_statement_bytes") { Int64($0.settings.maxStatementBytes.bytes) },
            .text("read_only") { $0.settings.readOnly ? "yes" : "no" },
            .int4("weight") { $0.settings.weight },
            .text("statement_timeout") { "\($0.settings.statementTimeout)" },
            .text("transaction_timeout") { "\($0.settings.transactionTimeout)" },
            .text("idle_transaction_timeout") { "\($0.settings.idleTransactionTimeout)" },
            .numeric("throttled") { $0.totals.throttled },
            .numeric("refused") { $0.totals.refused },
        ])
}
