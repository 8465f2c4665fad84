import ByteKit
import CLinux
import EventLoop
import PostgresWire
import Sessions
import Settings
import Telemetry

/// One client that speaks PostgreSQL: drives a `ClientSession` and moves its bytes.
final class PostgresClient: PooledClient {
    var session: ClientSession?
    /// The server it has.
    var server: PostgresServer?
    /// What is needed only while it logs in.
    var login: LoginAttempt?
    /// Secret of its cancel key.
    var cancelSecret: UInt64 = 0
    /// Too many replies are owed for more to be sent.
    var waitsForReplies = false
    /// The server is done with it but has half a message of its (COPY data behind an error): the rest comes first.
    var endsWithMessage = false
    /// The hub is being asked to listen to so many channels before the message in front can go on.
    var channelsAwaited = 0
    /// The server it has outside the pools.
    var replication: ReplicationConnection?

    init(worker: Worker, slot: UInt32, peer: PeerAddress, login: LoginAttempt) {
        self.login = login
        super.init(worker: worker, slot: slot, peer: peer)
    }

    override var affinity: UInt64 { session?.settings.affinity ?? 0 }
    override var pooledServer: PooledServer? { server }
    override var isServerBusy: Bool { server?.session?.expected.isEmpty == false }
    override var loginName: String { login?.name ?? "" }
    override var loginUser: String { login?.user ?? "" }
    override var loginDatabase: String { login?.database ?? "" }
    override var keepsServer: Bool { session.map { $0.mode == .session || !$0.pins.isEmpty } ?? false }
    override var isBetweenTransactions: Bool {
        server?.session?.isClean == true && carried.isEmpty && !waitsForServer
    }

    override func accepted() {
        guard let login else { return }
        login.exchange.offersTLS = peer.family != .unix && worker.snapshot.tls.server(login.listener) != nil
    }

    override var trailSession: TrailSession? { session?.trail }
    override func adopt(_ trail: TrailSession) { session?.trail = trail }

    override func tlsOpened() { tlsOpenedForLogin() }

    // MARK: Bytes from the client

    override func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch phase {
        case .idle, .active: return unsafe serve(bytes)
        case .header: return unsafe headerReceived(bytes)
        case .login: return unsafe loginReceived(bytes)
        case .waiting, .welcome:
            holdIfFull(bytes.count)
            return 0
        case .console: return unsafe consoleReceived(bytes)
        case .replication:
            unsafe replication?.send(bytes)
            return bytes.count
        case .refused, .closed: return bytes.count
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
        if session.trail != nil { worker.audit?.postgres.now = headgate_monotonic_nanos() }
        if waitsForServer || waitsForReplies || waitsForTrail || channelsAwaited > 0 || line != .none {
            holdIfFull(bytes.count)
            return 0
        }
        if server == nil, unsafe environment.needsServer(bytes.bytes, session) {
            // What the relay would find out too, with more ado: nearly every transaction begins so.
            guard requestServer() else {
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
                if !requestServer() {
                    holdIfFull(bytes.count - done)
                    return done
                }
                if waitsForServer { return done }
            case .needSettings:
                waitsForServer = true
                server?.takeOverSettings()
                if waitsForServer || phase == .closed { return done }
            case .needPermit:
                if !startStatement() {
                    holdIfFull(bytes.count - done)
                    return done
                }
            case .needChannels(let channels):
                if !awaitChannels(channels) {
                    holdIfFull(bytes.count - done)
                    return done
                }
            case .needTrail:
                if waitForTrail() {
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

    /// Whether its statement has to wait until the trail has it.
    private func waitForTrail() -> Bool {
        guard let audit = worker.audit else { return false }
        waitsForTrail = audit.hold(self, audit.postgres, now: worker.loop.nowMicros)
        return waitsForTrail
    }

    // MARK: Server

    /// Its server refused a stale plan; what it sent goes again, with the statement prepared anew.
    func repeatBatch(_ server: PostgresServer) {
        guard let session, let serverSession = server.session else { return }
        let environment = worker.environment
        let batch = environment.repeatBatch(from: session, to: serverSession)
        unsafe batch.withUnsafeBytes { all in
            unsafe server.send(environment.toServer, from: all)
            unsafe send(environment.toClient, from: all)
        }
    }

    /// A server has been given to it while it waited.
    override func granted(_ server: PooledServer) {
        guard let server = server as? PostgresServer else { return }
        if let trail = session?.trail { trail.waited = UInt64(max(0, worker.loop.nowMicros - requestedAt)) &* 1000 }
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
        settleCancel()
        statementEnded()
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

    private func giveBack(_ server: PostgresServer) {
        phase = .idle
        server.release()
        if phase == .idle, let session, session.isListening { deliverNotifications() }
        if phase == .idle && !carried.isEmpty { resume() }
    }

    /// The server went away while this client had it.
    override func serverLost(alreadyTold: Bool) {
        if phase == .closed { return }
        if alreadyTold {
            close(nil)
            return
        }
        fail(
            Refusal(
                .serverLost, "the server closed the connection while it served this one",
                hint: "The statement may or may not have been carried out. Connect again and look."))
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
            leaveLine()
            refuse(Refusal(.cancelled, "canceling statement due to user request", isFatal: false))
        case .active where line != .none:
            leaveLine()
            refuse(Refusal(.cancelled, "canceling statement due to user request", isFatal: false))
        case .active:
            if let server, let serverSession = server.session, !serverSession.expected.isEmpty, !waitsForServer {
                worker.cancel(server)
            }
        case .replication: if let replication { worker.cancel(replication) }
        case .console: worker.shared.console?.cancelled(id)
        case .header, .login, .refused, .welcome, .idle, .closed: break
        }
    }

    /// It has waited for `query_wait_notify`. One that still logs in is not told: libpq takes no notice then.
    override func tellOfWait() {
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
    override func refuse(_ refusal: Refusal) {
        guard let session else { return }
        let error = PostgresError(refusal)
        if server != nil {
            // Only the server can say in what transaction it leaves the client.
            session.refuseNext(error)
            return resume()
        }
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

    override func fail(_ refusal: Refusal, logged: String? = nil) { fail(PostgresError(refusal), logged: logged) }

    /// Sends a last error and closes.
    func fail(_ error: PostgresError, logged: String? = nil) {
        var out = ByteWriter(capacity: 256)
        error.write(to: &out)
        end(with: out.take(), logged: logged ?? error.message, sqlstate: error.sqlstate)
    }

    override func cancelStatement(_ reason: Refusal) {
        guard let server else { return }
        session?.isCancelled(for: PostgresError(reason))
        worker.cancel(server)
    }

    override func permitStatement(_ isPermitted: Bool) { session?.mayStart = isPermitted }

    override var mayStartStatement: Bool { session?.mayStart == true }

    override func takeExtraStatements() -> Int { session?.takeExtraStatements() ?? 0 }

    /// The answer to its statement went beyond a limit: it has been told so, and the server need not go on.
    func wasCut(_ server: PostgresServer) {
        guard server.session?.isCut == true else { return }
        hasTimedOut = true
        worker.cancel(server)
    }

    override func set(readOnly: Bool) { if let session { worker.environment.set(readOnly: readOnly, session) } }

    override func takeRules(_ rules: StatementRules?) { session?.rules = rules }

    override func leave() {
        if let server, let session {
            server.abandon(
                halfSent: session.isSendingMessage,
                needsReset: server.session.map { session.leavesState(on: $0) } ?? true)
        }
        server = nil
        session?.trail?.leave()
        replication?.abandon()
        replication = nil
        forgetChannels()
    }

    override var hasUnsent: Bool { super.hasUnsent || replication?.output.isEmpty == false }

    override func describe(_ row: inout SocketRow) {
        guard let session else { return }
        row.applicationName = session.status["application_name"] ?? ""
        row.preparedCount = session.preparedCount
        row.pinned = session.pins.isEmpty ? "" : session.pins.reason
    }
}
