import ByteKit
import CLinux
import Credentials
import EventLoop
import MySQLWire
import SQLText
import Sessions
import Settings
import Telemetry

/// One connection to a MySQL or MariaDB server: drives a `MySQLServerSession` and moves its bytes.
@safe final class MySQLServer: PooledServer {
    var session: MySQLServerSession?
    /// Whom it serves.
    var client: MySQLClient? {
        get { unsafe link.map { unsafe $0.takeUnretainedValue() } }
        set { unsafe link = newValue.map { unsafe Unmanaged.passUnretained($0) } }
    }
    /// The same, not counted: the worker keeps both, and whichever is closed first undoes the links.
    private var link: Unmanaged<MySQLClient>?
    /// It is its client's to the end: everything is passed through as it is.
    private(set) var isForGood = false
    private var login: MySQLServerLogin?
    private var options: MySQLOptions = []
    /// The schema it was logged in to.
    private var schema = ""
    /// The session of the connection it had before.
    private var replaced: MySQLServerSession?
    /// A rollback must come before it is given to anybody.
    private var mustRollBack = false
    /// A KILL QUERY has been on its way to it, and may hit whatever comes next.
    private var wasKilled = false
    /// What is being prepared, in order.
    private var preparing = Preparing.introduction

    private enum Preparing {
        /// It is asked to tell of changes.
        case introduction
        /// `connect_query`.
        case query
        /// It is asked what the pool must know of its servers.
        case facts
    }

    /// The worker's, where it is read without counting references.
    private let environment: MySQLEnvironment

    override var affinity: UInt64 { session?.affinity ?? 0 }
    override var pooledClient: PooledClient? { client }
    override var state: MovedServer.State? {
        guard let session, session.isClean else { return nil }
        return .mysql(session.moved())
    }

    /// A connection that another worker has sent.
    init(pool: Pool, worker: Worker, slot: UInt32, moved: MovedServer, _ state: MySQLMovedSession) {
        environment = worker.mysql
        super.init(pool: pool, worker: worker, slot: slot, moved: moved)
        session = MySQLServerSession(state, worker.mysql)
    }

    override init(pool: Pool, worker: Worker, slot: UInt32, address: SocketAddress, host: String, expiresAt: Int64) {
        environment = worker.mysql
        super.init(pool: pool, worker: worker, slot: slot, address: address, host: host, expiresAt: expiresAt)
    }

    /// What it must tell its client before is asked for first.
    override func lend(to other: Int) {
        guard let session, session.owesOthers(than: nil), environment.settle(session) else {
            return super.lend(to: other)
        }
        borrower = other
        phase = .cleaning
        deadline = worker.cancelDeadline
        sendHidden()
    }

    /// What it must tell its client before is asked for first, and it is closed when it is free again.
    override func retire(_ why: String) {
        guard let session, session.owesSomebody, environment.settle(session) else { return super.retire(why) }
        pool.withdraw(self)
        closeNeeded = true
        phase = .cleaning
        deadline = worker.cancelDeadline
        sendHidden()
    }

    override var isInReply: Bool { client?.session?.isAwaitingReply == true && session?.isReplyBegun == true }

    override func leaves() {
        guard let session else { return }
        session.ended()
        environment.abandonStatements(on: session)
    }

    /// The worker it is to be lent to when it is clean.
    private var borrower: Int?

    override func describe(_ row: inout SocketRow) { row.preparedCount = session?.preparedCount ?? 0 }

    // MARK: Connecting

    override func beginLogin() {
        let hasSchema = client?.session?.hasSchema ?? true
        options = client?.session?.options ?? pool.lastOptions
        schema = hasSchema ? pool.databaseName : ""
        var wanted = MySQLServerLogin.usual
        if options.contains(.foundRows) { wanted.insert(.foundRows) }
        if options.contains(.singleResults) { wanted.remove(.multiResults) }
        let login = MySQLServerLogin(
            user: pool.user.serverUser, database: schema, credential: pool.user.mysqlCredential,
            capabilities: wanted,
            attributes: ConnectionAttributes([ConnectionAttributes.Entry("program_name", "headgate")]),
            collation: MySQLEnvironment.serverCollation,
            security: .init(tlsMode(of: pool.cluster, at: address), address))
        self.login = login
    }

    override func tlsOpened() { if let login { take(login.secured(), login) } }

    private func continueLogin(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let login else { return bytes.count }
        let (consumed, step) = unsafe login.received(bytes.bytes)
        if case .ready(let payload) = step {
            let packet = try? OKPacket(parsing: unsafe bytes.bytes.extracting(payload), login.capabilities)
            loggedIn(login, packet?.status ?? .autocommit)
        } else {
            take(step, login)
        }
        return consumed
    }

    private func take(_ step: MySQLServerLoginStep, _ login: MySQLServerLogin) {
        switch step {
        case .needBytes, .ready: break
        case .send(let answer): send(answer)
        case .startTLS(let request):
            send(request)
            beginTLS(with: pool.cluster, host: host)
        case .failed(let failure): loginFailed(LoginRefusal(failure))
        }
    }

    private func loggedIn(_ login: MySQLServerLogin, _ status: MySQLStatus) {
        let handshake = login.handshake
        processID = handshake?.connectionID ?? 0
        if let handshake { worker.shared.learned(handshake, of: pool.cluster.name) }
        let made = MySQLServerSession(
            capabilities: login.capabilities,
            version: handshake.flatMap { MySQLServerVersion(parsing: $0.serverVersion) },
            connectionID: processID, status: status,
            settings: environment.initialSettings(database: schema),
            options: options.intersection(.ofOpening).union(.multiStatements),
            statementLimit: worker.snapshot.configuration.general.maxPreparedStatements)
        session = made
        self.login = nil
        phase = .preparing
        if environment.introduce(made) { sendHidden() } else { prepared() }
    }

    /// Sends what the environment has planned for it.
    private func sendHidden() {
        unsafe send(environment.toServer, from: UnsafeRawBufferPointer(start: nil, count: 0))
    }

    private func prepared() {
        guard let session else { return }
        let error = session.takeHiddenError()
        switch preparing {
        case .introduction:
            // Of servers that do not know these variables, only texts are read.
            if error != nil { session.canTrack = false }
            preparing = .query
            guard let query = pool.database.connectQuery, !query.isEmpty else { return prepared() }
            environment.ask(query, session)
            sendHidden()
        case .query:
            if let error { return failedToPrepare("it fails with error \(error.code)") }
            preparing = .facts
            _ = session.takeGathered()
            guard pool.global.mysqlFacts == nil else { return open() }
            environment.ask(MySQLFacts.question, session)
            sendHidden()
        case .facts:
            guard let facts = MySQLFacts(rows: session.takeGathered(), version: session.version) else {
                return failedToPrepare("the server does not say which collations it knows")
            }
            pool.global.learn(facts)
            open()
        }
    }

    private func open() {
        if let session, let facts = pool.global.mysqlFacts {
            session.adopt(
                environment.base(
                    facts, collation: UInt16(MySQLEnvironment.serverCollation), database: schema,
                    ignoresSpace: false))
        }
        guard isReopening else { return becomeOpen() }
        isReopening = false
        deadline = .max
        phase = .active
        client?.serverIsReady()
    }

    /// Its client needs a connection that was opened in another way.
    private func reopen() {
        isReopening = true
        // Whoever called this may still be at work on it.
        replaced = session
        session = nil
        preparing = .introduction
        phase = .connecting
        closeSocket()
        switch Sockets.connect(to: address) {
        case .connected(let fd): start(fd, connected: true)
        case .inProgress(let fd): start(fd, connected: false)
        case .failed(let errno): failedToConnect("\(errno)")
        }
    }

    // MARK: Serving

    override func link(_ client: PooledClient) {
        guard let client = client as? MySQLClient else { return }
        self.client = client
        client.server = self
        phase = .active
        startedAt = worker.loop.nowMicros
        if let audit = worker.audit { session?.place = audit.place(of: self) }
        pool.activeCount += 1
    }

    /// Makes the session what the client needs; the client goes on when that is done.
    func takeOver() {
        guard let session, let wish = client?.session else { return }
        if session.mustReopen(for: wish) {
            // First what others may still ask for.
            guard session.owesOthers(than: nil), environment.settle(session) else { return reopen() }
            return beginAsking(.settings)
        }
        guard environment.takeOver(wish, by: session) else {
            // Closing statements has no answer.
            if !environment.toServer.isEmpty { sendHidden() }
            client?.serverIsReady()
            return
        }
        beginAsking(.settings)
    }

    /// Prepares the statement the client is about to use.
    func prepareWanted() {
        guard let session, let wish = client?.session else { return }
        environment.prepareWanted(wish, by: session)
        beginAsking(.settings)
    }

    /// Sends what has been planned, while its client waits: not longer than it may take to connect.
    private func beginAsking(_ phase: ServerPhase) {
        self.phase = phase
        deadline = pool.connectDeadline
        sendHidden()
    }

    /// Asks for values of the client's that are not known.
    func probe() {
        guard let session, let served = client?.session else { return }
        environment.askUnread(served, session)
        beginAsking(.probing)
    }

    private func settingsDone() {
        guard let session, let client else { return }
        phase = .active
        deadline = .max
        environment.takeDebts(session)
        if let error = session.takeHiddenError() {
            session.isDirty = true
            session.adopt(environment.unknownSettings)
            client.serverIsNotReady(error)
        } else {
            client.serverIsReady()
        }
    }

    override func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        if phase == .login { return unsafe continueLogin(bytes) }
        if isForGood {
            unsafe client?.send(bytes)
            return bytes.count
        }
        guard let session = unsafe session.map({ unsafe Unmanaged.passUnretained($0) }) else { return bytes.count }
        // The connection keeps both for as long as it is served.
        return unsafe Unmanaged.passUnretained(environment)._withUnsafeGuaranteedRef { environment in
            unsafe session._withUnsafeGuaranteedRef { session in unsafe serve(bytes, session, environment) }
        }
    }

    private func serve(
        _ bytes: UnsafeRawBufferPointer, _ session: MySQLServerSession, _ environment: MySQLEnvironment
    ) -> Int {
        lastUsed = worker.loop.nowMicros
        if session.hasStatementOnRecord { worker.audit?.mysql.now = headgate_monotonic_nanos() }
        let result: MySQLFromServer
        if let link = unsafe link {
            result = unsafe link._withUnsafeGuaranteedRef { client in
                let result = unsafe environment.relay(bytes.bytes, from: session, to: client.session)
                let sent = client.limitsBytes ? environment.toClient.byteCount : 0
                unsafe client.send(environment.toClient, from: bytes)
                if sent > 0 { client.wasSent(sent, by: self) }
                if result.wantsCancel { client.wasCut(self) }
                return result
            }
            pool.counters.bytesFromServers &+= UInt64(truncatingIfNeeded: result.consumed)
        } else {
            result = unsafe environment.relay(bytes.bytes, from: session, to: nil)
            environment.toClient.reset()
        }
        if !environment.toServer.isEmpty { unsafe send(environment.toServer, from: bytes) }
        if let failure = result.failure {
            broke(failure)
            return bytes.count
        }
        if result.hiddenEnded { hiddenEnded() } else if result.replyEnded { replyEnded(session.status) }
        return result.consumed
    }

    private func replyEnded(_ status: MySQLStatus) {
        guard let link = unsafe link else {
            // Its client left while the statement ran.
            if phase == .cleaning { cleanUp() }
            return
        }
        pool.counters.queries &+= 1
        if !status.contains(.inTransaction) { pool.counters.transactions &+= 1 }
        unsafe link._withUnsafeGuaranteedRef { client in
            pool.counters.queryMicros &+= UInt64(truncatingIfNeeded: lastUsed &- max(client.lastActive, startedAt))
            client.replyEnded()
        }
    }

    private func hiddenEnded() {
        switch phase {
        case .preparing: prepared()
        case .settings: settingsDone()
        case .checking:
            if let error = session?.takeHiddenError() { return close("did not answer as it should: \(error.code)") }
            if let session { environment.takeDebts(session) }
            finish()
        case .cleaning:
            if let error = session?.takeHiddenError() { return close("cannot be reset: \(error.code)") }
            if let session { environment.takeDebts(session) }
            if let borrower {
                self.borrower = nil
                phase = .idle
                return super.lend(to: borrower)
            }
            cleanUp()
        case .probing:
            guard let session, let client, let served = client.session else { return }
            phase = .active
            deadline = .max
            environment.takeUnread(served, session)
            client.probeAnswered()
        case .connecting, .login, .idle, .active, .closed: break
        }
    }

    // MARK: Giving back

    /// Nobody else gets it any more, and what is said on it is not looked at.
    func serveForGood() {
        isForGood = true
        closeNeeded = true
    }

    /// The client needs it no more.
    func release() {
        unlink()
        if session?.isSpoiled == true { closeNeeded = true }
        guard let session, session.isDirty || pool.resetsAlways || wasKilled, !closeNeeded else { return finish() }
        if pool.resetsAlways { session.isDirty = true }
        phase = .cleaning
        deadline = worker.cancelDeadline
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

    /// The client is gone, wherever it was: what runs is ended, what is open rolled back, what is left dropped.
    func abandon(halfSent: Bool) {
        // A reset does not take back what SET TRANSACTION says of the next one.
        mustRollBack = client?.session?.pins.contains(.nextTransaction) ?? false
        let hadPins = client?.session.map { !$0.pins.isEmpty || $0.hasUnread || $0.mode == .session } ?? true
        unlink()
        guard let session, !session.isSpoiled, !halfSent, !isBroken, output.isEmpty, phase == .active else {
            close("its client left in the middle of a command")
            return
        }
        phase = .cleaning
        deadline = worker.cancelDeadline
        // What its last statement leaves behind is nobody's either, nor what was not asked for yet.
        if hadPins { session.isDirty = true }
        if session.owesClient {
            environment.loseTrack(of: session)
            cancelStatement()
        } else {
            cleanUp()
        }
    }

    private func cleanUp() {
        guard let session else { return }
        if session.isInTransaction || mustRollBack {
            mustRollBack = false
            environment.rollBack(session)
        } else if session.isDirty {
            environment.reset(session)
        } else if wasKilled, cancelsInFlight == 0 {
            wasKilled = false
            environment.takeBlow(session)
        } else {
            return finish()
        }
        sendHidden()
    }

    /// MySQL counts a connection until it has seen its end: it is asked to go, and closes.
    override func leavePlace(_ why: String) {
        phase = .cleaning
        deadline = worker.cancelDeadline
        var out = ByteWriter(capacity: 8)
        out.command(.quit)
        send(out.take())
    }

    /// A KILL QUERY that came too late hits the next statement: that must be one of ours.
    override func freedOfCancels() {
        guard let session else { return super.freedOfCancels() }
        wasKilled = false
        phase = .cleaning
        deadline = worker.cancelDeadline
        environment.takeBlow(session)
        sendHidden()
    }

    override func check() {
        guard let session else { return }
        phase = .checking
        deadline = pool.connectDeadline
        // Whoever may ask for what it has is not to go elsewhere meanwhile.
        if !session.owesSomebody || !environment.settle(session) { environment.ping(session) }
        sendHidden()
    }

    /// A KILL QUERY has come that may be too late for its client's statement: the next one is ours.
    func takeBlow() {
        guard let session else { return }
        wasKilled = false
        environment.takeBlow(session)
        beginAsking(.settings)
    }

    /// What it does for its client is to be ended.
    func cancelStatement() {
        wasKilled = true
        worker.kill(self)
    }

    // MARK: Ending

    private func broke(_ failure: MySQLServerFailure) {
        let client = self.client
        let wasInReply = isInReply
        switch failure {
        case .violation(let what):
            Log.error("server_protocol", "the server broke the protocol", ["pool": pool.name, "what": what])
            if phase == .preparing { return failedToPrepare("the server broke the protocol") }
            close("protocol violation: \(what)")
        case .ending(let error):
            if phase == .preparing { return failedToPrepare("the server ends the connection, error \(error.code)") }
            if client == nil {
                Log.info(
                    "server_closed", "an idle server connection was ended by the server",
                    ["pool": pool.name, "code": String(error.code), "reason": error.message])
            }
            close("the server said error \(error.code)")
        }
        client?.serverLost(alreadyTold: wasInReply)
    }
}
