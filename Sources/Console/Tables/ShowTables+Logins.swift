import Proxy
import Settings

extension ShowTables {
    /// What clients that have not logged in yet cost, and what they are allowed.
    static let logins = ShowTable(
        of: { [(totals: $0.logins, settings: $0.configuration.general)] },
        [
            .int4("logging_in") { $0.totals.underWay },
            .int4("max_login_clients") { $0.settings.maxLoginClients },
            .int4("delayed") { $0.totals.delayed },
            .numeric("failed") { $0.totals.failures },
            .numeric("crowded_out") { $0.totals.crowdedOut },
            .numeric("too_slow") { $0.totals.tooSlow },
            .int4("sources") { $0.totals.sources.count },
        ])

    /// Addresses that failures are remembered of; times in microseconds.
    static let failedLogins = ShowTable(
        of: { facts in facts.logins.sources.map { (source: $0, facts: facts) } },
        [
            .text("addr") { $0.source.address },
            .numeric("failed") { $0.source.total },
            .int4("remembered") { $0.source.recent },
            .int8("delay_us") { $0.source.delay },
            .text("last_failure") { $0.facts.time($0.source.last) },
        ])
}
