import ByteKit
import MySQLWire
import SQLText

/// `LAST_INSERT_ID()` of clients that share servers. An OK packet does not tell it: it says the same of an id that was
/// made and of one that was given, which `LAST_INSERT_ID()` never shows. So the server is asked, before somebody else
/// uses it, and gets 0 then: what it has later, if not 0, its client has made. Before a client asks, its server is given
/// what it had so far.
extension MySQLEnvironment {
    /// Statements that may ask for it: in their text, or in a routine they call.
    static let askingForID: StatementTraits = [.readsLastInsertID, .callsRoutine]

    /// Notes that a statement may have left another number on the server.
    func noteLastInsertID(_ client: MySQLClientSession, _ server: MySQLServerSession, _ summary: ReplySummary) {
        let isBroken = summary.errorCode != 0 && client.running?.facts.flags.contains(.writes) == true
        // One that fails behind its first row has no OK packet to tell of that row's.
        guard summary.lastInsertID != 0 || isBroken || mayInsert(client.running, summary) else { return }
        client.debts.insert(.lastInsertID)
        if client.running?.facts.traits.contains(.setsLastInsertID) == true, summary.errorCode == 0 {
            server.lastInsertIDOwner = client.serial
            client.lost.remove(.lastInsertID)
        }
    }

    /// Runs what may change it without saying so in its last OK packet.
    private func mayInsert(_ entry: StatementEntry?, _ summary: ReplySummary) -> Bool {
        guard let facts = entry?.facts else { return true }
        if facts.traits.contains(.setsLastInsertID) { return true }
        guard facts.flags.contains(.writes) else { return false }
        if facts.statements.count > 1 || facts.traits.contains(.callsRoutine) { return true }
        let sets = facts.statements.contains { $0.reads?.setsLastInsertID ?? true }
        if sets, facts.traits.contains(.readsLastInsertID) { return true }
        // INSERT … RETURNING has no OK packet.
        return facts.statements.last?.kind == .load || summary.columns > 0 && facts.statements.last?.kind == .insert
    }

    /// Asks for it, and takes it away.
    func askLastInsertID(_ server: MySQLServerSession) {
        toServer.make(RawSpan()) { $0.query("SELECT LAST_INSERT_ID(), LAST_INSERT_ID(0)") }
        server.beginHidden(.query, .query)
    }

    /// The server has answered that.
    func takeLastInsertID(_ row: [UInt8], _ client: MySQLClientSession, _ server: MySQLServerSession) {
        var first: UInt64?
        row.withSpan { span in
            var isFirst = true
            try? MySQLRow.text(span, columns: 2) { _, range in
                guard isFirst else { return }
                isFirst = false
                first = range.flatMap { UInt64(String(decoding: span.extracting($0).toArray(), as: UTF8.self)) }
            }
        }
        guard let first, first != 0 || server.lastInsertIDOwner == client.serial else { return }
        client.numbers.lastInsertID = first
        client.lost.remove(.lastInsertID)
    }

    /// The server must be given the client's before the client's statement: notes that it is.
    func wantsLastInsertID(_ client: MySQLClientSession, _ server: MySQLServerSession) -> Bool {
        guard server.lastInsertIDOwner != client.serial else { return false }
        if client.lost.contains(.lastInsertID) {
            guard client.debts.contains(.lastInsertID), client.isHome(on: server) else { return false }
        } else if client.numbers.lastInsertID == 0 {
            return false
        }
        client.wantsLastInsertID = true
        return true
    }

    /// The statement asks for one that went with another server.
    func lacksLastInsertID(
        _ traits: StatementTraits, _ client: MySQLClientSession, _ server: MySQLServerSession
    ) -> Bool {
        traits.contains(.readsLastInsertID) && client.lost.contains(.lastInsertID)
            && server.lastInsertIDOwner != client.serial
    }

    /// Has the server know it, unless the client has made a newer one there. Where the older one is lost the server is
    /// asked whether it has a newer one.
    func giveLastInsertID(of client: MySQLClientSession, to server: MySQLServerSession) {
        if client.lost.contains(.lastInsertID) {
            server.askedFor.insert(.lastInsertID)
            return askLastInsertID(server)
        }
        let known = client.numbers.lastInsertID
        // MySQL takes nothing that might not be an integer.
        let newer = "CAST(IF(LAST_INSERT_ID() = 0, \(known), LAST_INSERT_ID()) AS UNSIGNED)"
        hiddenQuery(Array("SET last_insert_id = \(newer)".utf8), .plain, server)
        server.lastInsertIDOwner = client.serial
        client.debts.insert(.lastInsertID)
        client.home = server.serial
        server.lastClient = client.serial
        server.owe(client.debts, to: client)
    }
}

extension MySQLError {
    /// For a statement that asks for a number which only a server knew that has ended.
    static let lostLastInsertID = MySQLError(
        1927, "70100",
        "LAST_INSERT_ID() went with a server connection that ended since. Read the id from the reply to the INSERT, or ask "
            + "for it in the same transaction")
    /// For a statement that asks for messages which only a server had that has ended.
    static let lostDiagnostics = MySQLError(
        1927, "70100", "The warnings and errors of the statement before went with a server connection that ended since")
}
