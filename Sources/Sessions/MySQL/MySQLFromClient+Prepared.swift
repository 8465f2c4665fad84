import ByteKit
import MySQLWire
import SQLText
import Settings

/// Prepared statements: a client's id stands for a text, and is replaced by what its server of the moment calls it.
extension MySQLEnvironment {
    /// COM_STMT_PREPARE.
    func prepare(
        _ bytes: RawSpan, _ packet: Packet, _ client: MySQLClientSession, _ server: MySQLServerSession?
    ) -> MySQLStop? {
        if let stop = needs(client, server) { return stop }
        guard let server else { return .needServer }
        let isUntold = packet.length >= MySQLPacket.longestBody || packet.length > maxInspectedStatement
        guard isUntold || packet.end <= bytes.byteCount else { return .needBytes }
        guard client.statements.count < maxClientStatements else {
            return discard(
                bytes, packet, client,
                MySQLError(
                    1461, "42000",
                    "Can't create more than \(maxClientStatements) prepared statements in a connection to the pooler"))
        }
        let entry =
            isUntold
            ? unread
            : statements.entry(
                text: bytes.extracting((packet.body &+ 1)..<packet.end), types: RawSpan(), options: client.lexer)
        if isUntold {
            client.more().add(.unknown)
            client.pins.insert(.unknown)
        }
        client.preparing = (entry, client.statements.nextID(), isUntold)
        client.running = nil
        client.executing = nil
        tally.clientParses &+= 1
        tally.serverParses &+= 1
        tally.isSome = true
        forward(bytes, packet, client, server, .prepare)
        return nil
    }

    /// COM_STMT_EXECUTE, COM_STMT_BULK_EXECUTE.
    func execute(
        _ bytes: RawSpan, _ packet: Packet, _ client: MySQLClientSession, _ server: MySQLServerSession?,
        _ command: MySQLCommand
    ) -> MySQLStop? {
        // id, flags; and the count of iterations, which a bulk execution does not have.
        let fixed = command == .execute ? 10 : 7
        guard packet.length >= fixed else { return discard(bytes, packet, client, malformed(client)) }
        guard bytes.byteCount &- packet.body >= fixed else { return .needBytes }
        guard command == .execute || client.capabilities.contains(.mariadbBulk) else {
            return discard(bytes, packet, client, .notPrepared)
        }
        let given = bytes.le32(at: packet.body &+ 1)
        if command == .bulkExecute, bytes.le16(at: packet.body &+ 5) & ~128 != 0,
            client.lexer.server.map({ $0.isMariaDB && $0.number < 110_500 }) == true
        {
            return discard(bytes, packet, client, .notPrepared)
        }
        guard let statement = statement(given, client) else {
            return discard(bytes, packet, client, unknownStatement(given, in: "mysqld_stmt_execute", client))
        }
        let flags = bytes.u8(at: packet.body &+ 5)
        if command == .execute, ExecuteCommand.Flags(rawValue: flags).opensCursor, statement.key.own == 0 {
            statement.key = ownKey(of: statement)
        }
        let bitmap = (statement.parameters &+ 7) >> 3
        let head = min(packet.length, fixed &+ bitmap &+ 1 &+ 2 &* statement.parameters)
        guard bytes.byteCount &- packet.body >= head else { return .needBytes }
        // What has no id yet has no types either.
        if given == ExecuteCommand.lastPrepared, command == .execute, statement.parameters > 0,
            packet.length > fixed &+ bitmap, bytes.u8(at: packet.body &+ fixed &+ bitmap) != 1
        {
            return discard(bytes, packet, client, malformed(client))
        }
        if client.policy != .auto, let error = refusal(statement.entry, client) {
            return discard(bytes, packet, client, error)
        }
        if let stop = needs(client, server) { return stop }
        guard let server else { return .needServer }
        switch preliminary(bytes, packet, statement.entry, client, server, isBinary: true) {
        case .dealtWith: return nil
        case .stop(let stop): return stop
        case nil: break
        }
        if let other = answered(statement, client, server) { statement.key = other }
        let typesAt = packet.body &+ fixed &+ bitmap &+ 1
        if statement.parameters > 0, head == fixed &+ bitmap &+ 1 &+ 2 &* statement.parameters,
            bytes.u8(at: typesAt &- 1) == 1, client.isOfMySQL(since: 80_022)
        {
            bind(bytes.extracting(typesAt..<(typesAt &+ 2 &* statement.parameters)), statement)
        }
        guard let held = server.statements.use(statement.key, typesBefore: statement.typesBefore) else {
            if statement.isUntold {
                return discard(bytes, packet, client, .unknownStatement(given, in: "mysqld_stmt_execute"))
            }
            client.wanted = statement
            return .needStatement
        }
        client.running = statement.entry
        client.executing = statement
        tally.binds &+= 1
        tally.isSome = true
        send(bytes, packet, statement, held, server, isBulk: command == .bulkExecute, fixed)
        begin(bytes, packet, client, .command)
        expect(command, client, server)
        if statement.key.own != 0, server.translator != nil {
            server.translator?.opensCursor =
                command == .execute && ExecuteCommand.Flags(rawValue: flags).opensCursor
        }
        return nil
    }

    /// The name of a statement that asks for what the one before left behind, with the answers in its text; nil for one
    /// that does not.
    private func answered(
        _ statement: MySQLClientStatement, _ client: MySQLClientSession, _ server: MySQLServerSession
    ) -> MySQLStatementKey? {
        guard !statement.entry.facts.traits.isDisjoint(with: Self.asking), statement.key.own == 0 else { return nil }
        let text = answered(statement.entry, client, server)
        let entry =
            text.map { text in
                text.withSpan { statements.entry(text: $0, types: RawSpan(), options: client.lexer) }
            } ?? statement.entry
        statement.sent = entry
        return MySQLStatementKey(
            text: entry.serial, context: statement.key.context, own: 0, types: statement.typesNow)
    }

    /// The statement a client means; with −1, which MariaDB knows, the one prepared last.
    func statement(_ id: UInt32, _ client: MySQLClientSession) -> MySQLClientStatement? {
        guard id == ExecuteCommand.lastPrepared else { return client.statements.find(id) }
        return client.statements.last.flatMap { client.statements.find($0) }
    }

    /// A name no other statement has: for one that has a cursor or long data, which belong to the server's statement.
    func ownKey(of statement: MySQLClientStatement) -> MySQLStatementKey {
        MySQLStatementKey(
            text: statement.key.text, context: statement.key.context,
            own: UInt32(truncatingIfNeeded: statement.serial) | 1 << 31)
    }

    /// Plans an execution: the id is the server's, and the types of the parameters are there if the server does not
    /// remember them from this statement.
    private func send(
        _ bytes: RawSpan, _ packet: Packet, _ statement: MySQLClientStatement, _ held: MySQLServerStatements.Held,
        _ server: MySQLServerSession, isBulk: Bool, _ fixed: Int
    ) {
        let count = statement.parameters
        // Where the types stand, or would: behind the NULL bitmap and the flag.
        let bitmap = isBulk ? 0 : (count &+ 7) >> 3
        let flagAt = packet.body &+ (isBulk ? 5 : fixed &+ bitmap)
        let typesAt = isBulk ? packet.body &+ fixed : flagAt &+ 1
        let stop = min(packet.end, bytes.byteCount)
        var inserts = false
        statement.tellsTypes = false
        if count > 0, typesAt <= stop {
            let sendsTypes = isBulk ? bytes.u8(at: flagAt) & 128 != 0 : bytes.u8(at: flagAt) == 1
            statement.tellsTypes = sendsTypes
            statement.earlierTypes = statement.types
            if sendsTypes {
                if typesAt &+ 2 &* count <= stop {
                    let types = bytes.extracting(typesAt..<(typesAt &+ 2 &* count))
                    if !statement.types.withSpan({ $0.equals(types) }) {
                        statement.types = types.toArray()
                        statement.binding = nextStatement()
                    }
                }
                if held.binder != statement.binding {
                    held.binder = statement.binding
                }
            } else if held.binder != statement.binding, statement.types.count == 2 &* count {
                inserts = packet.length &+ 2 &* count < MySQLPacket.longestBody
                held.binder = statement.binding
                statement.tellsTypes = inserts
            }
        }
        toServer.make(bytes) { out in
            out.packetHeader(length: packet.length &+ (inserts ? 2 &* count : 0), sequence: 0)
            out.u8(bytes.u8(at: packet.body))
            out.le32(held.id)
            if inserts {
                out.span(bytes.extracting((packet.body &+ 5)..<flagAt))
                out.u8(isBulk ? bytes.u8(at: flagAt) | 128 : 1)
                if isBulk { out.u8(bytes.u8(at: flagAt &+ 1)) }
                out.raw(statement.types)
            }
        }
        toServer.forward(bytes, inserts ? typesAt : packet.body &+ 5, stop)
    }

    /// COM_STMT_CLOSE, COM_STMT_RESET, COM_STMT_SEND_LONG_DATA, COM_STMT_FETCH.
    func statementCommand(
        _ bytes: RawSpan, _ packet: Packet, _ client: MySQLClientSession, _ server: MySQLServerSession?,
        _ command: MySQLCommand
    ) -> MySQLStop? {
        let head = min(packet.length, command == .fetch ? 9 : command == .sendLongData ? 7 : 5)
        guard bytes.byteCount &- packet.body >= head else { return .needBytes }
        guard let id = ExecuteCommand.statement(of: bytes.extracting(packet.body..<(packet.body &+ head))) else {
            // MySQL answers even to those that have no answer.
            if command.hasReply || client.isOfMySQL(since: 80_000) {
                return discard(bytes, packet, client, malformed(client))
            }
            begin(bytes, packet, client, .discarded)
            return nil
        }
        if command == .fetch, packet.length < 9, client.isOfMySQL(since: 80_000) {
            return discard(bytes, packet, client, malformed(client))
        }
        guard let statement = statement(id, client) else {
            begin(bytes, packet, client, .discarded)
            switch command {
            case .resetStatement: answer(client, unknownStatement(id, in: "mysqld_stmt_reset", client))
            case .fetch: answer(client, unknownStatement(id, in: "mysqld_stmt_fetch", client))
            default: break
            }
            return nil
        }
        switch command {
        case .closeStatement:
            guard packet.end <= bytes.byteCount else { return .needBytes }
            close(statement, client, server)
            return nil
        case .sendLongData: return longData(bytes, packet, statement, client, server)
        default: break
        }
        guard packet.end <= bytes.byteCount else { return .needBytes }
        guard let server, let held = server.statements.use(statement.key),
            command == .resetStatement || statement.hasCursor
        else {
            if command == .resetStatement {
                if client.isOfMariaDB { client.numbers.pinged() }
                answerOK(client)
            } else {
                let end = client.isOfMariaDB ? "" : "."
                answer(client, MySQLError(1421, "HY000", "The statement (\(statement.id)) has no open cursor\(end)"))
            }
            return nil
        }
        client.running = nil
        client.executing = statement
        rewritten(bytes, packet, held.id)
        expect(command, client, server)
        return nil
    }

    /// The error for an id nobody gave out, in the words of the servers' version.
    func unknownStatement(_ id: UInt32, in function: String, _ client: MySQLClientSession) -> MySQLError {
        .unknownStatement(id, in: client.isOfMySQL(since: 80_000) ? "mysql_stmt_precheck" : function)
    }

    /// The command with the server's id.
    private func rewritten(_ bytes: RawSpan, _ packet: Packet, _ id: UInt32) {
        toServer.make(bytes) { out in
            out.span(bytes.extracting(packet.start..<(packet.body &+ 1)))
            out.le32(id)
        }
        toServer.forward(bytes, packet.body &+ 5, min(packet.end, bytes.byteCount))
    }

    private func longData(
        _ bytes: RawSpan, _ packet: Packet, _ statement: MySQLClientStatement, _ client: MySQLClientSession,
        _ server: MySQLServerSession?
    ) -> MySQLStop? {
        if statement.key.own == 0 { statement.key = ownKey(of: statement) }
        if let stop = needs(client, server) { return stop }
        guard let server else { return .needServer }
        guard let held = server.statements.use(statement.key) else {
            if statement.isUntold {
                begin(bytes, packet, client, .discarded)
                return nil
            }
            client.wanted = statement
            return .needStatement
        }
        statement.hasLongData = true
        client.pins.insert(.longData)
        rewritten(bytes, packet, held.id)
        begin(bytes, packet, client, .command)
        return nil
    }

    /// The client needs a statement no more; the server keeps what others may use.
    private func close(
        _ statement: MySQLClientStatement, _ client: MySQLClientSession, _ server: MySQLServerSession?
    ) {
        client.statements.remove(statement.id)
        if statement.key.own != 0, let id = server?.statements.remove(statement.key) {
            toServer.make(RawSpan()) { $0.command(.closeStatement, statement: id) }
        }
        statement.hasCursor = false
        statement.hasLongData = false
        notePins(ofStatements: client)
    }

    /// What its statements hold on the server.
    func notePins(ofStatements client: MySQLClientSession) {
        guard !client.pins.isDisjoint(with: [.cursors, .longData]) else { return }
        var pins: MySQLPins = []
        client.statements.forEach { statement in
            if statement.hasCursor { pins.insert(.cursors) }
            if statement.hasLongData { pins.insert(.longData) }
        }
        client.pins.subtract([.cursors, .longData])
        client.pins.formUnion(pins)
    }
}
