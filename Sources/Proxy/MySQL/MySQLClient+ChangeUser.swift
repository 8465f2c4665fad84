import ByteKit
import Credentials
import EventLoop
import MySQLWire
import Sessions
import Settings
import Telemetry

/// COM_CHANGE_USER: another login on the same connection. The client gives up everything it had and logs in as if it had
/// just connected. If that fails, MariaDB leaves it what it was, with a new session; MySQL ends its connection.
extension MySQLClient {
    /// The command whose payload this is has come, and nothing is under way.
    func changeUser(_ payload: RawSpan) {
        guard let session else { return }
        let agreed = session.capabilities
        var handshake = MySQLGreeter.handshake(like: worker.greeter.known, connectionID: connectionID, offersTLS: false)
        if !firstNonce.isEmpty { handshake.nonce = firstNonce }
        let login = MySQLLoginAttempt(
            exchange: MySQLClientLogin(
                handshake: handshake, host: peer.host, publicKey: worker.shared.rsaKey?.publicPEM, hasKey: true,
                isSecure: tls != nil || peer.family == .unix),
            listener: listener)
        // What names no database stays where it was, without a schema.
        login.database = pool?.global.key.database ?? ""
        login.wasMulti = session.options.contains(.multiStatements)
        login.foundRows = session.foundRows
        if session.isOfMariaDB { login.previous = session }
        leaveSession()
        if login.previous == nil { leavePool() }
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

    /// Nothing is left of its session: its server is given back clean.
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
    }

    /// It counts nowhere.
    private func leavePool() {
        worker.uncount(self)
        pool = nil
    }

    /// Its proof was taken: it leaves its pool for the one it has named, if there is one; false if not.
    func isKnown(_ login: MySQLLoginAttempt) -> Bool {
        guard login.previous != nil else { return true }
        guard worker.snapshot.configuration.database(login.database) != nil else {
            var out = ByteWriter(capacity: 256)
            let error = MySQLError(.unknownDatabase(login.database, .mysql))
            error.writePacket(to: &out, sequence: login.exchange.sequence)
            stay(told: out.take(), login)
            return false
        }
        login.previous = nil
        leavePool()
        return true
    }

    /// The login has failed, as this packet tells it, and the client stays who it was.
    func stay(told packet: [UInt8], _ login: MySQLLoginAttempt) {
        guard let previous = login.previous else { return }
        worker.disarm(self)
        let said = packet.withSpan { bytes in
            bytes.byteCount > 4 ? try? ErrorPacket(parsing: bytes.extracting(4..<bytes.byteCount)) : nil
        }
        let error = said.map { MySQLError($0.code, $0.sqlstate, $0.message) } ?? .malformedPacket
        previous.failedChanges += 1
        environment.restart(previous, after: error)
        session = previous
        self.login = nil
        phase = .idle
        hasTurned = true
        lastActive = worker.loop.nowMicros
        if worker.snapshot.configuration.general.logPoolerErrors {
            Log.info(
                "client_error", error.message,
                ["client": peer.description, "pool": pool?.name ?? "", "sqlstate": error.sqlstate])
        }
        send(packet)
        if worker.isSuspended { suspend(true) }
        armTimeouts()
    }
}
