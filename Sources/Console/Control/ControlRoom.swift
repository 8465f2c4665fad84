import EventLoop
import PostgresWire
import Proxy
import Settings
import Telemetry

/// What a console client waits for.
struct Pending {
    enum Goal: Equatable {
        /// No server of these pools is left.
        case paused(PoolScope)
        /// Nothing is unsent.
        case suspended
        /// No server of these pools is marked to be closed.
        case closed(PoolScope)
    }

    let client: SocketID?
    let goal: Goal
}

/// The control thread's world: the conversations of the console, what is paused, the configuration in force, the way to
/// the end. Everything here happens on that thread; workers are asked by mail.
final class ControlRoom {
    let loop: Loop
    let proxy: ProxyServer
    let reload: ReloadSource
    /// Runs something on this thread later; may be called from any.
    let post: @Sendable (@escaping @Sendable (ControlRoom) -> Void) -> Void
    var snapshot: Snapshot
    var admin = AdminState()
    var sessions: [SocketID: ConsoleSession] = [:]
    var pending: [Pending] = []
    var shutdown: ShutdownMode?
    /// When a shutdown stops waiting; `.max` for never.
    var shutdownDeadline = Int64.max
    /// The last look found nothing left to wait for. One look is not enough: a client of the console that has just
    /// left is counted here for a moment longer than among the clients.
    var sawEnd = false
    private(set) var history: StatsHistory
    private var ticker: LoopTimer?
    private var period: LoopTimer?
    private var names: LoopTimer?
    /// When SUSPEND cuts what has not drained.
    var suspendDeadline = Int64.max
    /// When secrets are to be asked for again.
    var secrets = SecretSchedule()
    private(set) var secretTicker: LoopTimer?
    /// The files of certificates and keys.
    var tls = TLSWatch()
    private var tlsTicker: LoopTimer?

    /// How often what somebody waits for is looked at.
    private static let tick: Int64 = 20_000

    init(
        loop: Loop, proxy: ProxyServer, snapshot: Snapshot, reload: ReloadSource,
        post: @escaping @Sendable (@escaping @Sendable (ControlRoom) -> Void) -> Void
    ) {
        self.loop = loop
        self.proxy = proxy
        self.snapshot = snapshot
        self.reload = reload
        self.post = post
        history = StatsHistory(now: loop.nowMicros)
        ticker = LoopTimer(loop: loop) { [unowned self] in self.look() }
        period = LoopTimer(loop: loop) { [unowned self] in self.periodEnded() }
        names = LoopTimer(loop: loop) { [unowned self] in self.proxy.refreshNames(self.snapshot.configuration) }
        secretTicker = LoopTimer(loop: loop) { [unowned self] in self.askForDueSecrets() }
        tlsTicker = LoopTimer(loop: loop) { [unowned self] in self.watchTLS() }
        tlsTicker?.start(every: Self.tlsTick)
        startPeriod()
        scheduleSecrets()
    }

    // MARK: Conversations

    func opened(_ client: ConsoleClient) { sessions[client.id] = ConsoleSession(client: client) }

    func received(_ bytes: [UInt8], from id: SocketID) {
        sessions[id]?.receive(bytes)
        goOn(id)
    }

    func closed(_ id: SocketID) {
        sessions[id] = nil
        pending.removeAll { $0.client == id }
    }

    /// The client no longer wants to wait; as in PgBouncer, what it paused goes on.
    func cancelled(_ id: SocketID) {
        guard let waiting = pending.first(where: { $0.client == id }) else { return }
        pending.removeAll { $0.client == id }
        if case .paused(let scope) = waiting.goal {
            admin.setPaused(false, scope)
            proxy.apply(admin)
        }
        if waiting.goal == .suspended {
            admin.isSuspended = false
            proxy.apply(admin)
        }
        finish(id, .failed(PostgresError(.error, "57014", "canceling statement due to user request")))
    }

    /// Does what the client has asked for, as far as it can be done now, and sends what there is to send.
    private func goOn(_ id: SocketID) {
        while let session = sessions[id] {
            let step = session.next()
            let (bytes, used) = session.takeOutput()
            if !bytes.isEmpty || used > 0 || step == .close {
                proxy.answer(id, bytes, used: used, closes: step == .close)
            }
            switch step {
            case .wait: return
            case .close:
                sessions[id] = nil
                return
            case .run(let command):
                guard let outcome = run(command, session.client) else { return }
                session.finished(outcome)
            }
        }
    }

    /// A command that could not be answered at once has come to its end.
    func finish(_ id: SocketID?, _ outcome: Outcome) {
        guard let id, let session = sessions[id] else { return }
        session.finished(outcome)
        goOn(id)
    }

    // MARK: Facts

    /// Collects what tables are made of.
    func gather(then: @escaping @Sendable (ControlRoom, Facts) -> Void) {
        let post = self.post
        proxy.census { census in post { room in then(room, room.facts(census)) } }
    }

    private func facts(_ census: Census) -> Facts {
        loop.updateNow()
        let configuration = snapshot.configuration
        var facts = Facts()
        facts.census = census
        facts.configuration = configuration
        facts.admin = admin
        facts.now = loop.nowMicros
        facts.wall = Clock.wallMicros()
        facts.names = proxy.resolvedNames
        facts.audit = proxy.audit
        facts.statistics = history.statistics(census.pools, now: facts.now)
        for name in Set(configuration.databases.keys).union(census.pools.map(\.database)) {
            facts.databases[name] = proxy.connections(ofDatabase: name)
        }
        facts.apps = proxy.appUses
        facts.logins = proxy.logins(at: facts.now)
        for name in configuration.users.keys { facts.users[name] = proxy.connections(ofUser: name) }
        return facts
    }

    /// Starts what happens every so often.
    func startPeriod() {
        let general = snapshot.configuration.general
        period?.start(every: general.statsPeriod.microseconds)
        // Without a time to live every connection asks for itself.
        if general.dnsMaxTTL.isZero {
            names?.stop()
        } else {
            names?.start(every: max(1_000_000, general.dnsMaxTTL.microseconds))
        }
    }

    private func periodEnded() {
        gather { room, facts in
            room.history.sample(facts.census.pools, at: facts.now)
            guard room.snapshot.configuration.general.logStats else { return }
            let all = room.history.statistics(facts.census.pools, now: facts.now).map(\.averages)
            Log.info(
                "stats", "averages a second of the last stats_period",
                [
                    "xacts": all.reduce(0) { $0 + $1.transactions }, "queries": all.reduce(0) { $0 + $1.queries },
                    "in_bytes": all.reduce(0) { $0 + $1.received }, "out_bytes": all.reduce(0) { $0 + $1.sent },
                    "clients": facts.loggedIn.count, "servers": facts.census.servers.count,
                ])
        }
    }

    // MARK: Waiting

    func wait(_ client: SocketID?, for goal: Pending.Goal) {
        pending.append(Pending(client: client, goal: goal))
        startLooking()
    }

    func startLooking() {
        if ticker?.isActive != true { ticker?.start(after: 1, every: Self.tick) }
    }

    private func look() {
        for waiting in pending {
            guard case .paused(let scope) = waiting.goal, proxy.serverCount(scope) == 0 else { continue }
            pending.removeAll { $0.client == waiting.client && $0.goal == waiting.goal }
            finish(waiting.client, .done(tag: "PAUSE"))
        }
        if pending.contains(where: { if case .closed = $0.goal { true } else { false } }) {
            gather { room, facts in room.lookForClosed(facts) }
        }
        if pending.contains(where: { $0.goal == .suspended }) {
            let post = self.post
            proxy.countUnsent { unsent in post { $0.lookForSuspended(unsent) } }
        }
        if shutdown != nil { lookForEnd() }
        if pending.isEmpty && shutdown == nil { ticker?.stop() }
    }

    private func lookForSuspended(_ unsent: Int) {
        loop.updateNow()
        let isLate = loop.nowMicros >= suspendDeadline
        guard unsent == 0 || isLate else { return }
        if isLate, unsent > 0 {
            Log.warn("suspend", "suspend_timeout is over", ["connections": unsent])
            proxy.cutUnsent()
        }
        for waiting in pending where waiting.goal == .suspended {
            pending.removeAll { $0.client == waiting.client && $0.goal == .suspended }
            finish(waiting.client, .done(tag: "SUSPEND"))
        }
    }

    private func lookForClosed(_ facts: Facts) {
        for waiting in pending {
            guard case .closed(let scope) = waiting.goal,
                !facts.census.servers.contains(where: { $0.closeNeeded && scope.covers($0.database) })
            else { continue }
            pending.removeAll { $0.client == waiting.client && $0.goal == waiting.goal }
            finish(waiting.client, .done(tag: "WAIT_CLOSE"))
        }
    }
}
