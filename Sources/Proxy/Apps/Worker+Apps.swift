import EventLoop
import Pooling
import Settings

extension Worker {
    /// The application of a connection that logs in.
    func app(of client: ClientIdentity) -> App { app(snapshot.configuration.app(of: client)) }

    private func app(_ settings: AppSettings) -> App {
        if let known = apps[settings.name] { return known }
        let made = App(share: shared.app(settings.name), worker: self, settings: settings)
        apps[settings.name] = made
        return made
    }

    /// A new configuration is in force: limits hold at once, and where what decides which connection belongs to which
    /// application has changed, connections are matched anew with what they gave at login. None is refused by that.
    func reconfigureApps(from old: Configuration) {
        let new = snapshot.configuration
        let (before, after) = (old.apps + [old.appOfLastResort], new.apps + [new.appOfLastResort])
        if before == after { return }
        for settings in after { apps[settings.name]?.take(settings, now: loop.nowMicros) }
        func rules(_ configuration: Configuration) -> [AppRule] {
            configuration.apps.map { AppRule(name: $0.name, match: $0.match) }
        }
        let areMatchedAnew = rules(old) != rules(new)
        clients.forEach { client in
            guard let current = client.app, let identity = client.identity else { return }
            let now = areMatchedAnew ? app(of: identity) : current
            if now !== current { client.move(to: now) }
            client.appChanged()
        }
        for app in apps.values {
            look(after: app)
            app.goOnAll()
        }
        let names = Set(after.map(\.name))
        apps = apps.filter { names.contains($0.key) }
        shared.keepApps(names)
    }

    // MARK: Who may go on

    /// Places of an application are free: who waits for them goes on at the end of the turn.
    func look(after app: App) {
        if app.isListed { return }
        app.isListed = true
        appsToLookAfter.append(app)
    }

    /// Whether `settleApps` has something to do.
    var owesApps: Bool { !appsToLookAfter.isEmpty || !refused.isEmpty || !appsChangedFor.isEmpty }

    /// Lets those go on who may, and tells those who may not.
    func settleApps() {
        while let slot = appsChangedFor.popLast() { clients[slot]?.appChanged() }
        while let late = refused.popLast() {
            guard let client = clients[late.slot], client.line == .refused, client.ticket == late.ticket else {
                continue
            }
            client.endWait()
            client.refuse(late.refusal)
        }
        while let app = appsToLookAfter.popLast() {
            app.isListed = false
            passOn(app)
            for pool in Array(pools.values) { pool.serve() }
        }
    }

    private func passOn(_ app: App) {
        while true {
            switch app.line.next() {
            case .nobody: return
            case .elsewhere(let other):
                let name = app.share.name
                _ = shared.worker(other)?.post(
                    .job { worker in if let app = worker.apps[name] { worker.look(after: app) } })
                return
            case .client(let slot):
                guard let client = clients[slot], client.app === app, client.line == .statement else {
                    app.giveBack(.statement, self)
                    continue
                }
                client.statementGranted()
            case .pool(let number): pools.values.first { $0.number == number }?.unblock(app)
            }
        }
    }
}

/// A client that is told at the end of the turn why it need not wait.
struct LateRefusal {
    let slot: UInt32
    let ticket: UInt64
    let refusal: Refusal
}

/// What decides who belongs to an application.
private struct AppRule: Equatable {
    let name: String
    let match: AppMatch
}
