import ByteKit
import PostgresWire
public import SQLText
import Settings

/// Statements that change the session or the transaction: they are entered as tracked, and what they did is applied
/// when the server says they completed (`Completion.swift`).
extension SessionEnvironment {
    func queryWithEffects(
        _ entry: StatementEntry, _ end: Int, at start: Int, _ bytes: RawSpan, _ client: ClientSession,
        _ server: ServerSession
    ) -> ClientStop? {
        if isUndecided(entry, server) { return .tooManyInFlight }
        if client.trail != nil, let stop = admit(query: entry, end, at: start, bytes, client, server) {
            return stop.stop
        }
        if client.policy == .reject, let refusal = refusal(entry) {
            if let trail = client.trail { trail.trail.refuseOpening(refusal) }
            if server.expected.isEmpty {
                toClient.make(bytes) { out in
                    refusal.write(to: &out)
                    out.readyForQuery(server.transaction)
                }
                return nil
            }
            // Behind replies still owed only the server can say ReadyForQuery at the right place.
            failQuery(refusal, bytes, server)
            return nil
        }
        switch decideListen(entry, client, server) {
        case .pass: break
        case .wait(let channels): return .needChannels(channels)
        case .refuse(let error):
            if let trail = client.trail { trail.trail.refuseOpening(error) }
            failQuery(error, bytes, server)
            return nil
        }
        dropUnnamed(bytes, client, server)
        let text = bytes.extracting((start &+ 5)..<(end &- 1))
        if let rewritten = rewriteNames(text, entry, isSimple: true, bytes, client, server) {
            let named = rewritten.bytes.withSpan { statements.entry(text: $0, types: $0.extracting(0..<0)) }
            note(rewritten, for: serial(named), client)
            server.tracked.append(willRun(named, client, server))
            expect(.query, tracked: true, client, server)
            toServer.make(bytes) { out in
                let mark = out.begin(FrontendTag.query)
                out.raw(rewritten.bytes)
                out.u8(0)
                out.end(mark)
            }
            return nil
        }
        server.tracked.append(willRun(entry, client, server))
        expect(.query, tracked: true, client, server)
        toServer.forward(bytes, start, end)
        return nil
    }

    /// Makes the server fail in place of a simple Query, and say that it is ready.
    func failQuery(_ error: PostgresError, _ bytes: RawSpan, _ server: ServerSession) {
        fail(error, bytes, server)
        toServer.make(bytes) { $0.bare(FrontendTag.sync) }
        server.expected.append(Expected(.sync))
        server.hasOpenBatch = false
    }

    /// Why a statement is refused where `session_state = "reject"`.
    private func refusal(_ entry: StatementEntry) -> PostgresError? {
        for statement in entry.facts.statements {
            for case .mayCreate(let kinds) in statement.effects {
                return PostgresError(
                    .error, "0A000", "\(kinds.reason) cannot be used through this pool",
                    detail: "The pool lends servers per transaction and session_state is \"reject\".",
                    hint: "Connect to a database with pool_mode = \"session\", or set session_state = \"auto\".")
            }
        }
        return nil
    }
}

extension SessionStateKinds {
    /// The state in words, for logs, errors and the console.
    public var reason: String {
        var words: [String] = []
        if contains(.temporaryTables) { words.append("temporary tables") }
        if contains(.advisoryLocks) { words.append("session advisory locks") }
        if contains(.holdCursors) { words.append("WITH HOLD cursors") }
        if contains(.loadedLibrary) { words.append("loaded libraries") }
        if contains(.channels) { words.append("LISTEN") }
        if contains(.tableLocks) { words.append("LOCK TABLES") }
        if contains(.globalReadLock) { words.append("FLUSH TABLES WITH READ LOCK") }
        if contains(.backupLocks) { words.append("backup locks") }
        if contains(.userVariables) { words.append("computed user variables") }
        if contains(.xa) { words.append("XA transactions") }
        if contains(.handlers) { words.append("HANDLER") }
        if contains(.preparedStatements) { words.append("SQL prepared statements") }
        if contains(.unknown) { words.append("unknown session state") }
        return words.joined(separator: ", ")
    }
}
