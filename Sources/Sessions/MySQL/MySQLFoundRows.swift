import ByteKit
import MySQLWire
import SQLText

/// `FOUND_ROWS()` of clients that share servers. Every `SELECT` sets it, also one inside another statement: mostly to the
/// rows of its result, which the reply tells. Where it does not, the server is asked before somebody else uses it.
enum FoundRowsEffect {
    /// It is what it was.
    case kept
    /// It is the number of rows in the result.
    case ofResult
    /// It is the number of rows an `UPDATE` has found, as its OK packet says.
    case ofMatches
    /// It is 1.
    case one
    /// Only the server knows.
    case untold
}

extension Statement {
    /// What becomes of `FOUND_ROWS()`, where the statement works.
    func foundRows(isMariaDB: Bool) -> FoundRowsEffect {
        switch kind {
        case .values: isMariaDB ? .kept : .ofResult
        case .select: traits.contains(.countsFoundRows) ? .untold : .ofResult
        case .show: traits.contains(.showsOne) ? .kept : .ofResult
        case .call, .execute, .explain, .unknown: .untold
        // A block, or DO with nothing but expressions.
        case .doBlock:
            if !traits.isDisjoint(with: [.callsRoutine, .selectsInside]) { .untold } else { isMariaDB ? .kept : .one }
        case .update, .delete, .merge:
            if traits.contains(.selectsInside) || tables.count > 1 {
                .untold
            } else {
                kind == .update && !isMariaDB ? .ofMatches : .kept
            }
        default: traits.contains(.selectsInside) ? .untold : .kept
        }
    }
}

extension StatementEntry {
    /// What becomes of it, in all.
    func foundRows(isMariaDB: Bool) -> FoundRowsEffect {
        guard facts.statements.count > 1 else {
            return facts.statements.first?.foundRows(isMariaDB: isMariaDB) ?? .kept
        }
        return facts.statements.contains { $0.foundRows(isMariaDB: isMariaDB) != .kept } ? .untold : .kept
    }
}

extension MySQLEnvironment {
    /// Notes what a statement has left on the server.
    func noteFoundRows(_ client: MySQLClientSession, _ server: MySQLServerSession, _ summary: ReplySummary) {
        let isMariaDB = client.isOfMariaDB
        // One that was elsewhere in between has another number by now.
        if server.foundRowsOwner != client.serial || client.home != server.serial { server.foundRowsOwner = 0 }
        guard summary.errorCode == 0 else {
            // A SELECT that failed on its way has counted what it has found so far, for MariaDB.
            let isOnItsWay = isMariaDB && (summary.errorCode == 1690 || summary.errorCode == 1242)
            let statements = client.running?.facts.statements
            // Those in front of it in its text have run.
            let done = statements?.prefix(summary.results)
            if isOnItsWay && statements?.last?.kind == .select
                || done?.contains(where: { $0.foundRows(isMariaDB: isMariaDB) != .kept }) == true
            {
                client.debts.insert(.foundRows)
                server.foundRowsOwner = client.serial
            }
            return
        }
        switch client.running?.foundRows(isMariaDB: isMariaDB) ?? .untold {
        case .kept: return
        case .ofMatches, .one:
            client.numbers.foundRows = server.matchedRows
            client.debts.remove(.foundRows)
        case .ofResult where summary.columns > 0 && !server.status.contains(.cursorExists):
            client.numbers.foundRows = summary.rows
            client.debts.remove(.foundRows)
        case .ofResult, .untold:
            // What runs out of sight may have set it or not.
            let isHidden = client.running?.facts.statements.last.map { $0.kind == .call || $0.kind == .execute } ?? true
            let isSilent = summary.columns == 0 || summary.onlyOutParameters
            if isHidden, isSilent, server.foundRowsOwner == 0 { return }
            client.debts.insert(.foundRows)
        }
        server.foundRowsOwner = client.serial
    }

    /// The OK packet of a statement of MySQL's has come that may say how many rows an `UPDATE` has found.
    func noteMatches(_ payload: RawSpan, _ client: MySQLClientSession, _ server: MySQLServerSession) {
        switch client.running?.foundRows(isMariaDB: false) {
        case .one: server.matchedRows = 1
        case .ofMatches:
            guard let packet = try? OKPacket(parsing: payload, server.capabilities) else { return }
            // `Rows matched: 4  Changed: 0  Warnings: 0`, in any language.
            let text = payload.extracting(packet.info).toArray()
            let digits = text.drop { !Self.isDigit($0) }.prefix { Self.isDigit($0) }
            server.matchedRows = UInt64(String(decoding: digits, as: UTF8.self)) ?? 0
        default: break
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// Asks for it, if it is there still.
    func askFoundRows(_ server: MySQLServerSession) {
        guard server.foundRowsOwner != 0 else {
            server.askedFor.remove(.foundRows)
            server.debtor?.debts.remove(.foundRows)
            return server.settled(.foundRows)
        }
        toServer.make(RawSpan()) { $0.query("SELECT FOUND_ROWS()") }
        server.beginHidden(.query, .query)
    }

    /// The server has answered that.
    func takeFoundRows(_ row: [UInt8], _ client: MySQLClientSession) {
        row.withSpan { span in
            try? MySQLRow.text(span, columns: 1) { _, range in
                let text = range.map { String(decoding: span.extracting($0).toArray(), as: UTF8.self) }
                if let value = text.flatMap(UInt64.init) { client.numbers.foundRows = value }
            }
        }
    }
}
