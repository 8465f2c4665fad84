import EventLoop
import Pooling
import Settings
import Telemetry

/// Timeouts of a logged-in client: those of its pool and those of its application, of which the shorter holds. One entry
/// of the worker's wheel serves them all: it is armed only where a timeout is configured, and when it comes due it looks
/// what really is due and when to look again.
extension PooledClient {
    /// The shortest of its timeouts, in microseconds; nil if it has none.
    private var shortestTimeout: Int64? {
        switch (pool?.shortestTimeout, app?.shortestTimeout) {
        case (let ofPool?, let ofApp?): min(ofPool, ofApp)
        case (let one, let other): one ?? other
        }
    }

    /// Arms the timer if it has timeouts. After login.
    func armTimeouts() {
        guard let first = shortestTimeout else { return }
        worker.arm(self, at: worker.loop.nowMicros + first)
    }

    /// Makes sure that the timer runs out when the client's own limit is reached.
    func armIdleLimit() {
        let own = ownIdleLimit
        guard own > 0, phase != .closed, timer < 0 || shortestTimeout == nil else { return }
        worker.arm(self, at: max(lastActive + own, worker.loop.nowMicros + 10_000))
    }

    /// Makes sure that the timer runs out when it has waited for its application as long as it may.
    func armWait() {
        guard let limit = pool?.settings.queryWaitTimeout, !limit.isZero else { return }
        worker.arm(self, at: worker.loop.nowMicros + min(limit.microseconds, shortestTimeout ?? .max))
    }

    /// The timer has run out.
    func timeout(_ now: Int64) {
        defer { armIdleLimit() }
        let own = ownIdleLimit
        if own > 0, now - lastActive >= own, phase == .idle || phase == .active && !isServerBusy && !waitsForServer {
            return close("idle for as long as it has set itself")
        }
        switch phase {
        case .header:
            worker.shared.logins.wasTooSlow()
            headerMissing()
        case .refused: tellFailure()
        case .login, .welcome:
            worker.shared.logins.wasTooSlow()
            fail(
                Refusal(
                    .loginTooLong, "login took longer than client_login_timeout",
                    hint: "Look whether the servers answer, or raise client_login_timeout."))
        case .idle: look(at: [idleLimit], now)
        case .active: lookActive(now)
        case .waiting: armTimeouts()
        case .console, .replication, .closed: break
        }
    }

    /// A timeout, since when it runs, and what happens when it is over.
    private struct Limit {
        /// What the error calls it.
        var name: String
        var span: TimeSpan
        var since: Int64
        var action: (Limit) -> Void
    }

    private var idleLimit: Limit {
        Limit(
            name: "client_idle_timeout", span: pool?.settings.clientIdleTimeout ?? .zero, since: lastActive,
            action: idleTooLong)
    }

    /// The shorter of a pool's limit and the application's.
    private func limit(
        _ key: String, _ ofPool: KeyPath<PoolSettings, TimeSpan>, _ ownKey: String,
        _ ofApp: KeyPath<AppSettings, TimeSpan>, since: Int64, _ action: @escaping (Limit) -> Void
    ) -> Limit {
        let span = pool?.settings[keyPath: ofPool] ?? .zero
        guard let app, case let own = app.settings[keyPath: ofApp], !own.isZero,
            span.isZero || own.microseconds < span.microseconds
        else { return Limit(name: key, span: span, since: since, action: action) }
        return Limit(name: "\(ownKey) of app \"\(app.settings.name)\"", span: own, since: since, action: action)
    }

    private func lookActive(_ now: Int64) {
        guard let server = pooledServer else { return armTimeouts() }
        var limits: [Limit] = []
        if line == .statement {
            limits.append(
                Limit(
                    name: "query_wait_timeout", span: pool?.settings.queryWaitTimeout ?? .zero, since: requestedAt,
                    action: waitedForAppTooLong))
        } else if isServerBusy {
            if !hasTimedOut {
                limits.append(
                    limit(
                        "query_timeout", \.queryTimeout, "statement_timeout", \.statementTimeout, since: lastActive,
                        statementTooLong))
            }
        } else if isBetweenTransactions {
            return look(at: [idleLimit], now)
        } else {
            limits.append(
                limit(
                    "idle_transaction_timeout", \.idleTransactionTimeout, "idle_transaction_timeout",
                    \.idleTransactionTimeout, since: lastActive, idleInTransactionTooLong))
        }
        if server.startedAt > 0 {
            limits.append(
                limit(
                    "transaction_timeout", \.transactionTimeout, "transaction_timeout", \.transactionTimeout,
                    since: server.startedAt, transactionTooLong))
        }
        look(at: limits, now)
    }

    /// Does what is due, or arms the timer for what is due first.
    private func look(at limits: [Limit], _ now: Int64) {
        var next = shortestTimeout.map { now + $0 } ?? .max
        for limit in limits where !limit.span.isZero {
            if now - limit.since >= limit.span.microseconds {
                limit.action(limit)
                if phase == .closed { return }
            } else {
                next = min(next, limit.since + limit.span.microseconds)
            }
        }
        if next < .max { worker.arm(self, at: next) }
    }

    private func idleTooLong(_ limit: Limit) {
        fail(
            Refusal(
                .clientIdleTooLong, "the connection was idle longer than \(limit.name) (\(limit.span))",
                hint: "Connect again when there is work, or raise client_idle_timeout."))
    }

    private func idleInTransactionTooLong(_ limit: Limit) {
        fail(
            Refusal(
                .transactionTooLong, "the transaction was idle longer than \(limit.name) (\(limit.span))",
                hint: "End transactions before waiting for something else, or raise idle_transaction_timeout."))
    }

    private func transactionTooLong(_ limit: Limit) {
        fail(
            Refusal(
                .transactionTooLong, "the transaction took longer than \(limit.name) (\(limit.span))",
                hint: "Do less in one transaction, or raise transaction_timeout."))
    }

    private func waitedForAppTooLong(_ limit: Limit) {
        leaveLine()
        guard let app else { return }
        refuse(
            app.refusal(
                .waitedTooLong, "runs \(app.share.statements.inUse) statements, none ended within \(limit.name)",
                "max_concurrent_statements", app.settings.maxConcurrentStatements, "Look for long statements",
                isFatal: false))
    }

    /// The server is asked to cancel; its error goes to the client, who keeps the connection, in words that name the
    /// limit.
    private func statementTooLong(_ limit: Limit) {
        guard pooledServer != nil else { return }
        hasTimedOut = true
        Log.info(
            "query_timeout", "a statement took longer than it may and is cancelled",
            ["pool": pool?.name ?? "", "client": peer.description, "timeout": limit.name, "limit": "\(limit.span)"])
        cancelStatement(
            Refusal(
                .statementTooLong,
                "canceling statement due to statement timeout: it took longer than \(limit.name) (\(limit.span))",
                hint: "Make it faster, or raise the limit.", isFatal: false))
    }

    /// A cancel of ours may still be on its way to the server: it is to hit nothing that comes later.
    func settleCancel() {
        guard hasTimedOut else { return }
        hasTimedOut = false
        guard let server = pooledServer, server.cancelsInFlight > 0 else { return }
        waitsForServer = true
        waitsForCancel = true
    }

    /// No cancel is on its way to its server any more.
    func cancelHasArrived() {
        guard waitsForCancel else { return }
        waitsForCancel = false
        // Asked something by us meanwhile, the server has been hit in that.
        if pooledServer?.phase == .active { goOnAfterCancel() }
    }

    /// A statement is answered and the server still needed; `isOpen` for a transaction.
    func stillServed(isOpen: Bool, mode: PoolMode?) {
        lastActive = worker.loop.nowMicros
        settleCancel()
        statementEnded()
        guard isOpen, mode == .statement else { return }
        fail(
            Refusal(
                .transactionNotAllowed, "transaction blocks are not allowed with pool_mode = \"statement\"",
                hint: "Use a database with pool_mode = \"transaction\"."))
    }
}
