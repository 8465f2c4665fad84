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
    /// `FOUND_ROWS()`, where it is not the number of rows in a result.
    static let foundRows = MySQLDebts(rawValue: 4)
}

/// What comes of a statement before it is sent.
enum MySQLPreliminary {
    /// It is answered.
    case dealtWith
    /// It waits for this.
    case stop(MySQLStop)
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
        // MySQL forgets them when it prepares a statement.
        let prepares = command == .prepare && !client.isOfMariaDB
        // MySQL leaves a warning that it is obsolete, of which the reply says nothing.
        let lists = command == .fieldList && !client.isOfMariaDB && summary.errorCode == 0
        if lists { client.numbers.warned() }
        let warns = lists && client.warnings == nil && client.ownErrors.isEmpty
        guard isStatement || prepares || warns || summary.errorCode != 0 else { return }
        if warns {
            leave(client, server)
        } else {
            noteDiagnostics(client, server, isStatement ? diagnosticsEffect(client, server) : .cleared)
        }
        if isStatement {
            noteLastInsertID(client, server, summary)
            server.hasNumbers = !keepsRowCount(client) || client.isHome(on: server) && server.hasNumbers
            noteFoundRows(client, server, summary)
        } else if !client.isHome(on: server) {
            // What `ROW_COUNT()` says there is still somebody else's.
            server.hasNumbers = false
        }
        client.home = server.serial
        server.lastClient = client.serial
        if client.debts.isEmpty {
            if !server.owed.isEmpty { server.settled(server.owed) }
        } else {
            server.owe(client.debts, to: client)
        }
    }

    /// What runs is GET DIAGNOSTICS alone: `ROW_COUNT()` is what it was.
    func keepsRowCount(_ client: MySQLClientSession) -> Bool {
        client.running.map { $0.facts.statements.count == 1 && $0.getsDiagnostics } ?? false
    }

    /// Asks the server for what the client before may still ask for; whoever gets the server waits for it.
    func askDebts(_ server: MySQLServerSession) {
        askDebts(server, server.owed)
    }

    /// Asks it for these.
    func askDebts(_ server: MySQLServerSession, _ debts: MySQLDebts) {
        server.askedFor = debts
        // What others would set comes first: for MariaDB, SHOW WARNINGS may be one of them; MySQL warns of FOUND_ROWS().
        let isMariaDB = server.version?.isMariaDB == true
        if isMariaDB, debts.contains(.foundRows) { askFoundRows(server) }
        if debts.contains(.diagnostics) {
            toServer.make(RawSpan()) { $0.query("SHOW WARNINGS") }
            server.beginHidden(.capture, .query, keepsFoundRows: true)
        }
        if !isMariaDB, debts.contains(.foundRows) { askFoundRows(server) }
        if debts.contains(.lastInsertID) { askLastInsertID(server) }
        if !server.askedFor.isEmpty, let debtor = server.debtor, debtor.home == server.serial {
            debtor.asked = server.serial
        }
    }

    /// Asks the server for what the client before may still ask for; false if there is nothing.
    public func settle(_ server: MySQLServerSession) -> Bool {
        toServer.reset()
        askDebts(server)
        return !server.hidden.isEmpty
    }

    /// The server has answered that; what it has answered to other questions besides is left.
    @discardableResult
    public func takeDebts(_ server: MySQLServerSession) -> [[UInt8]] {
        let debts = server.askedFor
        guard !debts.isEmpty else { return server.takeGathered() }
        server.askedFor = []
        var rows = server.takeGathered()
        let captured = server.takeCaptured()
        let debtor = server.debtor
        defer {
            server.settled(debts)
            if let debtor, debtor.asked == server.serial { debtor.settled() }
        }
        let found = debts.contains(.foundRows) && !rows.isEmpty ? rows.removeFirst() : nil
        let lastID = debts.contains(.lastInsertID) && !rows.isEmpty ? rows.removeFirst() : nil
        guard let debtor, debtor.home == server.serial else { return rows }
        if debts.contains(.diagnostics), debtor.debts.contains(.diagnostics), !captured.isEmpty {
            let capture = MySQLCapture(packets: captured, capabilities: server.capabilities)
            if debtor.numbers.certainty != .exact {
                let counts = capture.counts
                debtor.numbers.counted(rows: counts.rows, errors: counts.errors)
            }
            debtor.warnings = capture
        }
        if let found { takeFoundRows(found, debtor) }
        if let lastID { takeLastInsertID(lastID, debtor, server) }
        debtor.debts.subtract(debts)
        return rows
    }

    /// What must come before a statement that asks for something the ones before have left; nil if it can be sent.
    func preliminary(
        _ bytes: RawSpan, _ packet: Packet, _ entry: StatementEntry, _ client: MySQLClientSession,
        _ server: MySQLServerSession, isBinary: Bool
    ) -> MySQLPreliminary? {
        let traits = entry.facts.traits
        guard !traits.isDisjoint(with: Self.needsPreliminary) else { return nil }
        // What is wanted of the server is wanted at once: the one would disturb the other.
        let asksForID = !traits.isDisjoint(with: Self.askingForID)
        var isWanting = traits.contains(.readsTracking) && wantsTracking(client, server)
        if asksForID, wantsLastInsertID(client, server) { isWanting = true }
        if let found = diagnostics(bytes, packet, entry, client, server, isBinary: isBinary) { return found }
        if isWanting { return .stop(.needState) }
        guard asksForID, lacksLastInsertID(traits, client, server) else { return nil }
        return discard(bytes, packet, client, .lostLastInsertID).map { .stop($0) } ?? .dealtWith
    }

    private static let needsPreliminary = askingForID.union([.readsTracking, .readsDiagnostics])

    /// What a text that asks for something left behind is sent as; nil for as it is.
    func answered(_ entry: StatementEntry, _ client: MySQLClientSession, _ server: MySQLServerSession) -> [UInt8]? {
        let all = entry.facts.statements
        if all.count == 1, entry.facts.traits.contains(.readsDiagnostics), client.hasDiagnosticsElsewhere(than: server),
            let count = counted(entry, client)
        {
            return count
        }
        // The server's error is about the text as it is.
        guard all.count == 1 || client.options.contains(.multiStatements) else { return nil }
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
        let isFirst = behind.allSatisfy(\.getsDiagnostics)
        let isHome = client.isHome(on: server)
        let hasDiagnostics = !client.hasDiagnosticsElsewhere(than: server)
        let isMariaDB = server.version?.isMariaDB == true
        let hasFound = isHome && server.foundRowsOwner == client.serial
        let hasCount = isHome && server.hasNumbers && !client.numbers.isOurs
        let keepsFound = behind.allSatisfy { $0.foundRows(isMariaDB: isMariaDB) == .kept }
        let numbers = client.numbers
        let id = client.connectionID
        return { kind in
            switch kind {
            case .connectionID: isMariaDB ? .short(id) : .unsigned(UInt64(id))
            // The server has been given it.
            case .lastInsertID: .kept
            case .rowCount: hasCount || !isFirst ? .kept : .signed(numbers.rowCount)
            case .foundRows where hasFound || !keepsFound: .kept
            case .foundRows:
                isMariaDB
                    ? .signed(Int64(clamping: numbers.foundRows)) : .foundRows(Int64(clamping: numbers.foundRows))
            case .warningCount: hasDiagnostics || !isFirst ? .kept : .unsigned(numbers.warnings)
            case .errorCount: hasDiagnostics || !isFirst ? .kept : .unsigned(numbers.errors)
            }
        }
    }
}

extension MySQLEnvironment {
    /// The server must first have the client's own values of `session_track_…`; false if it has.
    func wantsTracking(_ client: MySQLClientSession, _ server: MySQLServerSession) -> Bool {
        guard server.tracks, server.canTrack else { return false }
        client.more().trackingBy = server.serial
        return true
    }
}

extension Statement {
    /// Where none is open, it is a transaction of its own: it names tables that are not the server's tables about itself.
    var runsTransaction: Bool {
        // Of DDL all but that of temporary tables commits; what shows or describes tables reads none.
        if [.set, .show, .ddl].contains(kind) || kind == .explain && !traits.contains(.selectsInside) { return false }
        return tables.contains { table in
            let name = table.lowercased()
            // MariaDB makes up `seq_1_to_9`.
            return name != "dual" && !name.hasPrefix("seq_") && !name.hasPrefix("information_schema.")
                && !name.hasPrefix("performance_schema.")
        }
    }
}

extension StatementEntry {
    /// Changes nothing in its session and asks nothing of it.
    var leavesNothing: Bool {
        facts.traits.isEmpty && facts.flags.isDisjoint(with: [.hasEffects, .transactionControl])
    }

    /// It does not choose a schema, as far as can be seen from its text.
    var leavesSchema: Bool {
        facts.statements.allSatisfy { statement in
            ![.call, .execute, .doBlock, .unknown].contains(statement.kind) && !statement.callsOthers
                && !statement.effects.contains {
                    switch $0 {
                    case .set(let name, _), .setComputed(let name), .reset(let name): name == MySQLSettings.database
                    default: false
                    }
                }
        }
    }

    /// One statement of which nothing but rows comes.
    var onlyReads: Bool {
        leavesNothing && facts.flags.isDisjoint(with: [.writes, .multiple, .copies, .unparsed, .empty])
    }
}

extension MySQLClientSession {
    /// Nobody else has used the server since this client's last statement.
    func isHome(on server: MySQLServerSession) -> Bool {
        home == server.serial && server.lastClient == serial
    }
}
