import ByteKit
import MySQLWire
import Pooling
import Sessions
import Settings

/// The proxy's end of one server connection, as `MySQLServer` drives it, and the model server at the other end.
final class MySQLSimServer: PooledSimServer {
    enum Phase { case preparing, idle, active, settings, probing, checking, cleaning, closed }

    private(set) var worker: MySQLSimWorker
    private(set) var session: MySQLServerSession
    let model: MySQLModel
    private(set) var phase = Phase.preparing
    private var client: MySQLSimClient?
    var closeNeeded = false
    private let toModel: Wire
    private let fromModel: Wire
    private var carried: [UInt8] = []
    private var mustRollBack = false
    private var borrower: Int?
    private var cancelsInFlight = 0
    private var wasKilled = false

    init(_ worker: MySQLSimWorker, slot: UInt32) {
        self.worker = worker
        let environment = worker.environment
        let capabilities = MySQLModel.capabilities.agreed(with: MySQLServerLogin.usual.subtracting(.mysql))
        model = MySQLModel(
            capabilities, schema: MySQLSimWorker.schema, charset: "utf8mb4", firstStatement: slot * 1000)
        session = MySQLServerSession(
            capabilities: capabilities, version: MySQLSimWorker.version, connectionID: slot, status: .autocommit,
            settings: environment.initialSettings(database: MySQLSimWorker.schema), options: .multiStatements,
            statementLimit: worker.statementLimit)
        toModel = Wire(worker.world)
        fromModel = Wire(worker.world)
        super.init(slot: slot)
        toModel.deliver = { [unowned self] in answered(model.receive($0)) }
        fromModel.deliver = { [unowned self] in received($0) }
    }

    override var affinity: UInt64 { session.affinity }

    // MARK: The server

    private func answered(_ bytes: [UInt8]) {
        fromModel.send(bytes)
        if model.isAsleep {
            worker.world.after(50 + worker.world.random.below(3000)) { [self] in
                if phase != .closed && model.isAsleep { answered(model.wake()) }
            }
        }
    }

    /// Nobody has asked it to.
    private func endsByItself() {
        if phase == .idle && cancelsInFlight == 0 { close() }
    }

    // MARK: Opening

    override func begins() {
        if worker.environment.introduce(session) { sendHidden() } else { prepared() }
    }

    private func prepared() {
        if let error = session.takeHiddenError() { worker.census.problems.append("introduction: \(error)") }
        session.adopt(worker.base(collation: UInt16(MySQLEnvironment.serverCollation)))
        phase = .idle
        worker.opened(self)
    }

    // MARK: Serving

    func send(_ bytes: [UInt8]) {
        if Trace.isOn { Trace.print("-> \(slot)", bytes) }
        if phase != .closed { toModel.send(bytes) }
    }

    private func sendHidden() { send(worker.environment.toServer.flatten([])) }

    func link(_ client: MySQLSimClient) {
        if phase != .idle || self.client != nil { worker.census.problems.append("lent while \(phase)") }
        self.client = client
        client.server = self
        phase = .active
    }

    func takeOver() {
        guard let wish = client?.session else { return }
        if session.mustReopen(for: wish) { worker.census.problems.append("a script needs another connection") }
        guard worker.environment.takeOver(wish, by: session) else {
            sendHidden()
            client?.serverIsReady()
            return
        }
        phase = .settings
        sendHidden()
    }

    func prepareWanted() {
        guard let wish = client?.session else { return }
        worker.environment.prepareWanted(wish, by: session)
        phase = .settings
        sendHidden()
    }

    func probe() {
        guard let served = client?.session else { return }
        worker.environment.askUnread(served, session)
        phase = .probing
        sendHidden()
    }

    private func settingsDone() {
        guard let client else { return }
        phase = .active
        worker.environment.takeDebts(session)
        if let error = session.takeHiddenError() {
            session.isDirty = true
            session.adopt(worker.environment.unknownSettings)
            client.serverIsNotReady(error)
        } else {
            client.serverIsReady()
        }
    }

    private func received(_ bytes: [UInt8]) {
        if phase == .closed { return }
        carried += bytes
        if Trace.isOn { Trace.print("<- \(slot)", bytes) }
        while phase != .closed, !carried.isEmpty {
            let input = carried
            let environment = worker.environment
            let client = self.client
            let result = input.withSpan { environment.relay($0, from: session, to: client?.session) }
            client?.send(environment.toClient.flatten(input))
            send(environment.toServer.flatten(input))
            carried.removeFirst(result.consumed)
            if let failure = result.failure {
                worker.census.problems.append("server failure: \(failure)")
                return close()
            }
            if result.hiddenEnded { hiddenEnded() } else if result.replyEnded { replyEnded(client) }
            if result.consumed == 0 { return }
        }
    }

    private func replyEnded(_ client: MySQLSimClient?) {
        if let client { return client.replyEnded() }
        if phase == .cleaning { cleanUp() }
    }

    private func hiddenEnded() {
        switch phase {
        case .preparing: prepared()
        case .settings: settingsDone()
        case .checking:
            if let error = session.takeHiddenError() { return problem("checked: \(error)") }
            worker.environment.takeDebts(session)
            finish()
        case .cleaning:
            // A KILL QUERY may have hit what cleans.
            if session.takeHiddenError() != nil { return close() }
            worker.environment.takeDebts(session)
            if let borrower {
                self.borrower = nil
                phase = .idle
                return super.lend(to: borrower, from: worker)
            }
            cleanUp()
        case .probing:
            guard let client else { return }
            phase = .active
            worker.environment.takeUnread(client.session, session)
            client.probeAnswered()
        case .idle, .active, .closed: problem("an answer while \(phase)")
        }
    }

    // MARK: Giving back

    func release() {
        unlink()
        if session.isSpoiled { closeNeeded = true }
        guard session.isDirty || wasKilled, !closeNeeded else { return finish() }
        phase = .cleaning
        cleanUp()
    }

    private func unlink() {
        client?.leaseEnded()
        client?.server = nil
        client = nil
    }

    private func finish() {
        if closeNeeded || worker.mayLose && worker.world.random.chance(1) { return close() }
        phase = .idle
        inspect()
        guard cancelsInFlight == 0 else { return }
        worker.place(self)
        if phase != .idle || worker.world.random.below(100) >= 4 { return }
        let retires = !worker.mayLose || worker.world.random.chance(50)
        worker.world.after(worker.world.random.below(400)) { [self] in retires ? retire() : endsByItself() }
    }

    /// It is idle and not wanted any more.
    private func retire() {
        guard phase == .idle, cancelsInFlight == 0 else { return }
        worker.machine.removeIdle(slot)
        closeNeeded = true
        guard session.owesSomebody, worker.environment.settle(session) else { return close() }
        phase = .cleaning
        sendHidden()
    }

    func abandon(halfSent: Bool) {
        mustRollBack = client?.session.pins.contains(.nextTransaction) ?? false
        let hadPins =
            client.map { !$0.session.pins.isEmpty || $0.session.hasUnread || $0.session.mode == .session } ?? true
        unlink()
        guard !session.isSpoiled, !halfSent, phase == .active else { return close() }
        phase = .cleaning
        if hadPins { session.isDirty = true }
        guard session.owesClient else { return cleanUp() }
        worker.environment.loseTrack(of: session)
        cancelStatement()
    }

    private func cleanUp() {
        if session.isInTransaction || mustRollBack {
            mustRollBack = false
            worker.environment.rollBack(session)
        } else if session.isDirty {
            worker.environment.reset(session)
        } else if wasKilled, cancelsInFlight == 0 {
            wasKilled = false
            worker.environment.takeBlow(session)
        } else {
            return finish()
        }
        sendHidden()
    }

    private func cancelStatement() {
        cancelsInFlight += 1
        wasKilled = true
        let world = worker.world
        world.after(1 + world.random.below(500)) { [self] in
            if phase != .closed { answered(model.kill()) }
            world.after(1 + world.random.below(200)) { [self] in
                cancelsInFlight -= 1
                guard cancelsInFlight == 0, phase == .idle else { return }
                wasKilled = false
                phase = .cleaning
                worker.environment.takeBlow(session)
                sendHidden()
            }
        }
    }

    override func check() {
        phase = .checking
        if !session.owesSomebody || !worker.environment.settle(session) { worker.environment.ping(session) }
        sendHidden()
    }

    override func lend(to other: Int, from pool: SimPool) {
        guard session.owesOthers(than: nil), worker.environment.settle(session) else {
            return super.lend(to: other, from: pool)
        }
        borrower = other
        phase = .cleaning
        sendHidden()
    }

    override func leave() -> ((SimPool) -> Void)? {
        guard session.isClean, carried.isEmpty, phase == .idle else {
            close()
            return nil
        }
        let moved = session.moved()
        phase = .checking
        return { [self] pool in
            guard let other = pool as? MySQLSimWorker else { return }
            worker = other
            session = MySQLServerSession(moved, other.environment)
            phase = .idle
        }
    }

    func close() {
        if phase == .closed { return }
        let client = self.client
        unlink()
        // Being asked what it owes it does not owe any more, but has not told either.
        if session.owesSomebody || phase == .cleaning || phase == .settings || phase == .checking {
            worker.census.hasLost = true
        }
        phase = .closed
        toModel.close()
        fromModel.close()
        session.ended()
        worker.closed(self)
        client?.serverLost()
    }

    // MARK: Looking

    private func problem(_ what: String) { worker.census.problems.append("server \(slot): \(what)") }

    /// What a server must be like whenever it is given back.
    private func inspect() {
        if !session.isClean { problem("given back and not clean") }
        if !carried.isEmpty { problem("given back with bytes unread") }
        if !model.violations.isEmpty { problem("the model: \(model.violations)") }
        let state = model.session
        if state.isInTransaction { problem("given back in a transaction") }
        if !state.locks.isEmpty || !state.tables.isEmpty { problem("given back with \(state.locks) \(state.tables)") }
        let known = Set(session.settings.entries.map(\.name))
        let has = state.carried.filter { !known.contains($0) }
        if !has.isEmpty { problem("\(has) set, known were \(known.sorted())") }
        let schema = session.settings["database"]?.replay.map { String(decoding: $0, as: UTF8.self) }
        if let schema, schema != state.schema { problem("in \(state.schema) where \(schema) was known") }
        if session.settings["database"] == nil { problem("in \(state.schema) where none was known") }
    }

    /// What it must be like when nothing is under way any more: what closes statements has arrived.
    override func inspectAtEnd() {
        let (count, known) = (model.prepared.count, session.preparedCount)
        if count != known { problem("\(count) prepared where \(known) were known") }
    }

    override var summary: String {
        "server \(slot) \(phase), \(session.status.rawValue), owes its client \(session.owesClient), owes others "
            + "\(session.owesSomebody), carried \(carried.count), cancels \(cancelsInFlight), asleep \(model.isAsleep)"
    }
}
