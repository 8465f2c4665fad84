import ByteKit
import EventLoop
import Pooling
import Settings
import Telemetry

/// What a server connection is doing.
enum ServerPhase: Equatable {
    /// The socket is connecting.
    case connecting
    /// Start-up and authentication.
    case login
    /// Runs `connect_query`, and is asked what that has set.
    case preparing
    /// Lies in the pool.
    case idle
    /// Serves its client.
    case active
    /// Takes over its client's settings before it serves it.
    case settings
    /// Is asked what session state its client has left on it.
    case probing
    /// Is asked whether it still answers before it is given out.
    case checking
    /// Finishes and forgets what its last client left.
    case cleaning
    /// Closed.
    case closed
}

/// One connection to a server, as workers and pools know it whatever it speaks: it is connected, given out, taken back,
/// checked, lent to another worker and closed. What is said on it is its protocol's (`PostgresServer`, `MySQLServer`).
class PooledServer: Connection {
    final let pool: Pool
    /// Place in the worker's list of servers.
    final let slot: UInt32
    final var phase = ServerPhase.connecting
    final let address: SocketAddress
    /// The name it is known by, for its certificate.
    final let host: String
    /// Its number at the server.
    final var processID: UInt32 = 0
    /// As whom it logs in.
    private(set) final var user: UserRecord?
    final let connectedAt: Int64
    final var lastUsed: Int64
    /// When it must go, whatever it does.
    final var expiresAt: Int64
    /// When what it does now has taken too long (connecting, checking, cleaning).
    final var deadline: Int64 = .max
    /// When its client's transaction began; 0 between transactions.
    final var startedAt: Int64 = 0
    /// Close it when it is free.
    final var closeNeeded = false
    /// It is connected once more, while it has a client.
    final var isReopening = false
    /// Cancels on their way to it: it is not given out before they have arrived.
    final var cancelsInFlight = 0

    init(pool: Pool, worker: Worker, slot: UInt32, address: SocketAddress, host: String, expiresAt: Int64) {
        self.host = host
        self.pool = pool
        self.slot = slot
        self.address = address
        connectedAt = worker.loop.nowMicros
        lastUsed = worker.loop.nowMicros
        self.expiresAt = expiresAt
        super.init(worker: worker)
    }

    /// A connection that another worker has sent.
    init(pool: Pool, worker: Worker, slot: UInt32, moved: MovedServer) {
        self.pool = pool
        self.slot = slot
        address = moved.address
        host = moved.host
        connectedAt = moved.connectedAt
        lastUsed = moved.lastUsed
        expiresAt = moved.expiresAt
        super.init(worker: worker)
        phase = .idle
        processID = moved.processID
        closeNeeded = moved.closeNeeded
        tls = moved.takeTLS()
        tls?.move(to: worker.tlsPort)
    }

    // MARK: What its protocol decides

    /// Whose settings it has, for `PooledClient.affinity`.
    var affinity: UInt64 { 0 }
    /// Whom it serves.
    var pooledClient: PooledClient? { nil }
    /// Holds more prepared statements than it may, or something else it cannot get rid of.
    var isWorn: Bool { false }
    /// What another worker needs to go on with it; nil while it is not free.
    var state: MovedServer.State? { nil }

    /// The socket is connected.
    func beginLogin() {}
    /// It is `client`'s from now on.
    func link(_ client: PooledClient) {}
    /// It is nobody's.
    func unlink() {}
    /// It lies idle, and what has come from it says that it has ended, though the loop has not said so yet.
    final var isGone: Bool {
        switch Sockets.peek(fd) {
        case .wouldBlock: false
        case .eof, .failed: true
        // What an idle server says and nobody has read yet is goodbye, or as good a reason to leave it.
        case .bytes: true
        }
    }

    /// Its place is needed by another connection, which must not be there before this one has gone.
    func leavePlace(_ why: String) { close(why) }

    /// It is free, and the last cancel that was on its way has arrived.
    func freedOfCancels() { pool.place(self) }

    /// Another worker needs it, and it is free.
    func lend(to other: Int) { worker.lend(self, to: other) }
    /// Its client has part of a reply, behind which it could not read an error of ours.
    var isInReply: Bool { false }
    /// It is idle and not wanted any more.
    func retire(_ why: String) { close(why) }
    /// Its connection has ended.
    func leaves() {}
    /// Makes sure an idle server still answers.
    func check() {}
    /// Fills in what only its protocol knows.
    func describe(_ row: inout SocketRow) {}

    // MARK: Connecting

    /// The socket is being connected, or is.
    final func start(_ fd: Int32, connected: Bool) {
        deadline = pool.connectDeadline
        if case .ip = address {
            Sockets.setNoDelay(fd)
            worker.setKeepAlive(fd)
        }
        attach(fd: fd, loop: worker.loop, reading: false, writing: true)
        if connected { logIn() }
    }

    private func logIn() {
        phase = .login
        user = pool.user
        setInterest(reading: true, writing: false)
        beginLogin()
    }

    override func ready(_ events: Int32) {
        if phase == .connecting {
            if let errno = Sockets.takeError(fd) {
                failedToConnect("\(errno)")
            } else {
                logIn()
            }
            return
        }
        if events & IOEvent.writable != 0 && !output.isEmpty { flush() }
        if events & IOEvent.readable != 0 && isAttached && isReading { receive() }
    }

    override func tlsFailed(_ failure: TLSFailure) {
        guard phase == .login else { return ended(nil) }
        failedToConnect(failure.description)
    }

    final func failedToConnect(_ why: String) {
        // First: what waits must not open another connection at once.
        pool.connectFailed(.unreachable(why), at: "\(address)")
        close("connect failed: \(why)")
    }

    /// The server did not let it in.
    final func loginFailed(_ failure: LoginRefusal) {
        // A secret that has changed meanwhile is another matter.
        let isOutdated = failure.isCredential && user !== pool.user
        if !isOutdated { pool.connectFailed(.login(failure), at: "\(address)") }
        close("login failed: \(failure.reason)")
    }

    /// It can be given out.
    final func becomeOpen() {
        deadline = .max
        phase = .idle
        Log.debug("server_login", "server connection ready", ["pool": pool.name, "pid": processID])
        pool.opened(self)
    }

    /// `connect_query` does not work; the text says how.
    final func failedToPrepare(_ why: String) {
        pool.connectFailed(.connectQuery(why), at: "\(address)")
        close("connect_query: \(why)")
    }

    // MARK: Giving back

    /// Its client's transaction has ended.
    @inline(__always)
    final func countTransaction(until now: Int64) {
        if startedAt == 0 { return }
        pool.counters.transactionMicros &+= UInt64(truncatingIfNeeded: now &- startedAt)
        startedAt = 0
    }

    /// Free: back to the pool, or closed if its time has come.
    final func finish() {
        deadline = .max
        if isWorn { closeNeeded = true }
        if closeNeeded || worker.loop.nowMicros >= expiresAt {
            close(closeNeeded ? "no longer wanted" : "server_lifetime is over")
            return
        }
        if pool.owesPlace {
            pool.owesPlace = false
            if pool.global.claims.inUse > 0 {
                close("its place is needed by a replication client")
                return
            }
        }
        phase = .idle
        if cancelsInFlight == 0 { pool.place(self) }
    }

    /// No longer wanted: closed now if it is free, otherwise as soon as it is.
    final func retireSoon(_ why: String) {
        closeNeeded = true
        if phase == .idle && cancelsInFlight == 0 { return close(why) }
        pooledClient?.leaveStaleServerIfIdle()
    }

    /// A cancel is under way.
    final func cancelStarted() { cancelsInFlight += 1 }

    /// A cancel that was under way has arrived.
    final func cancelArrived() {
        cancelsInFlight -= 1
        guard cancelsInFlight == 0 else { return }
        if phase == .idle { freedOfCancels() } else { pooledClient?.cancelHasArrived() }
    }

    // MARK: Ending

    override func ended(_ errno: Errno?) {
        let why = errno.map { "\($0)" } ?? "closed by the server"
        if phase == .connecting || phase == .login {
            failedToConnect(why)
            return
        }
        if phase == .preparing { return failedToPrepare(why) }
        let client = pooledClient
        let wasInReply = isInReply
        close(why)
        client?.serverLost(alreadyTold: wasInReply)
    }

    /// Closes the socket and takes the connection out of the pool.
    final func close(_ why: String) {
        if phase == .closed { return }
        let was = phase
        let client = isReopening ? pooledClient : nil
        if pooledClient != nil { unlink() }
        phase = .closed
        Log.debug("server_close", "closing server connection", ["pool": pool.name, "pid": processID, "why": why])
        closeSocket()
        worker.loop.retire(self)
        leaves()
        let isOpening = was == .connecting || was == .login || was == .preparing
        pool.closed(self, wasOpening: isOpening && !isReopening)
        client?.serverLost(alreadyTold: false)
    }

    /// What it does now has taken too long.
    final func tookTooLong() {
        switch phase {
        case .connecting, .login:
            let seconds = pool.settings.serverConnectTimeout
            failedToConnect("no connection within server_connect_timeout (\(seconds))")
        case .preparing: failedToPrepare("it takes longer than server_connect_timeout")
        case .checking, .cleaning: close("did not answer in time")
        case .settings, .probing:
            let client = pooledClient
            close("did not take over its client's settings in time")
            client?.serverLost(alreadyTold: false)
        case .idle, .active, .closed: deadline = .max
        }
    }

    override func outputGrew() {
        if output.count > Self.highWater, let client = pooledClient { client.hold(true) }
    }

    override func outputShrank() { pooledClient?.hold(false) }
}
