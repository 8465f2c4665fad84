import Proxy

extension ShowTables {
    static let stats = ShowTable(
        of: { $0.statistics },
        [
            .text("database") { $0.database },
            .numeric("total_server_assignment_count") { $0.totals.assignments },
            .numeric("total_xact_count") { $0.totals.transactions },
            .numeric("total_query_count") { $0.totals.queries },
            .numeric("total_received") { $0.totals.received },
            .numeric("total_sent") { $0.totals.sent },
            .numeric("total_xact_time") { $0.totals.transactionMicros },
            .numeric("total_query_time") { $0.totals.queryMicros },
            .numeric("total_wait_time") { $0.totals.waitMicros },
            .numeric("total_client_parse_count") { $0.totals.clientParses },
            .numeric("total_server_parse_count") { $0.totals.serverParses },
            .numeric("total_bind_count") { $0.totals.binds },
            .numeric("total_client_login_count") { $0.totals.logins },
            .numeric("avg_server_assignment_count") { $0.averages.assignments },
            .numeric("avg_xact_count") { $0.averages.transactions },
            .numeric("avg_query_count") { $0.averages.queries },
            .numeric("avg_recv") { $0.averages.received },
            .numeric("avg_sent") { $0.averages.sent },
            .numeric("avg_xact_time") { $0.averages.transactionMicros },
            .numeric("avg_query_time") { $0.averages.queryMicros },
            .numeric("avg_wait_time") { $0.averages.waitMicros },
            .numeric("avg_client_parse_count") { $0.averages.clientParses },
            .numeric("avg_server_parse_count") { $0.averages.serverParses },
            .numeric("avg_bind_count") { $0.averages.binds },
            .numeric("avg_client_login_count") { $0.averages.logins },
        ])

    static let statsTotals = ShowTable(
        of: { $0.statistics },
        [
            .text("database") { $0.database },
            .numeric("server_assignment_count") { $0.totals.assignments },
            .numeric("xact_count") { $0.totals.transactions },
            .numeric("query_count") { $0.totals.queries },
            .numeric("bytes_received") { $0.totals.received },
            .numeric("bytes_sent") { $0.totals.sent },
            .numeric("xact_time") { $0.totals.transactionMicros },
            .numeric("query_time") { $0.totals.queryMicros },
            .numeric("wait_time") { $0.totals.waitMicros },
            .numeric("client_parse_count") { $0.totals.clientParses },
            .numeric("server_parse_count") { $0.totals.serverParses },
            .numeric("bind_count") { $0.totals.binds },
            .numeric("client_login_count") { $0.totals.logins },
        ])

    static let statsAverages = ShowTable(
        of: { $0.statistics },
        [
            .text("database") { $0.database },
            .numeric("server_assignment_count") { $0.averages.assignments },
            .numeric("xact_count") { $0.averages.transactions },
            .numeric("query_count") { $0.averages.queries },
            .numeric("bytes_received") { $0.averages.received },
            .numeric("bytes_sent") { $0.averages.sent },
            .numeric("xact_time") { $0.averages.transactionMicros },
            .numeric("query_time") { $0.averages.queryMicros },
            .numeric("wait_time") { $0.averages.waitMicros },
            .numeric("avg_client_parse_count") { $0.averages.clientParses },
            .numeric("avg_server_parse_count") { $0.averages.serverParses },
            .numeric("avg_bind_count") { $0.averages.binds },
            .numeric("avg_client_login_count") { $0.averages.logins },
        ])

    /// All databases together.
    static let totals = ShowTable(
        of: { facts in
            var totals = Totals()
            var averages = Totals()
            for database in facts.statistics {
                totals += database.totals
                averages += database.averages
            }
            return named(totals, "total_") + named(averages, "avg_")
        },
        [.text("name") { $0.name }, .numeric("value") { $0.value }])

    private static func named(_ sums: Totals, _ prefix: String) -> [(name: String, value: UInt64)] {
        [
            (prefix + "server_assignment_count", sums.assignments), (prefix + "xact_count", sums.transactions),
            (prefix + "query_count", sums.queries), (prefix + "client_bytes", sums.received),
            (prefix + "server_bytes", sums.sent), (prefix + "xact_time", sums.transactionMicros),
            (prefix + "query_time", sums.queryMicros), (prefix + "wait_time", sums.waitMicros),
            (prefix + "ps_client_parse_count", sums.clientParses),
            (prefix + "ps_server_parse_count", sums.serverParses),
            (prefix + "ps_bind_count", sums.binds), (prefix + "client_login_count", sums.logins),
        ]
    }
}
