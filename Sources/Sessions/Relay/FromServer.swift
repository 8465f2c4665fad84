import ByteKit
public import PostgresWire
import SQLText
import Settings

/// What reading from a server led to.
public struct ServerRelay: Equatable, Sendable {
    /// How many bytes of the span are dealt with; the rest is the beginning of a message that is not whole.
    public var consumed: Int
    /// How many bytes the message at `consumed` needs to be dealt with; 0 when nothing is left over.
    public var needed = 0
    /// A ReadyForQuery was read, for the client or for the proxy itself.
    public var sawReady = false
    /// The server waits for COPY data nobody will send: `refuseCopy`.
    public var wantsCopyData = false
    /// The answer went beyond a limit of the client's application, and the client has been told: what runs is to be
    /// cancelled.
    public var wantsCancel = false
    /// Such an answer ended well all the same, in a transaction that must fail now: `abortTransaction`.
    public var wantsAbort = false
    /// A batch is to be sent once more: `repeatBatch`.
    public var wantsRepeat = false
    /// How many transactions ended.
    public var transactions = 0
    /// How many statements completed.
    public var queries = 0
    /// The server said something it must not say, or ended the connection with an error; it cannot be used again.
    public var failure: ServerFailure?
}

/// Why a server connection is of no more use.
public enum ServerFailure: Error, Equatable, Sendable {
    /// It sent what no server sends there; the text says what.
    case protocolViolation(String)
    /// It sent FATAL or PANIC; `delivered` says whether the client has it.
    case fatal(ServerError, delivered: Bool)
}

extension SessionEnvironment {
    /// Reads messages from a server and plans what its client is sent (`toClient`). `client` is nil when nobody listens:
    /// an idle server, or one whose client has gone.
    public func relay(_ bytes: RawSpan, from server: ServerSession, to client: ClientSession?) -> ServerRelay {
        if server.isCut { toClient.isMuted = true }
        defer { toClient.isMuted = false }
        let count = bytes.byteCount
        var result = ServerRelay(consumed: 0)
        var position = 0
        defer { server.replied &+= UInt64(truncatingIfNeeded: result.consumed) }
        while position < count {
            if server.passThrough > 0 {
                let end = min(count, position &+ server.passThrough)
                server.passThrough &-= end &- position
                if !server.passHidden && client != nil { toClient.forward(bytes, position, end) }
                position = end
                result.consumed = position
                continue
            }
            guard case .header(let tag, let body, let end) = scanFrame(bytes, at: position) else {
                if case .bad(let length) = scanFrame(bytes, at: position) {
                    result.failure = .protocolViolation("a message with length \(length)")
                }
                result.needed = 5
                return result
            }
            switch tag {
            case BackendTag.rowDescription where server.expected.first?.kind != .query,
                BackendTag.rowDescription where end <= count:
                // The answer to a Describe: what the proxy owes behind it must not come in its middle.
                guard end <= count || end &- position > 1 << 20 else {
                    result.needed = end &- position
                    return result
                }
                fallthrough
            case BackendTag.dataRow, BackendTag.copyData, BackendTag.rowDescription, BackendTag.noticeResponse,
                BackendTag.functionCallResponse, BackendTag.parameterDescription:
                if server.countsAnswer, let client, exceeds(tag, end &- position, server, client) {
                    cut(bytes, server, client)
                    result.wantsCancel = true
                }
                if let failure = streamed(tag, body, end, at: position, bytes, server, client) {
                    result.failure = failure
                    return result
                }
                if tag == BackendTag.dataRow && server.expected.first?.isHidden == true && end > count {
                    // Our own questions have short answers, which are read whole.
                    result.needed = end &- position
                    return result
                }
                let here = min(end, count)
                server.passThrough = end &- here
                position = here
            default:
                guard end <= count else {
                    guard end &- position <= 1 << 20 else {
                        result.failure = .protocolViolation("a control message of \(end &- position) bytes")
                        return result
                    }
                    result.needed = end &- position
                    return result
                }
                if let failure = control(tag, body, end, at: position, bytes, server, client, &result) {
                    result.failure = failure
                    return result
                }
                position = end
            }
            result.consumed = position
        }
        return result
    }

    /// A message that may be long: it goes on as it comes. Answers why it must not come here, if so.
    @inline(__always)
    private func streamed(
        _ tag: UInt8, _ body: Int, _ end: Int, at start: Int, _ bytes: RawSpan, _ server: ServerSession,
        _ client: ClientSession?
    ) -> ServerFailure? {
        let here = min(end, bytes.byteCount)
        guard let head = server.expected.first else {
            // Notices come at any time; anything else from an idle server was not asked for.
            if tag == BackendTag.noticeResponse {
                server.passHidden = client == nil
                if client != nil { toClient.forward(bytes, start, here) }
                return nil
            }
            return .protocolViolation("message '\(Self.printable(tag))' that nothing asked for")
        }
        server.passHidden = head.isHidden
        if tag == BackendTag.dataRow && head.isHidden && end <= bytes.byteCount {
            keepHiddenRow(bytes.extracting(body..<end), server)
        }
        if server.retry.isActive && head.kind == .describeStatement && !head.isHidden {
            if tag == BackendTag.parameterDescription && server.retry.isPossible && end <= bytes.byteCount {
                server.retry.hold(bytes.extracting(start..<end))
                return nil
            }
            giveKeptBack(server, client, bytes)
        }
        if !server.passHidden && client != nil { toClient.forward(bytes, start, here) }
        if tag == BackendTag.rowDescription && (head.kind == .describeStatement || head.kind == .describePortal) {
            pop(bytes, server, client)
        }
        return nil
    }

    /// A message that is read whole.
    private func control(
        _ tag: UInt8, _ body: Int, _ end: Int, at start: Int, _ bytes: RawSpan, _ server: ServerSession,
        _ client: ClientSession?, _ result: inout ServerRelay
    ) -> ServerFailure? {
        switch tag {
        case BackendTag.readyForQuery:
            return ready(body, end, at: start, bytes, server, client, &result)
        case BackendTag.commandComplete, BackendTag.emptyQueryResponse:
            guard let head = server.expected.first, head.kind == .query || head.kind == .execute else {
                return unexpected(tag, server)
            }
            server.isCopyingIn = false
            if !head.isHidden {
                result.queries &+= 1
                if head.isRecorded { noteCompleted(tag, bytes.extracting(body..<end), end, head, server) }
                if head.isTracked {
                    completed(tag: bytes.extracting(body..<end), server, client, popping: head.kind == .execute)
                } else if client?.extra?.beforeTransaction != nil {
                    completedUntracked(tag: bytes.extracting(body..<end), server, client)
                }
                if client != nil { toClient.forward(bytes, start, end) }
            }
            if server.countsAnswer { server.answer = AnswerSize() }
            if head.kind == .execute { pop(bytes, server, client) }
            return nil
        case BackendTag.parseComplete:
            if server.expected.first?.kind == .trialParse {
                server.operations.popFirst()
                pop(bytes, server, client)
                return nil
            }
            return simple(.parse, tag, end, at: start, bytes, server, client)
        case BackendTag.bindComplete:
            if server.retry.isActive { giveKeptBack(server, client, bytes) }
            return simple(.bind, tag, end, at: start, bytes, server, client)
        case BackendTag.closeComplete:
            guard let head = server.expected.first, head.kind == .closeStatement || head.kind == .closePortal else {
                return unexpected(tag, server)
            }
            return simple(head.kind, tag, end, at: start, bytes, server, client)
        case BackendTag.noData:
            guard let head = server.expected.first, head.kind == .describeStatement || head.kind == .describePortal
            else { return unexpected(tag, server) }
            if server.retry.isActive && !head.isHidden { giveKeptBack(server, client, bytes) }
            return simple(head.kind, tag, end, at: start, bytes, server, client)
        case BackendTag.portalSuspended:
            if server.expected.first?.isTracked == true { suspended(server, client) }
            if server.expected.first?.isRecorded == true { noteSuspended(end, server) }
            return simple(.execute, tag, end, at: start, bytes, server, client)
        case BackendTag.parameterStatus:
            var cursor = ByteCursor(bytes.extracting(body..<end))
            guard let name = cursor.cString(), let value = cursor.cString() else {
                return .protocolViolation("a malformed ParameterStatus")
            }
            server.status = statuses.reporting(cursor.string(name), cursor.string(value), in: server.status)
            if let client, server.expected.first?.isHidden != true {
                client.status = server.status
                toClient.forward(bytes, start, end)
            }
            return nil
        case BackendTag.errorResponse:
            return error(body, end, at: start, bytes, server, client)
        case BackendTag.notificationResponse:
            // In the other modes the hub delivers, and what the server says may be another client's.
            if let client, client.mode == .session || client.pins.contains(.channels) {
                toClient.forward(bytes, start, end)
            }
            return nil
        case BackendTag.copyInResponse, BackendTag.copyBothResponse:
            guard let head = server.expected.first, head.kind == .query || head.kind == .execute else {
                return unexpected(tag, server)
            }
            server.isCopyingIn = true
            // Syncs already sent are read, and ignored, by the COPY itself.
            while let second = server.expected[1], second.kind == .sync { server.expected.removeSecond() }
            if server.expected[1]?.kind == .endOfCopyData {
                server.expected.removeSecond()
                server.isCopyingIn = false
            }
            if client == nil && server.isCopyingIn { result.wantsCopyData = true }
            if client != nil && !head.isHidden { toClient.forward(bytes, start, end) }
            return nil
        case BackendTag.copyOutResponse, BackendTag.copyDone:
            guard let head = server.expected.first, head.kind == .query || head.kind == .execute else {
                return unexpected(tag, server)
            }
            if client != nil && !head.isHidden { toClient.forward(bytes, start, end) }
            return nil
        default:
            return .protocolViolation("message '\(Self.printable(tag))' that nothing asked for")
        }
    }

    /// ReadyForQuery: the end of a Sync, a simple Query or a FunctionCall.
    private func ready(
        _ body: Int, _ end: Int, at start: Int, _ bytes: RawSpan, _ server: ServerSession, _ client: ClientSession?,
        _ result: inout ServerRelay
    ) -> ServerFailure? {
        guard let head = server.expected.first,
            head.kind == .sync || head.kind == .query || head.kind == .functionCall
        else { return unexpected(BackendTag.readyForQuery, server) }
        guard end &- body == 1, let status = TransactionStatus(rawValue: bytes.u8(at: body)) else {
            return .protocolViolation("a malformed ReadyForQuery")
        }
        if server.retry.isActive {
            if server.retry.isRefused && client != nil && status == .idle {
                server.expected.popFirst()
                server.isSkipping = false
                result.wantsRepeat = true
                return nil
            }
            giveKeptBack(server, client, bytes)
        }
        if head.isTracked { finishTrackedQuery(server) }
        if head.isRecorded { noteReady(end, head, server) }
        server.expected.popFirst()
        if server.isCut && !head.isHidden {
            toClient.isMuted = false
            server.isCut = false
            server.answer = AnswerSize()
            // The client knows of an error, the transaction does not.
            result.wantsAbort = status == .inTransaction && server.expected.isEmpty && client != nil
            server.owesReady = result.wantsAbort
        }
        server.transaction = status
        server.isInBlock = status != .idle
        server.isSkipping = false
        server.isCopyingIn = false
        if status == .idle {
            if let client, let extra = client.extra {
                extra.cancelReason = nil
                // An error that ended the block: COMMIT itself failed.
                if server.failedInBlock { rollBack(client, server) } else { transactionEnded(extra, client.policy) }
            }
            if !head.isHidden { result.transactions &+= 1 }
        }
        server.failedInBlock = false
        if !head.isHidden && !server.refusedPreparation.isEmpty { server.refusedPreparation = [] }
        if !head.isHidden, let client {
            if let listening = client.extra?.listening { notifications(listening, server, bytes) }
            if server.owesReady { return nil }
            toClient.forward(bytes, start, end)
        } else if server.owesReady {
            server.owesReady = false
            server.hiddenError = nil
            if client != nil { toClient.make(bytes) { $0.readyForQuery(status) } }
        }
        result.sawReady = true
        settleOwedAfter(bytes, server, client)
        return nil
    }

    /// What was notified meanwhile comes before ReadyForQuery, as PostgreSQL sends it.
    private func notifications(_ listening: Listening, _ server: ServerSession, _ bytes: RawSpan) {
        if server.transaction == .idle {
            let queue = listening.takeQueue()
            if !queue.isEmpty { toClient.make(bytes) { $0.raw(queue) } }
        } else if server.expected.isEmpty {
            listening.forgetEarly()
        }
    }

    /// A reply without content that answers one message.
    @inline(__always)
    private func simple(
        _ kind: ExpectedKind, _ tag: UInt8, _ end: Int, at start: Int, _ bytes: RawSpan, _ server: ServerSession,
        _ client: ClientSession?
    ) -> ServerFailure? {
        guard let head = server.expected.first, head.kind == kind else { return unexpected(tag, server) }
        if !head.isHidden && client != nil { toClient.forward(bytes, start, end) }
        if kind == .parse || kind == .closeStatement { answered(server.operations.popFirst(), server) }
        pop(bytes, server, client)
        return nil
    }

    /// What was sent with this operation has been carried out.
    @inline(__always)
    private func answered(_ operation: StatementOperation?, _ server: ServerSession) {
        guard let operation else { return }
        switch operation.kind {
        case .parseUnnamed, .injectedUnnamed, .closeUnnamed:
            if server.unnamedUnanswered != nil { server.unnamedSettled() }
        case .parseNamed, .injectedParse: server.parseSettled(operation.serial)
        case .evict:
            if operation.serial != 0 { server.evicted(operation.serial) }
        case .parseHeld, .closeNamed: break
        }
    }

    /// The next reply has come whole; what the proxy owes right behind it is given.
    @inline(__always)
    private func pop(_ bytes: RawSpan, _ server: ServerSession, _ client: ClientSession?) {
        server.expected.popFirst()
        settleOwedAfter(bytes, server, client)
    }

    func settleOwedAfter(_ bytes: RawSpan, _ server: ServerSession, _ client: ClientSession?) {
        guard let next = server.expected.first,
            next.kind == .owedParseComplete || next.kind == .owedCloseComplete || next.kind == .endOfCopyData
        else { return }
        if next.kind == .endOfCopyData {
            server.expected.popFirst()
            settleOwedAfter(bytes, server, client)
            return
        }
        if client == nil {
            while let next = server.expected.first,
                next.kind == .owedParseComplete || next.kind == .owedCloseComplete
            {
                server.expected.popFirst()
                server.operations.popFirst()
            }
        } else {
            settleOwed(bytes, server)
        }
    }

    @inline(never)
    private func unexpected(_ tag: UInt8, _ server: ServerSession) -> ServerFailure {
        let expecting = server.expected.first.map { "\($0.kind)" } ?? "nothing"
        return .protocolViolation("message '\(Self.printable(tag))' where the answer to \(expecting) was due")
    }

    static func printable(_ tag: UInt8) -> String {
        tag > 0x20 && tag < 0x7F ? String(UnicodeScalar(tag)) : "\\\(tag)"
    }

    private func keepHiddenRow(_ body: RawSpan, _ server: ServerSession) {
        var cursor = ByteCursor(body)
        guard let columns = cursor.i16(), columns >= 0, server.hiddenRows.count < 4096 else { return }
        var row: [[UInt8]?] = []
        for _ in 0..<Int(columns) {
            guard let length = cursor.i32() else { return }
            if length < 0 {
                row.append(nil)
            } else {
                guard let value = cursor.take(Int(length)) else { return }
                row.append(body.extracting(value).toArray())
            }
        }
        server.hiddenRows.append(row)
    }
}
