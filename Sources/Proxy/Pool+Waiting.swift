import Pooling
import Settings

/// What a pool does beside lending: telling who waits, asking for secrets again, going when nobody needs it.
extension Pool {
    /// The server does not take the password: if it comes from where it may have changed, it is asked for again, and who
    /// waits goes on waiting until that is known. Not twice in a row.
    func asksForSecret(_ now: Int64) -> Bool {
        if awaitsSecret { return true }
        let pause = worker.snapshot.configuration.general.serverLoginRetry.microseconds
        guard let secret = user.changingSecret, let console = worker.shared.console,
            secretAskedAt == 0 || now - secretAskedAt >= max(pause, 1_000_000)
        else { return false }
        awaitsSecret = true
        secretAskedAt = now
        console.refused(secret)
        return true
    }

    /// The secret was asked for again and is what it was.
    func secretIsTheSame() {
        guard awaitsSecret else { return }
        awaitsSecret = false
        if let lastFailure { failWaiters(lastFailure) }
    }

    /// Clients that have waited for `query_wait_notify` are told what they wait for.
    func tellWaiters(_ now: Int64) {
        let limit = worker.snapshot.configuration.general.queryWaitNotify
        let until = now - limit.microseconds
        guard !limit.isZero, machine.waiting > 0, until > notifiedUntil else { return }
        for slot in machine.waiters(after: notifiedUntil, until: until) { worker.clients[slot]?.tellOfWait() }
        notifiedUntil = until
    }

    /// Nobody has used it for `autodb_idle_timeout`, its database is one that `[database."*"]` stands for, and nothing of
    /// it is left; closes what lies idle.
    func isUnused(_ now: Int64) -> Bool {
        guard isAutomatic, clientCount == 0 else { return false }
        let configuration = worker.snapshot.configuration
        let limit = configuration.general.autodbIdleTimeout
        guard !limit.isZero, global.unusedFor(now) >= limit.microseconds else { return false }
        for slot in machine.idleServers { worker.servers[slot]?.retire("autodb_idle_timeout is over") }
        // Those of other workers, and one on its way between two, too.
        return global.share.servers.inUse == 0 && serverCount == 0 && machine.waiting == 0
    }
}
