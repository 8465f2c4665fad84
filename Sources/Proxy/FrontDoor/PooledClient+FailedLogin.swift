import EventLoop
import Pooling
import Settings
import Telemetry

/// A login with a wrong password costs: its answer is held back, the longer the more have failed from the same address. Nobody
/// who knows the password waits, wherever from.
extension PooledClient {
    /// It has not proved who it is: `words` tell it, as soon as its address may be told, and the connection ends. `logged` is
    /// for the log, which has it at once.
    final func loginFailed(_ words: [UInt8], logged: String, sqlstate: String) {
        if phase == .closed { return }
        let general = worker.snapshot.configuration.general
        let delay = worker.shared.logins.failed(peer.source, at: worker.loop.nowMicros, general)
        if general.logPoolerErrors {
            Log.info(
                "client_error", logged,
                [
                    "client": peer.description, "pool": pool?.name ?? loginName, "sqlstate": sqlstate,
                    "delay_ms": delay / 1000,
                ])
        }
        recordFailedLogin(logged, code: sqlstate)
        lastWords = words
        guard delay > 0 else { return tellFailure() }
        phase = .refused
        worker.failed(self)
        worker.arm(self, at: worker.loop.nowMicros + delay)
    }

    /// Tells it, now or after the delay.
    final func tellFailure() {
        let words = lastWords
        lastWords = []
        if keepsSession(told: words) { return resume() }
        send(words)
        close(nil)
    }

    /// It is who it says it is, and one of the clients that count from now on; false if it was one too many and has been told.
    final func authenticated() -> Bool {
        worker.leaveCrowd(self)
        if isCounted { return true }
        isCounted = worker.shared.clients.reserve(limit: worker.snapshot.configuration.general.maxClientConnections)
        if !isCounted { refuseOverLimit() }
        return isCounted
    }
}

extension PeerAddress {
    /// As failed and slow logins count it.
    var source: ClientSource { family == .unix ? .unix : ClientSource(prefix: high, isV6: family == .v6) }
}
