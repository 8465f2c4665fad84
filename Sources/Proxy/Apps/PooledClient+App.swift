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
        if pooledServer != nil {
            var missing: AppPlaces = []
            if app.settings.maxServerConnections > 0 { missing.insert(.server) }
            if app.settings.maxConcurrentStatements > 0, isServerBusy { missing.insert(.statement) }
            missing.subtract(places)
            app.share.count(missing)
            places.formUnion(missing)
        }
        if phase != .login && phase != .welcome { armTimeouts() }
    }

    // MARK: Waiting

    /// It waits in a line, under this ticket.
    final func waits(in line: WaitingLine, _ ticket: UInt64) {
        self.line = line
        self.ticket = ticket
        if line == .pool, phase != .welcome { phase = .waiting }
        guard let app else { return }
        countsAsWaiting = true
        // One that logs in has nothing to be refused yet.
        if phase == .welcome || !app.share.beginWaiting() {
            _ = app.share.waiting.reserve(limit: 0)
            if phase != .welcome { refuseToWait(app) }
        }
    }

    /// It has not been refused for being one too many who wait.
    final var isWithinWaiting: Bool { line != .refused }

    private func refuseToWait(_ app: App) {
        let limit = app.settings.maxWaiting
        withdraw()
        line = .refused
        let refusal = app.refusal(
            .tooManyConnections, "has \(max(limit, app.share.waiting.inUse - 1)) clients that wait", "max_waiting",
            limit, "Run fewer statements at once", isFatal: false)
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
        case .none, .refused: break
        case .pool: pool?.withdraw(self)
        case .statement:
            app?.line.withdraw(ticket: ticket)
            if let app { worker.look(after: app) }
        }
    }

    // MARK: Places

    /// It has no server any more.
    final func leaseEnded() {
        if places.isEmpty { return }
        let held = places
        places = []
        app?.giveBack(held, worker)
    }

    /// What it has sent is answered.
    final func statementEnded() {
        guard places.contains(.statement), !isServerBusy else { return }
        places.remove(.statement)
        app?.giveBack(.statement, worker)
    }

    /// It has a server and wants to run a statement: true if it may. Otherwise it waits, or is told why not.
    final func startStatement() -> Bool {
        guard let app else { return false }
        if places.contains(.statement) || app.settings.maxConcurrentStatements == 0 {
            permitStatement()
            return true
        }
        switch app.line.takeStatement(client: slot, now: worker.loop.nowMicros) {
        case .granted(let taken):
            places.formUnion(taken)
            permitStatement()
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
        permitStatement()
        resume()
    }
}
