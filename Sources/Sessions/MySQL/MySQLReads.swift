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
        switch server.tracker.command {
        case .query, .execute, .bulkExecute: break
        default: if summary.errorCode == 0 { return }
        }
        let facts = client.running?.facts
        let traits = facts?.traits ?? []
        if !traits.contains(.readsDiagnostics) {
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
            if !keepsDiagnostics(client, server) { client.forgetConditions() }
        }
        noteLastInsertID(client, server, summary)
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
        if let debtor = server.debtor, debtor.home == server.serial { debtor.asked = server.serial }
        if debts.contains(.diagnostics) {
            toServer.make(RawSpan()) { $0.query("SHOW WARNINGS") }
            server.beginHidden(.capture, .query)
        }
        if debts.contains(.lastInsertID) { askLastInsertID(server) }
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
        let debtor = server.debtor
        defer {
            server.settled(debts)
            if let debtor, debtor.asked == server.serial { debtor.settled() }
        }
        guard let debtor, debtor.home == server.serial else { return }
        if debts.contains(.diagnostics), !captured.isEmpty {
            debtor.warnings = MySQLCapture(packets: captured, capabilities: server.capabilities)
        }
        if debts.contains(.lastInsertID), let row = rows.first { takeLastInsertID(row, debtor, server) }
        debtor.debts.subtract(debts)
    }

    /// What a text that asks for something left behind is sent as; nil for as it is.
    func answered(_ entry: StatementEntry, _ client: MySQLClientSession, _ server: MySQLServerSession) -> [UInt8]? {
        guard entry.facts.statements.count == 1 else { return nil }
        if entry.facts.traits.contains(.readsDiagnostics), client.hasDiagnosticsElsewhere(than: server),
            let count = counted(entry, client)
        {
            return count
        }
        guard let reads = entry.facts.statements[0].reads else { return nil }
        // What it is compared with there is the server's number.
        if entry.facts.statements[0].functions.contains("is_used_lock") { return nil }
        let isElsewhere = client.hasDiagnosticsElsewhere(than: server)
        let isMariaDB = server.version?.isMariaDB == true
        let numbers = client.numbers
        return entry.withText { text in
            reads.replacing(in: text) { kind in
                switch kind {
                case .connectionID:
                    isMariaDB ? .short(client.connectionID) : .unsigned(UInt64(client.connectionID))
                // The server has been given it.
                case .lastInsertID: .kept
                case .rowCount: .signed(numbers.rowCount)
                case .foundRows:
                    client.pins.contains(.foundRows)
                        ? nil
                        : isMariaDB
                            ? .signed(Int64(clamping: numbers.foundRows))
                            : .foundRows(Int64(clamping: numbers.foundRows))
                case .warningCount: isElsewhere ? .unsigned(numbers.warnings) : nil
                case .errorCount: isElsewhere ? .unsigned(numbers.errors) : nil
                }
            }
        }
    }
}

extension StatementEntry {
    /// Changes nothing in its session and asks nothing of it.
    var leavesNothing: Bool {
        facts.traits.isEmpty && facts.flags.isDisjoint(with: [.hasEffects, .transactionControl])
    }

    /// One statement of which nothing but rows comes.
    var onlyReads: Bool {
        leavesNothing && facts.flags.isDisjoint(with: [.writes, .multiple, .copies, .unparsed, .empty])
    }

    /// Names tables, whose use clears the diagnostics of the statement before.
    var usesTables: Bool { facts.statements.contains { !$0.tables.isEmpty } }
}

extension MySQLClientSession {
    /// Nobody else has used the server since this client's last statement.
    func isHome(on server: MySQLServerSession) -> Bool {
        home == server.serial && server.lastClient == serial
    }
}
