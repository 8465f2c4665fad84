import ByteKit
import EventLoop
import Pooling
import Sessions
import Settings
import Telemetry

/// What a client connection is doing.
enum ClientPhase: Equatable {
    /// A proxy is to say for whom it connects.
    case header
    /// Start-up and authentication.
    case login
    /// Its login has failed, and it will be told so.
    case refused
    /// Authenticated; waits for a server to learn what the server reports of itself.
    case welcome
    /// Logged in, without a server.
    case idle
    /// In line for a server.
    case waiting
    /// Has a server.
    case active
    /// Talks to the console.
    case console
    /// Has a server of its own, to which everything goes as it is.
    case replication
    /// Closed.
    case closed
}

/// One client, as workers and pools know it whatever it speaks: it logs in, asks for servers, is given some, times out
/// and is told to go. What it says is its protocol's (`PostgresClient`, `MySQLClient`).
class PooledClient: Connection {
    /// Place in the worker's list of clients.
    final let slot: UInt32
    final var phase = ClientPhase.login
    final var pool: Pool?
    /// The application it belongs to; nil before it has logged in.
    final var app: App?
    /// What it called itself when it logged in.
    final var applicationName = ""
    /// The line it waits in.
    final var line = WaitingLine.none
    /// What it holds of its application's places.
    final var places: AppPlaces = []
    /// Its next statement has been counted in the rate of its application.
    final var hasPaidRate = false
    /// Its sessions at servers may only read.
    final var isReadOnly = false
    /// Its application may be sent only so many bytes a second.
    final var limitsBytes = false
    /// Its application lets only so many wait.
    final var limitsWaiting = false
    /// Whether its servers are told that it may only read is to be changed when it has none.
    final var turnsReadOnly = false
    /// Its application has a rate, of statements or of bytes.
    final var isRated = false
    /// It counts among those of its application that wait.
    final var countsAsWaiting = false
    /// Its place in line while it waits.
    final var ticket: UInt64 = 0
    /// The entry in the worker's timer wheel, -1 for none.
    final var timer: Int32 = -1
    /// The server it has is being made ready for it.
    final var waitsForServer = false
    /// It is one of those that max_client_conn limits.
    final var isCounted = false
    /// Its statement must be on record, or wait for room there, before it is sent.
    final var waitsForTrail = false
    /// What it will be told when its login has failed.
    final var lastWords: [UInt8] = []
    /// A cancel has been sent because its statement took too long, or answered too much.
    final var hasTimedOut = false
    /// It goes on when that has arrived.
    final var waitsForCancel = false
    /// Who it is: the socket's other end, or whom a proxy speaks for.
    final private(set) var peer: PeerAddress
    final let connectedAt: Int64
    /// When it last asked for something.
    final var requestedAt: Int64
    /// When bytes last came from or went to it.
    final var lastActive: Int64

    /// How much a client may send ahead while it waits for a server.
    static let carriedLimit = 64 << 10

    init(worker: Worker, slot: UInt32, peer: PeerAddress) {
        self.slot = slot
        self.peer = peer
        connectedAt = worker.loop.nowMicros
        requestedAt = worker.loop.nowMicros
        lastActive = worker.loop.nowMicros
        super.init(worker: worker)
    }

    override func ready(_ events: Int32) {
        if events & IOEvent.writable != 0 && !output.isEmpty { flush() }
        if events & IOEvent.readable != 0 && isAttached && isReading { receive() }
    }

    // MARK: What its protocol decides

    /// Servers with these settings serve it best; 0 if it is all the same.
    var affinity: UInt64 { 0 }
    /// A server that serves it better than any other, if it is free.
    var preferredServer: UInt32? { nil }
    /// The server it has.
    var pooledServer: PooledServer? { nil }
    /// It has a server, and nothing of it is under way there: no transaction, no statement.
    var isBetweenTransactions: Bool { false }
    /// A statement of it runs.
    var isServerBusy: Bool { false }
    /// It keeps its server between transactions.
    var keepsServer: Bool { false }
    /// What it is called before it has a pool, for the log.
    var loginName: String { "" }
    /// Who it says it is, before it has a pool.
    var loginUser: String { "" }
    /// What it asked for, before it has a pool.
    var loginDatabase: String { "" }

    /// Its connection has just been accepted.
    func accepted() {}

    /// A server has been given to it while it waited.
    func granted(_ server: PooledServer) {}

    /// It is told why, and closed. `logged` is what the log says instead, where the message may quote a value of the
    /// client's.
    func fail(_ refusal: Refusal, logged: String? = nil) {}

    /// Waiting for the first server of the pool came to nothing.
    func welcomeFailed(_ refusal: Refusal) { fail(refusal.fatal) }

    /// What it waits for in line is answered with this instead of being sent to a server; it keeps its connection.
    func refuse(_ refusal: Refusal) {}

    /// It has waited for `query_wait_notify`.
    func tellOfWait() {}

    /// The server went away while this client had it; `alreadyTold` when the server said goodbye to it, or has sent part of
    /// a reply, behind which nothing can be said any more.
    func serverLost(alreadyTold: Bool) {}

    /// It stays who it was before its login failed, and has been told; false if it is to go.
    func keepsSession(told words: [UInt8]) -> Bool { false }

    /// Its statement is to be cancelled at the server; it reads this in place of the server's error.
    func cancelStatement(_ reason: Refusal) {}

    /// A cancel has arrived that it waited for, with a server that is still its own.
    func goOnAfterCancel() {
        waitsForServer = false
        resume()
    }

    /// Its sessions at servers may only read, or may write again.
    func set(readOnly: Bool) {}

    /// What its statements are checked against; nil for nothing.
    func takeRules(_ rules: StatementRules?) {}

    /// What its server and what else belongs to it go back to, when it is gone.
    func leave() {}

    /// After how many microseconds without a statement it is to go because it has said so itself; 0 for never.
    var ownIdleLimit: Int64 { 0 }

    /// It may run one more statement, or may not after all.
    func permitStatement(_ isPermitted: Bool) {}

    /// Whether it may.
    var mayStartStatement: Bool { false }

    /// How many statements it has run without a permit, because they were in one text; then none.
    func takeExtraStatements() -> Int { 0 }

    /// Something of it is unsent, on either side.
    var hasUnsent: Bool { !output.isEmpty || pooledServer?.output.isEmpty == false }

    /// Under which session its statements are recorded; nil if they are not.
    var trailSession: TrailSession? { nil }
    /// They are recorded under this one from now on.
    func adopt(_ trail: TrailSession) {}

    /// Fills in what only its protocol knows.
    func describe(_ row: inout SocketRow) {}

    // MARK: Common

    /// The other end is a proxy, and this is who it connects for.
    final func speaks(for client: PeerAddress) {
        peer = client
        worker.moveInCrowd(self)
    }

    /// Asks for a server; true if it has one now.
    final func requestServer() -> Bool {
        guard let pool else { return false }
        requestedAt = worker.loop.nowMicros
        if isRated, !mayStartStatement, let app, !payRate(app) { return false }
        return pool.request(self)
    }

    /// Stops reading when as much is carried as may be; goes on when it is less.
    final func holdIfFull(_ amount: Int) {
        let full = amount >= Self.carriedLimit
        if full != isHeldByCarried {
            isHeldByCarried = full
            updateInterest()
        }
    }

    /// Goes on with what was carried.
    final func resume() {
        if isHeldByCarried {
            isHeldByCarried = false
            updateInterest()
        }
        processCarried()
    }

    /// Stops or goes on reading, because the server takes no more or does again.
    final func hold(_ on: Bool) {
        if isHeldByPeer == on { return }
        isHeldByPeer = on
        updateInterest()
    }

    /// It waited for a server as long as it may.
    final func waitedTooLong(_ limit: TimeSpan) {
        let refusal = Refusal(
            .waitedTooLong, "no server became free within query_wait_timeout (\(limit))",
            detail: app?.obstacle ?? pool?.obstacle,
            hint: pool?.advice, isFatal: phase == .welcome)
        if phase == .welcome { fail(refusal) } else { refuse(refusal) }
    }

    /// One too many: it is told which limit that is.
    final func refuseOverLimit() {
        let limit = worker.snapshot.configuration.general.maxClientConnections
        fail(
            Refusal(
                .tooManyConnections, "no more connections allowed (max_client_conn = \(limit), all in use)",
                hint: "Close connections that are no longer used, or raise max_client_conn."))
    }

    /// The pool of a client that has proved who it is, which counts there and in its application from now on; nil if it
    /// has been told why not.
    final func admit(
        database name: String, record: UserRecord?, calling applicationName: String, as kind: ProtocolKind
    ) -> Pool? {
        let configuration = worker.snapshot.configuration
        guard let database = configuration.database(name), let record,
            configuration.clusters[database.cluster]?.protocolKind == kind
        else {
            fail(.unknownDatabase(name, kind))
            return nil
        }
        guard !worker.admin.disabled.contains(name) else {
            fail(
                Refusal(
                    .databaseDisabled, "database does not allow connections: \(name)",
                    hint: "ENABLE \(name) on the console lets clients in again."))
            return nil
        }
        let key = PoolKey(database: name, user: record.settings.name)
        guard let pool = worker.pool(key, database, record) else {
            fail(Refusal(.unknownDatabase, "database \"\(name)\" has no cluster"))
            return nil
        }
        if record.lookedUpAt != nil, pool.user !== record { pool.renew(record) }
        let app = worker.app(
            of: ClientIdentity(
                user: key.user, database: key.database, applicationName: applicationName, source: peer.bytes,
                certificate: tls?.peerSubject))
        if let refusal = worker.admit(key, pool, app) {
            fail(refusal)
            return nil
        }
        self.pool = pool
        self.app = app
        limitsBytes = app.limitsBytes
        limitsWaiting = app.settings.maxWaiting > 0
        isRated = app.isRated
        isReadOnly = app.settings.readOnly
        self.applicationName = applicationName
        return pool
    }

    /// It is logged in: from now on its pool's timeouts hold.
    final func loggedIn(_ pool: Pool) {
        worker.disarm(self)
        phase = .idle
        beginTrail(pool)
        if worker.isSuspended { suspend(true) }
        armTimeouts()
        pool.counters.logins &+= 1
        if worker.snapshot.configuration.general.logConnections {
            Log.info("client_login", "client logged in", ["client": peer.description, "pool": pool.name])
        }
    }

    override func tlsFailed(_ failure: TLSFailure) {
        if phase == .login {
            Log.info("tls", "a client's TLS failed", ["client": peer.description, "reason": failure.description])
        }
        close(failure.description)
    }

    override func ended(_ errno: Errno?) { close(errno.map { "\($0)" } ?? "closed by the client") }

    /// Sends last words, which the log has as `logged`, and closes.
    final func end(with words: [UInt8], logged: String, sqlstate: String) {
        if phase == .closed { return }
        send(words)
        if worker.snapshot.configuration.general.logPoolerErrors {
            Log.info(
                "client_error", logged,
                ["client": peer.description, "pool": pool?.name ?? loginName, "sqlstate": sqlstate])
        }
        if phase == .login || phase == .welcome { recordFailedLogin(logged, code: sqlstate) }
        close(nil)
    }

    /// Closes the connection; `why` is for the log, nil if the client knows.
    final func close(_ why: String?) {
        if phase == .closed { return }
        let was = phase
        if was == .login, let why, !loginUser.isEmpty { recordFailedLogin(why, code: "") }
        endTrail(why)
        phase = .closed
        worker.disarm(self)
        leaveLine()
        leave()
        if was != .login, was != .header, was != .refused, worker.snapshot.configuration.general.logDisconnections {
            Log.info(
                "client_close", "client disconnected",
                ["client": peer.description, "pool": pool?.name ?? "", "reason": why ?? "closed"])
        }
        if was == .console { worker.shared.console?.closed(id) }
        closeSocket()
        worker.closed(self)
    }
}
