import ByteKit
import MySQLWire
import SQLText

/// What a server still has of the client before, and that client may ask for.
struct MySQLDebts: OptionSet {
    let rawValue: UInt8

    /// `LAST_INSERT_ID()`, which not every OK packet tells.
    static let lastInsertID = MySQLDebts(rawValue: 1)
    /// What SHOW WARNINGS shows.
    static let diagnostics = MySQLDebts(rawValue: 2)
}

/// Statements that ask for what the one before left behind. As long as nobody else has used the server in between, it
/// answers by itself; before somebody else does, it is asked what it has, and what the client asks for then is put into
/// its text.
extension MySQLEnvironment {
    /// Notes what a statement has left on the server.
    func noteDebts(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        let summary = server.tracker.summary
        let command = server.tracker.command
        let isStatement = command == .query || command == .execute || command == .bulkExecute
        guard isStatement || command == .prepare || summary.errorCode != 0 else { return }
        let traits = client.running?.facts.traits ?? []
        if !traits.contains(.readsDiagnostics) || summary.errorCode != 0 || summary.warnings > 0 {
            if summary.warnings > 0 || summary.errorCode != 0 {
                client.debts.insert(.diagnostics)
                client.lost.remove(.diagnostics)
                server.hasDiagnostics = true
            } else if server.hasDiagnostics || client.debts.contains(.diagnostics) || !client.lost.isEmpty,
                client.running?.usesTables == true || server.version?.isMariaDB == false
            {
                // MariaDB's servers keep them over statements without tables.
                client.debts.remove(.diagnostics)
                client.lost.remove(.diagnostics)
                server.hasDiagnostics = false
            }
        }
        if isStatement {
            noteLastInsertID(client, server, summary)
            server.hasNumbers = true
            if summary.errorCode == 0, let running = client.running, running.setsFoundRows(summary.columns > 0) {
                server.foundRowsOwner = client.serial
            } else if server.foundRowsOwner != client.serial {
                server.foundRowsOwner = 0
            }
        }
        client.home = server.serial
        server.lastClient = client.serial
        if client.debts.isEmpty {
            if !server.owed.isEmpty { server.settled(server.owed) }
        } else {
            server.owe(client.debts, to: client)
        }
    }

    /// Asks the server for what the client before may still ask for; whoever gets the server waits for it.
    func askDebts(_ server: MySQLServerSession) {
        let debts = server.owed
        server.askedFor = debts
        if debts.contains(.diagnostics) {
            toServer.make(RawSpan()) { $0.query("SHOW WARNINGS") }
            server.beginHidden(.capture, .query)
        }
        if debts.contains(.lastInsertID) { askLastInsertID(server) }
    }

    /// Makes the server forget the diagnostics of whoever used it before.
    func clearDiagnostics(_ server: MySQLServerSession) {
        server.hasDiagnostics = false
        toServer.make(RawSpan()) { $0.query("SELECT 1 FROM (SELECT 1) AS t") }
        server.beginHidden(.ignored, .query)
    }

    /// Asks the server for what the client before may still ask for; false if there is nothing.
    public func settle(_ server: MySQLServerSession) -> Bool {
        toServer.reset()
        askDebts(server)
        return !server.hidden.isEmpty
    }

    /// The server has answered that.
    public func takeDebts(_ server: MySQLServerSession) {
        let debts = server.askedFor
        guard !debts.isEmpty else { return }
        server.askedFor = []
        let rows = server.takeGathered()
        let captured = server.takeCaptured()
        defer { server.settled(debts) }
        guard let debtor = server.debtor, debtor.home == server.serial else { return }
        if debts.contains(.diagnostics), !captured.isEmpty {
            debtor.warnings = MySQLCapture(packets: captured, capabilities: server.capabilities)
        }
        if debts.contains(.lastInsertID), let row = rows.first { takeLastInsertID(row, debtor, server) }
        debtor.debts.subtract(debts)
    }

    /// What a text that asks for something left behind is sent as; nil for as it is.
    func answered(_ entry: StatementEntry, _ client: MySQLClientSession, _ server: MySQLServerSession) -> [UInt8]? {
        let all = entry.facts.statements
        if all.count == 1, entry.facts.traits.contains(.readsDiagnostics), !client.hasDiagnostics(on: server),
            let count = counted(entry, client)
        {
            return count
        }
        var out: [UInt8]?
        // From the end on: what is in front stays where it is.
        for index in all.indices.reversed() {
            // What it is compared with there is the server's number.
            guard let reads = all[index].reads, !all[index].functions.contains("is_used_lock") else { continue }
            let known = left(to: all[index], behind: all[..<index], client, server)
            let replaced =
                out.map { $0.withSpan { reads.replacing(in: $0, known) } }
                ?? entry.withText { reads.replacing(in: $0, known) }
            if let replaced { out = replaced }
        }
        return out
    }

    /// What the commands before have left to a statement, where its server does not know that itself.
    private func left(
        to statement: Statement, behind: ArraySlice<Statement>, _ client: MySQLClientSession,
        _ server: MySQLServerSession
    ) -> (SessionRead.Kind) -> SessionReadValue? {
        let isFirst = behind.isEmpty
        let isHome = client.isHome(on: server)
        let hasDiagnostics = client.hasDiagnostics(on: server)
        let hasFound = isHome && server.foundRowsOwner == client.serial || client.pins.contains(.foundRows)
        let hasCount = isHome && server.hasNumbers && !client.numbers.isOurs
        let keepsFound = behind.allSatisfy { !$0.setsFoundRows }
        let numbers = client.numbers
        let id = client.connectionID
        return { kind in
            switch kind {
            case .connectionID: .unsigned(UInt64(id))
            // The server has been given it.
            case .lastInsertID: .kept
            case .rowCount: hasCount || !isFirst ? .kept : .signed(numbers.rowCount)
            case .foundRows: hasFound || !keepsFound ? .kept : .unsigned(numbers.foundRows)
            case .warningCount: hasDiagnostics || !isFirst ? .kept : .unsigned(numbers.warnings)
            case .errorCount: hasDiagnostics || !isFirst ? .kept : .unsigned(numbers.errors)
            }
        }
    }

    /// `SHOW COUNT(*) WARNINGS` and `SHOW COUNT(*) ERRORS` of a client whose server somebody else has used since.
    private func counted(_ entry: StatementEntry, _ client: MySQLClientSession) -> [UInt8]? {
        switch DiagnosticsQuestion(entry) {
        case .countOfWarnings:
            Array("SELECT (\(client.numbers.warnings)|0) AS `@@session.warning_count`".utf8)
        case .countOfErrors: Array("SELECT (\(client.numbers.errors)|0) AS `@@session.error_count`".utf8)
        case .warnings, .none: nil
        }
    }

    /// SHOW WARNINGS of a client whose server somebody else has used since: answered from what was kept. True if it was.
    func answerWarnings(_ entry: StatementEntry, _ client: MySQLClientSession) -> Bool {
        guard let kept = client.warnings, toClient.isEmpty, DiagnosticsQuestion(entry) == .warnings else {
            return false
        }
        let echo = MySQLServerSession(
            capabilities: kept.capabilities, version: nil, connectionID: 0, status: client.status,
            settings: profiles.empty, options: [], statementLimit: 1)
        echo.begin(.query)
        translate(client, echo)
        let reply = kept.packets.withSpan { packets in
            var stream = PacketStream()
            var position = 0
            while case .head(let piece) = stream.next(in: packets, at: position, head: .max) {
                position = piece.end
                let event = echo.tracker.received(packets.extracting(piece.body..<piece.end), length: piece.length)
                visible(event, piece, packets, echo, client)
            }
            return toClient.bytes(of: packets)
        }
        toClient.reset()
        toClient.make(RawSpan()) { $0.raw(reply) }
        return true
    }
}

/// A text that is nothing but a question about the statement before, which Headgate can answer.
enum DiagnosticsQuestion {
    case warnings, countOfWarnings, countOfErrors

    init?(_ entry: StatementEntry) {
        guard entry.facts.statements.count == 1, entry.textLength < 40 else { return nil }
        let text = entry.withText { String(decoding: $0.toArray(), as: UTF8.self).lowercased() }
        switch text.filter({ !$0.isWhitespace }) {
        case "showwarnings": self = .warnings
        case "showcount(*)warnings": self = .countOfWarnings
        case "showcount(*)errors": self = .countOfErrors
        default: return nil
        }
    }
}

/// The reply to SHOW WARNINGS kept for later, as the server sent it.
struct MySQLCapture {
    let packets: [UInt8]
    let capabilities: MySQLCapabilities

    /// The statement that leaves what is kept behind once more, where that is one warning or error.
    var onlyCondition: [UInt8]? {
        packets.withSpan { bytes in
            var tracker = ReplyTracker(capabilities)
            tracker.begin(.query)
            var position = 0
            var found: [[UInt8]] = []
            while case .header(_, let body, let end) = scanPacket(bytes, at: position), end <= bytes.byteCount {
                let payload = bytes.extracting(body..<end)
                position = end
                guard tracker.received(payload, length: end &- body) == .row else { continue }
                found.append(payload.toArray())
            }
            guard found.count == 1 else { return nil }
            var values: [[UInt8]] = []
            found[0].withSpan { row in
                try? MySQLRow.text(row, columns: 3) { _, range in
                    values.append(range.map { row.extracting($0).toArray() } ?? [])
                }
            }
            guard values.count == 3, UInt16(String(decoding: values[1], as: UTF8.self)) != nil else { return nil }
            let state = values[0].elementsEqual("Error".utf8) ? "HY000" : "01000"
            return Self.condition(state, values[1], values[2])
        }
    }

    /// The statement that leaves an error behind that we have answered with.
    static func condition(of error: MySQLError) -> [UInt8] {
        condition(error.sqlstate, Array("\(error.code)".utf8), Array(error.message.utf8))
    }

    private static func condition(_ state: String, _ code: [UInt8], _ message: [UInt8]) -> [UInt8] {
        Array("SIGNAL SQLSTATE '\(state)' SET MYSQL_ERRNO = ".utf8) + code
            + Array(", MESSAGE_TEXT = _utf8mb4 0x".utf8) + Hex.encode(message)
    }
}

extension Statement {
    /// `FOUND_ROWS()` is another number behind it.
    var setsFoundRows: Bool {
        switch kind {
        case .select, .values: true
        case .show: traits.isDisjoint(with: [.readsDiagnostics, .showsOne])
        case .call, .execute, .unknown: true
        default: false
        }
    }
}

extension StatementEntry {
    /// The same of the last of its statements; `withRows` if it had a result.
    func setsFoundRows(_ withRows: Bool) -> Bool {
        guard let last = facts.statements.last, last.setsFoundRows else { return false }
        return withRows || last.kind == .select
    }
}

/// What a server is given for one statement.
struct MySQLGifts: OptionSet {
    let rawValue: UInt8

    /// The client's values of `session_track_…`.
    static let tracking = MySQLGifts(rawValue: 1)
    /// The error we have answered the command before with.
    static let diagnostics = MySQLGifts(rawValue: 2)
}

extension MySQLEnvironment {
    /// The server must first have the client's own values of `session_track_…`; false if it has.
    func wantsTracking(_ client: MySQLClientSession, _ server: MySQLServerSession) -> Bool {
        guard server.tracks, server.canTrack else { return false }
        let extra = client.more()
        extra.given.insert(.tracking)
        extra.givenBy = server.serial
        return true
    }
}

extension Statement {
    /// Names tables that are not the server's tables about itself.
    var usesStoredTables: Bool {
        tables.contains { table in
            let name = table.lowercased()
            return name != "dual" && !name.hasPrefix("information_schema.") && !name.hasPrefix("performance_schema.")
        }
    }
}

extension StatementEntry {
    /// Changes nothing in its session and asks nothing of it.
    var leavesNothing: Bool {
        facts.traits.isEmpty && facts.flags.isDisjoint(with: [.hasEffects, .transactionControl])
    }

    /// Names tables, whose use clears the diagnostics of the statement before.
    var usesTables: Bool {
        facts.statements.contains {
            // Most SHOW read the server's tables about itself.
            !$0.tables.isEmpty || $0.kind == .call
                || $0.kind == .show && $0.traits.isDisjoint(with: [.readsDiagnostics, .showsOne, .serverOwnTruth])
        }
    }
}

extension MySQLClientSession {
    /// Nobody else has used the server since this client's last statement.
    func isHome(on server: MySQLServerSession) -> Bool {
        home == server.serial && server.lastClient == serial
    }

    /// The server has what `SHOW WARNINGS` would show this client.
    func hasDiagnostics(on server: MySQLServerSession) -> Bool {
        isHome(on: server) && (extra?.ownError == nil && warnings == nil || has(.diagnostics, of: server))
    }
}
