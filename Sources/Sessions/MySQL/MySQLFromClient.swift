import ByteKit
public import MySQLWire
import SQLText
import Settings

/// Where a step that read from a MySQL client stopped.
public enum MySQLStop: Equatable {
    /// Everything that can be dealt with now is.
    case drained
    /// The rest of a command must come before anything can be said of it.
    case needBytes
    /// The command in front needs a server.
    case needServer
    /// The server must first take over what the client has set: see `takeOver`.
    case needState
    /// The server must first prepare the statement in front: see `prepare`.
    case needStatement
    /// The client's application must have room for one more statement first (`MySQLClientSession.mayStart`).
    case needPermit
    /// The reply to the command before must be over first.
    case busy
    /// COM_QUIT.
    case quit
    /// What the client sent ends its connection.
    case fatal(MySQLError)
    /// Another connection of ours, or its statement, is to be ended; the answer is the driver's (`answerOK`, `answerError`).
    case kill(UInt64, queryOnly: Bool)
    /// All connections of a user likewise.
    case killUser(String, host: String?, queryOnly: Bool)
    /// What becomes of the command in front cannot be recorded yet: `StatementTrail.intended` must be on record first.
    case needTrail
    /// What its last server has for it is being asked for, by whoever uses that server next: it is to be read again when
    /// `whenSettled` is called.
    case unsettled
    /// COM_CHANGE_USER; its payload lies there, counted from the beginning of what was read.
    case changeUser(Range<Int>)
    /// A command that gets a server of its own (binary log).
    case ownServer
}

/// What a step that read from a MySQL client did.
public struct MySQLFromClient: Equatable {
    /// How many bytes are dealt with.
    public var consumed: Int
    /// Why it went no further.
    public var stop: MySQLStop
}

/// Reading from a client.
extension MySQLEnvironment {
    /// Reads what a client sent; what goes to its server is planned in `toServer`, what goes back in `toClient`.
    public func relay(
        _ bytes: RawSpan, from client: MySQLClientSession, to server: MySQLServerSession?
    ) -> MySQLFromClient {
        toServer.reset()
        toClient.reset()
        var position = 0
        while true {
            if client.streaming != .nothing {
                guard stream(bytes, &position, client, server) else {
                    return MySQLFromClient(consumed: position, stop: .drained)
                }
                continue
            }
            if client.awaitsReply { return MySQLFromClient(consumed: position, stop: .busy) }
            guard case .header(let id, let body, let end) = scanPacket(bytes, at: position) else {
                return MySQLFromClient(consumed: position, stop: .drained)
            }
            guard id == 0 else {
                return MySQLFromClient(
                    consumed: position, stop: .fatal(MySQLError(1156, "08S01", "Got packets out of order")))
            }
            let packet = Packet(start: position, body: body, end: end)
            if let stop = command(bytes, packet, client, server) {
                return MySQLFromClient(consumed: position, stop: stop)
            }
            position = min(end, bytes.byteCount)
        }
    }

    /// Whether the command in front cannot go on without a server: what `relay` would find too, with more steps. False
    /// means only that one has to look closer.
    public func surelyNeedsServer(_ bytes: RawSpan, _ client: MySQLClientSession) -> Bool {
        guard client.streaming == .nothing, !client.awaitsReply,
            case .header(let id, let body, let end) = scanPacket(bytes, at: 0), id == 0, end > body,
            body < bytes.byteCount
        else { return false }
        switch bytes.u8(at: body) {
        case MySQLCommand.query.rawValue: return true
        case MySQLCommand.execute.rawValue:
            return end &- body >= 10 && end <= bytes.byteCount && client.policy == .auto
                && client.statements.isRecent(bytes.le32(at: body &+ 1))
        default: return false
        }
    }

    /// Where the first packet of a command lies; `end` may lie beyond what has come.
    struct Packet {
        let start: Int
        let body: Int
        let end: Int
        var length: Int { end &- body }
    }

    /// Passes on, or drops, more of a payload; false if nothing more is there.
    private func stream(
        _ bytes: RawSpan, _ position: inout Int, _ client: MySQLClientSession, _ server: MySQLServerSession?
    ) -> Bool {
        let piece: PacketPiece
        switch client.stream.next(in: bytes, at: position, head: 0) {
        case .need: return false
        case .more(let more): piece = more
        case .head(let head): piece = head
        }
        position = piece.end
        switch client.streaming {
        case .nothing, .discarded: break
        case .command: toServer.forward(bytes, piece.start, piece.end)
        case .file:
            toServer.forward(bytes, piece.start, piece.end)
            if let server { server.copied &+= UInt64(truncatingIfNeeded: piece.end &- piece.start) }
            if piece.startsPacket, piece.length == 0, piece.endsPayload {
                client.streaming = .nothing
                server?.tracker.clientSent(isEmpty: true)
            }
            return true
        }
        if piece.endsPayload { client.streaming = .nothing }
        return true
    }

    // MARK: Commands

    /// Deals with the command in `packet`; nil if that is done, so that it is consumed.
    private func command(
        _ bytes: RawSpan, _ packet: Packet, _ client: MySQLClientSession, _ server: MySQLServerSession?
    ) -> MySQLStop? {
        guard packet.length > 0 else {
            client.replySequence = 1
            answer(client, .unknownCommand)
            return nil
        }
        guard packet.body < bytes.byteCount else { return .needBytes }
        client.replySequence = 1
        guard let command = MySQLCommand(rawValue: bytes.u8(at: packet.body)), command.isSpoken,
            command != .processKill || !client.isOfMySQL(since: 80_300)
        else {
            return discard(bytes, packet, client, .unknownCommand)
        }
        if client.rules != nil, let stop = rule(command, bytes, packet, client, server) {
            return stop == .drained ? nil : stop
        }
        guard client.trail != nil else { return deal(command, bytes, packet, client, server) }
        switch admit(command, bytes, packet, client, server) {
        case .go: break
        case .wait: return .needTrail
        case .refuse(let error): return discard(bytes, packet, client, error)
        case .later: return deal(command, bytes, packet, client, server)
        }
        client.trail?.answered = nil
        let stop = deal(command, bytes, packet, client, server)
        if stop == nil { sent(client, server, command) }
        return stop
    }

    private func deal(
        _ command: MySQLCommand, _ bytes: RawSpan, _ packet: Packet, _ client: MySQLClientSession,
        _ server: MySQLServerSession?
    ) -> MySQLStop? {
        switch command {
        case .query: return query(bytes, packet, client, server)
        case .execute, .bulkExecute: return execute(bytes, packet, client, server, command)
        case .prepare: return prepare(bytes, packet, client, server)
        case .quit: return .quit
        case .ping where server.map { !client.isOfMariaDB && client.hasDiagnosticsElsewhere(than: $0) } ?? true:
            guard packet.end <= bytes.byteCount else { return .needBytes }
            client.numbers.pinged()
            answerOK(client, warnings: client.warningsKept)
            return nil
        case .closeStatement, .resetStatement, .sendLongData, .fetch:
            return statementCommand(bytes, packet, client, server, command)
        case .setOption: return setOption(bytes, packet, client)
        case .processKill:
            guard packet.end <= bytes.byteCount else { return .needBytes }
            guard let id = try? SmallCommand.processKill(bytes.extracting(packet.body..<packet.end)) else {
                return discard(bytes, packet, client, malformed(client))
            }
            return .kill(UInt64(id), queryOnly: false)
        case .changeUser:
            guard packet.length <= HandshakeResponse.maximumLength else {
                return discard(bytes, packet, client, malformed(client))
            }
            guard packet.end <= bytes.byteCount else { return .needBytes }
            // MariaDB lets a client try three times.
            if client.isOfMariaDB, client.failedChanges >= 3 { return discard(bytes, packet, client, .unknownCommand) }
            return .changeUser(packet.body..<packet.end)
        case .binlogDump, .binlogDumpGTID, .registerReplica, .tableDump:
            return replica(bytes, packet, client, server, command)
        case .ping, .initDatabase, .fieldList, .createDatabase, .dropDatabase, .refresh, .shutdown, .statistics,
            .processInfo, .debug, .resetConnection:
            return simple(bytes, packet, client, server, command)
        case .clone where client.isOfMySQL(since: 80_017):
            return discard(bytes, packet, client, MySQLError(1524, "HY000", "Plugin 'clone' is not loaded"))
        case .groupReplicationStream where client.isOfMySQL(since: 80_027):
            answer(client, .unknownCommand)
            return .quit
        case .sleep, .connect, .time, .delayedInsert, .connectOut, .daemon, .clone,
            .groupReplicationStream:
            return discard(bytes, packet, client, .unknownCommand)
        }
    }

    /// Answers with an error, and drops what of the command has not come.
    func discard(
        _ bytes: RawSpan, _ packet: Packet, _ client: MySQLClientSession, _ error: MySQLError
    ) -> MySQLStop? {
        answer(client, error)
        begin(bytes, packet, client, .discarded)
        return nil
    }

    /// What has come of the payload is dealt with; the rest is `streaming`.
    func begin(
        _ bytes: RawSpan, _ packet: Packet, _ client: MySQLClientSession, _ streaming: MySQLClientSession.Streaming
    ) {
        guard packet.end > bytes.byteCount || packet.length == MySQLPacket.longestBody else { return }
        guard case .head(let piece) = client.stream.next(in: bytes, at: packet.start, head: 0), !piece.endsPayload
        else { return }
        client.streaming = streaming
    }

    /// Makes sure that there is a server with what the client has set; nil if so.
    func needs(_ client: MySQLClientSession, _ server: MySQLServerSession?) -> MySQLStop? {
        if client.asked != 0 {
            // Its own server's last client is not to wait for another server.
            return server?.owesOthers(than: client) == true ? .needState : .unsettled
        }
        guard let server else { return .needServer }
        if server.settings === client.settings, server.options == client.options,
            server.tracks || !server.canTrack || client.extra?.trackingBy == server.serial,
            server.owed.isEmpty || !server.owesOthers(than: client),
            server.strangers.isEmpty,
            !server.hasDiagnostics || server.lastClient == client.serial
        {
            return nil
        }
        return .needState
    }

    /// Sends the command as it is; its reply is the client's.
    func forward(
        _ bytes: RawSpan, _ packet: Packet, _ client: MySQLClientSession, _ server: MySQLServerSession,
        _ command: MySQLCommand
    ) {
        toServer.forward(bytes, packet.start, min(packet.end, bytes.byteCount))
        begin(bytes, packet, client, .command)
        expect(command, client, server)
    }

    /// The command just planned will be answered to the client.
    func expect(_ command: MySQLCommand, _ client: MySQLClientSession, _ server: MySQLServerSession) {
        server.begin(command)
        translate(client, server)
        if client.running?.facts.flags.contains(.hasEffects) == true { client.before = client.settings }
        client.awaitsReply = true
        if client.mayStart, command.runsStatement { client.mayStart = false }
    }

    /// Replies are made right for the client.
    func translate(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        let differing = server.capabilities.symmetricDifference(client.capabilities)
        server.translatesEOF = differing.contains(.deprecateEOF)
        guard server.translatesEOF || differing.contains(.sessionTrack) else {
            if server.translator != nil { server.translator = nil }
            return
        }
        server.translator = ReplyTranslator(
            server: server.capabilities, client: client.capabilities, status: server.status)
    }

    /// A command that is for the server and says nothing of statements.
    private func simple(
        _ bytes: RawSpan, _ packet: Packet, _ client: MySQLClientSession, _ server: MySQLServerSession?,
        _ command: MySQLCommand
    ) -> MySQLStop? {
        if let stop = needs(client, server) { return stop }
        guard let server else { return .needServer }
        if command == .initDatabase, !client.isOfMariaDB, !client.ownErrors.isEmpty, !client.hasMadeDiagnostics {
            // Its error would come behind ours.
            client.wantsDiagnostics = true
            client.wantsAsShown = true
            return .needState
        }
        client.running = nil
        client.executing = nil
        forward(bytes, packet, client, server, command)
        return nil
    }

    /// COM_QUERY.
    private func query(
        _ bytes: RawSpan, _ packet: Packet, _ client: MySQLClientSession, _ server: MySQLServerSession?
    ) -> MySQLStop? {
        if let stop = needs(client, server) { return stop }
        guard let server else { return .needServer }
        let isInspected = packet.length < MySQLPacket.longestBody && packet.length <= maxInspectedStatement
        if isInspected {
            guard packet.end <= bytes.byteCount else { return .needBytes }
            let entry = entry(of: bytes.extracting((packet.body &+ 1)..<packet.end), for: client)
            let traits = entry.facts.traits
            if traits.contains(.kills), let stop = kill(entry, client) { return stop }
            if client.policy != .auto, let error = refusal(entry, client) {
                return discard(bytes, packet, client, error)
            }
            switch preliminary(bytes, packet, entry, client, server, isBinary: false) {
            case .dealtWith: return nil
            case .stop(let stop): return stop
            case nil: break
            }
            if traits.contains(.wantsLocalFile), !client.capabilities.contains(.localFiles) {
                return discard(bytes, packet, client, noLocalFile(entry, client))
            }
            client.running = entry
            if !traits.isDisjoint(with: Self.asking), let text = answered(entry, client, server) {
                client.executing = nil
                toServer.make(bytes) { $0.command(.query, text) }
                expect(.query, client, server)
                return nil
            }
        } else {
            if wantsLastInsertID(client, server) { return .needState }
            client.running = nil
            client.more().add(.unknown)
            client.pins.insert(.unknown)
        }
        client.executing = nil
        forward(bytes, packet, client, server, .query)
        return nil
    }

    /// Why a client without `CLIENT_LOCAL_FILES` cannot load one. The table's schema is looked for first.
    private func noLocalFile(_ entry: StatementEntry, _ client: MySQLClientSession) -> MySQLError {
        let isNowhere = entry.facts.statements.contains { $0.tables.contains { !$0.contains(".") } }
        if !client.hasSchema, isNowhere { return MySQLError(1046, "3D000", "No database selected") }
        guard client.isOfMariaDB else {
            return MySQLError(
                3948, "42000",
                "Loading local data is disabled; this must be enabled on both the client and server sides")
        }
        return MySQLError(
            4166, "HY000",
            "The used command is not allowed because the MariaDB server or client has disabled the local infile capability"
        )
    }

    /// Why a statement is refused where `session_state = "reject"`; where it is `"pin"`, every change of state pins.
    func refusal(_ entry: StatementEntry, _ client: MySQLClientSession) -> MySQLError? {
        guard entry.facts.flags.contains(.hasEffects) else { return nil }
        if client.policy == .pin {
            client.more().add(.unknown)
            return nil
        }
        for statement in entry.facts.statements {
            for case .mayCreate(let kinds) in statement.effects {
                return MySQLError(
                    1235, "42000",
                    "\(kinds.reason) cannot be used through this pool: it lends servers per transaction and session_state is "
                        + "\"reject\". Use a database with pool_mode = \"session\", or session_state = \"auto\"")
            }
        }
        return nil
    }

    static let asking: StatementTraits = [
        .readsDiagnostics, .readsFoundRows, .readsRowCount, .readsLastInsertID, .readsConnectionID,
    ]

    /// `KILL` with a number, which is one of ours; nil for what the server must answer.
    private func kill(_ entry: StatementEntry, _ client: MySQLClientSession) -> MySQLStop? {
        guard entry.facts.statements.count == 1, let kill = entry.facts.statements[0].kill else { return nil }
        switch kill.target {
        case .connection(let id, _): return .kill(id, queryOnly: kill.isQueryOnly)
        case .own: return .kill(UInt64(client.connectionID), queryOnly: kill.isQueryOnly)
        case .user(let name, let host): return .killUser(name, host: host, queryOnly: kill.isQueryOnly)
        case .query, .untold: return nil
        }
    }

    /// COM_SET_OPTION: several statements in a text, or not. The next server is switched when it is needed.
    private func setOption(_ bytes: RawSpan, _ packet: Packet, _ client: MySQLClientSession) -> MySQLStop? {
        guard packet.end <= bytes.byteCount else { return .needBytes }
        guard let option = try? SmallCommand.Option(parsing: bytes.extracting(packet.body..<packet.end)) else {
            let isShort = packet.length < 3 && client.isOfMySQL(since: 80_000)
            return discard(bytes, packet, client, isShort ? malformed(client) : .unknownCommand)
        }
        switch option {
        case .multiStatementsOn: client.options.insert(.multiStatements)
        case .multiStatementsOff: client.options.remove(.multiStatements)
        }
        answerEnd(client)
        return nil
    }
}

/// Answers of our own.
extension MySQLEnvironment {
    /// An error instead of a reply. What was planned for the client before stays in front of it.
    public func answer(_ client: MySQLClientSession, _ error: MySQLError) {
        client.failed(error)
        if let trail = client.trail { trail.answered = error }
        toClient.make(RawSpan()) { error.writePacket(to: &$0, sequence: client.replySequence) }
    }

    /// The error for a command whose packet is not what it should be, in the words of the family.
    func malformed(_ client: MySQLClientSession) -> MySQLError {
        var error = MySQLError.malformedPacket
        if client.isOfMariaDB { error.message.removeLast() }
        return error
    }

    /// An OK packet instead of a reply.
    public func answerOK(_ client: MySQLClientSession, affected: UInt64 = 0, warnings: UInt16 = 0) {
        client.numbers.rowCount = Int64(clamping: affected)
        client.numbers.isOurs = true
        let packet = OKPacket(affectedRows: affected, status: client.status, warnings: warnings)
        toClient.make(RawSpan()) { out in
            let mark = out.beginPacket(client.replySequence)
            packet.write(to: &out, client.capabilities, source: RawSpan())
            out.endPacket(mark)
        }
    }

    /// What ends a reply without rows: an EOF packet, or an OK packet in its place.
    private func answerEnd(_ client: MySQLClientSession) {
        client.numbers.rowCount = -1
        client.numbers.isOurs = true
        let warnings = client.warningsKept
        toClient.make(RawSpan()) { out in
            let mark = out.beginPacket(client.replySequence)
            if client.capabilities.contains(.deprecateEOF) {
                OKPacket(status: client.status, warnings: warnings)
                    .write(to: &out, client.capabilities, source: RawSpan(), asEOF: true)
            } else {
                EOFPacket(warnings: warnings, status: client.status).write(to: &out)
            }
            out.endPacket(mark)
        }
    }

    /// The command in front is answered with an error instead of being sent: answers how many bytes of `bytes` that
    /// deals with. Nothing is planned but the answer.
    public func refuse(_ bytes: RawSpan, with error: MySQLError, _ client: MySQLClientSession) -> Int {
        toServer.reset()
        toClient.reset()
        guard case .header(_, let body, let end) = scanPacket(bytes, at: 0) else { return 0 }
        client.replySequence = 1
        let silent =
            body < bytes.byteCount && end > body && MySQLCommand(rawValue: bytes.u8(at: body))?.hasReply == false
        if !silent { answer(client, error) }
        answeredHere(client)
        begin(bytes, Packet(start: 0, body: body, end: end), client, .discarded)
        return min(end, bytes.byteCount)
    }

    /// The command in front is dealt with elsewhere: it is answered with an error or, for nil, with OK.
    public func conclude(
        _ bytes: RawSpan, _ error: MySQLError?, _ client: MySQLClientSession, affected: UInt64 = 0
    ) -> Int {
        if let error { return refuse(bytes, with: error, client) }
        toServer.reset()
        toClient.reset()
        guard case .header(_, _, let end) = scanPacket(bytes, at: 0) else { return 0 }
        client.replySequence = 1
        client.trail?.answered = nil
        answerOK(client, affected: affected)
        answeredHere(client)
        return min(end, bytes.byteCount)
    }
}

extension StatementEntry {
    /// MariaDB's `SET STATEMENT … FOR …`, whose settings end with it.
    var setsForOneStatement: Bool {
        guard facts.statements.count == 1, textLength > 14 else { return false }
        let start = facts.statements[0].range.lowerBound
        return withText { text in
            guard start &+ 14 <= text.byteCount, text.u8(at: start &+ 2) | 0x20 == UInt8(ascii: "t") else {
                return false
            }
            let words = String(decoding: text.extracting(start..<(start &+ 14)).toArray(), as: UTF8.self).lowercased()
            return words.split { $0.isWhitespace }.prefix(2) == ["set", "statement"]
        }
    }
}
