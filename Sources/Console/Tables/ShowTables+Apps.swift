import Proxy
import Settings

/// An application with what it may use and what it does.
private struct ShownApp: Sendable {
    let settings: AppSettings
    let use: AppUse
    let totals: AppTotals

    /// In the order in which they are tried, the last resort at the end.
    static func all(_ facts: Facts) -> [ShownApp] {
        let configuration = facts.configuration
        let apps = configuration.apps.filter { !$0.isLastResort } + [configuration.appOfLastResort]
        return apps.map { app in
            ShownApp(
                settings: app, use: facts.apps[app.name] ?? AppUse(), totals: facts.census.apps[app.name] ?? AppTotals()
            )
        }
    }
}

extension ShowTables {
    /// Each limit beside its use; 0 is no limit.
    static let apps = ShowTable(
        of: ShownApp.all,
        [
            .text("name") { $0.settings.name },
            .int4("clients") { $0.use.clients },
            .int4("max_client_connections") { $0.settings.maxClientConnections },
            .numeric("throttled") { $0.totals.throttled },
            .numeric("refused") { $0.totals.refused },
        ])
}
