import ByteKit
import CLinux
import Credentials
import EventLoop
import Pooling
import PostgresWire
import Sessions
import Settings
import Telemetry

/// One connection to a PostgreSQL server: drives a `ServerSession` and moves its bytes.
final class PostgresServer: PooledServer, CancelTarget {
    var session: ServerSession?
    /// Whom it serves.
    var client: PostgresClient?
    private var login: ServerLogin?
    private(set) var cancelKey: [UInt8] = []
    private var cleaning = Cleaning.done
    /// What `connect_query` has set has been asked.
    var knowsSettings = false

    /// What cleaning has yet to send.
    private enum Cleaning {
        /// The reset query.
        case reset
        /// What makes the settings known after a reset query that may not touch them.
        case settings
        /// Nothing but what is open.
        case done
    }

    override init(pool: Pool, worker: Worker, slot: UInt32, address: SocketAddress, host: String, expiresAt: Int64) {
        super.init(pool: pool, worker: worker, slot: slot, address: address, host: host, expiresAt: expiresAt)
    }

    /// A connection that another worker has sent.
    init(pool: Pool, worker: Worker, slot: UInt32, moved: MovedServer, _ state: MovedServer.PostgresState) {
        super.init(pool: pool, worker: worker, slot: slot, moved: moved)
        cancelKey = state.cancelKey
        let environment = worker.environment
        session = ServerSession(
            settings: environment.profiles.intern(state.settings), status: environment.statuses.intern(state.status),
            holding: state.statements)
    }

    var cluster: ClusterSettings { pool.cluster }
    override var affinity: UInt64 { session?.settings.affinity ?? 0 }
    override var pooledClient: PooledClient? { client }
    override var isWorn: Bool { session?.isWorn == true }
    override var state: MovedServer.State? {
        guard let session, session.isClean else { return nil }
        return .postgres(
            MovedServer.PostgresState(
                cancelKey: cancelKey, settings: session.settings.entries, status: session.status.entries,
                statements: session.heldStatements))
    }

    override func leaves() { if let session { worker.environment.abandonStatements(on: session) } }

    override func describe(_ row: inout SocketRow) {
        row.applicationName = session?.status["application_name"] ?? ""
        row.preparedCount = session?.preparedCount ?? 0
    }

    // MARK: Connecting

    override func beginLogin() {
        let login = ServerLogin(
            user: pool.user.serverUser, database: pool.databaseName, credential: pool.user.credential,
            tls: tlsMode(of: pool.cluster, at: address))
        self.login = login
        send(login.begin())
    }

    override func tlsOpened() {
        guard let login else { return }
        send(login.secured(binding: ChannelBinding(serverCertificate: tls?.peerCertificate ?? [])))
    }

    private func continueLogin(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let login else { return bytes.count }
        let (consumed, step) = unsafe login.received(bytes.bytes)
        take(step)
        return consumed
    }

    private func take(_ step: ServerLoginStep) {
        switch step {
        case .needBytes: return
        case .send(let bytes): send(bytes)
        case .beginTLS: beginTLS(with: pool.cluster, host: host)
        case .needSaltedPassword(let password, let salt, let iterations):
            derive(password, salt, iterations)
        case .ready:
            loggedIn()
        case .failed(let failure): loginFailed(LoginRefusal(failure))
        }
    }

    private func derive(_ password: SecretBytes, _ salt: [UInt8], _ iterations: Int) {
        let mailbox = worker.shared.worker(worker.index)
        let slot = self.slot
        let connectedAt = self.connectedAt
        let queued = worker.shared.workshop.run {
            let salted = ScramClient.saltedPassword(password: password, salt: salt, iterations: iterations)
            _ = mailbox?.post(
                .job { worker in
                    guard let server = worker.servers[slot] as? PostgresServer, server.connectedAt == connectedAt else {
                        return
                    }
                    server.saltedPassword(salted)
                })
        }
        if !queued {
            pool.connectFailed(.unreachable("too many passwords wait to be derived"), at: "\(address)")
            close("too many logins at once")
        }
    }

    private func saltedPassword(_ salted: SecretBytes) {
        guard phase == .login, let login else { return }
        take(login.provide(saltedPassword: salted))
    }

    private func loggedIn() {
        guard let login else { return }
        processID = login.processID
        cancelKey = login.cancelKey
        let environment = worker.environment
        session = ServerSession(
            settings: environment.profiles.empty, status: environment.statuses.intern(login.statuses),
            statementLimit: worker.snapshot.configuration.general.maxPreparedStatements)
        self.login = nil
        if let query = pool.database.connectQuery, !query.isEmpty, let session {
            phase = .preparing
            send(environment.hidden(Array(query.utf8), session))
            return
        }
        becomeOpen()
    }

    // MARK: Serving

    /// It is `client`'s from now on.
    override func link(_ client: PooledClient) {
        guard let client = client as? PostgresClient else { return }
        self.client = client
        client.server = self
        phase = .active
        startedAt = worker.loop.nowMicros
        if let audit = worker.audit { session?.place = audit.place(of: self) }
        pool.activeCount += 1
    }

    /// Makes the session's settings the client's; the client goes on when that is done.
    func takeOverSettings() {
        guard let session, let wish = client?.session else { return }
        let text = worker.environment.profiles.replay(from: session.settings, to: wish.settings)
        if text.isEmpty {
            worker.environment.adoptSettings(of: wish, session)
            settingsDone()
            return
        }
        phase = .settings
        send(worker.environment.hidden(text, session))
    }

    private func settingsDone() {
        guard let session, let client else { return }
        phase = .active
        if let error = session.takeHiddenError() {
            client.settingsFailed(error)
            return
        }
        if let wish = client.session { worker.environment.adoptSettings(of: wish, session) }
        client.serverIsReady()
    }

    override func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        if phase == .login { return unsafe continueLogin(bytes) }
        guard let session = unsafe session.map({ unsafe Unmanaged.passUnretained($0) }) else { return bytes.count }
        // The connection keeps its session and the worker its environment for good: what is handed down as an argument
        // is counted nowhere below.
        return unsafe Unmanaged.passUnretained(worker.environment)._withUnsafeGuaranteedRef { environment in
            unsafe session._withUnsafeGuaranteedRef { session in unsafe serve(bytes, session, environment) }
        }
    }

    private func serve(
        _ bytes: UnsafeRawBufferPointer, _ session: ServerSession, _ environment: SessionEnvironment
    ) -> Int {
        lastUsed = worker.loop.nowMicros
        if !session.hasNothingOnRecord { worker.audit?.postgres.now = headgate_monotonic_nanos() }
        let client = self.client
        let result = unsafe environment.relay(bytes.bytes, from: session, to: client?.session)
        if let client {
            let sent = client.limitsBytes ? environment.toClient.byteCount : 0
            unsafe client.send(environment.toClient, from: bytes)
            if sent > 0 { client.wasSent(sent, by: self) }
            if result.queries > 0 { countQuery(client, result.queries) }
            pool.counters.transactions &+= UInt64(truncatingIfNeeded: result.transactions)
            pool.counters.bytesFromServers &+= UInt64(truncatingIfNeeded: result.consumed)
        } else {
            environment.toClient.reset()
        }
        if let failure = result.failure {
            broke(failure)
            return bytes.count
        }
        if result.wantsCancel, let client { client.wasCut(self) }
        if result.wantsAbort { send(environment.abortTransaction(session)) }
        if result.wantsRepeat, let client { client.repeatBatch(self) }
        if result.wantsCopyData { send(environment.refuseCopy(session)) }
        if result.sawReady && (session.isClean || isOurs && session.isQuiet) {
            becameClean(client)
        } else if let client {
            if result.sawReady { client.stillServed(isOpen: session.transaction != .idle, mode: client.session?.mode) }
            if client.waitsForReplies && session.expected.count < ExpectedReplies.limit / 2 { client.repliesCame() }
        }
        return result.consumed
    }

    /// What is asked now, the proxy asks, in whatever transaction the client has or left open.
    private var isOurs: Bool { phase == .settings || phase == .cleaning || phase == .preparing }

    /// Nothing is owed and no transaction is open, or what the proxy asked is answered.
    private func becameClean(_ client: PostgresClient?) {
        switch phase {
        case .active: client?.transactionEnded()
        case .settings: settingsDone()
        case .probing:
            phase = .active
            client?.probeAnswered()
        case .checking, .cleaning: cleanedUp()
        case .preparing: prepared()
        case .connecting, .login, .idle, .closed: break
        }
    }

    /// A query has been answered, so many of them at once.
    @inline(__always)
    private func countQuery(_ client: PostgresClient, _ queries: Int) {
        pool.counters.queries &+= UInt64(truncatingIfNeeded: queries)
        pool.counters.queryMicros &+= UInt64(truncatingIfNeeded: lastUsed &- max(client.lastActive, startedAt))
    }

    /// Asks what session state is left on it.
    func probe() {
        guard let session, let served = client?.session else { return }
        phase = .probing
        send(worker.environment.probe(served, session))
    }

    // MARK: Giving back

    /// The client needs it no more and has left it clean.
    func release() {
        unlink()
        guard let session, session.hasListened || pool.resetsAlways else { return finish() }
        phase = .cleaning
        deadline = worker.cancelDeadline
        cleaning = pool.resetsAlways ? .reset : .done
        cleanUp()
    }

    override func unlink() {
        if let client {
            client.leaseEnded()
            client.server = nil
        }
        client = nil
        pool.activeCount -= 1
        if isThrottled { setThrottled(false) }
        if isHeldByPeer {
            isHeldByPeer = false
            updateInterest()
        }
    }

    /// The client is gone, wherever it was: what runs is cancelled, what is open rolled back, what is left dropped.
    func abandon(halfSent: Bool, needsReset: Bool) {
        unlink()
        guard let session, !halfSent, !isBroken, output.isEmpty else {
            close("its client left in the middle of a message")
            return
        }
        // Settings half taken over are nobody's.
        cleaning = needsReset || phase == .settings ? .reset : .done
        phase = .cleaning
        deadline = worker.cancelDeadline
        if session.isReceivingCopy {
            send(worker.environment.refuseCopy(session))
        } else if !session.expected.isEmpty {
            worker.cancel(self)
        }
        let sync = worker.environment.endBatch(session)
        if !sync.isEmpty { send(sync) }
        if session.expected.isEmpty { cleanUp() }
    }

    private func cleanUp() {
        guard let session else { return }
        if session.transaction != .idle {
            send(worker.environment.hidden(Array("ROLLBACK".utf8), session))
            return
        }
        if session.takeHasListened() {
            // The hub listens for the client from now on; the next one must not hear it here.
            send(worker.environment.hidden(Array("UNLISTEN *".utf8), session))
            return
        }
        switch cleaning {
        case .done: finish()
        case .settings:
            cleaning = .done
            send(worker.environment.hidden(Array("SET SESSION AUTHORIZATION DEFAULT;RESET ALL".utf8), session))
        case .reset:
            let text = pool.resetQuery
            let isWhole = text.uppercased().split(whereSeparator: { " ;\n\t".contains($0) }) == ["DISCARD", "ALL"]
            cleaning = isWhole || text.isEmpty ? .done : .settings
            if text.isEmpty { return finish() }
            send(worker.environment.hidden(Array(text.utf8), session))
            worker.environment.forgetEverything(session, isCertain: isWhole)
        }
    }

    private func cleanedUp() {
        guard let session else { return }
        if let error = session.takeHiddenError(), phase == .checking || cleaning != .reset {
            close("did not answer as it should: \(error.message)")
            return
        }
        if phase == .checking { finish() } else { cleanUp() }
    }

    /// Makes sure an idle server still answers.
    override func check() {
        guard let session else { return }
        phase = .checking
        deadline = pool.connectDeadline
        let text = worker.snapshot.configuration.general.serverCheckQuery
        send(worker.environment.hidden(Array(text.utf8), session))
    }

    // MARK: Ending

    /// It said what it must not say, or goodbye.
    private func broke(_ failure: ServerFailure) {
        let client = self.client
        switch failure {
        case .protocolViolation(let what):
            Log.error("server_protocol", "the server broke the protocol", ["pool": pool.name, "what": what])
            if phase == .preparing { return failedToPrepare("the server broke the protocol") }
            close("protocol violation: \(what)")
            client?.serverLost(alreadyTold: false)
        case .fatal(let error, let delivered):
            if phase == .preparing {
                return failedToPrepare("the server ends the connection, SQLSTATE \(error.sqlstate)")
            }
            if client == nil {
                Log.info(
                    "server_closed", "an idle server connection was ended by the server",
                    ["pool": pool.name, "sqlstate": error.sqlstate, "reason": error.message])
            }
            close("the server said \(error.severity) \(error.sqlstate)")
            client?.serverLost(alreadyTold: delivered)
        }
    }
}
