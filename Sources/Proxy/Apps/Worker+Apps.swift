import EventLoop
import Pooling
import Settings

extension Worker {
    /// The application of a connection that logs in.
    func app(of client: ClientIdentity) -> App { app(snapshot.configuration.app(of: client)) }

    private func app(_ settings: AppSettings) -> App {
        if let known = apps[settings.name] { return known }
        let made = App(share: shared.app(settings.name), settings: settings)
        apps[settings.name] = made
        return made
    }

    /// A new configuration is in force: limits hold at once, and where what decides which connection belongs to which
    /// application has changed, connections are matched anew with what they gave at login. None is refused by that.
    func reconfigureApps(from old: Configuration) {
        let new = snapshot.configuration
        for settings in new.apps + [new.appOfLastResort] { apps[settings.name]?.take(settings) }
        func rules(_ configuration: Configuration) -> [AppRule] {
            configuration.apps.map { AppRule(name: $0.name, match: $0.match) }
        }
        guard rules(old) != rules(new) else { return }
        clients.forEach { client in
            guard let before = client.app, let identity = client.identity else { return }
            let now = app(of: identity)
            if now !== before { client.move(to: now) }
        }
        let names = Set(new.apps.map(\.name)).union([AppSettings.lastResort])
        apps = apps.filter { names.contains($0.key) }
        shared.keepApps(names)
    }
}

/// What decides who belongs to an application.
private struct AppRule: Equatable {
    let name: String
    let match: AppMatch
}

extension PooledClient {
    /// What decides which application it belongs to; nil before it has logged in.
    final var identity: ClientIdentity? {
        guard let key = pool?.global.key else { return nil }
        return ClientIdentity(
            user: key.user, database: key.database, applicationName: applicationName, source: peer.bytes,
            certificate: tls?.peerSubject)
    }

    /// It belongs to another application from now on, whatever the limits of that one are.
    final func move(to new: App) {
        app?.leave()
        _ = new.share.clients.reserve(limit: 0)
        app = new
    }
}
