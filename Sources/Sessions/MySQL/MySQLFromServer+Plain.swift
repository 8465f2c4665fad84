import ByteKit
import MySQLWire
import SQLText

/// The way nearly every small query takes: its reply came in one piece and is a plain result set.
extension MySQLEnvironment {
    /// Passes on a reply that lies whole in `bytes`; false if it is not that, and nothing has been done.
    func plain(
        _ bytes: RawSpan, _ server: MySQLServerSession, _ client: MySQLClientSession, _ result: inout MySQLFromServer
    ) -> Bool {
        guard let reply = PlainResult(in: bytes, at: 0) else { return false }
        if server.translatesEOF {
            let before = server.status.subtracting([.sessionStateChanged, .cursorExists, .lastRowSent])
            toClient.make(bytes) { $0.write(reply, from: bytes, at: 0, before: before) }
        } else {
            toClient.forward(bytes, 0, reply.end)
        }
        server.isReplyUntouched = false
        server.tracker.passed(reply)
        server.status = reply.status
        server.mayHaveBegun = false
        if server.audited != nil { noteReply(reply, server) }
        if isUneventful(reply, client, server) {
            uneventful(reply, client, server)
        } else {
            completed(client, server)
        }
        result.consumed = reply.end
        result.replyEnded = true
        server.owner = .nobody
        if server.translator != nil { server.translator = nil }
        return true
    }

    /// Neither the statement nor anything before it has left, or has yet to leave, anything to be noted.
    private func isUneventful(_ reply: PlainResult, _ client: MySQLClientSession, _ server: MySQLServerSession) -> Bool
    {
        guard reply.warnings == 0, client.pins.isEmpty, client.extra == nil, !client.mayHaveConditions,
            client.debts.isEmpty, client.lost.isEmpty, !client.sawStateChange, client.reported.isEmpty,
            client.streaming == .nothing, server.owed.isEmpty, !server.hasDiagnostics,
            let running = client.running, running.onlyReads,
            running.foundRows(isMariaDB: client.isOfMariaDB) == .ofResult
        else { return false }
        switch server.tracker.command {
        case .query: return client.executing == nil
        case .execute: return client.executing?.key.own == 0
        default: return false
        }
    }

    /// What `completed` comes to then.
    private func uneventful(_ reply: PlainResult, _ client: MySQLClientSession, _ server: MySQLServerSession) {
        client.awaitsReply = false
        client.status = reply.status.intersection(.ofSession)
        client.numbers.noteResult(rows: reply.rows)
        if let statement = client.executing {
            statement.hasLongData = false
            statement.hasCursor = false
            client.executing = nil
        }
        client.home = server.serial
        server.lastClient = client.serial
        server.hasNumbers = true
        server.foundRowsOwner = client.serial
        client.running = nil
        client.isBeingEnded = false
    }
}
