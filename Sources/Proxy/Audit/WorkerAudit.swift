import AuditTrail
import ByteKit
import CLinux
import EventLoop
import SQLText
import Sessions
import Settings

/// A worker's part in the audit trail: takes what its sessions have noted, once a turn of the loop, and holds back
/// statements that must be on record before they are sent.
final class WorkerAudit {
    let postgres: StatementTrail
    let mysql: StatementTrail
    private(set) var policy: AuditPolicy
    private let producer: AuditProducer
    private var slots = AuditSlots()
    private var freeSessions: [UInt32] = []
    private var nextSession: UInt32 = 0
    private var holds: [AuditHold] = []
    /// What is added to the monotonic clock to get the time of day.
    private var wallOffset: UInt64 = 0

    init(_ producer: AuditProducer, _ snapshot: Snapshot) {
        self.producer = producer
        policy = AuditPolicy(snapshot.configuration.audit, key: snapshot.auditKey)
        postgres = StatementTrail(dialect: .postgres, origin: producer.index)
        mysql = StatementTrail(dialect: .mysql, origin: producer.index | 0x80)
        adopt(snapshot)
    }

    /// A policy that holds from now on.
    func adopt(_ snapshot: Snapshot) {
        policy = AuditPolicy(snapshot.configuration.audit, key: snapshot.auditKey)
        slots.forget()
        for trail in [postgres, mysql] {
            trail.strict = policy.strict
            trail.keepsParameters = policy.parameters != .none
            trail.keepsText = policy.text == .raw
        }
    }

    // MARK: Sessions and servers

    /// A client has logged in, or has become another.
    func begin(_ info: AuditSession, _ kind: ProtocolKind) -> TrailSession {
        let slot: UInt32
        if let free = freeSessions.popLast() {
            slot = free
        } else {
            slot = nextSession
            nextSession &+= 1
        }
        producer.define(session: slot, info)
        return TrailSession(slot: slot, trail: kind == .mysql ? mysql : postgres)
    }

    /// Where statements on this server go.
    func place(of server: PooledServer) -> ServerPlace {
        let port: UInt16 = if case .ip(let address) = server.address { address.port } else { 0 }
        return ServerPlace(
            backend: slots.backend(server.host, port: port, cluster: server.pool.cluster.name, producer),
            processID: server.processID)
    }

    /// Something happened that is no statement.
    func record(_ event: AuditEvent) { _ = producer.record(event) }

    // MARK: Statements

    /// Takes what has been noted. Called before the loop blocks.
    func endTurn() {
        take(postgres)
        take(mysql)
        producer.endOfTurn()
        let isFull = policy.onOverflow != .drop && !producer.hasRoom || producer.refusal(for: .buffered) != nil
        postgres.isFull = isFull
        mysql.isFull = isFull
    }

    private func take(_ trail: StatementTrail) {
        if !trail.outcomes.isEmpty {
            wallOffset = headgate_realtime_nanos() &- headgate_monotonic_nanos()
            for index in trail.outcomes.indices { record(trail.outcomes[index]) }
            trail.taken()
        }
        guard !trail.freedSlots.isEmpty else { return }
        for slot in trail.freedSlots {
            producer.end(session: slot)
            freeSessions.append(slot)
        }
        trail.freedSlots.removeAll(keepingCapacity: true)
    }

    private func record(_ outcome: StatementOutcome) {
        let statement = outcome.statement
        var made = prepared(statement, outcome.index)
        made.serverClass = outcome.serverClass
        made.duration = outcome.endedAt &- statement.startedAt
        made.returnedRows = outcome.returnedRows ?? .max
        made.affectedRows = outcome.affectedRows ?? .max
        made.bytesIn = statement.bytesIn
        made.bytesOut = outcome.bytesOut
        made.status = outcome.sqlstate
        made.errno = UInt32(outcome.code)
        switch outcome.end {
        case .success: made.outcome = .success
        case .failure:
            made.outcome = outcome.isCancelled ? .cancelled : .failure
            made.reason = outcome.isCancelled ? .cancelled : .serverError
        case .skipped:
            made.outcome = .skipped
            made.reason = .skippedAfterError
        case .denied:
            made.outcome = .denied
            made.reason = outcome.sqlstate == 0 ? .auditUnavailable : .policy
        case .unknown:
            made.outcome = .unknown
            made.reason = .serverLost
        }
        let error =
            outcome.message.byteCount == 0
            ? [] : ErrorText.redact(outcome.message, sqlstate: outcome.state, code: outcome.code)
        let parameters = statement.parameters.isEmpty ? [] : AuditValues.render(statement, policy)
        error.withSpan { error in
            parameters.withSpan { _ = producer.record(made, error: error, parameters: $0) }
        }
    }

    /// What intent and completion have in common.
    private func prepared(_ statement: OpenStatement, _ index: Int) -> AuditStatement {
        let shape = statement.shape
        let part = shape.parts[shape.part(index)]
        let slot: UInt32
        if policy.text == .raw, let text = statement.text, shape.parts.count == 1 {
            slot = slots.single(shape, index, text, policy, producer)
        } else {
            slot = slots.shape(shape, index, policy, producer)
        }
        var made = AuditStatement(
            session: statement.session.slot, shape: slot, id: statement.id &+ UInt64(truncatingIfNeeded: index),
            mode: policy.mode(of: part.statementClass), statementClass: part.statementClass,
            protocolPath: ProtocolPath(statement), startedAt: statement.startedAt &+ wallOffset)
        if shape.parts.count > 1 { made.parentID = statement.id }
        made.index = UInt32(truncatingIfNeeded: index)
        made.backend = statement.place.backend
        made.serverPID = statement.place.processID
        made.waited = statement.waited
        made.transaction = statement.transaction
        made.transactionIndex = statement.transactionIndex &+ 1
        if let trace = statement.trace {
            made.traceID = (trace.traceHigh, trace.traceLow)
            made.spanID = trace.span
        }
        made.textLength = UInt64(truncatingIfNeeded: statement.textLength)
        return made
    }

    // MARK: Holding back

    /// The client's statement must be on record, or wait for room, before it is sent. True if the client has to wait; else
    /// it may be read again.
    func hold(_ client: PooledClient, _ trail: StatementTrail, now: Int64) -> Bool {
        guard let statement = trail.takeIntended() else { return false }
        wallOffset = headgate_realtime_nanos() &- headgate_monotonic_nanos()
        var hold = AuditHold(statement: statement, trail: trail, slot: client.slot, connectedAt: client.connectedAt)
        hold.deadline = now &+ policy.maxBlock
        if advance(&hold, now) { return false }
        holds.append(hold)
        producer.endOfTurn()
        return true
    }

    /// Takes a hold as far as it goes; true if its client may go on.
    private func advance(_ hold: inout AuditHold, _ now: Int64) -> Bool {
        let statement = hold.statement
        let isStrict = !policy.strict.isDisjoint(with: statement.shape.classes)
        if let refusal = producer.refusal(for: isStrict ? .strict : .buffered) {
            deny(hold, refusal)
            return true
        }
        guard isStrict else {
            if producer.hasRoom || policy.onOverflow == .drop {
                hold.trail.grant(statement)
                return true
            }
            guard now >= hold.deadline else { return false }
            if policy.onOverflow == .deny { deny(hold, .overflow) } else { hold.deadline = now &+ policy.maxBlock }
            return policy.onOverflow == .deny
        }
        if hold.ticket == nil {
            guard producer.hasRoom else {
                if now >= hold.deadline { deny(hold, .overflow) }
                return now >= hold.deadline
            }
            for index in statement.shape.parts.indices {
                var intent = prepared(statement, index)
                intent.phase = .intent
                intent.mode = .strict
                guard let ticket = producer.record(intent, error: RawSpan(), parameters: RawSpan()) else {
                    deny(hold, .overflow)
                    return true
                }
                hold.ticket = ticket
            }
        }
        guard let ticket = hold.ticket, ticket <= producer.durable else { return false }
        hold.trail.grant(statement)
        return true
    }

    private func deny(_ hold: AuditHold, _ refusal: AuditRefusal) {
        hold.trail.deny(
            hold.statement,
            TrailRefusal(message: "the statement cannot be recorded: \(refusal.message)", hint: refusal.hint))
    }

    /// The writer has got on, there is room again, or time has passed.
    func settle(_ worker: Worker) {
        guard !holds.isEmpty else { return }
        let now = worker.loop.nowMicros
        var left: [AuditHold] = []
        var free: [PooledClient] = []
        for var hold in holds {
            guard let client = worker.clients[hold.slot], client.connectedAt == hold.connectedAt,
                client.phase != .closed
            else {
                hold.trail.withdraw(hold.statement)
                continue
            }
            if advance(&hold, now) { free.append(client) } else { left.append(hold) }
        }
        holds = left
        for client in free where client.waitsForTrail {
            client.waitsForTrail = false
            client.resume()
        }
    }
}

/// A statement that is held back.
struct AuditHold {
    let statement: OpenStatement
    let trail: StatementTrail
    let slot: UInt32
    let connectedAt: Int64
    /// Where its intent ends in the stream; nil if there was no room for it yet.
    var ticket: AuditTicket?
    /// When it has waited long enough for room.
    var deadline: Int64 = .max
}

extension ProtocolPath {
    /// How a statement came.
    init(_ statement: OpenStatement) {
        let isMySQL = statement.session.isOfMySQL
        switch statement.path {
        case .simple: self = isMySQL ? .comQuery : .simple
        case .extended: self = isMySQL ? .comStmtExecute : .extended
        case .functionCall: self = .fastpath
        case .bulk: self = .comStmtBulkExecute
        case .fetch: self = .comStmtFetch
        case .prepare: self = isMySQL ? .comStmtPrepare : .extended
        case .command: self = .comOther
        }
    }
}
