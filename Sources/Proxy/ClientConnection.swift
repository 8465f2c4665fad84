import ByteKit
import EventLoop
import PostgresWire
import Sessions
import Settings
import Telemetry

/// What a client connection is doing.
enum ClientPhase: Equatable {
    /// Start-up and authentication.
    case login
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

/// One client: drives a `ClientSession` and moves its bytes.
final class ClientConnection: Connection {
    /// Place in the worker's list of clients.
    let slot: UInt32
    var phase = ClientPhase.login
    var session: ClientSession?
    var pool: Pool?
    /// The server it has.
    var server: ServerConnection?
    /// What is needed only while it logs in.
    var login: LoginAttempt?
    /// Its place in line while it waits.
    var ticket: UInt64 = 0
    /// Secret of its cancel key.
    var cancelSecret: UInt64 = 0
    /// The entry in the worker's timer wheel, -1 for none.
    var timer: Int32 = -1
    /// Too many replies are owed for more to be sent.
    var waitsForReplies = false
    /// The server is done with it but has half a message of its (COPY data behind an error): the rest comes first.
    var endsWithMessage = false
    /// The server it has is being made ready for it.
    var waitsForServer = false
    /// The hub is being asked to listen to so many channels before the message in front can go on.
    var channelsAwaited = 0
    /// The server it has outside the pools.
    var replication: ReplicationConnection?
    /// Refused because there are too many: it was never counted.
    var isOverLimit = false
    let peer: PeerAddress
    let connectedAt: Int64
    /// When it last asked for something.
    var requestedAt: Int64

    /// When bytes last came from or went to it.
    var lastActive: Int64
    /// A cancel has been sent because its statement took too long.
    var hasTimedOut = false

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

    // MARK: Bytes from the client

    override func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch phase {
        case .idle, .active: return unsafe serve(bytes)
        case .login: return unsafe loginReceived(bytes)
        case .waiting, .welcome:
            holdIfFull(bytes.count)
            return 0
        case .console: return unsafe consoleReceived(bytes)
        case .replication:
            unsafe replication?.send(bytes)
            return bytes.count
        case .closed: return bytes.count
        }
    }

    private func holdIfFull(_ amount: Int) {
        let full = amount >= Self.carriedLimit
        if full != isHeldByCarried {
            isHeldByCarried = full
            updateInterest()
        }
    }

    /// Deals with messages of a logged-in client.
    private func serve(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let session = unsafe session.map({ unsafe Unmanaged.passUnretained($0) }) else { return bytes.count }
        // The client keeps its session and the worker its environment for good: what is handed down as an argument is
        // counted nowhere below.
        return unsafe Unmanaged.passUnretained(worker.environment)._withUnsafeGuaranteedRef { environment in
            unsafe session._withUnsafeGuaranteedRef { session in unsafe serve(bytes, session, environment) }
        }
    }

    private func serve(
        _ bytes: UnsafeRawBufferPointer, _ session: ClientSession, _ environment: SessionEnvironment
    ) -> Int {
        lastActive = worker.loop.nowMicros
        if waitsForServer || waitsForReplies || channelsAwaited > 0 {
            holdIfFull(bytes.count)
            return 0
        }
        if server == nil, unsafe environment.needsServer(bytes.bytes, session) {
            // What the relay would find out too, with more ado: nearly every transaction begins so.
            guard requestServer(session) else {
                holdIfFull(bytes.count)
                return 0
            }
            if waitsForServer || phase == .closed { return 0 }
        }
        var done = 0
        while done < bytes.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
            let server = self.server
            let result = unsafe environment.relay(rest.bytes, from: session, to: server?.session)
            if let server {
                if server.startedAt == 0 { server.startedAt = lastActive }
                unsafe server.send(environment.toServer, from: rest)
            }
            if !environment.toClient.isEmpty { unsafe send(environment.toClient, from: rest) }
            done += result.consumed
            if let pool {
                pool.counters.bytesFromClients &+= UInt64(truncatingIfNeeded: result.consumed)
                if environment.tally.isSome { pool.count(&environment.tally) }
            }
            if endsWithMessage {
                messageEnded()
                if phase == .closed { return bytes.count }
                if waitsForServer { return done }
            }
            switch result.stop {
            case .drained: return done
            case .needBytes:
                return done
            case .needServer:
                if !requestServer(session) {
                    holdIfFull(bytes.count - done)
                    return done
                }
                if waitsForServer { return done }
            case .needSettings:
                waitsForServer = true
                server?.takeOverSettings()
                if waitsForServer || phase == .closed { return done }
            case .needChannels(let channels):
                if !awaitChannels(channels) {
                    holdIfFull(bytes.count - done)
                    return done
                }
            case .tooManyInFlight:
                waitsForReplies = true
                holdIfFull(Self.carriedLimit)
                return done
            case .terminated:
                close(nil)
                return bytes.count
            case .fatal(let error):
                fail(error)
                return bytes.count
            }
            if phase == .closed { return bytes.count }
        }
        return done
    }

    /// More of the message has come that the server had half of when it was done.
    private func messageEnded() {
        guard let session, !session.isSendingMessage else { return }
        endsWithMessage = false
        if server?.session?.isClean == true { transactionEnded() }
    }

    // MARK: Server

    /// Its server refused a stale plan; what it sent goes again, with the statement prepared anew.
    func repeatBatch(_ server: ServerConnection) {
        guard let session, let serverSession = server.session else { return }
        let environment = worker.environment
        let batch = environment.repeatBatch(from: session, to: serverSession)
        unsafe batch.withUnsafeBytes { all in
            unsafe server.send(environment.toServer, from: all)
            unsafe send(environment.toClient, from: all)
        }
    }

    /// Asks for a server; true if it has one now.
    private func requestServer(_ session: ClientSession) -> Bool {
        guard let pool else { return false }
        requestedAt = worker.loop.nowMicros
        return pool.request(self, session)
    }

    /// A server has been given to it while it waited.
    func granted(_ server: ServerConnection) {
        ticket = 0
        let wasWelcome = phase == .welcome
        phase = wasWelcome ? .welcome : .active
        server.link(self)
        if wasWelcome {
            beginAgain()
            waitsForServer = true
            server.takeOverSettings()
            return
        }
        resume()
    }

    /// Its server has its settings.
    func serverIsReady() {
        guard let server, let serverSession = server.session, let session else { return }
        waitsForServer = false
        if phase == .welcome {
            finishLogin(serverSession)
            return
        }
        send(worker.environment.statusChanges(for: session, serverSession))
        resume()
    }

    /// Goes on with what was carried.
    func resume() {
        if isHeldByCarried {
            isHeldByCarried = false
            updateInterest()
        }
        processCarried()
    }

    /// Enough replies have come.
    func repliesCame() {
        waitsForReplies = false
        resume()
    }

    /// Its server could not be given its settings.
    func settingsFailed(_ error: ServerError) {
        server?.closeNeeded = true
        let name = error.sqlstate.isEmpty ? "22023" : error.sqlstate
        fail(
            PostgresError(
                .fatal, name, error.message,
                detail: "The server refused a setting of this session (start-up parameter or SET)."),
            logged: "the server refused a setting of the session")
    }

    /// The server says that no transaction is open and nothing is owed.
    func transactionEnded() {
        if session?.isSendingMessage == true {
            endsWithMessage = true
            return
        }
        waitsForReplies = false
        hasTimedOut = false
        lastActive = worker.loop.nowMicros
        guard let session, let server else { return }
        server.countTransaction(until: lastActive)
        if worker.dismissesClients && dismissAfterTransaction() { return }
        if session.isPlain {
            giveBack(server)
            return
        }
        if session.isListening { settleChannels() }
        if session.mode == .session {
            if server.closeNeeded && leaveStaleServer() { return }
            resume()
            return
        }
        if session.hasSuspects {
            waitsForServer = true
            server.probe()
            return
        }
        if !session.pins.isEmpty {
            if server.closeNeeded && leaveStaleServer() { return }
            resume()
            return
        }
        giveBack(server)
    }

    /// The server said what state is left on it.
    func probeAnswered() {
        guard let session, let server, let serverSession = server.session else { return }
        waitsForServer = false
        let before = session.pins
        worker.environment.takeProbe(session, serverSession)
        if session.pins != before {
            Log.info(
                session.pins.isEmpty ? "client_unpinned" : "client_pinned",
                session.pins.isEmpty
                    ? "the client gives back its servers again" : "the client keeps its server",
                ["pool": pool?.name ?? "", "client": peer.description, "reason": session.pins.reason])
        }
        if session.pins.isEmpty { return giveBack(server) }
        if server.closeNeeded && leaveStaleServer() { return }
        resume()
    }

    private func giveBack(_ server: ServerConnection) {
        phase = .idle
        server.release()
        if phase == .idle, let session, session.isListening { deliverNotifications() }
        if phase == .idle && !carried.isEmpty { resume() }
    }

    /// The server went away while this client had it.
    func serverLost(alreadyTold: Bool) {
        if phase == .closed { return }
        if alreadyTold {
            close(nil)
            return
        }
        fail(
            PostgresError(
                .fatal, "08006", "the server closed the connection while it served this one",
                hint: "The statement may or may not have been carried out. Connect again and look."))
    }

    /// Stops or goes on reading, because the server takes no more or does again.
    func hold(_ on: Bool) {
        if isHeldByPeer == on { return }
        isHeldByPeer = on
        updateInterest()
    }

    override func outputGrew() {
        if output.count > Self.highWater { replication?.hold(true) }
        if output.count > Self.highWater, let server, !server.isHeldByPeer {
            server.isHeldByPeer = true
            server.updateInterest()
        }
    }

    override func outputShrank() {
        if let session, session.hasNotifications { deliverNotifications() }
        if let replication {
            replication.hold(false)
            replication.clientDrained()
        }
        if let server, server.isHeldByPeer {
            server.isHeldByPeer = false
            server.updateInterest()
        }
    }

    /// Somebody who knows its cancel key wants its statement cancelled.
    func cancelRequested() {
        if channelsAwaited > 0 {
            channelsFailed(PostgresError(.error, "57014", "canceling statement due to user request"))
            return
        }
        switch phase {
        case .waiting:
            pool?.withdraw(self)
            ticket = 0
            refuse(PostgresError(.error, "57014", "canceling statement due to user request"))
        case .active:
            if let server, let serverSession = server.session, !serverSession.expected.isEmpty, !waitsForServer {
                worker.cancel(server)
            }
        case .replication: if let replication { worker.cancel(replication) }
        case .console: worker.shared.console?.cancelled(id)
        case .login, .welcome, .idle, .closed: break
        }
    }

    /// It waited for a server as long as it may.
    func waitedTooLong(_ limit: TimeSpan) {
        let error = PostgresError(
            phase == .welcome ? .fatal : .error, "57014", "no server became free within query_wait_timeout (\(limit))",
            detail: pool?.obstacle, hint: pool?.advice)
        if phase == .welcome { fail(error) } else { refuse(error) }
    }

    /// It has waited for `query_wait_notify`. One that still logs in is not told: libpq takes no notice then.
    func tellOfWait() {
        guard phase == .waiting else { return }
        var out = ByteWriter(capacity: 256)
        // PgBouncer's words, which people look for.
        PostgresError(
            .notice, "00000", "No server connection available in postgres backend, client being queued",
            detail: pool?.obstacle
        ).write(to: &out)
        send(out.take())
    }

    /// Its first message in line is answered with an error instead of being sent to a server.
    private func refuse(_ error: PostgresError) {
        guard let session else { return }
        phase = .idle
        let bytes = carried.take()
        let used = unsafe bytes.withBytes { all in
            unsafe worker.environment.refuse(all.bytes, with: error, session)
        }
        unsafe bytes.withBytes { all in
            unsafe send(worker.environment.toClient, from: all)
            if used < all.count { unsafe carried.append(UnsafeRawBufferPointer(rebasing: all[used...])) }
        }
        resume()
    }

    // MARK: Ending

    override func ended(_ errno: Errno?) { close(errno.map { "\($0)" } ?? "closed by the client") }

    /// Sends a last error and closes. `logged` is what the log says instead, where the message is a server's and may
    /// quote a value of the client's.
    func fail(_ error: PostgresError, logged: String? = nil) {
        if phase == .closed { return }
        var out = ByteWriter(capacity: 256)
        error.write(to: &out)
        send(out.take())
        if worker.snapshot.configuration.general.logPoolerErrors {
            Log.info(
                "client_error", logged ?? error.message,
                ["client": peer.description, "pool": pool?.name ?? login?.name ?? "", "sqlstate": error.sqlstate])
        }
        close(nil)
    }

    /// Closes the connection; `why` is for the log, nil if the client knows.
    func close(_ why: String?) {
        if phase == .closed { return }
        let was = phase
        phase = .closed
        worker.disarm(self)
        if ticket != 0 {
            pool?.withdraw(self)
            ticket = 0
        }
        if let server, let session {
            server.abandon(
                halfSent: session.isSendingMessage,
                needsReset: server.session.map { session.leavesState(on: $0) } ?? true)
        }
        server = nil
        replication?.abandon()
        replication = nil
        forgetChannels()
        if was != .login, worker.snapshot.configuration.general.logDisconnections {
            Log.info(
                "client_close", "client disconnected",
                ["client": peer.description, "pool": pool?.name ?? "", "reason": why ?? "closed"])
        }
        if was == .console { worker.shared.console?.closed(id) }
        closeSocket()
        worker.closed(self)
    }
}
