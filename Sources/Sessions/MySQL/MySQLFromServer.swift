import ByteKit
public import MySQLWire
import SQLText

/// What a step that read from a MySQL server did.
public struct MySQLFromServer {
    /// How many bytes are dealt with.
    public var consumed = 0
    /// The client's reply is over.
    public var replyEnded = false
    /// Everything hidden is answered.
    public var hiddenEnded = false
    /// The answer went beyond a limit of the client's application, and the client has been told: what runs is to be ended.
    public var wantsCancel = false
    /// What ends the connection.
    public var failure: MySQLServerFailure?
}

/// Why a server connection cannot be used any more.
public enum MySQLServerFailure: Equatable {
    /// It broke the protocol; the text says how.
    case violation(String)
    /// It said why it ends the connection, while nothing was asked.
    case ending(ErrorPacket)
}

/// Reading from a server.
extension MySQLEnvironment {
    /// Reads what a server sent; what goes to the client is planned in `toClient`, what goes back in `toServer`.
    public func relay(
        _ bytes: RawSpan, from server: MySQLServerSession, to client: MySQLClientSession?
    ) -> MySQLFromServer {
        toServer.reset()
        toClient.reset()
        return read(bytes, from: server, to: client)
    }

    func read(
        _ bytes: RawSpan, from server: MySQLServerSession, to client: MySQLClientSession?
    ) -> MySQLFromServer {
        var result = MySQLFromServer()
        defer { server.replied &+= UInt64(truncatingIfNeeded: result.consumed) }
        let counts = client?.rules?.limitsResults == true
        if !counts, server.owner == .client, server.tracker.mayBeginResult, server.stream.isBetweenPayloads, let client,
            plain(bytes, server, client, &result)
        {
            return result
        }
        while result.failure == nil {
            if !counts, server.owner == .client, server.tracker.isInRows, !server.isCut,
                !server.translatesEOF || server.translator?.owesNothing == true,
                server.stream.isBetweenPayloads
            {
                rows(bytes, &result.consumed, server)
            }
            guard step(bytes, server, client, &result) else { break }
            if result.replyEnded { break }
        }
        return result
    }

    /// Rows that are there whole and go on as they are: the way nearly all bytes take.
    private func rows(_ bytes: RawSpan, _ consumed: inout Int, _ server: MySQLServerSession) {
        let start = consumed
        var position = start
        var count: UInt64 = 0
        while case .header(_, let body, let end) = scanPacket(bytes, at: position) {
            guard end <= bytes.byteCount, end &- body < MySQLPacket.longestBody, end > body else { break }
            let first = bytes.u8(at: body)
            if first >= 0xFE { break }
            count &+= 1
            position = end
        }
        guard position > start else { return }
        server.tracker.passed(rows: count)
        emit(bytes, start, position, server)
        consumed = position
    }

    /// Bytes for the client whose headers may have to be numbered anew, which `rows` does only for whole packets.
    private func emit(_ bytes: RawSpan, _ start: Int, _ end: Int, _ server: MySQLServerSession) {
        server.isReplyUntouched = false
        guard server.shift != 0 else { return toClient.forward(bytes, start, end) }
        var position = start
        while case .header(let id, let body, let stop) = scanPacket(bytes, at: position), stop <= end {
            toClient.make(bytes) { out in
                out.span(bytes.extracting(position..<(body &- 1)))
                out.u8(id &+ server.shift)
            }
            toClient.forward(bytes, body, stop)
            position = stop
        }
    }

    /// One piece of a payload; false if nothing more can be done now.
    private func step(
        _ bytes: RawSpan, _ server: MySQLServerSession, _ client: MySQLClientSession?,
        _ result: inout MySQLFromServer
    ) -> Bool {
        guard mayGoOn(bytes, result.consumed, server, client) else { return false }
        var stream = server.stream
        let head = stream.isBetweenPayloads ? headLength(bytes, result.consumed, server) : 0
        switch stream.next(in: bytes, at: result.consumed, head: head) {
        case .need: return false
        case .more(let piece):
            server.stream = stream
            result.consumed = piece.end
            if server.owner == .client, !server.dropsRest { forward(piece, bytes, server) }
            return true
        case .head(let piece):
            server.stream = stream
            result.consumed = piece.end
            payload(piece, bytes, server, client, &result)
            return true
        }
    }

    /// OUT parameters are announced in front of their row to a client that gets an EOF packet there, and behind it by the
    /// server: what follows the row must have come too. False if it has not.
    private func mayGoOn(
        _ bytes: RawSpan, _ position: Int, _ server: MySQLServerSession, _ client: MySQLClientSession?
    ) -> Bool {
        guard server.translatesEOF, server.owner == .client, server.tracker.command == .execute,
            server.tracker.isInRows, server.translator?.owesNothing == false, server.stream.isBetweenPayloads,
            client?.running?.facts.traits.contains(.callsRoutine) == true,
            case .header(_, let body, let end) = scanPacket(bytes, at: position), body < bytes.byteCount,
            bytes.u8(at: body) < 0xFE, end &- body < Self.longestAhead
        else { return true }
        guard case .header(_, let next, let stop) = scanPacket(bytes, at: end) else { return false }
        guard stop &- next < Self.longestAhead else { return true }
        guard stop <= bytes.byteCount else { return false }
        if stop > next, bytes.u8(at: next) == 0xFE,
            let packet = try? OKPacket(parsing: bytes.extracting(next..<stop), server.capabilities)
        {
            server.translator?.early = packet.status.intersection([.outParameters, .moreResults])
        }
        return true
    }

    /// Longer packets are not waited for.
    private static let longestAhead = 1 << 13

    /// How much of the payload must be there: all of what is not a row, for it is read.
    private func headLength(_ bytes: RawSpan, _ position: Int, _ server: MySQLServerSession) -> Int {
        guard case .header(_, let body, let end) = scanPacket(bytes, at: position), body < bytes.byteCount else {
            return ReplyTracker.headLength
        }
        if server.owner != .client { return min(end &- body, MySQLServerSession.gatherLimit) }
        let first = bytes.u8(at: body)
        let isRow = server.tracker.isInRows && first < 0xFE
        return isRow ? ReplyTracker.headLength : min(end &- body, 1 << 16)
    }

    private func payload(
        _ piece: PacketPiece, _ bytes: RawSpan, _ server: MySQLServerSession, _ client: MySQLClientSession?,
        _ result: inout MySQLFromServer
    ) {
        let payload = bytes.extracting(piece.body..<piece.end)
        if server.owner == .nobody {
            result.failure =
                (try? ErrorPacket(parsing: payload)).map { .ending($0) }
                ?? .violation("a packet nobody has asked for")
            return
        }
        let event = server.tracker.received(payload, length: piece.length)
        if event == .violation {
            result.failure = .violation("a reply that makes no sense")
            return
        }
        if let status = server.tracker.summary.status {
            server.status = status
            server.mayHaveBegun = false
        }
        if event == .error, server.tracker.command != .prepare {
            server.mayHaveBegun = !server.status.contains(.autocommit)
        }
        if server.owner == .hidden {
            if server.hidden.first?.kind == .capture, server.captured.count < MySQLServerSession.gatherLimit {
                server.captured.append(contentsOf: bytes.extracting(piece.start..<piece.end).toArray())
            }
            hidden(event, payload, server, &result)
            return
        }
        if server.audited != nil { noteReply(event, payload, piece.end, server) }
        guard let client else {
            // Whoever asked is gone: what comes is for nobody.
            server.dropsRest = true
            if server.tracker.isComplete {
                server.hasDiagnosticsOfNobody()
                ended(server, &result)
            }
            return
        }
        if event == .ok, !client.isOfMariaDB { noteMatches(payload, client, server) }
        if client.rules != nil, exceeds(event, piece, server, client) {
            cut(piece, bytes, server, client)
            result.wantsCancel = true
        }
        if server.isCut {
            server.dropsRest = true
            guard server.tracker.isComplete else { return }
            server.isCut = false
            result.wantsCancel = false
            completed(client, server)
            ended(server, &result)
            return
        }
        if event == .localFile, !client.capabilities.contains(.localFiles) {
            refuseFile(piece, server)
        } else {
            visible(event, piece, bytes, server, client)
            if event == .localFile { wantsFile(client) }
        }
        if server.tracker.isComplete {
            completed(client, server)
            ended(server, &result)
        }
    }

    /// Whether a row makes the answer longer than it may be; counts it.
    private func exceeds(
        _ event: ReplyEvent, _ piece: PacketPiece, _ server: MySQLServerSession, _ client: MySQLClientSession
    ) -> Bool {
        guard !server.isCut, let rules = client.rules, rules.limitsResults else { return false }
        guard event == .row else {
            if event == .resultEnd || event == .ok { server.answer = AnswerSize() }
            return false
        }
        server.answer.add(piece.length)
        return rules.isTooMuch(server.answer)
    }

    /// The client reads an error here; the rest of the reply is for nobody.
    private func cut(
        _ piece: PacketPiece, _ bytes: RawSpan, _ server: MySQLServerSession, _ client: MySQLClientSession
    ) {
        guard let rules = client.rules else { return }
        let error = rules.refuse(mysql: .answer(rules, server.answer))
        server.answer = AnswerSize()
        server.isCut = true
        server.isReplyUntouched = false
        toClient.make(bytes) { error.writePacket(to: &$0, sequence: piece.sequence &+ server.shift) }
    }

    private func ended(_ server: MySQLServerSession, _ result: inout MySQLFromServer) {
        server.owner = .nobody
        server.translator = nil
        result.replyEnded = true
    }

    // MARK: For the client

    /// Passes a payload on, changed where the client must read something else.
    func visible(
        _ event: ReplyEvent, _ piece: PacketPiece, _ bytes: RawSpan, _ server: MySQLServerSession,
        _ client: MySQLClientSession
    ) {
        server.dropsRest = false
        let payload = bytes.extracting(piece.body..<piece.end)
        if event == .prepared { return prepared(piece, bytes, server, client) }
        if event == .error, client.isBeingEnded, server.tracker.summary.errorCode == 1317,
            let reason = client.extra?.endsFor
        {
            return isEnded(for: reason, piece, bytes, server)
        }
        if event == .ok || event == .resultEnd, changed(event, piece, bytes, server, client) { return }
        guard server.translatesEOF || event == .ok && server.translator != nil else {
            return forward(piece, bytes, server)
        }
        let translation = server.translator?.translate(event, payload, server.tracker) ?? .pass
        emit(translation, piece, bytes, server, client)
    }

    private func emit(
        _ translation: Translation, _ piece: PacketPiece, _ bytes: RawSpan, _ server: MySQLServerSession,
        _ client: MySQLClientSession
    ) {
        if translation.isPass { return forward(piece, bytes, server) }
        server.isReplyUntouched = false
        let first = piece.sequence &+ server.shift
        var next = first
        if translation != .drop {
            toClient.make(bytes) {
                $0.write(
                    translation, source: bytes.extracting(piece.body..<piece.end), for: client.capabilities, &next)
            }
        }
        server.shift = next &- piece.sequence
        if translation.passes {
            forward(piece, bytes, server)
            var behind = piece.sequence &+ server.shift &+ 1
            let before = behind
            toClient.make(bytes) { $0.writeBehind(translation, &behind) }
            server.shift &+= behind &- before
        } else {
            server.dropsRest = true
            server.shift &-= 1
        }
    }

    /// A piece as it is, but for its number.
    private func forward(_ piece: PacketPiece, _ bytes: RawSpan, _ server: MySQLServerSession) {
        server.isReplyUntouched = false
        guard piece.startsPacket, server.shift != 0 else { return toClient.forward(bytes, piece.start, piece.end) }
        toClient.make(bytes) { out in
            out.packetHeader(length: piece.length, sequence: piece.sequence &+ server.shift)
        }
        toClient.forward(bytes, piece.body, piece.end)
    }

    /// The reply to COM_STMT_PREPARE, with the client's id in place of the server's.
    private func prepared(
        _ piece: PacketPiece, _ bytes: RawSpan, _ server: MySQLServerSession, _ client: MySQLClientSession
    ) {
        let payload = bytes.extracting(piece.body..<piece.end)
        if let preparing = client.preparing {
            toClient.make(bytes) { out in
                out.packetHeader(length: piece.length, sequence: piece.sequence &+ server.shift)
                out.u8(0)
                out.le32(preparing.id)
                out.span(payload.extracting(min(5, payload.byteCount)..<payload.byteCount))
            }
        }
        server.isReplyUntouched = false
        _ = server.translator?.translate(.prepared, payload, server.tracker)
    }

    /// An OK packet that tells of changes to the session is written anew: with what the client has asked to be told.
    private func changed(
        _ event: ReplyEvent, _ piece: PacketPiece, _ bytes: RawSpan, _ server: MySQLServerSession,
        _ client: MySQLClientSession
    ) -> Bool {
        let payload = bytes.extracting(piece.body..<piece.end)
        guard server.capabilities.contains(.sessionTrack),
            server.tracker.summary.status?.contains(.sessionStateChanged) == true, payload.byteCount > 5,
            let packet = try? OKPacket(parsing: payload, server.capabilities), !packet.sessionState.isEmpty
        else { return false }
        let state = payload.extracting(packet.sessionState)
        let schema = client.settings[MySQLSettings.database]
        learn(state, client, server)
        noteTracking(client, server)
        var tracking = client.extra?.tracking ?? SessionTracking.usual
        // What we have switched for a statement to be prepared in its own schema is told with the next change.
        if schema == client.settings[MySQLSettings.database], client.running?.leavesSchema == true {
            tracking.schema = false
        }
        if server.translatesEOF, event == .resultEnd, !client.capabilities.contains(.deprecateEOF) {
            // MySQL's EOF packets do not say so.
            if client.isOfMariaDB, tracking.length(of: state) > 0 { server.translator?.tellsOfChange = true }
            return false
        }
        server.isReplyUntouched = false
        toClient.make(bytes) { out in
            let mark = out.beginPacket(piece.sequence &+ server.shift)
            packet.write(
                to: &out, client.capabilities, source: payload, telling: tracking, asEOF: event == .resultEnd,
                announces: tracking.transactionInfo != .off
                    && client.reported.contains("session_track_transaction_info"))
            out.endPacket(mark)
        }
        server.dropsRest = true
        _ = server.translator?.translate(event, payload, server.tracker)
        return true
    }

    /// The server was asked to end a statement: the client is told why in our words.
    private func isEnded(
        for error: MySQLError, _ piece: PacketPiece, _ bytes: RawSpan, _ server: MySQLServerSession
    ) {
        server.isReplyUntouched = false
        toClient.make(bytes) { error.writePacket(to: &$0, sequence: piece.sequence &+ server.shift) }
        server.dropsRest = true
    }

    /// The server wants a file: what the client sends next is that.
    private func wantsFile(_ client: MySQLClientSession) {
        client.stream = PacketStream()
        client.streaming = .file
    }

    /// The client has none to give: the server gets an empty one, and what it says then is the client's reply.
    private func refuseFile(_ piece: PacketPiece, _ server: MySQLServerSession) {
        toServer.make(RawSpan()) { out in
            let mark = out.beginPacket(piece.sequence &+ 1)
            out.endPacket(mark)
        }
        server.tracker.clientSent(isEmpty: true)
        server.shift &-= 2
    }

    // MARK: Hidden

    private func hidden(
        _ event: ReplyEvent, _ payload: RawSpan, _ server: MySQLServerSession, _ result: inout MySQLFromServer
    ) {
        guard let current = server.hidden.first else {
            result.failure = .violation("a reply to nothing")
            return
        }
        switch event {
        case .error:
            if server.hiddenError == nil, current.kind != .ignored {
                server.hiddenError = try? ErrorPacket(parsing: payload)
            }
        case .row:
            if current.kind == .query, server.gatheredBytes < MySQLServerSession.gatherLimit {
                server.gathered.append(payload.toArray())
                server.gatheredBytes &+= payload.byteCount
            }
        case .prepared:
            if case .prepare(let key) = current.kind, let reply = server.tracker.summary.prepared {
                enter(key, reply.statement, server)
            }
        default: break
        }
        guard server.tracker.isComplete else { return }
        if current.kind == .plain, current.command != .ping, server.tracker.summary.warnings > 0 {
            server.hasDiagnosticsOfNobody()
        }
        server.hidden.removeFirst()
        if let next = server.hidden.first {
            server.tracker.begin(next.command)
        } else {
            server.owner = .nobody
            result.hiddenEnded = true
            result.replyEnded = true
        }
    }

    /// The server has prepared a statement; what it replaces or displaces is closed.
    func enter(_ key: MySQLStatementKey, _ id: UInt32, _ server: MySQLServerSession) {
        for old in server.statements.insert(key, id: id) {
            toServer.make(RawSpan()) { $0.command(.closeStatement, statement: old) }
        }
    }
}
