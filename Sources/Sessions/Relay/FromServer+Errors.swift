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
        if error.sqlstate == "0A000" && !head.isHidden && ServerError.isStalePlan(bytes.extracting(body..<end)) {
            if client != nil, server.retry.isPossible, head.kind == .bind || head.kind == .describeStatement {
                server.retry.refuse(bytes.extracting(start..<end))
                doubt(server.retry.serial, server)
                skipToSync(server, client, nil)
                return nil
            }
            // Next time each is prepared anew: plans go stale together.
            server.statements.doubtAll()
        }
        if server.retry.isActive && visible { giveKeptBack(server, client, bytes) }
        switch head.kind {
        case .failure:
            if let ours = server.failures.first, client != nil, !error.isFatal {
                toClient.make(bytes) { ours.write(to: &$0) }
                visible = false
            }
        case .query where head.isHidden:
            server.hiddenError = error
            if !error.isFatal { visible = false }
        case .parse, .trialParse, .bind, .describeStatement, .describePortal, .execute, .closeStatement, .closePortal,
            .sync,
            .query, .functionCall, .owedParseComplete, .owedCloseComplete, .endOfCopyData:
            // A batch of the proxy's own, up to a Sync of its own, fails in silence.
            if head.isHidden && endsHidden(server) && !error.isFatal {
                visible = false
                // What ends the batch of a client that has gone is nothing the next client may read.
                if client != nil {
                    server.refusedPreparation = bytes.extracting(body..<min(end, body &+ 65_536)).toArray()
                }
            }
            if error.sqlstate == "26000" && visible && !server.refusedPreparation.isEmpty {
                // It does not exist because preparing it failed: that is what PostgreSQL would say.
                let reason = server.refusedPreparation
                toClient.make(bytes) { out in
                    let mark = out.begin(BackendTag.errorResponse)
                    out.raw(reason)
                    out.end(mark)
                }
                visible = false
            }
        }
        if visible, let reason = client?.extra?.cancelReason, error.sqlstate == "57014" {
            client?.extra?.cancelReason = nil
            toClient.make(bytes) { reason.write(to: &$0) }
        } else if visible, let client {
            if let body = translated(bytes.extracting(body..<end), answering: head, server, for: client) {
                toClient.make(bytes) { out in
                    let mark = out.begin(BackendTag.errorResponse)
                    out.raw(body)
                    out.end(mark)
                }
            } else {
                toClient.forward(bytes, start, end)
            }
        }
        if error.isFatal {
            noteFatal(error, server)
            return .fatal(error, delivered: visible)
        }
        switch head.kind {
        case .sync: break
        case .functionCall: if head.isRecorded { noteFailed(error, end, server) }
        case .query:
            if head.isRecorded { noteFailed(error, end, server) }
            if head.isTracked { abandonTrackedQuery(server, client) }
        case .parse, .trialParse, .bind, .describeStatement, .describePortal, .execute, .closeStatement, .closePortal,
            .owedParseComplete, .owedCloseComplete, .failure, .endOfCopyData:
            skipToSync(server, client, error)
        }
        return nil
    }

    private func endsHidden(_ server: ServerSession) -> Bool {
        var index = 0
        while let expected = server.expected[index] {
            if expected.kind == .sync { return expected.isHidden }
            index += 1
        }
        return false
    }

    /// The server discards everything up to the next Sync, a simple Query included: so are their expectations, and
    /// what was entered for them when they were sent is taken back, last first.
    ///
    /// Without `error` the batch will be sent once more, and nothing has become of its statements yet.
    private func skipToSync(_ server: ServerSession, _ client: ClientSession?, _ error: ServerError?) {
        var recorded = SkippedStatements(error)
        enum Undone {
            case operation(StatementOperation)
            case text(TrackedStatement)
        }
        var undone: [Undone] = []
        var isHead = true
        var unnamedTouched = false
        while let expected = server.expected.first, expected.kind != .sync {
            switch expected.kind {
            case .parse, .trialParse, .closeStatement, .owedParseComplete, .owedCloseComplete:
                if let operation = server.operations.popFirst() {
                    if isHead { recorded.parse = operation.parsed }
                    if isHead && operation.kind == .parseUnnamed {
                        // PostgreSQL drops the old unnamed statement before it parses the new one.
                        restoreUnnamed(nil, operation, server, client)
                        unnamedTouched = true
                    } else {
                        undone.append(.operation(operation))
                    }
                }
            case .execute, .query:
                if expected.isRecorded { note(&recorded, server) }
                if expected.isTracked, let tracked = server.tracked.popFirst() { undone.append(.text(tracked)) }
            case .failure:
                let ours = server.failures.popFirst()
                if isHead, let ours, recorded.error != nil { recorded.error = ServerError(ours) }
            case .functionCall: if expected.isRecorded { note(&recorded, server) }
            case .bind, .describeStatement, .describePortal, .closePortal, .sync, .endOfCopyData: break
            }
            isHead = false
            server.expected.popFirst()
        }
        server.trackedIndex = 0
        finish(recorded, server)
        for what in undone.reversed() {
            switch what {
            case .operation(let operation): undo(operation, server, client, &unnamedTouched)
            case .text(let tracked): didNotRun(tracked, from: 0, client, server)
            }
        }
        if unnamedTouched {
            server.unnamed = .unknown
            server.unnamedUnanswered = nil
        }
        server.isSkipping = server.expected.isEmpty
    }

    /// A Parse was not carried out, at least not this one.
    private func doubt(_ serial: UInt64, _ server: ServerSession) {
        server.statements.remove(serial)
        server.parseSettled(serial)
        server.statements.doubtful.insert(serial)
    }

    /// The unnamed statement is `entry` again, unless what was sent in a later batch has changed it since; then that is
    /// what comes back if the later batch fails too.
    private func restoreUnnamed(
        _ entry: StatementEntry?, _ operation: StatementOperation, _ server: ServerSession, _ client: ClientSession?
    ) {
        guard let client else { return }
        for index in 0..<server.operations.count {
            guard var later = server.operations[index], later.changesUnnamed else { continue }
            if later.unnamedDrops != operation.unnamedDrops { return }
            later.previousUnnamed = entry
            server.operations.replace(at: index, with: later)
            return
        }
        if client.unnamedDrops == operation.unnamedDrops { client.unnamed = entry }
    }

    private func undo(
        _ operation: StatementOperation, _ server: ServerSession, _ client: ClientSession?,
        _ unnamedTouched: inout Bool
    ) {
        switch operation.kind {
        case .parseNamed, .parseHeld:
            if case .parseNamed = operation.kind { doubt(operation.serial, server) }
            if let client, client.prepared?.remove(operation.name) != nil {
                // Errors about it may still be on their way.
                remember(String(decoding: operation.name, as: UTF8.self), for: operation.serial, client)
            }
        case .injectedParse:
            doubt(operation.serial, server)
        case .evict:
            // The Close was not carried out, so the server may still have it, unless its Parse was not carried out either.
            if operation.serial != 0 { server.statements.doubtful.insert(operation.serial) }
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
