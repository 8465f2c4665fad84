import ByteKit
import Credentials
import EventLoop
import MySQLWire
import SQLText
import Sessions
import Settings
import Telemetry

/// What a MySQL client needs while it logs in, and no longer.
final class MySQLLoginAttempt {
    let exchange: MySQLClientLogin
    let listener: ListenSettings
    var user = ""
    var database = ""
    /// What COM_SET_OPTION had switched before COM_CHANGE_USER.
    var wasMulti: Bool?
    /// `FOUND_ROWS()` before COM_CHANGE_USER.
    var foundRows: UInt64 = 0
    /// The session whose COM_CHANGE_USER this is, if a failure leaves the client in it.
    var previous: MySQLClientSession?
    /// The client named no database.
    var namesNone = false
    var record: UserRecord?
    var collation: UInt16 = 0
    var capabilities = MySQLCapabilities()
    /// What a rule asks of it, while something is being worked on elsewhere.
    var demand: AccessDemand?
    /// A key or password is being worked on elsewhere.
    var isWaiting = false
    var programName = ""
    /// The level of compression it asked for.
    var zstdLevel: UInt8 = 0

    init(exchange: MySQLClientLogin, listener: ListenSettings) {
        self.exchange = exchange
        self.listener = listener
    }

    /// Why a password was not taken, for the log.
    var weakness: String {
        guard let record else { return "there is no [user.\(user)]" }
        return record.mysqlSecret == nil
            ? "[user.\(user)] has no password that MySQL's logins can check" : "it is not that of [user.\(user)]"
    }
}

extension MySQLClient {
    /// Says hello as a server that greets so would.
    func greet(like server: MySQLHandshake?) {
        guard phase == .login, login == nil else { return }
        let offersTLS = peer.family != .unix && worker.snapshot.tls.server(listener) != nil
        let handshake = MySQLGreeter.handshake(like: server, connectionID: connectionID, offersTLS: offersTLS)
        let made = MySQLLoginAttempt(
            exchange: MySQLClientLogin(
                handshake: handshake, host: peer.host, publicKey: worker.shared.rsaKey?.publicPEM, hasKey: true,
                isSecure: peer.family == .unix),
            listener: listener)
        login = made
        send(made.exchange.greeting())
    }

    func loginReceived(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let login, !login.isWaiting else { return 0 }
        if login.user.isEmpty, unsafe isHeaderUnasked(bytes) { return bytes.count }
        var done = 0
        while done < bytes.count, phase == .login {
            let (consumed, step) = unsafe login.exchange.received(
                UnsafeRawBufferPointer(rebasing: bytes[done...]).bytes)
            done += consumed
            if case .needBytes = step { return done }
            if case .startTLS = step {
                unsafe beginTLS(login, early: UnsafeRawBufferPointer(rebasing: bytes[done...]))
                return bytes.count
            }
            take(step, login)
            if login.isWaiting { return done }
        }
        return phase == .closed ? bytes.count : done
    }

    private func beginTLS(_ login: MySQLLoginAttempt, early: UnsafeRawBufferPointer) {
        guard let context = worker.snapshot.tls.server(login.listener),
            let channel = TLSChannel(context, worker.tlsPort, accepting: ())
        else { return close("TLS cannot be begun: its files are of no use") }
        unsafe beginTLS(channel, early: early)
    }

    /// Why the listener does not take the client as the user it names.
    private func tlsRefusal(_ login: MySQLLoginAttempt) -> MySQLError? {
        switch tlsShortfall(login.listener, user: login.user) {
        case nil: nil
        case .missing(let mode):
            MySQLError(
                3159, "HY000", "Connections using insecure transport are prohibited: tls = \"\(mode.rawValue)\"")
        case .otherUser:
            MySQLError(
                1045, "28000",
                "Access denied for user '\(login.user)'@'\(peer.host)': the common name of its certificate is another")
        }
    }

    func take(_ step: MySQLClientLoginStep, _ login: MySQLLoginAttempt) {
        switch step {
        case .needBytes, .startTLS: return
        case .reply(let bytes): send(bytes)
        case .startup(let response): started(response, login)
        case .changeUser(let command): changing(to: command, login)
        case .check(let password, let secret):
            elsewhere(login) { .isRight(secret.matches(password: password)) }
        case .publicKeyWanted:
            let shared = worker.shared
            elsewhere(login) { .publicKey(shared.rsaKey?.publicPEM) }
        case .decrypt(let message, let nonce):
            let shared = worker.shared
            elsewhere(login) { .password(shared.rsaKey?.decrypt(message, nonce: nonce)) }
        case .accepted(let proof):
            login.record?.remember(proof)
            accepted(login)
        case .refused(let bytes):
            let logged = "login refused: \(login.weakness)"
            if login.exchange.wasDenied { return loginFailed(bytes, logged: logged, sqlstate: "28000") }
            if keepsSession(told: bytes) { return }
            end(with: bytes, logged: logged, sqlstate: "28000")
        case .closeSilently: close(nil)
        }
    }

    /// What was worked out off the loop.
    private enum SlowAnswer: Sendable {
        case isRight(Bool)
        case password(SecretBytes?)
        case publicKey([UInt8]?)
        case userName(String?)
    }

    /// Has something slow done off the loop, and goes on with its answer.
    private func elsewhere(_ login: MySQLLoginAttempt, _ work: @escaping @Sendable () -> SlowAnswer) {
        login.isWaiting = true
        let mailbox = worker.shared.worker(worker.index)
        let (slot, connectedAt) = (self.slot, self.connectedAt)
        let queued = worker.shared.workshop.run {
            let answer = work()
            _ = mailbox?.post(
                .job { worker in
                    guard let client = worker.clients[slot] as? MySQLClient, client.connectedAt == connectedAt else {
                        return
                    }
                    client.goOn(with: answer)
                })
        }
        if !queued {
            fail(Refusal(.tooManyConnections, "too many clients log in at once", hint: "Try again."))
        }
    }

    private func goOn(with answer: SlowAnswer) {
        guard let login, login.isWaiting else { return }
        login.isWaiting = false
        switch answer {
        case .isRight(let isRight): take(login.exchange.checked(isRight), login)
        case .password(let password): take(login.exchange.decrypted(password), login)
        case .publicKey(let key): take(login.exchange.provide(publicKey: key), login)
        case .userName(let name): isThere(name, login)
        }
        processCarried()
    }

    private func started(_ response: HandshakeResponse, _ login: MySQLLoginAttempt) {
        login.user = response.user
        login.namesNone = response.database.isEmpty
        login.database = response.database
        login.collation = UInt16(response.collation)
        login.capabilities = login.exchange.capabilities
        login.programName = response.attributes.entries.first { $0.name == "program_name" }?.value ?? ""
        login.zstdLevel = response.zstdLevel
        if worker.isFull, !isCounted { return refuseOverLimit() }
        prove(login)
    }

    /// Its user is known: what must it prove?
    func prove(_ login: MySQLLoginAttempt) {
        // COM_CHANGE_USER comes here too: its certificate must be for that user as well.
        if let refusal = tlsRefusal(login) { return fail(refusal) }
        guard !worker.isShuttingDown else {
            fail(Refusal(.shuttingDown, "the pooler is shutting down", hint: "Connect to another one."))
            return
        }
        login.record = worker.snapshot.users[login.user]
        let named = login.database.isEmpty ? worker.snapshot.configuration.databaseOfMySQLClients : login.database
        switch access(to: named ?? "", as: login.user, at: login.listener) {
        case .failure(let refusal): refuse(refusal, login)
        case .success(let demand): demandProof(demand, login)
        }
    }

    private func demandProof(_ demand: AccessDemand, _ login: MySQLLoginAttempt) {
        switch demand.method {
        case .reject: refuse(.rejected(as: login.user), login)
        case .trust:
            // Who is not known has to prove what it cannot.
            if login.record == nil { return askForProof(login) }
            take(login.exchange.begin(.none), login)
        case .certificate:
            guard isCertified(login.user, demand), login.record != nil else {
                return refuse(.certificate(of: login.user), login)
            }
            take(login.exchange.begin(.none), login)
        case .peer:
            guard let uid = Sockets.peerCredentials(fd)?.uid else { return refuse(.peer(login.user), login) }
            login.demand = demand
            elsewhere(login) { .userName(LocalMachine.userName(uid)) }
        case .plain, .md5, .scramSHA256: askForProof(login)
        }
    }

    /// The user at the other end of a unix socket.
    private func isThere(_ name: String?, _ login: MySQLLoginAttempt) {
        guard let name, let demand = login.demand, mayBe(login.user, as: name, demand), login.record != nil else {
            return refuse(.peer(login.user), login)
        }
        take(login.exchange.begin(.none), login)
    }

    private func refuse(_ refusal: AccessRefusal, _ login: MySQLLoginAttempt) {
        let error = MySQLError(refusal, user: login.user, host: peer.host)
        let bytes = login.exchange.refusal(error)
        if login.previous != nil { return stay(told: bytes, login) }
        end(with: bytes, logged: "login refused: \(refusal.logged ?? refusal.message)", sqlstate: "28000")
    }

    /// Whichever of MySQL's methods the user's secret can serve.
    private func askForProof(_ login: MySQLLoginAttempt) {
        guard let secret = login.record?.mysqlSecret else {
            let mock = MySQLSecret.mock(like: .plain(SecretBytes([])))
            return take(login.exchange.begin(.secret(mock, cached: nil, isMock: true)), login)
        }
        take(login.exchange.begin(.secret(secret, cached: login.record?.cachedSHA2, isMock: false)), login)
    }

    /// The client is who it says it is.
    private func accepted(_ login: MySQLLoginAttempt) {
        guard authenticated() else { return }
        if login.namesNone, login.database.isEmpty {
            login.database = worker.snapshot.configuration.databaseOfMySQLClients ?? ""
        }
        guard isKnown(login) else { return }
        guard
            let pool = admit(
                database: login.database, record: login.record, calling: login.programName, as: .mysql)
        else { return }
        if pool.global.mysqlFacts != nil { return finishLogin() }
        phase = .welcome
        if pool.request(self), let server {
            finishLogin()
            if phase == .idle { giveBackAfterLogin(server) }
        }
    }

    private func giveBackAfterLogin(_ server: MySQLServer) {
        server.release()
        if phase == .idle && !carried.isEmpty { resume() }
    }

    /// Tells the client that it is logged in.
    func finishLogin() {
        guard let pool, let login else { return }
        guard let facts = pool.global.mysqlFacts else {
            fail(Refusal(.noServer, "the server has not said which collations it knows"))
            return
        }
        var options: MySQLOptions = []
        if login.capabilities.contains(.foundRows) { options.insert(.foundRows) }
        if !login.capabilities.contains(.multiResults) { options.insert(.singleResults) }
        // What COM_SET_OPTION has switched outlives COM_CHANGE_USER.
        let isMulti = login.wasMulti ?? login.capabilities.contains(.multiStatements)
        if isMulti { options.insert(.multiStatements) }
        let isMariaDB = facts.version?.isMariaDB ?? false
        // MariaDB looks at it when a connection begins.
        let ignoresSpace = login.capabilities.contains(.ignoreSpace) && (login.wasMulti == nil || !isMariaDB)
        let base = environment.base(
            facts, collation: login.collation, database: login.namesNone ? "" : pool.databaseName,
            ignoresSpace: ignoresSpace)
        let made = MySQLClientSession(
            capabilities: login.capabilities, base: base, options: options, mode: pool.settings.poolMode,
            policy: pool.settings.sessionState, server: facts.version,
            connectionID: connectionID)
        made.foundRows = login.foundRows
        session = made
        pool.lastOptions = made.options
        send(login.exchange.pending)
        sendWelcome(made, schema: login.namesNone ? "" : pool.databaseName, login)
        self.login = nil
        hasTurned = true
        if encoding == nil { beginCompression(login) }
        if !login.capabilities.contains(.pluginAuth) { firstNonce = login.exchange.handshake.nonce }
        loggedIn(pool)
    }

    /// The OK packet that ends a login tells of the schema, if there is one.
    private func sendWelcome(_ session: MySQLClientSession, schema: String, _ login: MySQLLoginAttempt) {
        var packet = OKPacket(status: session.status)
        var told = ByteWriter(capacity: 64)
        if !schema.isEmpty {
            var name = ByteWriter(capacity: 64)
            name.lengthEncoded(Array(schema.utf8))
            told.u8(1)
            told.lengthEncoded(name.take())
            packet.status.insert(.sessionStateChanged)
        }
        let state = told.take()
        packet.sessionState = 0..<state.count
        var out = ByteWriter(capacity: 128)
        let mark = out.beginPacket(login.exchange.sequence)
        state.withSpan { packet.write(to: &out, login.capabilities, source: $0) }
        out.endPacket(mark)
        send(out.take())
    }
}
