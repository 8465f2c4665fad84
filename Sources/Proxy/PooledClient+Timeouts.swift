import EventLoop
import Settings
import Telemetry

/// Timeouts of a logged-in client. One entry of the worker's wheel serves them all: it is armed only where a timeout is
/// configured, and when it comes due it looks what really is due and when to look again.
extension PooledClient {
    /// Arms the timer if the pool has timeouts. After login.
    func armTimeouts() {
        guard let first = pool?.shortestTimeout else { return }
        worker.arm(self, at: worker.loop.nowMicros + first)
    }

    /// Makes sure that the timer runs out when the client's own limit is reached.
    func armIdleLimit() {
        let own = ownIdleLimit
        guard own > 0, phase != .closed, timer < 0 || pool?.shortestTimeout == nil else { return }
        worker.arm(self, at: max(lastActive + own, worker.loop.nowMicros + 10_000))
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
        case .idle: look(at: [(\.clientIdleTimeout, lastActive, idleTooLong)], now)
        case .active: lookActive(now)
        case .waiting: armTimeouts()
        case .console, .replication, .closed: break
        }
    }

    private typealias Limit = (KeyPath<PoolSettings, TimeSpan>, since: Int64, action: (TimeSpan) -> Void)

    private func lookActive(_ now: Int64) {
        guard pooledServer != nil else { return armTimeouts() }
        var limits: [Limit] = []
        if !isServerBusy {
            limits.append((\.idleTransactionTimeout, lastActive, idleInTransactionTooLong))
        } else if !hasTimedOut {
            limits.append((\.queryTimeout, lastActive, statementTooLong))
        }
        limits.append((\.transactionTimeout, requestedAt, transactionTooLong))
        look(at: limits, now)
    }

    /// Does what is due, or arms the timer for what is due first.
    private func look(at limits: [Limit], _ now: Int64) {
        guard let settings = pool?.settings else { return }
        var next = now + (pool?.shortestTimeout ?? 1_000_000)
        for (key, since, action) in limits {
            let limit = settings[keyPath: key]
            if limit.isZero { continue }
            if now - since >= limit.microseconds {
                action(limit)
                if phase == .closed { return }
            } else {
                next = min(next, since + limit.microseconds)
            }
        }
        worker.arm(self, at: next)
    }

    private func idleTooLong(_ limit: TimeSpan) {
        fail(
            Refusal(
                .clientIdleTooLong, "the connection was idle longer than client_idle_timeout (\(limit))",
                hint: "Connect again when there is work, or raise client_idle_timeout."))
    }

    private func idleInTransactionTooLong(_ limit: TimeSpan) {
        fail(
            Refusal(
                .transactionTooLong, "the transaction was idle longer than idle_transaction_timeout (\(limit))",
                hint: "End transactions before waiting for something else, or raise idle_transaction_timeout."))
    }

    private func transactionTooLong(_ limit: TimeSpan) {
        fail(
            Refusal(
                .transactionTooLong, "the transaction took longer than transaction_timeout (\(limit))",
                hint: "Do less in one transaction, or raise transaction_timeout."))
    }

    /// The server is asked to cancel; its own error goes to the client, who keeps the connection.
    private func statementTooLong(_ limit: TimeSpan) {
        guard pooledServer != nil else { return }
        hasTimedOut = true
        Log.info(
            "query_timeout", "a statement took longer than query_timeout and is cancelled",
            ["pool": pool?.name ?? "", "client": peer.description, "limit": limit.description])
        cancelStatement()
    }

    /// A statement is answered and the server still needed; `isOpen` for a transaction.
    func stillServed(isOpen: Bool, mode: PoolMode?) {
        lastActive = worker.loop.nowMicros
        hasTimedOut = false
        guard isOpen, mode == .statement else { return }
        fail(
            Refusal(
                .transactionNotAllowed, "transaction blocks are not allowed with pool_mode = \"statement\"",
                hint: "Use a database with pool_mode = \"transaction\"."))
    }
}
