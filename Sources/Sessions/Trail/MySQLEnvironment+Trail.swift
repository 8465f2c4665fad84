import ByteKit
import MySQLWire
import SQLText

/// Noting what MySQL's clients send. A command is admitted to the trail once, however often it is read before it can go
/// to a server. Nothing of this runs where no trail is kept.
extension MySQLEnvironment {
    /// The command in front is to be on record; nil if it may go on.
    func admit(
        _ command: MySQLCommand, _ bytes: RawSpan, _ packet: Packet, _ client: MySQLClientSession,
        _ server: MySQLServerSession?
    ) -> TrailAdmission {
        guard let session = client.trail, session.admitted == nil else { return .go }
        let isInTransaction = server?.isInTransaction ?? false
        func ask(
            _ shape: StatementShape, _ path: StatementPath, trace: TraceContext? = nil, text: RawSpan = RawSpan(),
            parameters: [UInt8] = []
        ) -> TrailAdmission {
            let admission = session.trail.admit(
                shape, session, path, trace: trace, text: text, parameters: parameters, bytesIn: packet.length &+ 4,
                isInTransaction: isInTransaction)
            switch admission {
            case .go:
                session.admitted = session.trail.opening.take()
                return .go
            case .wait: return .wait
            case .refuse(let refusal):
                return .refuse(MySQLError(1290, "HY000", "\(refusal.message). \(refusal.hint)"))
            }
        }
        switch command {
        case .query:
            guard packet.length < MySQLPacket.longestBody, packet.length <= maxInspectedStatement else {
                return ask(session.trail.unread, .simple)
            }
            guard packet.end <= bytes.byteCount else { return .later }
            let text = bytes.extracting((packet.body &+ 1)..<packet.end)
            if QuickLook.leavesNoTraceInMySQL(text) {
                let shape = statements.shape(of: text, client.lexer, in: session.trail.shapes)
                return ask(shape, .simple, trace: session.trail.shapes.trace, text: text)
            }
            let entry = statements.entry(text: text, types: RawSpan(), options: client.lexer)
            let shape = statements.shape(of: entry, client.lexer, in: session.trail.shapes)
            return ask(shape, .simple, trace: entry.trace, text: text)
        case .execute, .bulkExecute, .fetch:
            guard bytes.byteCount &- packet.body >= 5, packet.length >= 5 else { return .later }
            guard let statement = statement(bytes.le32(at: packet.body &+ 1), client) else {
                return ask(session.trail.unknownStatement, path(command))
            }
            if statement.isUntold { return ask(session.trail.unread, path(command)) }
            let keeps =
                session.trail.keepsParameters && command == .execute && packet.end <= bytes.byteCount
                && packet.length <= StatementTrail.longestParameters
            let shape = statements.shape(of: statement.entry, client.lexer, in: session.trail.shapes)
            return statement.entry.withText { text in
                ask(
                    shape, path(command), trace: statement.entry.trace, text: text,
                    parameters: keeps ? bytes.extracting((packet.body &+ 5)..<packet.end).toArray() : [])
            }
        case .prepare:
            guard packet.length < MySQLPacket.longestBody, packet.length <= maxInspectedStatement else {
                return ask(session.trail.unread, .prepare)
            }
            guard packet.end <= bytes.byteCount else { return .later }
            let entry = statements.entry(
                text: bytes.extracting((packet.body &+ 1)..<packet.end), types: RawSpan(), options: client.lexer)
            let shape = statements.shape(of: entry, client.lexer, in: session.trail.shapes)
            session.admitted = entry.withText { text in
                session.trail.parse(shape, session, trace: entry.trace, text: text, bytesIn: packet.length &+ 4)
            }
            return .go
        default:
            guard let shape = session.trail.commands[command.rawValue] else { return .go }
            return ask(shape, .command)
        }
    }

    private func path(_ command: MySQLCommand) -> StatementPath {
        switch command {
        case .bulkExecute: .bulk
        case .fetch: .fetch
        default: .extended
        }
    }

    /// The command in front has been dealt with: it is on its way, or was answered here.
    func sent(_ client: MySQLClientSession, _ server: MySQLServerSession?, _ command: MySQLCommand) {
        guard let session = client.trail, var statement = session.admitted.take() else { return }
        if client.awaitsReply, let server {
            server.rowsBefore = 0
            statement.place = server.place
            server.audited = statement
        } else {
            answeredHere(statement, session)
        }
    }

    /// The command in front was answered by whoever drives the session.
    func answeredHere(_ client: MySQLClientSession) {
        guard let session = client.trail, let statement = session.admitted.take() else { return }
        answeredHere(statement, session)
    }

    private func answeredHere(_ statement: OpenStatement, _ session: TrailSession) {
        let error = session.answered.take()
        if error == nil, statement.path == .prepare { return }
        session.trail.ended(statement, error == nil ? .success : .denied) { outcome in
            if let error { outcome.note(error.code, error.sqlstate, error.message) }
        }
    }

    /// A part of the reply has come, up to `end` of what was received.
    func noteReply(_ event: ReplyEvent, _ payload: RawSpan, _ end: Int, _ server: MySQLServerSession) {
        guard let statement = server.audited else { return }
        switch event {
        case .ok, .resultEnd, .text: resultEnded(event, statement, end, server)
        case .error:
            server.audited = nil
            var statement = statement
            var outcome = outcome(statement, .failure, end, server)
            if let error = try? ErrorPacket(parsing: payload) {
                outcome.note(error.code, error.sqlstate, error.message)
                outcome.isCancelled = [1317, 1969, 3024].contains(error.code)
            }
            statement.session.trail.outcomes.append(outcome)
            statement.index &+= 1
            statement.session.trail.ended(statement, .skipped)
        case .head, .prepared, .definition, .definitionsEnd, .row, .localFile, .authentication, .progress,
            .binlogEvent, .violation:
            // What was prepared has run nothing.
            if statement.path == .prepare, server.tracker.isComplete { server.audited = nil }
        }
    }

    /// A plain result set has come whole.
    func noteReply(_ reply: PlainResult, _ server: MySQLServerSession) {
        guard let statement = server.audited.take() else { return }
        var outcome = outcome(statement, .success, reply.end, server)
        outcome.returnedRows = reply.rows
        confirm(.read, &outcome)
        statement.session.trail.outcomes.append(outcome)
    }

    /// A text of one statement ends with its reply, whatever results that has; of several, each has one result, but for
    /// what calls a routine, which ends with an OK packet.
    private func resultEnded(
        _ event: ReplyEvent, _ statement: OpenStatement, _ end: Int, _ server: MySQLServerSession
    ) {
        let parts = statement.shape.parts
        let part = parts[statement.shape.part(statement.index)]
        let isLast = server.tracker.isComplete
        if !isLast, parts.count == 1 || part.statementClass == .function && event != .ok { return }
        var statement = statement
        var outcome = outcome(statement, .success, end, server)
        let summary = server.tracker.summary
        let rows = summary.rows &- server.rowsBefore
        if event == .ok {
            if rows > 0 { outcome.returnedRows = rows }
            if part.statementClass == .write || summary.affectedRows > 0 { outcome.affectedRows = summary.affectedRows }
            if summary.affectedRows > 0 { confirm(.write, &outcome) }
        } else {
            outcome.returnedRows = rows
            outcome.isSuspended = server.status.contains(.cursorExists) && !server.status.contains(.lastRowSent)
            if event == .resultEnd, summary.columns > 0 { confirm(.read, &outcome) }
        }
        server.rowsBefore = summary.rows
        statement.session.trail.outcomes.append(outcome)
        statement.index &+= 1
        statement.bytesIn = 0
        if isLast {
            server.audited = nil
            statement.session.trail.ended(statement, .unknown)
        } else {
            server.audited = statement
        }
    }

    private func outcome(
        _ statement: OpenStatement, _ end: StatementEnd, _ position: Int, _ server: MySQLServerSession
    ) -> StatementOutcome {
        var statement = statement
        statement.bytesIn &+= server.copied
        server.copied = 0
        var outcome = StatementOutcome(statement: statement, index: statement.index, end: end)
        let mark = server.replied &+ UInt64(truncatingIfNeeded: position)
        outcome.bytesOut = mark &- server.repliedBefore
        server.repliedBefore = mark
        return outcome
    }

    private func confirm(_ found: StatementClass, _ outcome: inout StatementOutcome) {
        let statement = outcome.statement
        outcome.confirm(found, statement.shape.parts[statement.shape.part(outcome.index)])
    }

    /// The server is gone, or its client: what became of the statement on it is not known.
    public func abandonStatements(on server: MySQLServerSession) {
        guard let statement = server.audited.take() else { return }
        statement.session.trail.ended(statement, .unknown)
    }
}

/// What comes of asking the trail.
enum TrailAdmission {
    case go
    /// Not all of the command is there.
    case later
    case wait
    case refuse(MySQLError)
}

extension StatementOutcome {
    mutating func note(_ code: UInt16, _ sqlstate: String, _ message: String) {
        self.code = code
        self.sqlstate = Self.packed(sqlstate)
        self.message = RawSQL(Array(message.utf8))
    }
}

extension StatementTrail {
    /// Commands that are statements without a text.
    static func commandShapes() -> [UInt8: StatementShape] {
        let list: [(MySQLCommand, StatementClass, String, Bool)] = [
            (.initDatabase, .miscSet, "USE", false), (.fieldList, .read, "SHOW FIELDS", false),
            (.createDatabase, .ddl, "CREATE DATABASE", true), (.dropDatabase, .ddl, "DROP DATABASE", true),
            (.refresh, .admin, "FLUSH", true), (.shutdown, .admin, "SHUTDOWN", true),
            (.statistics, .read, "STATISTICS", false), (.processInfo, .read, "SHOW PROCESSLIST", false),
            (.processKill, .admin, "KILL", true), (.debug, .admin, "DEBUG", true), (.ping, .misc, "PING", false),
            (.resetConnection, .misc, "RESET CONNECTION", false), (.setOption, .miscSet, "SET OPTION", false),
            (.registerReplica, .copy, "REGISTER REPLICA", false), (.binlogDump, .copy, "BINLOG DUMP", false),
            (.binlogDumpGTID, .copy, "BINLOG DUMP GTID", false), (.tableDump, .copy, "TABLE DUMP", false),
        ]
        return Dictionary(
            uniqueKeysWithValues: list.map { command, kind, operation, writes in
                (command.rawValue, StatementShape(kind, operation: operation, writes: writes))
            })
    }
}
