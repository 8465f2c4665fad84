import ByteKit
import Pooling
import PostgresWire
import Sessions
import Settings

/// The proxy's end of one client connection, as `ClientConnection` drives it.
final class SimClient: PooledSimClient {
    enum Phase { case idle, waiting, active, closed }

    let worker: SimWorker
    let session: ClientSession
    let toClient: Wire
    var phase = Phase.idle
    var server: SimServer?
    var waitsForServer = false
    private var waitsForReplies = false
    private var carried: [UInt8] = []
    private var isServing = false
    private(set) var fatal: PostgresError?
    var onClose: () -> Void = {}

    init(_ worker: SimWorker, app: SimApp, session: ClientSession, toClient: Wire) {
        self.worker = worker
        self.session = session
        self.toClient = toClient
        super.init(slot: worker.slot(), app: app)
        session.rules = app.rules
        worker.clients[slot] = self
    }

    func received(_ bytes: [UInt8]) {
        if phase == .closed { return }
        carried += bytes
        serve()
    }

    private func serve() {
        if isServing { return }
        isServing = true
        defer { isServing = false }
        while !carried.isEmpty, phase == .idle || phase == .active, !waitsForServer, !waitsForReplies,
            !waitsForStatement
        {
            let input = carried
            let environment = worker.environment
            let result = input.withSpan { environment.relay($0, from: session, to: server?.session) }
            server?.send(environment.toServer.flatten(input))
            toClient.send(environment.toClient.flatten(input))
            carried.removeFirst(result.consumed)
            switch result.stop {
            case .drained, .needBytes: return
            case .needServer:
                if !worker.request(self) { return }
            case .needSettings:
                waitsForServer = true
                server?.takeOverSettings()
            case .needPermit:
                if !startStatement(worker.world.now) { return }
                session.mayStart = true
            case .needChannels(let channels):
                for channel in channels { session.channelIsReady(channel) }
            case .tooManyInFlight: waitsForReplies = true
            // No trail is kept here.
            case .needTrail: return
            case .terminated: close()
            case .fatal(let error): fail(error)
            }
        }
    }

    override var affinity: UInt64 { session.settings.affinity }

    override var isBusy: Bool { server?.session.expected.isEmpty == false }

    override func takePermit() { session.mayStart = false }

    override func statementGranted() {
        session.mayStart = true
        serve()
    }

    override func waits() { phase = .waiting }

    override func takes(_ server: PooledSimServer) {
        guard let server = server as? SimServer else { return }
        phase = .active
        server.link(self)
    }

    override func granted(_ server: PooledSimServer) {
        ticket = 0
        takes(server)
        serve()
    }

    func serverIsReady() {
        waitsForServer = false
        if let server { toClient.send(worker.environment.statusChanges(for: session, server.session)) }
        serve()
    }

    func settingsFailed(_ error: ServerError) {
        server?.closeNeeded = true
        fail(PostgresError(.fatal, error.sqlstate, error.message))
    }

    func repliesCame() {
        waitsForReplies = false
        serve()
    }

    var waitsForMoreReplies: Bool { waitsForReplies }

    func transactionEnded() {
        waitsForReplies = false
        statementEnded()
        guard let server else { return }
        if session.isListening { _ = session.takeReleasedChannels() }
        if session.mode == .session { return serve() }
        if session.hasSuspects {
            waitsForServer = true
            server.probe()
            return
        }
        if !session.pins.isEmpty { return serve() }
        giveBack(server)
    }

    func probeAnswered() {
        guard let server else { return }
        waitsForServer = false
        worker.environment.takeProbe(session, server.session)
        if session.pins.isEmpty { giveBack(server) } else { serve() }
    }

    private func giveBack(_ server: SimServer) {
        phase = .idle
        server.release()
        serve()
    }

    func serverLost() {
        fail(PostgresError(.fatal, "08006", "the server closed the connection"))
    }

    func cancelRequested() {
        switch phase {
        case .waiting:
            leaveLine(worker)
            refuse(PostgresError(.error, "57014", "canceling statement due to user request"))
        case .active where waitsForStatement:
            leaveLine(worker)
            session.refuseNext(PostgresError(.error, "57014", "canceling statement due to user request"))
            serve()
        case .active:
            if let server, !server.session.expected.isEmpty, !waitsForServer { server.sendCancel() }
        case .idle, .closed: break
        }
    }

    private func refuse(_ error: PostgresError) {
        phase = .idle
        let input = carried
        let used = input.withSpan { worker.environment.refuse($0, with: error, session) }
        toClient.send(worker.environment.toClient.flatten(input))
        carried.removeFirst(used)
        serve()
    }

    func fail(_ error: PostgresError) {
        fatal = error
        close()
    }

    /// The client's socket is gone.
    func close() {
        if phase == .closed { return }
        phase = .closed
        leaveLine(worker)
        if let server {
            server.abandon(
                halfSent: session.isSendingMessage, needsReset: session.leavesState(on: server.session))
        }
        server = nil
        worker.clients[slot] = nil
        toClient.close()
        onClose()
    }
}
