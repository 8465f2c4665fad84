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
    /// Only the server knows.
    case untold
}

extension Statement {
    /// What becomes of `FOUND_ROWS()`.
    var foundRows: FoundRowsEffect {
        switch kind {
        case .select: traits.contains(.countsFoundRows) ? .untold : .ofResult
        case .show: traits.contains(.showsOne) ? .kept : .ofResult
        case .call, .execute, .explain, .unknown: .untold
        // A block, or DO with nothing but expressions.
        case .doBlock: traits.isDisjoint(with: [.callsRoutine, .selectsInside]) ? .kept : .untold
        case .update, .delete, .merge: traits.contains(.selectsInside) || tables.count > 1 ? .untold : .kept
        default: traits.contains(.selectsInside) ? .untold : .kept
        }
    }
}

extension StatementEntry {
    /// What becomes of it, in all.
    var foundRows: FoundRowsEffect {
        guard facts.statements.count > 1 else { return facts.statements.first?.foundRows ?? .kept }
        return facts.statements.contains { $0.foundRows != .kept } ? .untold : .kept
    }
}

extension MySQLEnvironment {
    /// Notes what a statement has left on the server.
    func noteFoundRows(_ client: MySQLClientSession, _ server: MySQLServerSession, _ summary: ReplySummary) {
        // One that was elsewhere in between has another number by now.
        if server.foundRowsOwner != client.serial || client.home != server.serial { server.foundRowsOwner = 0 }
        guard summary.errorCode == 0 else {
            // A SELECT that failed on its way has counted none.
            let isOnItsWay = summary.errorCode == 1690 || summary.errorCode == 1242
            if isOnItsWay, client.running?.facts.statements.last?.kind == .select { client.numbers.foundRows = 0 }
            // Those in front of it in its text have run.
            if summary.results > 0, client.running?.facts.statements.first?.foundRows == .ofResult {
                client.debts.insert(.foundRows)
                server.foundRowsOwner = client.serial
            }
            return
        }
        switch client.running?.foundRows ?? .untold {
        case .kept: return
        case .ofResult where summary.columns > 0 && !server.status.contains(.cursorExists):
            client.numbers.foundRows = summary.rows
            client.debts.remove(.foundRows)
        case .ofResult, .untold:
            // What runs out of sight may have set it or not.
            let isHidden = client.running?.facts.statements.last.map { $0.kind == .call || $0.kind == .execute } ?? true
            if isHidden, summary.columns == 0, server.foundRowsOwner == 0 { return }
            client.debts.insert(.foundRows)
        }
        server.foundRowsOwner = client.serial
    }

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
