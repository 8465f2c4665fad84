import ByteKit
public import PostgresWire
import SQLText

/// Why reading from a client stopped.
public enum ClientStop: Equatable, Sendable {
    /// Everything received has been dealt with.
    case drained
    /// The message at `consumed` is not whole; this many bytes of it are needed before it can be dealt with.
    case needBytes(Int)
    /// The message at `consumed` needs a server and there is none.
    case needServer
    /// The server's settings must be made the client's first (`beginSettings`).
    case needSettings
    /// The client's application must have room for one more statement first (`ClientSession.mayStart`).
    case needPermit
    /// The hub must listen to these channels before the message at `consumed` goes to the server.
    case needChannels([String])
    /// What becomes of the statement in front cannot be recorded yet: `StatementTrail.intended` must be on record first.
    case needTrail
    /// No more is sent before replies have come: very many are owed, or what the message means depends on them.
    case tooManyInFlight
    /// Terminate.
    case terminated
    /// The client broke the protocol, or asked for what is refused for good: send this and close.
    case fatal(PostgresError)
}

/// How far reading from a client came.
public struct ClientRelay: Equatable, Sendable {
    /// How many bytes of the span are dealt with.
    public var consumed: Int
    /// Why it stopped there.
    public var stop: ClientStop
}

extension SessionEnvironment {
    /// Reads messages from a logged-in client and plans what is sent to its server (`toServer`) and, for what needs no
    /// server, what is answered at once (`toClient`). Both plans refer to `bytes` and must be carried out before the
    /// next call.
    public func relay(_ bytes: RawSpan, from client: ClientSession, to server: ServerSession?) -> ClientRelay {
        // Unwrapped once: unwrapped for each message it would be retained for each.
        guard let server else {
            return relayMessages(bytes, client) { answerAlone($0, $2, at: $1, bytes, client) }
        }
        if server.retry.isRecording { server.retry.resume() }
        let result = relayMessages(bytes, client) { forward($0, $1 &+ 5, $2, at: $1, bytes, client, server) }
        if server.retry.isRecording { server.retry.keep(bytes, upTo: result.consumed, isWhole: false) }
        if server.retry.owesError { giveKeptBack(server, client, bytes) }
        return result
    }

    /// Reads message after message; `deal` deals with one, given its tag, start and end, and says why to stop, if so.
    @inline(__always)
    private func relayMessages(
        _ bytes: RawSpan, _ client: ClientSession, _ deal: (UInt8, Int, Int) -> ClientStop?
    ) -> ClientRelay {
        let count = bytes.byteCount
        var position = 0
        while position < count {
            if client.passThrough > 0 {
                let end = min(count, position &+ client.passThrough)
                client.passThrough &-= end &- position
                if !client.passDiscarded { toServer.forward(bytes, position, end) }
                position = end
                continue
            }
            guard case .header(let tag, _, let end) = scanFrame(bytes, at: position) else {
                if case .bad = scanFrame(bytes, at: position) {
                    return ClientRelay(consumed: position, stop: .fatal(Self.malformed("invalid message length")))
                }
                return ClientRelay(consumed: position, stop: .needBytes(5))
            }
            if let stop = deal(tag, position, end) { return ClientRelay(consumed: position, stop: stop) }
            position = min(end, count)
        }
        return ClientRelay(consumed: count, stop: .drained)
    }

    /// Whether the first message of a client without a server is one for which `relay` would answer `.needServer`.
    public func needsServer(_ bytes: RawSpan, _ client: ClientSession) -> Bool {
        guard client.passThrough == 0, !client.isSkippingAlone, case .header(let tag, _, _) = scanFrame(bytes, at: 0)
        else { return false }
        return switch tag {
        case FrontendTag.query, FrontendTag.parse, FrontendTag.bind, FrontendTag.describe, FrontendTag.execute,
            FrontendTag.close, FrontendTag.functionCall:
            true
        default: false
        }
    }

    /// A message from a client without a server.
    private func answerAlone(
        _ tag: UInt8, _ end: Int, at start: Int, _ bytes: RawSpan, _ client: ClientSession
    ) -> ClientStop? {
        switch tag {
        case FrontendTag.sync:
            guard end &- start == 5 else { return .needServer }
            client.isSkippingAlone = false
            toClient.make(bytes) { $0.readyForQuery(.idle) }
            return nil
        case FrontendTag.flush:
            guard end &- start == 5 else { return .needServer }
            return nil
        case FrontendTag.query, FrontendTag.parse, FrontendTag.bind, FrontendTag.describe, FrontendTag.execute,
            FrontendTag.close, FrontendTag.functionCall:
            if !client.isSkippingAlone { return .needServer }
            discard(end, bytes, client)
            return nil
        case FrontendTag.copyData, FrontendTag.copyDone, FrontendTag.copyFail:
            // Left over from a COPY the server ended with an error: PostgreSQL ignores these too.
            discard(end, bytes, client)
            return nil
        case FrontendTag.terminate:
            return .terminated
        default:
            return .fatal(Self.malformed("invalid frontend message type \(tag)"))
        }
    }

    /// A message from a client that has a server.
    @inline(__always)
    private func forward(
        _ tag: UInt8, _ body: Int, _ end: Int, at start: Int, _ bytes: RawSpan, _ client: ClientSession,
        _ server: ServerSession
    ) -> ClientStop? {
        if server.isSkipping && tag != FrontendTag.sync && tag != FrontendTag.terminate {
            // The server would discard it; Sync ends that. Who flushes waits for the error that is kept back.
            if tag == FrontendTag.flush && server.retry.isRefused { giveKeptBack(server, client, bytes) }
            if tag == FrontendTag.execute && client.trail != nil { noteSkipped(body, end, bytes, client) }
            discard(end, bytes, client)
            return nil
        }
        // Not within a batch: a Query there would end its transaction, or be discarded.
        if client.settings !== server.settings && server.expected.isEmpty && server.transaction != .failed
            && !server.hasOpenBatch && !server.isSkipping && tag != FrontendTag.terminate
        {
            return .needSettings
        }
        if server.expected.count >= ExpectedReplies.limit { return .tooManyInFlight }
        // What follows the batch would come before it.
        if server.retry.isWhole { server.retry.forget() }
        switch tag {
        case FrontendTag.query: return query(body, end, at: start, bytes, client, server)
        case FrontendTag.parse: return parse(body, end, at: start, bytes, client, server)
        case FrontendTag.bind: return bind(body, end, at: start, bytes, client, server)
        case FrontendTag.describe, FrontendTag.close:
            return describeOrClose(tag, body, end, at: start, bytes, client, server)
        case FrontendTag.execute: return execute(body, end, at: start, bytes, client, server)
        case FrontendTag.sync:
            stream(end, at: start, bytes, client)
            // During COPY IN the server reads Sync and ignores it (protocol documentation, "COPY Operations").
            if !server.isCopyingIn {
                server.expected.append(Expected(.sync))
                server.hasOpenBatch = false
                server.isSkipping = false
                server.batch &+= 1
                if server.retry.isRecording { server.retry.keep(bytes, upTo: end, isWhole: true) }
            }
            return nil
        case FrontendTag.flush:
            // Whoever flushes waits for answers before the batch is whole.
            if server.retry.isRecording { server.retry.forget() }
            stream(end, at: start, bytes, client)
            return nil
        case FrontendTag.functionCall:
            if client.rules != nil {
                switch ruleFunctionCall(end, bytes, client, server) {
                case .refused: return nil
                case .waits: return .needPermit
                case .allowed(let permit): client.used(permit, nil)
                }
            }
            if client.trail != nil, let stop = admitFunctionCall(end, at: start, bytes, client, server) {
                return stop.stop
            }
            expect(.functionCall, client, server)
            stream(end, at: start, bytes, client)
            return nil
        case FrontendTag.copyData:
            server.copied &+= UInt64(truncatingIfNeeded: end &- start)
            stream(end, at: start, bytes, client)
            return nil
        case FrontendTag.copyDone, FrontendTag.copyFail:
            if server.isCopyingIn {
                server.isCopyingIn = false
            } else if !server.expected.isEmpty {
                server.expected.append(Expected(.endOfCopyData))
            }
            stream(end, at: start, bytes, client)
            return nil
        case FrontendTag.terminate:
            return .terminated
        default:
            return .fatal(Self.malformed("invalid frontend message type \(tag)"))
        }
    }

    /// Sends the message as it is, the part that has not come yet when it comes.
    func stream(_ end: Int, at start: Int, _ bytes: RawSpan, _ client: ClientSession) {
        let here = min(end, bytes.byteCount)
        toServer.forward(bytes, start, here)
        client.passThrough = end &- here
        client.passDiscarded = false
    }

    /// Drops the message, and the part that has not come yet when it comes.
    private func discard(_ end: Int, _ bytes: RawSpan, _ client: ClientSession) {
        client.passThrough = end &- min(end, bytes.byteCount)
        client.passDiscarded = true
    }

    @inline(never)
    static func malformed(_ what: String) -> PostgresError {
        PostgresError(.fatal, "08P01", what)
    }
}
