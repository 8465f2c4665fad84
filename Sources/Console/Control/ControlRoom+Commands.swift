import AuditTrail
import EventLoop
import PostgresWire
import Proxy
import Settings
import Telemetry

extension ControlRoom {
    /// Runs a command; nil if its outcome comes later.
    func run(_ command: Command, _ client: ConsoleClient) -> Outcome? {
        if command.needsAdmin {
            Log.info(
                "console", "console command",
                ["user": client.user, "client": client.address, "command": command.logged])
        }
        let id = client.id
        switch command {
        case .show(let name):
            if name == "audit" { recordReading(client) }
            show(name, id)
        case .set(let key, let value): return set(key, value)
        case .reload: reload(id)
        case .pause(let scope): return pause(scope, id)
        case .resume(let scope): return resume(scope, id)
        case .disable(let name): return setDisabled(true, name, id)
        case .enable(let name): return setDisabled(false, name, id)
        case .reconnect(let scope):
            if let error = refusal(scope) { return error }
            let post = self.post
            proxy.reconnect(scope) { post { $0.finish(id, .done(tag: "RECONNECT")) } }
        case .kill(let scope): return kill(scope, id)
        case .killClient(let text): return killClient(text, id)
        case .suspend: return suspend(id)
        case .shutdown(let mode): return shutDown(mode)
        case .waitClose(let scope):
            if let error = refusal(scope) { return error }
            wait(id, for: .closed(scope))
        case .answer, .ignore, .transaction, .help: return .done(tag: "SHOW")
        }
        return nil
    }

    /// Who looks at the audit trail is in it.
    private func recordReading(_ client: ConsoleClient) {
        proxy.audit?.trail.record(
            AuditEvent(
                .auditRead, mode: .strict,
                [
                    AuditField("user.name", .text(client.user)), AuditField("source.address", .text(client.address)),
                    AuditField("headgate.read.what", .text("SHOW AUDIT")),
                    AuditField("headgate.read.by", .text("console")),
                ]))
    }

    private func show(_ name: String, _ id: SocketID) {
        gather { room, facts in
            guard let table = ShowTables.all[name] else { return }
            room.finish(id, .rows(table.columns, table.rows(facts), tag: "SHOW"))
        }
    }

    private func error(_ text: String) -> Outcome { .failed(PostgresError(.error, "08P01", text)) }

    /// Why a command cannot be about these pools.
    private func refusal(_ scope: PoolScope) -> Outcome? {
        guard case .database(let name) = scope else { return nil }
        if name == "pgbouncer" || name == "headgate" { return error("cannot pause admin db: \(name)") }
        return snapshot.configuration.database(name) == nil ? error("no such database: \(name)") : nil
    }

    // MARK: Pools

    private func pause(_ scope: PoolScope, _ id: SocketID?) -> Outcome? {
        if let error = refusal(scope) { return error }
        if scope == .all && (admin.isPaused || admin.isSuspended) { return error("already suspended/paused") }
        admin.setPaused(true, scope)
        let post = self.post
        proxy.apply(admin) { post { $0.wait(id, for: .paused(scope)) } }
        return nil
    }

    /// Reads no socket any more; done when everything is sent, or `suspend_timeout` is over.
    private func suspend(_ id: SocketID) -> Outcome? {
        if admin.isPaused || admin.isSuspended { return error("already suspended/paused") }
        admin.isSuspended = true
        let limit = snapshot.configuration.general.suspendTimeout
        suspendDeadline = limit.isZero ? .max : loop.nowMicros + limit.microseconds
        let post = self.post
        proxy.apply(admin) { post { $0.wait(id, for: .suspended) } }
        return nil
    }

    private func resume(_ scope: PoolScope, _ id: SocketID) -> Outcome? {
        if let error = refusal(scope) { return error }
        switch scope {
        case .all:
            if !admin.isPaused && admin.paused.isEmpty && !admin.isSuspended {
                return error("pooler is not paused/suspended")
            }
        case .database(let name):
            if !admin.paused.contains(name) { return error("database \(name) is not paused") }
        }
        admin.setPaused(false, scope)
        if scope == .all { admin.isSuspended = false }
        let interrupted = pending.filter { waiting in
            if waiting.goal == .suspended { return scope == .all }
            guard case .paused(let other) = waiting.goal else { return false }
            return scope == .all || other == scope
        }
        let post = self.post
        proxy.apply(admin) { post { $0.finish(id, .done(tag: "RESUME")) } }
        for waiting in interrupted {
            pending.removeAll { $0.client == waiting.client && $0.goal == waiting.goal }
            let what = waiting.goal == .suspended ? "everything was sent" : "all servers were closed"
            finish(waiting.client, error("RESUME came before \(what)"))
        }
        return nil
    }

    private func setDisabled(_ on: Bool, _ name: String, _ id: SocketID) -> Outcome? {
        if let error = refusal(.database(name)) { return error }
        if on { admin.disabled.insert(name) } else { admin.disabled.remove(name) }
        let post = self.post
        proxy.apply(admin) { post { $0.finish(id, .done(tag: on ? "DISABLE" : "ENABLE")) } }
        return nil
    }

    private func kill(_ scope: PoolScope, _ id: SocketID) -> Outcome? {
        if let error = refusal(scope) { return error }
        admin.setPaused(true, scope)
        proxy.apply(admin)
        let post = self.post
        proxy.kill(scope) { post { $0.finish(id, .done(tag: "KILL")) } }
        return nil
    }

    private func killClient(_ text: String, _ id: SocketID) -> Outcome? {
        let post = self.post
        let answer: @Sendable (ControlRoom, Bool) -> Void = { room, found in
            room.finish(id, found ? .done(tag: "KILL_CLIENT") : room.error("client not found"))
        }
        if let victim = SocketID(text) {
            guard !victim.isServer else { return error("client not found") }
            proxy.killClient(victim) { found in post { answer($0, found) } }
            return nil
        }
        guard let number = Int64(text) else { return error("invalid client pointer supplied") }
        gather { room, facts in
            guard let victim = facts.census.clients.first(where: { $0.id.number == number })?.id else {
                return answer(room, false)
            }
            room.proxy.killClient(victim) { found in post { answer($0, found) } }
        }
        return nil
    }

    // MARK: Signals

    /// SIGUSR1.
    func pauseAll() {
        guard !admin.isPaused else { return }
        _ = pause(.all, nil)
    }

    /// SIGUSR2.
    func resumeAll() {
        guard admin.isPaused || !admin.paused.isEmpty || admin.isSuspended else { return }
        admin.setPaused(false, .all)
        admin.isSuspended = false
        pending.removeAll { if case .paused = $0.goal { $0.client == nil } else { false } }
        proxy.apply(admin)
    }
}
