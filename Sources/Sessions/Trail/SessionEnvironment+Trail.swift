import ByteKit
import PostgresWire
import SQLText

/// What keeps a message from being sent because of the trail: why reading stops there, or nothing if the message has been
/// answered with an error.
struct TrailStop {
    let stop: ClientStop?
}

/// Noting what PostgreSQL's clients send. Nothing of this runs where no trail is kept.
extension SessionEnvironment {
    /// The reply to a message of the client's: recorded, if the message was admitted to the trail.
    @inline(__always)
    func expect(_ kind: ExpectedKind, tracked: Bool = false, _ client: ClientSession, _ server: ServerSession) {
        guard let trail = client.trail else { return server.expected.append(Expected(kind, tracked: tracked)) }
        expectRecorded(kind, tracked, trail.trail, server)
    }

    @inline(never)
    private func expectRecorded(
        _ kind: ExpectedKind, _ tracked: Bool, _ trail: StatementTrail, _ server: ServerSession
    ) {
        guard var opening = trail.opening.take() else {
            return server.expected.append(Expected(kind, tracked: tracked))
        }
        opening.place = server.place
        server.audited.append(opening)
        server.expected.append(Expected(kind, tracked: tracked, recorded: true))
    }

    /// A simple Query whose text is known to the cache, or of which a look was enough.
    @inline(never)
    func admit(
        query entry: StatementEntry?, _ end: Int, at start: Int, _ bytes: RawSpan, _ client: ClientSession,
        _ server: ServerSession
    ) -> TrailStop? {
        guard let session = client.trail else { return nil }
        let text = bytes.extracting((start &+ 5)..<(end &- 1))
        let shape: StatementShape
        let trace: TraceContext?
        if let entry {
            shape = statements.shape(of: entry, LexerOptions(), in: session.trail.shapes)
            trace = entry.trace
        } else {
            shape = statements.shape(of: text, LexerOptions(), in: session.trail.shapes)
            trace = session.trail.shapes.trace
        }
        let admission = session.trail.admit(
            shape, session, .simple, trace: trace, text: text, bytesIn: end &- start,
            isInTransaction: isInTransaction(server))
        return stop(admission, isQuery: true, bytes, server)
    }

    /// A simple Query too long to be read.
    func admit(
        unread end: Int, at start: Int, _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> TrailStop? {
        guard let session = client.trail else { return nil }
        let admission = session.trail.admit(
            session.trail.unread, session, .simple, trace: nil, text: RawSpan(), bytesIn: end &- start,
            isInTransaction: isInTransaction(server))
        guard case .refuse(let refusal) = admission else { return stop(admission, isQuery: true, bytes, server) }
        // The rest of it would have to be taken for nothing.
        return TrailStop(stop: .fatal(Self.refused(refusal, isFatal: true)))
    }

    /// Execute: of what the portal was bound to, if that is known.
    func admitExecute(
        _ body: Int, _ end: Int, at start: Int, _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> TrailStop? {
        guard let session = client.trail else { return nil }
        session.trail.opening = nil
        guard let portal = portal(body, end, bytes, session) else { return nil }
        let shape = statements.shape(of: portal.entry, LexerOptions(), in: session.trail.shapes)
        let admission = portal.entry.withText { text in
            session.trail.admit(
                shape, session, .extended, trace: portal.entry.trace, text: text, parameters: portal.parameters,
                bytesIn: end &- start, isInTransaction: isInTransaction(server))
        }
        return stop(admission, isQuery: false, bytes, server)
    }

    /// FunctionCall.
    func admitFunctionCall(
        _ end: Int, at start: Int, _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> TrailStop? {
        guard let session = client.trail else { return nil }
        let admission = session.trail.admit(
            session.trail.functionCall, session, .functionCall, trace: nil, text: RawSpan(), bytesIn: end &- start,
            isInTransaction: isInTransaction(server))
        if case .refuse = admission, end > bytes.byteCount { skipBody(end, bytes, client) }
        return stop(admission, isQuery: true, bytes, server)
    }

    private func isInTransaction(_ server: ServerSession) -> Bool {
        server.transaction != .idle || server.isInBlock || server.hasOpenBatch
    }

    private func stop(
        _ admission: StatementTrail.Admission, isQuery: Bool, _ bytes: RawSpan, _ server: ServerSession
    ) -> TrailStop? {
        switch admission {
        case .go: return nil
        case .wait: return TrailStop(stop: .needTrail)
        case .refuse(let refusal):
            let error = Self.refused(refusal, isFatal: false)
            if isQuery { failQuery(error, bytes, server) } else { fail(error, bytes, server) }
            return TrailStop(stop: nil)
        }
    }

    private static func refused(_ refusal: TrailRefusal, isFatal: Bool) -> PostgresError {
        PostgresError(isFatal ? .fatal : .error, "58030", refusal.message, hint: refusal.hint)
    }

    // MARK: The extended protocol

    /// A client's Parse, to be recorded if it fails and nothing behind it says what it was for.
    func noteParse(_ entry: StatementEntry, _ length: Int, _ session: TrailSession) -> OpenStatement? {
        let shape = statements.shape(of: entry, LexerOptions(), in: session.trail.shapes)
        return entry.withText { session.trail.parse(shape, session, trace: entry.trace, text: $0, bytesIn: length) }
    }

    /// Bind: what the portal is, and its parameters where somebody asks for them and they have come.
    func bound(
        _ portal: RawSpan, _ entry: StatementEntry?, _ parameters: Int, _ end: Int, _ bytes: RawSpan,
        _ session: TrailSession
    ) {
        let keeps =
            session.trail.keepsParameters && end <= bytes.byteCount && parameters < end
            && end &- parameters <= StatementTrail.longestParameters
        let bound = entry.map {
            BoundPortal(entry: $0, parameters: keeps ? bytes.extracting(parameters..<end).toArray() : [])
        }
        if portal.byteCount == 0 {
            session.portal = bound
        } else if let bound {
            if session.portals == nil { session.portals = NameTable(hasher: nameHash) }
            if session.portals.map({ $0.count < 1024 }) == true { session.portals?.set(portal.toArray(), bound) }
        } else {
            session.portals?.remove(portal.toArray())
        }
    }

    private func portal(_ body: Int, _ end: Int, _ bytes: RawSpan, _ session: TrailSession) -> BoundPortal? {
        guard let nameEnd = bytes.firstIndex(of: 0, from: body, to: end) else { return nil }
        if nameEnd == body { return session.portal }
        return session.portals?.find(bytes.extracting(body..<nameEnd))
    }

    /// An Execute that the server would discard, behind an error.
    func noteSkipped(_ body: Int, _ end: Int, _ bytes: RawSpan, _ client: ClientSession) {
        guard let session = client.trail, end <= bytes.byteCount, let portal = portal(body, end, bytes, session)
        else { return }
        let shape = statements.shape(of: portal.entry, LexerOptions(), in: session.trail.shapes)
        portal.entry.withText { text in
            session.trail.skipped(
                shape, session, .extended, trace: portal.entry.trace, text: text, bytesIn: end &- body &+ 5)
        }
    }

    /// What a client asks first is answered with an error of ours instead of being sent: a simple Query, or a batch of
    /// which every Execute is recorded, and of an unknown portal nothing.
    func noteRefusal(_ bytes: RawSpan, _ error: PostgresError, _ client: ClientSession) {
        guard let session = client.trail else { return }
        if let granted = session.granted.take() {
            session.denied = nil
            return session.trail.ended(granted, .denied) { $0.note(error) }
        }
        var unnamed = client.unnamed
        var position = 0
        while case .header(let tag, let body, let end) = scanFrame(bytes, at: position), end <= bytes.byteCount {
            let message = bytes.extracting(body..<end)
            switch tag {
            case FrontendTag.query:
                guard message.byteCount > 0 else { return }
                let text = message.extracting(0..<(message.byteCount &- 1))
                let shape = statements.shape(of: text, LexerOptions(), in: session.trail.shapes)
                return session.trail.refused(
                    shape, session, .simple, trace: session.trail.shapes.trace, text: text, bytesIn: end &- position,
                    error)
            case FrontendTag.parse:
                var cursor = ByteCursor(message)
                if let name = cursor.cString(), name.isEmpty, let text = cursor.cString() {
                    unnamed = statements.entry(text: message.extracting(text), types: RawSpan())
                }
            case FrontendTag.bind:
                var cursor = ByteCursor(message)
                if let portal = cursor.cString(), let name = cursor.cString() {
                    let entry = name.isEmpty ? unnamed : client.prepared?.find(message.extracting(name))?.entry
                    bound(message.extracting(portal), entry, end, end, bytes, session)
                }
            case FrontendTag.execute:
                if let portal = portal(body, end, bytes, session) {
                    let shape = statements.shape(of: portal.entry, LexerOptions(), in: session.trail.shapes)
                    portal.entry.withText { text in
                        session.trail.refused(
                            shape, session, .extended, trace: portal.entry.trace, text: text,
                            bytesIn: end &- position, error)
                    }
                }
            case FrontendTag.sync, FrontendTag.functionCall: return
            default: break
            }
            position = end
        }
    }

    // MARK: What servers answer

    private func mark(_ end: Int, _ server: ServerSession) -> UInt64 {
        let mark = server.replied &+ UInt64(truncatingIfNeeded: end)
        let bytes = mark &- server.repliedBefore
        server.repliedBefore = mark
        return bytes
    }

    /// CommandComplete or EmptyQueryResponse.
    func noteCompleted(
        _ tag: UInt8, _ body: RawSpan, _ end: Int, _ head: Expected, _ server: ServerSession
    ) {
        guard var statement = server.audited.first else { return }
        let trail = statement.session.trail
        statement.bytesIn &+= server.copied
        server.copied = 0
        var outcome = StatementOutcome(statement: statement, index: statement.index, end: .success)
        outcome.bytesOut = mark(end, server)
        if tag == BackendTag.commandComplete { CommandTag(body).note(on: &outcome) }
        trail.outcomes.append(outcome)
        if head.kind == .execute {
            server.audited.popFirst()
        } else {
            statement.index &+= 1
            statement.bytesIn = 0
            server.audited.replace(at: 0, with: statement)
        }
    }

    /// PortalSuspended: as many rows as were asked for.
    func noteSuspended(_ end: Int, _ server: ServerSession) {
        guard let statement = server.audited.popFirst() else { return }
        var outcome = StatementOutcome(statement: statement, index: 0, end: .success)
        outcome.bytesOut = mark(end, server)
        outcome.isSuspended = true
        statement.session.trail.outcomes.append(outcome)
    }

    /// ReadyForQuery behind a simple Query or a FunctionCall.
    func noteReady(_ end: Int, _ head: Expected, _ server: ServerSession) {
        let bytes = mark(end, server)
        guard let statement = server.audited.popFirst() else { return }
        statement.session.trail.ended(statement, head.kind == .functionCall ? .success : .unknown) {
            $0.bytesOut = bytes
        }
    }

    /// An error that ends a simple Query or a FunctionCall: what stands behind in the text does not run.
    func noteFailed(_ error: ServerError, _ end: Int, _ server: ServerSession) {
        guard var statement = server.audited.first else { return }
        let trail = statement.session.trail
        statement.bytesIn &+= server.copied
        server.copied = 0
        var outcome = StatementOutcome(statement: statement, index: statement.index, end: .failure)
        outcome.bytesOut = mark(end, server)
        outcome.note(error)
        trail.outcomes.append(outcome)
        statement.index &+= 1
        trail.ended(statement, .skipped)
        statement.index = .max
        server.audited.replace(at: 0, with: statement)
    }

    /// An error with which the server goes away.
    func noteFatal(_ error: ServerError, _ server: ServerSession) {
        guard let statement = server.audited.popFirst() else { return }
        var isFirst = true
        statement.session.trail.ended(statement, .failure) {
            if isFirst { $0.note(error) }
            isFirst = false
        }
        abandonStatements(on: server)
    }

    /// The server is gone, or its client: what became of the statements on it is not known.
    public func abandonStatements(on server: ServerSession) {
        while let statement = server.audited.popFirst() { statement.session.trail.ended(statement, .unknown) }
        for statement in server.auditedBefore { statement.session.trail.ended(statement, .unknown) }
        server.auditedBefore = []
    }

    /// One statement that an error, perhaps its own, has skipped.
    func note(_ recorded: inout SkippedStatements, _ server: ServerSession) {
        if let statement = server.audited.popFirst() { recorded.statements.append(statement) }
    }

    /// Everything up to the Sync has been skipped.
    func finish(_ recorded: SkippedStatements, _ server: ServerSession) {
        guard let error = recorded.error else {
            server.auditedBefore = recorded.statements
            return
        }
        note(recorded.statements, error, server)
        if recorded.statements.isEmpty, let parse = recorded.parse {
            parse.session.trail.ended(parse, .failure) { $0.note(error) }
        }
    }

    /// The batch that was to be sent again will not be: the client gets the error after all.
    func noteRefused(_ server: ServerSession) {
        let statements = server.auditedBefore
        server.auditedBefore = []
        note(statements, ServerError.stalePlan, server)
    }

    /// The first is the one the error was about: what it uses failed, or it did itself.
    private func note(_ statements: [OpenStatement], _ error: ServerError, _ server: ServerSession) {
        for (place, statement) in statements.enumerated() {
            statement.session.trail.ended(statement, place == 0 ? .failure : .skipped) {
                if place == 0 { $0.note(error) }
            }
        }
    }
}

/// What was recorded of the messages that an error has skipped.
struct SkippedStatements {
    /// Nil where they will be sent again.
    var error: ServerError?
    var statements: [OpenStatement] = []
    /// The Parse that failed, if it was one.
    var parse: OpenStatement?

    init(_ error: ServerError?) { self.error = error }
}

extension StatementOutcome {
    /// What the server said of it.
    mutating func note(_ error: ServerError) {
        sqlstate = Self.packed(error.sqlstate)
        message = RawSQL(Array(error.message.utf8))
        isCancelled = error.sqlstate == "57014"
    }

    /// What we said of it.
    mutating func note(_ error: PostgresError) {
        sqlstate = Self.packed(error.sqlstate)
        message = RawSQL(Array(error.message.utf8))
    }

    /// Five bytes, the first in the lowest.
    static func packed(_ sqlstate: String) -> UInt64 {
        var packed: UInt64 = 0
        for byte in sqlstate.utf8.prefix(5).reversed() { packed = packed << 8 | UInt64(byte) }
        return packed
    }
}
