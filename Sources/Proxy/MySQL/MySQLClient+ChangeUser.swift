import Credentials
import EventLoop
import MySQLWire
import Sessions
import Settings
import Telemetry

/// COM_CHANGE_USER: another login on the same connection. The client leaves its pool, with everything it had, and logs in
/// as if it had just connected; if that fails, its connection ends.
extension MySQLClient {
    /// The command whose payload this is has come, and nothing is under way.
    func changeUser(_ payload: RawSpan) {
        guard let session else { return }
        let agreed = session.capabilities
        let wasMulti = session.options.contains(.multiStatements)
        let wasIn = pool?.global.key.database ?? ""
        leaveSession()
        var handshake = MySQLGreeter.handshake(like: nil, connectionID: connectionID)
        handshake.authPlugin = AuthPluginName.native
        if !firstNonce.isEmpty { handshake.nonce = firstNonce }
        let login = MySQLLoginAttempt(
            exchange: MySQLClientLogin(
                handshake: handshake, host: peer.host, publicKey: worker.shared.rsaKey?.publicPEM, hasKey: true,
                isSecure: peer.family == .unix),
            listener: listener)
        // What names no database stays where it was, without a schema.
        login.database = wasIn
        login.wasMulti = wasMulti
        login.foundRows = session.foundRows
        self.login = login
        hasTurned = true
        let patience = worker.snapshot.configuration.general.clientLoginTimeout.microseconds
        if patience > 0 { worker.arm(self, at: worker.loop.nowMicros + patience) }
        take(login.exchange.changeUser(payload, agreed), login)
    }

    /// Who it wants to be.
    func changing(to command: ChangeUserCommand, _ login: MySQLLoginAttempt) {
        login.user = command.user
        login.namesNone = command.database.isEmpty
        if !login.namesNone { login.database = command.database }
        login.collation = command.collation ?? 0
        login.capabilities = login.exchange.capabilities
        login.programName = command.attributes.entries.first { $0.name == "program_name" }?.value ?? ""
        prove(login)
    }

    /// Nothing is left of what it was: its server is given back clean, and it counts nowhere.
    private func leaveSession() {
        worker.disarm(self)
        server?.abandon(halfSent: false)
        server = nil
        forgetServers()
        // Whoever reads from it further out in this turn goes on to do so.
        if let session { worker.loop.retire(session) }
        session = nil
        phase = .login
        hasTimedOut = false
        worker.uncount(self)
        pool = nil
    }
}
