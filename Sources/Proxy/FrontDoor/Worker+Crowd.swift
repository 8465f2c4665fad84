import Pooling
import Settings
import Telemetry

/// How many clients may be logging in at once, and who goes when there are more.
extension Worker {
    /// One more has come and has yet to log in.
    func joinCrowd(_ client: PooledClient) {
        let limit = snapshot.configuration.general.maxLoginClients
        if !shared.logins.underWay.reserve(limit: limit) {
            if let slot = crowd.victim(random: { Int.random(in: 0..<$0) }), let victim = clients[slot] {
                shared.logins.wasCrowdedOut()
                victim.fail(
                    Refusal(
                        .tooManyConnections, "too many clients are logging in (max_login_clients = \(limit))",
                        hint: "Log in faster, or raise max_login_clients."))
            }
            // With nobody here to go there is one more for a moment: at most one for each worker.
            _ = shared.logins.underWay.reserve(limit: 0)
        }
        crowd.add(client.slot, from: client.peer.source)
    }

    /// It is another's than it seemed: a proxy has said whose.
    func moveInCrowd(_ client: PooledClient) {
        if crowd.remove(client.slot) { crowd.add(client.slot, from: client.peer.source) }
    }

    /// Its login has failed, and it is to be told later.
    func failed(_ client: PooledClient) {
        let before = crowd.failed
        crowd.fail(client.slot)
        if crowd.failed > before { _ = shared.logins.delayed.reserve(limit: 0) }
    }

    /// It has logged in, or gone.
    func leaveCrowd(_ client: PooledClient) {
        let before = crowd.failed
        guard crowd.remove(client.slot) else { return }
        _ = shared.logins.underWay.release()
        if crowd.failed < before { _ = shared.logins.delayed.release() }
    }
}
