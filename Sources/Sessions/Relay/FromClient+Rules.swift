import ByteKit
public import PostgresWire
import SQLText

/// What becomes of a statement whose application has rules.
enum Ruling {
    /// It is sent, and uses up the client's permit or not.
    case allowed(permit: Bool)
    /// It needs a permit first.
    case waits
    /// It has been answered with an error.
    case refused
}

/// The rules of applications, for PostgreSQL's messages.
extension SessionEnvironment {
    func ruleQuery(
        _ body: Int, _ end: Int, at start: Int, _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> Ruling {
        guard let rules = client.rules else { return .allowed(permit: false) }
        if rules.limitsResults { server.countsAnswer = true }
        if let error = client.takeRefusal() { return refuseQuery(error, end, bytes, client, server) }
        if rules.isTooLong(end &- body &- 1) {
            return refuseQuery(rules.refuse(.text(rules, end &- body &- 1)), end, bytes, client, server)
        }
        guard end <= bytes.byteCount, end > body else {
            // What has not come whole is waited for, or too long to be read.
            if end &- start <= maxInspectedStatement { return .allowed(permit: false) }
            if rules.isReadOnly { return refuseQuery(rules.refuse(.write(rules)), end, bytes, client, server) }
            return rulePermit(nil, client, rules)
        }
        let entry = statements.entry(
            text: bytes.extracting(body..<(end &- 1)), types: bytes.extracting(body..<body))
        if rules.isReadOnly, !entry.onlyReadsForCertain {
            return refuseQuery(rules.refuse(.write(rules)), end, bytes, client, server)
        }
        return rulePermit(entry, client, rules)
    }

    func ruleExecute(
        _ body: Int, _ end: Int, _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> Ruling {
        guard let rules = client.rules else { return .allowed(permit: false) }
        if rules.limitsResults { server.countsAnswer = true }
        if let error = client.takeRefusal() {
            fail(error, bytes, server)
            return .refused
        }
        var entry: StatementEntry?
        if let portals = client.extra?.portals, let nameEnd = bytes.firstIndex(of: 0, from: body, to: end) {
            entry = portals.find(bytes.extracting(body..<nameEnd))
        }
        return rulePermit(entry, client, rules)
    }

    func ruleFunctionCall(
        _ end: Int, _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> Ruling {
        guard let rules = client.rules else { return .allowed(permit: false) }
        if rules.limitsResults { server.countsAnswer = true }
        if let error = client.takeRefusal() { return refuseQuery(error, end, bytes, client, server) }
        if rules.isReadOnly { return refuseQuery(rules.refuse(.write(rules)), end, bytes, client, server) }
        return rulePermit(nil, client, rules)
    }

    private func rulePermit(_ entry: StatementEntry?, _ client: ClientSession, _ rules: StatementRules) -> Ruling {
        guard rules.needsPermit, entry?.facts.endsTransaction != true else { return .allowed(permit: false) }
        guard client.mayStart else { return .waits }
        client.extraStatements &+= max(0, (entry?.facts.statements.count ?? 1) &- 1)
        return .allowed(permit: true)
    }

    /// A simple Query, or what else ends with ReadyForQuery, is answered with an error. Only the server can say behind
    /// which transaction that leaves the client: it is made to fail at that place.
    private func refuseQuery(
        _ error: PostgresError, _ end: Int, _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> Ruling {
        fail(error, bytes, server)
        toServer.make(bytes) { $0.bare(FrontendTag.sync) }
        server.expected.append(Expected(.sync))
        server.hasOpenBatch = false
        skipBody(end, bytes, client)
        return .refused
    }
}

extension ClientSession {
    /// The next statement is answered with this.
    public func refuseNext(_ error: PostgresError) { more().refusal = error }

    /// Its statement is being cancelled: it reads this in place of the server's error.
    public func isCancelled(for reason: PostgresError) { more().cancelReason = reason }

    /// How many statements it has run without a permit; from now on, none.
    public func takeExtraStatements() -> Int {
        defer { extraStatements = 0 }
        return extraStatements
    }

    func takeRefusal() -> PostgresError? {
        guard let error = extra?.refusal else { return nil }
        extra?.refusal = nil
        return error
    }

    /// A message has been read: if it was sent, and not put off, the permit it needed is gone.
    func used(_ permit: Bool, _ stop: ClientStop?) {
        if permit, stop == nil { mayStart = false }
    }
}
