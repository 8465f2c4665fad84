import ByteKit
import MySQLWire
import Pooling
import Sessions
import Settings

/// The proxy's end of one client connection, as `MySQLClient` drives it.
final class MySQLSimClient: PooledSimClient {
    enum Phase { case idle, waiting, active, closed }

    let worker: MySQLSimWorker
    let session: MySQLClientSession
    private let toClient: Wire
    private(set) var phase = Phase.idle
    var server: MySQLSimServer?
    private var lastServer: UInt32?
    private var waitsForServer = false
    private var carried: [UInt8] = []
    private var isServing = false
    private(set) var fatal: MySQLError?

    init(_ worker: MySQLSimWorker, app: SimApp, session: MySQLClientSession, toClient: Wire) {
        self.worker = worker
        self.session = session
        self.toClient = toClient
        super.init(slot: worker.slot(), app: app)
        session.rules = app.rules
        worker.clients[slot] = self
    }

    override var affinity: UInt64 { session.affinity }
    override var preferredServer: UInt32? { lastServer }

    func received(_ bytes: [UInt8]) {
        if phase == .closed { return }
        carried += bytes
        serve()
    }

    private func serve() {
        if isServing { return }
        isServing = true
        defer { isServing = false }
        while !carried.isEmpty, phase == .idle || phase == .active, !waitsForServer, !waitsForStatement {
            let input = carried
            let environment = worker.environment
            let result = input.withSpan { environment.relay($0, from: session, to: server?.session) }
            if let server { server.send(environment.toServer.flatten(input)) }
            toClient.send(environment.toClient.flatten(input))
            carried.removeFirst(result.consumed)
            switch result.stop {
            case .drained, .needBytes:
                if let server, session.pins.isEmpty, session.mode != .session { leaveIfDone(server) }
                return
            case .busy: return
            // No trail is kept here.
            case .needTrail: return
            case .unsettled:
                session.whenSettled = { [weak self] in self?.serve() }
                return
            case .needServer:
                if !worker.request(self) { return }
            case .needState:
                waitsForServer = true
                server?.takeOver()
            case .needPermit:
                if !startStatement(worker.world.now) { return }
                session.mayStart = true
            case .needStatement:
                waitsForServer = true
                server?.prepareWanted()
            case .quit: close()
            case .fatal(let error): fail(error)
            case .kill, .killUser, .changeUser, .ownServer:
                worker.census.problems.append("a script does not say \(result.stop)")
                close()
            }
        }
    }

    /// What pinned it has ended with a command that has no reply.
    private func leaveIfDone(_ server: MySQLSimServer) {
        guard phase == .active, !waitsForServer, !session.isAwaitingReply, !session.isSendingMessage,
            !session.hasUnread, server.session.isClean
        else { return }
        giveBack(server)
    }

    override var isBusy: Bool { session.isAwaitingReply }

    override func takePermit() { session.mayStart = false }

    override func statementGranted() {
        session.mayStart = true
        serve()
    }

    override func waits() { phase = .waiting }

    override func takes(_ server: PooledSimServer) {
        guard let server = server as? MySQLSimServer else { return }
        phase = .active
        server.link(self)
    }

    override func granted(_ server: PooledSimServer) {
        ticket = 0
        takes(server)
        serve()
    }

    func send(_ bytes: [UInt8]) { toClient.send(bytes) }

    func serverIsReady() {
        waitsForServer = false
        serve()
    }

    func probeAnswered() {
        waitsForServer = false
        replyEnded()
    }

    func serverIsNotReady(_ error: ErrorPacket) {
        worker.census.problems.append("a server does not become what its client needs: \(error)")
        waitsForServer = false
        refuse(MySQLError(error.code, error.sqlstate, error.message))
        replyEnded()
    }

    /// The command in front of what is carried is answered with an error.
    private func refuse(_ error: MySQLError) {
        let input = carried
        let used = input.withSpan { worker.environment.refuse($0, with: error, session) }
        toClient.send(worker.environment.toClient.flatten(input))
        carried.removeFirst(used)
    }

    func replyEnded() {
        statementEnded()
        guard let server else { return }
        if server.session.isInTransaction { return serve() }
        if session.isReleased {
            server.closeNeeded = true
            server.release()
            return close()
        }
        if session.hasUnread, session.mode != .session, !session.isSendingMessage {
            waitsForServer = true
            return server.probe()
        }
        if session.isSendingMessage || session.mode == .session || !session.pins.isEmpty { return serve() }
        giveBack(server)
    }

    private func giveBack(_ server: MySQLSimServer) {
        phase = .idle
        lastServer = server.slot
        server.release()
        serve()
    }

    func serverLost() {
        if phase == .closed { return }
        fail(MySQLError(2013, "HY000", "the server closed the connection while it served this one"))
    }

    func fail(_ error: MySQLError) {
        fatal = error
        close()
    }

    /// The client's socket is gone.
    func close() {
        if phase == .closed { return }
        phase = .closed
        leaveLine(worker)
        server?.abandon(halfSent: session.isSendingMessage)
        server = nil
        worker.clients[slot] = nil
        toClient.close()
    }

    var summary: String {
        "\(phase), waits \(waitsForServer), awaits \(session.isAwaitingReply), pins \(session.pins.reason), carried "
            + "\(carried.count), server \(server?.summary ?? "none")"
    }
}
