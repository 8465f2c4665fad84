import ByteKit
import PostgresWire
import SQLText

/// ErrorResponse, and what it undoes.
extension SessionEnvironment {
    func error(
        _ body: Int, _ end: Int, at start: Int, _ bytes: RawSpan, _ server: ServerSession, _ client: ClientSession?
    ) -> ServerFailure? {
        let error = ServerError(body: bytes.extracting(body..<end))
        guard let head = server.expected.first else {
            // Not an answer: the server is going away (57P01, 57P05, 25P03 …).
            let deliver = client != nil
            if deliver { toClient.forward(bytes, start, end) }
            return .fatal(error, delivered: deliver)
        }
        server.isCopyingIn = false
        if server.isInBlock { server.failedInBlock = true } else if let client { rollBack(client, server) }
        var visible = client != nil
        switch head.kind {
        case .failure:
            if var ours = server.failures.first, client != nil, !error.isFatal {
                if ours.sqlstate == "42P05" && server.transaction == .failed && server.isInBlock {
                    // The server would not have looked at the name.
                    ours = Self.aborted
                }
                toClient.make(bytes) { ours.write(to: &$0) }
                visible = false
            }
        case .parse where head.isHidden && isAheadOfQuery(server):
            // What an EXECUTE in a simple Query needs could not be prepared: the Query itself says so, once.
            if !error.isFatal { visible = false }
        case .query where head.isHidden:
            server.hiddenError = error
            if !error.isFatal { visible = false }
        case .parse, .bind, .describeStatement, .describePortal, .execute, .closeStatement, .closePortal, .sync,
            .query, .functionCall, .owedParseComplete, .owedCloseComplete, .endOfCopyData:
            break
        }
        if visible, let client {
            if let body = renamed(bytes.extracting(body..<end), for: client) {
                toClient.make(bytes) { out in
                    let mark = out.begin(BackendTag.errorResponse)
                    out.raw(body)
                    out.end(mark)
                }
            } else {
                toClient.forward(bytes, start, end)
            }
        }
        if error.isFatal { return .fatal(error, delivered: visible) }
        switch head.kind {
        case .sync, .functionCall: break
        case .query: if head.isTracked { abandonTrackedQuery(server, client) }
        case .parse, .bind, .describeStatement, .describePortal, .execute, .closeStatement, .closePortal,
            .owedParseComplete, .owedCloseComplete, .failure, .endOfCopyData:
            skipToSync(server, client)
        }
        return nil
    }

    /// The batch whose answers are coming is the proxy's own and a client's Query is behind it.
    private func isAheadOfQuery(_ server: ServerSession) -> Bool {
        for index in 0..<server.expected.count {
            guard let expected = server.expected[index] else { return false }
            if expected.kind == .sync { return expected.isHidden }
        }
        return false
    }

    private static let aborted = PostgresError(
        .error, "25P02", "current transaction is aborted, commands ignored until end of transaction block")

    /// The server discards everything up to the next Sync, a simple Query included: so are their expectations, and
    /// what was entered for them when they were sent is taken back, last first.
    private func skipToSync(_ server: ServerSession, _ client: ClientSession?) {
        var undone: [StatementOperation] = []
        var dropped: [TrackedStatement] = []
        var isHead = true
        var unnamedTouched = false
        while let expected = server.expected.first, expected.kind != .sync {
            switch expected.kind {
            case .parse, .closeStatement, .owedParseComplete, .owedCloseComplete:
                if let operation = server.operations.popFirst() {
                    if isHead && operation.kind == .parseUnnamed {
                        // PostgreSQL drops the old unnamed statement before it parses the new one.
                        restoreUnnamed(nil, operation, server, client)
                        unnamedTouched = true
                    } else {
                        undone.append(operation)
                    }
                }
            case .execute, .query:
                if expected.isTracked, let tracked = server.tracked.popFirst() { dropped.append(tracked) }
            case .failure:
                server.failures.popFirst()
            case .bind, .describeStatement, .describePortal, .closePortal, .functionCall, .sync, .endOfCopyData:
                break
            }
            isHead = false
            server.expected.popFirst()
        }
        server.trackedIndex = 0
        for tracked in dropped.reversed() { didNotRun(tracked, from: 0, client, server) }
        for operation in undone.reversed() { undo(operation, server, client, &unnamedTouched) }
        if unnamedTouched { server.unnamed = .unknown }
        server.isSkipping = server.expected.isEmpty
    }

    /// The unnamed statement is `entry` again, unless what was sent in a later batch has changed it since; then that is
    /// what comes back if the later batch fails too.
    private func restoreUnnamed(
        _ entry: StatementEntry?, _ operation: StatementOperation, _ server: ServerSession, _ client: ClientSession?
    ) {
        guard let client else { return }
        if client.unnamedChanges == operation.unnamedChange {
            client.unnamed = entry
            client.unnamedChanges = operation.unnamedChange &- 1
            return
        }
        for index in 0..<server.operations.count {
            guard var later = server.operations[index], later.unnamedChange != 0 else { continue }
            later.previousUnnamed = entry
            server.operations.replace(at: index, with: later)
            return
        }
    }

    private func undo(
        _ operation: StatementOperation, _ server: ServerSession, _ client: ClientSession?,
        _ unnamedTouched: inout Bool
    ) {
        switch operation.kind {
        case .parseNamed:
            if !operation.wasHeld { server.statements.remove(operation.serial) }
            if let client, client.prepared?.remove(operation.name) != nil {
                // Errors about it may still be on their way.
                remember(String(decoding: operation.name, as: UTF8.self), for: operation.serial, client)
            }
        case .injectedParse:
            server.statements.remove(operation.serial)
        case .evict:
            // The Close was not carried out, so the server still has it.
            if operation.serial != 0 { server.statements.insert(operation.serial) }
            unnamedTouched = true
        case .closeNamed:
            if let previous = operation.previous { client?.prepared?.set(operation.name, previous) }
        case .parseUnnamed, .closeUnnamed:
            restoreUnnamed(operation.previousUnnamed, operation, server, client)
            unnamedTouched = true
        case .injectedUnnamed:
            unnamedTouched = true
        }
    }
}
