import ByteKit
import CLinux
import EventLoop
import MySQLWire
import Sessions
import Settings
import Telemetry

/// One client that speaks MySQL: drives a `MySQLClientSession` and moves its bytes.
@safe final class MySQLClient: PooledClient {
    var session: MySQLClientSession?
    /// The server it has.
    var server: MySQLServer? {
        get { unsafe link.map { unsafe $0.takeUnretainedValue() } }
        set { unsafe link = newValue.map { unsafe Unmanaged.passUnretained($0) } }
    }
    /// The same, not counted: the worker keeps both, and whichever is closed first undoes the links.
    private var link: Unmanaged<MySQLServer>?
    /// What is needed only while it logs in.
    var login: MySQLLoginAttempt?
    let listener: ListenSettings
    /// Its bytes are compressed, both ways.
    var encoding: MySQLEncoding?
    /// A login has begun or ended in the middle of what was received.
    var hasTurned = false
    /// What comes from now on is compressed.
    var turnsEncoded = false
    /// The nonce of its first login, where it cannot be given another.
    var firstNonce: [UInt8] = []
    /// What its KILL came to, until it is told.
    var killAnswer: KillAnswer?
    /// Whom that was for.
    var killedID: UInt64 = 0
    /// Its KILL USER means itself too.
    var isEndedByItself = false
    /// The sequence id the next packet to it must have while nothing is under way: 0 before it is greeted, 1 after a command.
    private var sequence: UInt8 { login?.exchange.sequence ?? (session == nil ? 0 : 1) }

    /// What it is told `CONNECTION_ID()` is.
    let connectionID: UInt32

    init(worker: Worker, slot: UInt32, peer: PeerAddress, listener: ListenSettings) {
        connectionID = worker.nextConnectionID()
        self.listener = listener
        environment = worker.mysql
        super.init(worker: worker, slot: slot, peer: peer)
    }

    /// The worker's, where it is read without counting references.
    let environment: MySQLEnvironment

    override var affinity: UInt64 { session?.affinity ?? 0 }
    override var preferredServer: UInt32? { lastServer }
    override var pooledServer: PooledServer? { server }
    override var isServerBusy: Bool { session?.isAwaitingReply == true }
    override var keepsServer: Bool { session.map { $0.mode == .session || !$0.pins.isEmpty } ?? false }
    override var loginName: String { login.map { $0.user.isEmpty ? "" : "\($0.database)/\($0.user)" } ?? "" }
    override var loginUser: String { login?.user ?? "" }
    override var loginDatabase: String { login?.database ?? "" }
    override var isBetweenTransactions: Bool {
        phase != .replication && server?.session?.isClean == true && carried.isEmpty && !waitsForServer
    }

    override var trailSession: TrailSession? { session?.trail }
    override func adopt(_ trail: TrailSession) { session?.trail = trail }

    // MARK: Bytes from the client

    override func ready(_ events: Int32) {
        guard let encoding, tls == nil else { return super.ready(events) }
        if events & IOEvent.writable != 0 && !output.isEmpty { flush() }
        if events & IOEvent.readable != 0 && isAttached && isReading { receiveEncoded(encoding) }
    }

    override func sendEncoded(_ bytes: UnsafeRawBufferPointer) {
        guard let encoding, bytes.count > 0 else { return }
        var plain = encoding.tail.take()
        unsafe plain.append(bytes)
        let ready = unsafe plain.withBytes { unsafe encoding.framing.ready($0.bytes) }
        if ready > 0 {
            var out = ByteWriter(capacity: min(ready, CompressedPacketWriter.longestPart) + 16)
            unsafe plain.withBytes { all in
                unsafe encoding.writer.write(all.bytes.extracting(..<ready), to: &out, worker.compression)
            }
            unsafe out.withUnsafeBytes { unsafe sendNow($0) }
            plain.drop(ready)
        }
        encoding.tail = plain
    }

    override func encodedReceived(_ bytes: UnsafeRawBufferPointer) {
        if let encoding { unsafe keepAndPump(bytes, encoding) }
    }

    override func tlsOpened() { login?.exchange.secured() }

    override func interestChanged() { if let encoding { pumpLater(encoding) } }

    /// The binary log: its server is its own, and everything is passed through as it is.
    private func keepServerForGood() {
        guard let server else { return }
        phase = .replication
        server.serveForGood()
        hasTurned = true
        Log.info(
            "client_own_server", "the client reads the binary log and keeps its server to the end",
            ["pool": pool?.name ?? "", "client": peer.description])
    }

    override func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        if turnsEncoded { return unsafe keepEncoded(bytes) }
        var done = unsafe deal(with: bytes)
        while hasTurned, done < bytes.count {
            hasTurned = false
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
            done += unsafe turnsEncoded ? keepEncoded(rest) : deal(with: rest)
        }
        return done
    }

    private func deal(with bytes: UnsafeRawBufferPointer) -> Int {
        switch phase {
        case .idle, .active: return unsafe serve(bytes)
        case .header: return unsafe headerReceived(bytes)
        case .login: return unsafe loginReceived(bytes)
        case .waiting, .welcome:
            holdIfFull(bytes.count)
            return 0
        case .replication:
            unsafe server?.send(bytes)
            return bytes.count
        case .refused:
            // Who has a session to go back to may send ahead.
            guard login?.previous != nil else { return bytes.count }
            holdIfFull(bytes.count)
            return 0
        case .console, .closed: return bytes.count
        }
    }

    private func serve(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let session = unsafe session.map({ unsafe Unmanaged.passUnretained($0) }) else { return bytes.count }
        // The client keeps both for good: what is handed down as an argument is counted nowhere below.
        return unsafe Unmanaged.passUnretained(environment)._withUnsafeGuaranteedRef { environment in
            unsafe session._withUnsafeGuaranteedRef { session in unsafe serve(bytes, session, environment) }
        }
    }

    private func serve(
        _ bytes: UnsafeRawBufferPointer, _ session: MySQLClientSession, _ environment: MySQLEnvironment
    ) -> Int {
        lastActive = worker.loop.nowMicros
        if session.trail != nil { worker.audit?.mysql.now = headgate_monotonic_nanos() }
        if waitsForServer || waitsForTrail || line != .none {
            holdIfFull(bytes.count)
            return 0
        }
        var done = 0
        while done < bytes.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
            if unsafe link == nil && environment.surelyNeedsServer(rest.bytes, session) {
                if !requestServer() {
                    holdIfFull(bytes.count - done)
                    return done
                }
                if waitsForServer { return done }
            }
            let result = unsafe relay(rest, session, environment)
            done += result.consumed
            switch result.stop {
            case .drained, .needBytes:
                leaveIfAnswered()
                return done
            case .busy:
                holdIfFull(bytes.count - done)
                return done
            case .needTrail:
                if waitForTrail() {
                    holdIfFull(bytes.count - done)
                    return done
                }
            case .unsettled:
                session.whenSettled = { [weak self] in self?.resume() }
                holdIfFull(bytes.count - done)
                return done
            case .needServer:
                if !requestServer() {
                    holdIfFull(bytes.count - done)
                    return done
                }
                if waitsForServer { return done }
            case .needState:
                waitsForServer = true
                server?.takeOver()
                if waitsForServer || phase == .closed { return done }
            case .needPermit:
                if !startStatement() {
                    holdIfFull(bytes.count - done)
                    return done
                }
            case .needStatement:
                waitsForServer = true
                server?.prepareWanted()
                if waitsForServer || phase == .closed { return done }
            case .quit:
                close(nil)
                return bytes.count
            case .kill(let id, let queryOnly):
                guard kill(id, queryOnly: queryOnly) else { return done }
                done += unsafe answerKill(rest.bytes.extracting(result.consumed..<rest.count))
            case .killUser(let name, let host, let queryOnly):
                guard kill(user: name, host: host, queryOnly: queryOnly) else { return done }
                done += unsafe answerKill(rest.bytes.extracting(result.consumed..<rest.count))
            case .changeUser(let payload):
                unsafe changeUser(rest.bytes.extracting(payload))
                return phase == .closed ? bytes.count : done - result.consumed + payload.upperBound
            case .ownServer:
                keepServerForGood()
                return done
            case .fatal(let error):
                fail(error, sequence: 0)
                return bytes.count
            }
            if phase == .closed { return bytes.count }
        }
        leaveIfAnswered()
        return done
    }

    /// Whether its statement has to wait until the trail has it.
    private func waitForTrail() -> Bool {
        guard let audit = worker.audit else { return false }
        waitsForTrail = audit.hold(self, audit.mysql, now: worker.loop.nowMicros)
        return waitsForTrail
    }

    /// Reads what came, and sends what comes of it.
    private func relay(
        _ bytes: UnsafeRawBufferPointer, _ session: MySQLClientSession, _ environment: MySQLEnvironment
    ) -> MySQLFromClient {
        let result: MySQLFromClient
        if let link = unsafe link {
            result = unsafe link._withUnsafeGuaranteedRef { server in
                let result = unsafe environment.relay(bytes.bytes, from: session, to: server.session)
                if server.startedAt == 0 { server.startedAt = lastActive }
                unsafe server.send(environment.toServer, from: bytes)
                return result
            }
        } else {
            result = unsafe environment.relay(bytes.bytes, from: session, to: nil)
        }
        if !environment.toClient.isEmpty { unsafe send(environment.toClient, from: bytes) }
        if result.consumed > 0, let pool {
            pool.counters.bytesFromClients &+= UInt64(truncatingIfNeeded: result.consumed)
            if environment.tally.isSome { pool.count(&environment.tally) }
        }
        return result
    }

    /// What it said last had no reply of its server's: it may need that no more.
    func leaveIfAnswered() {
        guard let server, let session, session.pins.isEmpty, session.mode != .session else { return }
        leaveIfDone(server, session)
    }

    /// Somebody said KILL with its number.
    func killed(queryOnly: Bool) {
        guard queryOnly else {
            return fail(Refusal(.terminated, "Connection was killed"))
        }
        switch phase {
        case .waiting:
            leaveLine()
            refuse(Refusal(.cancelled, "Query execution was interrupted", isFatal: false))
        case .active where line != .none:
            leaveLine()
            refuse(Refusal(.cancelled, "Query execution was interrupted", isFatal: false))
        case .active:
            session?.isBeingEnded = false
            if session?.isAwaitingReply == true { server?.cancelStatement() }
        case .header, .login, .refused, .welcome, .idle, .console, .replication, .closed: break
        }
    }

    /// What pinned it has ended with a command that has no reply.
    private func leaveIfDone(_ server: MySQLServer, _ session: MySQLClientSession) {
        guard phase == .active, !waitsForServer, !session.isAwaitingReply, !session.isSendingMessage,
            !session.hasUnread, server.session?.isClean == true
        else { return }
        notePins(session)
        giveBack(server)
    }

    /// `SET wait_timeout` is about the client's connection: it is kept here, whatever server it has.
    override var ownIdleLimit: Int64 { session?.waitTimeout ?? 0 }

    // MARK: Server

    override func granted(_ server: PooledServer) {
        guard let server = server as? MySQLServer else { return }
        if let trail = session?.trail { trail.waited = UInt64(max(0, worker.loop.nowMicros - requestedAt)) &* 1000 }
        let wasWelcome = phase == .welcome
        phase = wasWelcome ? .welcome : .active
        server.link(self)
        if wasWelcome {
            finishLogin()
            if phase != .closed { giveBack(server) }
            return
        }
        resume()
    }

    /// Its server has what it has set, and the statement it asked for.
    func serverIsReady() {
        waitsForServer = false
        resume()
    }

    /// The server has said what its variables are.
    func probeAnswered() {
        waitsForServer = false
        replyEnded()
    }

    /// Its server could not be given what it has set, or the statement it asked for: the command gets the error.
    func serverIsNotReady(_ error: ErrorPacket) {
        waitsForServer = false
        refuse(MySQLError(error.code, error.sqlstate, error.message))
        replyEnded()
    }

    /// The reply to its command is over.
    func replyEnded() {
        settleCancel()
        statementEnded()
        lastActive = worker.loop.nowMicros
        guard let session = unsafe session.map({ unsafe Unmanaged.passUnretained($0) }), let link = unsafe link else {
            return
        }
        unsafe session._withUnsafeGuaranteedRef { session in
            unsafe link._withUnsafeGuaranteedRef { server in
                if let status = server.session?.status { replyEnded(session, server, status) }
            }
        }
    }

    private func replyEnded(_ session: MySQLClientSession, _ server: MySQLServer, _ status: MySQLStatus) {
        if session.mode == .statement, !status.contains(.autocommit) {
            return stillServed(isOpen: true, mode: session.mode)
        }
        if server.session?.isUnsureOfTransaction == true, session.mode == .transaction, session.pins.isEmpty,
            !session.isSendingMessage
        {
            waitsForServer = true
            server.probe()
            return
        }
        if server.session?.isInTransaction == true {
            stillServed(isOpen: true, mode: session.mode)
            if phase != .closed { resume() }
            return
        }
        server.countTransaction(until: lastActive)
        if session.isReleased { return leaveWithServer(server) }
        if session.hasUnread, session.mode != .session, !session.isSendingMessage {
            waitsForServer = true
            server.probe()
            return
        }
        if session.isSendingMessage {
            resume()
            return
        }
        if worker.dismissesClients && dismissAfterTransaction() { return }
        notePins(session)
        armIdleLimit()
        if session.mode == .session || !session.pins.isEmpty {
            if server.closeNeeded && leaveStaleServer() { return }
            resume()
            return
        }
        giveBack(server)
    }

    /// Says in the log when the client begins or ends to keep its server.
    private func notePins(_ session: MySQLClientSession) {
        let isPinned = !session.pins.isEmpty
        guard isPinned != wasPinned else { return }
        wasPinned = isPinned
        Log.info(
            isPinned ? "client_pinned" : "client_unpinned",
            isPinned ? "the client keeps its server" : "the client gives back its servers again",
            ["pool": pool?.name ?? "", "client": peer.description, "reason": session.pins.reason])
    }

    private var wasPinned = false

    /// Where it was last: what it may ask for is there.
    private var lastServer: UInt32?

    /// It has nothing at any server any more.
    func forgetServers() {
        wasPinned = false
        lastServer = nil
    }

    /// COMMIT RELEASE: servers answer and close, both of us.
    private func leaveWithServer(_ server: MySQLServer) {
        server.closeNeeded = true
        server.release()
        close("it has ended its session with its transaction")
    }

    private func giveBack(_ server: MySQLServer) {
        phase = .idle
        lastServer = server.slot
        server.release()
        if phase == .idle && !carried.isEmpty { resume() }
    }

    override func serverLost(alreadyTold: Bool) {
        if phase == .closed { return }
        if phase == .replication {
            if output.isEmpty { close("the server closed the connection") }
            return
        }
        if alreadyTold {
            close("the server went away in the middle of a reply")
            return
        }
        fail(
            Refusal(
                .serverLost, "the server closed the connection while it served this one",
                hint: "The statement may or may not have been carried out. Connect again and look."))
    }

    override func outputGrew() {
        if output.count > Self.highWater, let server, !server.isHeldByPeer {
            server.isHeldByPeer = true
            server.updateInterest()
        }
    }

    override func outputShrank() {
        if phase == .replication, server == nil, output.isEmpty { return close("the server closed the connection") }
        if let server, server.isHeldByPeer {
            server.isHeldByPeer = false
            server.updateInterest()
        }
    }

    // MARK: Refusals

    override func keepsSession(told words: [UInt8]) -> Bool {
        guard let login, login.previous != nil else { return false }
        phase = .login
        stay(told: words, login)
        return true
    }

    override func accepted() { worker.greeter.greet(self) }

    override func refuse(_ refusal: Refusal) {
        guard server == nil else {
            refuse(MySQLError(refusal))
            if phase == .active { replyEnded() }
            return
        }
        phase = .idle
        refuse(MySQLError(refusal))
        resume()
    }

    /// The command in front of what is carried is answered with an error.
    private func refuse(_ error: MySQLError) {
        guard let session else { return }
        let bytes = carried.take()
        unsafe bytes.withBytes { all in
            let used = unsafe environment.refuse(all.bytes, with: error, session)
            unsafe send(environment.toClient, from: all)
            if used < all.count { unsafe carried.append(UnsafeRawBufferPointer(rebasing: all[used...])) }
        }
    }

    override func fail(_ refusal: Refusal, logged: String? = nil) { fail(MySQLError(refusal), logged: logged) }

    /// Sends a last error and closes. `sequence` is that of its packet, if it is no other.
    func fail(_ error: MySQLError, logged: String? = nil, sequence: UInt8? = nil) {
        var out = ByteWriter(capacity: 256)
        // What belongs to a login that was accepted comes in front of why it is of no use.
        if phase == .login || phase == .welcome, let login { out.raw(login.exchange.pending) }
        error.writePacket(to: &out, sequence: sequence ?? self.sequence)
        end(with: out.take(), logged: logged ?? error.message, sqlstate: error.sqlstate)
    }

    override func cancelStatement(_ reason: Refusal) {
        session?.isEnded(for: MySQLError(reason))
        server?.cancelStatement()
    }

    override func permitStatement(_ isPermitted: Bool) { session?.mayStart = isPermitted }

    override var mayStartStatement: Bool { session?.mayStart == true }

    override func takeExtraStatements() -> Int { session?.takeExtraStatements() ?? 0 }

    /// The answer to its statement went beyond a limit: it has been told so, and the server need not go on.
    func wasCut(_ server: MySQLServer) {
        guard server.session?.isCut == true else { return }
        hasTimedOut = true
        server.cancelStatement()
    }

    override func goOnAfterCancel() {
        // It may hit what comes next even so: that is a statement of ours.
        if let server { server.takeBlow() } else { super.goOnAfterCancel() }
    }

    override func set(readOnly: Bool) { if let session { environment.set(readOnly: readOnly, session) } }

    override func takeRules(_ rules: StatementRules?) { session?.rules = rules }

    override func leave() {
        // A server that waits for something to send does not notice.
        if let server, server.isForGood { worker.kill(server) }
        if let server { server.abandon(halfSent: session?.isSendingMessage == true || server.isForGood) }
        server = nil
        session?.trail?.leave()
    }

    override func describe(_ row: inout SocketRow) {
        guard let session else { return }
        row.applicationName = applicationName
        row.preparedCount = session.preparedCount
        row.pinned = session.pins.reason
    }
}
