import EventLoop
import Pooling
import Settings

/// The line a client waits in.
enum WaitingLine {
    case none
    /// For a server of its pool.
    case pool
    /// For one of the statements its application may run at once; it has a server.
    case statement
    /// For the moment at which the rate of its application allows one more statement.
    case rate
    /// To be told that there are too many who wait.
    case refused
}

extension PooledClient {
    /// What decides which application it belongs to; nil before it has logged in.
    final var identity: ClientIdentity? {
        guard let key = pool?.global.key else { return nil }
        return ClientIdentity(
            user: key.user, database: key.database, applicationName: applicationName, source: peer.bytes,
            certificate: tls?.peerSubject)
    }

    /// It belongs to another application from now on, whatever the limits of that one are. If it waits, it begins to do
    /// so anew.
    final func move(to new: App) {
        if phase == .login || phase == .welcome { return }
        let waited = line != .none
        leaveLine()
        leaseEnded()
        app?.leave()
        _ = new.share.clients.reserve(limit: 0)
        app = new
        guard waited else { return }
        if phase == .waiting { phase = .idle }
        resume()
    }

    /// The limits of its application have changed, or it has another: what it holds counts from now on.
    final func appChanged() {
        guard let app else { return }
        takeRules(app.rulesIfAny)
        limitsBytes = app.limitsBytes
        limitsWaiting = app.settings.maxWaiting > 0
        isRated = app.isRated
        if app.settings.readOnly != isReadOnly { turnReadOnly() }
        if pooledServer != nil {
            var missing: AppPlaces = []
            if app.settings.maxServerConnections > 0 { missing.insert(.server) }
            if app.settings.maxConcurrentStatements > 0, isServerBusy { missing.insert(.statement) }
            missing.subtract(places)
            app.share.count(missing)
            places.formUnion(missing)
        }
        if line != .none, !countsAsWaiting, app.settings.maxWaiting > 0 {
            countsAsWaiting = true
            _ = app.share.waiting.reserve(limit: 0)
        }
        if phase != .login && phase != .welcome { armTimeouts() }
    }

    /// What its servers are told of whether it may write is what its application says, as soon as it has none.
    private func turnReadOnly() {
        turnsReadOnly = pooledServer != nil
        guard let app, !turnsReadOnly else { return }
        isReadOnly = app.settings.readOnly
        set(readOnly: isReadOnly)
    }

    // MARK: Waiting

    /// It waits in a line, under this ticket.
    final func waits(in line: WaitingLine, _ ticket: UInt64) {
        self.line = line
        self.ticket = ticket
        if phase != .welcome, line == .pool || pooledServer == nil { phase = .waiting }
        if limitsWaiting, let app { countWait(app) }
    }

    private func countWait(_ app: App) {
        countsAsWaiting = true
        // One that logs in has nothing to be refused yet.
        if phase != .welcome, app.share.beginWaiting() { return }
        _ = app.share.waiting.reserve(limit: 0)
        if phase != .welcome { refuseToWait(app) }
    }

    /// It has not been refused for being one too many who wait.
    final var isWithinWaiting: Bool { line != .refused }

    private func refuseToWait(_ app: App) {
        let limit = app.settings.maxWaiting
        withdraw()
        refuseSoon(
            app.refusal(
                .tooManyConnections, "has \(max(limit, app.share.waiting.inUse - 1)) clients that wait", "max_waiting",
                limit, "Run fewer statements at once", isFatal: false))
    }

    /// Its statement is refused when it lies with what it carries, at the end of the turn.
    private func refuseSoon(_ refusal: Refusal) {
        line = .refused
        if ticket == 0 { ticket = app?.nextTicket() ?? 1 }
        if pooledServer == nil { phase = .waiting }
        worker.refused.append(LateRefusal(slot: slot, ticket: ticket, refusal: refusal))
    }

    /// It waits no longer: it has what it waited for, or is told why not.
    final func endWait() {
        line = .none
        ticket = 0
        guard countsAsWaiting else { return }
        countsAsWaiting = false
        app?.share.endWaiting()
    }

    /// It waits no longer, because it does not want to.
    final func leaveLine() {
        withdraw()
        endWait()
    }

    private func withdraw() {
        switch line {
        case .none, .refused, .rate: break
        case .pool: pool?.withdraw(self)
        case .statement:
            app?.line.withdraw(ticket: ticket)
            if let app { worker.look(after: app) }
        }
    }

    // MARK: Places

    /// It has no server any more.
    final func leaseEnded() {
        if waitsForCancel {
            // The server is given to nobody before the cancel has arrived.
            waitsForCancel = false
            waitsForServer = false
        }
        // It asks anew when it has another.
        if line == .statement { leaveLine() }
        if turnsReadOnly, phase != .closed { worker.appsChangedFor.append(slot) }
        if places.isEmpty { return }
        let held = places
        places = []
        app?.giveBack(held, worker)
    }

    /// What it has sent is answered.
    final func statementEnded() {
        guard places.contains(.statement), !isServerBusy else { return }
        places.remove(.statement)
        if mayStartStatement {
            // Permitted and not sent: it needs the place again.
            permitStatement(false)
            hasPaidRate = true
        }
        app?.giveBack(.statement, worker)
    }

    /// It has a server and wants to run a statement: true if it may. Otherwise it waits, or is told why not.
    final func startStatement() -> Bool {
        guard let app, payRate(app) else { return false }
        if places.contains(.statement) || app.settings.maxConcurrentStatements == 0 {
            permit()
            return true
        }
        switch app.line.takeStatement(client: slot, now: worker.loop.nowMicros) {
        case .granted(let taken):
            places.formUnion(taken)
            permit()
            return true
        case .waits(let ticket):
            app.counters.throttled &+= 1
            requestedAt = worker.loop.nowMicros
            waits(in: .statement, ticket)
            if line == .statement { armWait() }
            return false
        }
    }

    /// It may run the statement it waited for.
    final func statementGranted() {
        endWait()
        places.insert(.statement)
        permit()
        resume()
    }

    private func permit() {
        hasPaidRate = false
        permitStatement(true)
    }

    // MARK: Rates

    /// Whether the rate of its application allows one more statement now. Otherwise it waits, or is told why not.
    final func payRate(_ app: App) -> Bool {
        if hasPaidRate || !app.isRated { return true }
        let now = worker.loop.nowMicros
        let limit = pool?.settings.queryWaitTimeout ?? .zero
        let patience = limit.isZero ? Int64.max : limit.microseconds
        // Who owes bytes first waits for those.
        let debt = app.share.bytes.take(0, now: now) ?? 0
        guard debt <= patience else {
            refuseSoon(overRate(app, "has been sent bytes for seconds to come", "bytes_per_second"))
            return false
        }
        guard let wait = app.share.rate.take(1 + takeExtraStatements(), now: now, patience: patience) else {
            refuseSoon(overRate(app, "has started statements for seconds to come", "statements_per_second"))
            return false
        }
        hasPaidRate = true
        if max(wait, debt) == 0 { return true }
        app.counters.throttled &+= 1
        requestedAt = now
        waits(in: .rate, app.nextTicket())
        if line == .rate { app.enter(.client(slot, ticket: ticket), after: max(wait, debt)) }
        return false
    }

    private func overRate(_ app: App, _ use: String, _ key: String) -> Refusal {
        let limit = key == "bytes_per_second" ? "\(app.settings.bytesPerSecond)" : "\(app.settings.statementsPerSecond)"
        return app.refusal(
            .overLimit, "\(use), more than query_wait_timeout", key, limit, "Send fewer", isFatal: false)
    }

    /// The moment it waited for has come, or, if it has not paid, the rate is another.
    final func rateAllows(isPaid: Bool) {
        endWait()
        hasPaidRate = isPaid
        if phase == .waiting { phase = .idle }
        resume()
    }

    /// It has been sent so many bytes: its server is not read for as long as its application must not be sent more.
    final func wasSent(_ count: Int, by server: PooledServer) {
        guard let app, count > 0 else { return }
        let wait = app.share.bytes.take(count, now: worker.loop.nowMicros) ?? 0
        guard wait > 0, !server.isThrottled else { return }
        app.counters.throttled &+= 1
        server.setThrottled(true)
        app.enter(.server(server.slot, connectedAt: server.connectedAt), after: wait)
    }
}
