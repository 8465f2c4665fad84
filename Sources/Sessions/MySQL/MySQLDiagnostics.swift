import ByteKit
import MySQLWire
import SQLText

/// What SHOW WARNINGS and its like show, where the client's server does not have it: since somebody else has used it, or
/// since the error was one of ours.
extension MySQLEnvironment {
    /// Makes the server forget the diagnostics of whoever used it before.
    func clearDiagnostics(_ server: MySQLServerSession) {
        server.hasDiagnostics = false
        toServer.make(RawSpan()) { $0.query("SELECT 1 FROM (SELECT 1) AS t") }
        server.beginHidden(.ignored, .query)
    }

    /// The server has forgotten the client's diagnostics, without having run anything: it has prepared a statement that
    /// names tables.
    func clearedDiagnostics(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        client.numbers.clearedDiagnostics()
        client.forgetConditions()
        client.debts.remove(.diagnostics)
        client.lost.remove(.diagnostics)
        server.hasDiagnostics = false
        server.settled(.diagnostics)
    }

    /// `SHOW COUNT(*) WARNINGS` and `SHOW COUNT(*) ERRORS` of a client whose server somebody else has used since.
    func counted(_ entry: StatementEntry, _ client: MySQLClientSession) -> [UInt8]? {
        switch DiagnosticsQuestion(entry) {
        case .countOfWarnings:
            Array("SELECT IF(1,(\(client.numbers.warnings)|0),NULL) AS `@@session.warning_count`".utf8)
        case .countOfErrors: Array("SELECT IF(1,(\(client.numbers.errors)|0),NULL) AS `@@session.error_count`".utf8)
        case .warnings, .none: nil
        }
    }

    /// SHOW WARNINGS of a client whose server somebody else has used since: answered from what was kept, for a prepared
    /// statement with rows as those have. True if it was.
    func answerWarnings(_ entry: StatementEntry, _ client: MySQLClientSession, isBinary: Bool = false) -> Bool {
        guard client.ownError == nil, let kept = client.warnings, toClient.isEmpty,
            DiagnosticsQuestion(entry) == .warnings,
            let kept = (isBinary ? kept.binary : kept)?.saying(client.status)
        else { return false }
        let echo = MySQLServerSession(
            capabilities: kept.capabilities, version: nil, connectionID: 0, status: client.status,
            settings: profiles.empty, options: [], statementLimit: 1)
        echo.begin(isBinary ? .execute : .query)
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
        client.numbers.answeredEnd(isMariaDB: client.isOfMariaDB)
        client.numbers.isOurs = true
        return true
    }

    /// The client's statement, which `packet` says, asks for diagnostics that its server does not have: answers them, or has
    /// them made there. nil if the server is to be asked.
    func diagnostics(
        _ bytes: RawSpan, _ packet: Packet, _ entry: StatementEntry, _ client: MySQLClientSession,
        _ server: MySQLServerSession, isBinary: Bool
    ) -> MySQLPreliminary? {
        guard entry.facts.traits.contains(.readsDiagnostics), client.hasDiagnosticsElsewhere(than: server),
            !isCounted(entry)
        else { return nil }
        guard packet.end <= bytes.byteCount else { return .stop(.needBytes) }
        if client.lost.contains(.diagnostics) {
            answer(client, .lostDiagnostics)
            return .dealtWith
        }
        if answerWarnings(entry, client, isBinary: isBinary) { return .dealtWith }
        if client.hasMadeDiagnostics { return nil }
        client.wantsDiagnostics = true
        return .stop(.needState)
    }

    /// A number we know answers it.
    private func isCounted(_ entry: StatementEntry) -> Bool {
        guard entry.facts.statements.count == 1 else { return false }
        if let reads = entry.facts.statements[0].reads { return !reads.columns.isEmpty }
        let question = DiagnosticsQuestion(entry)
        return question == .countOfWarnings || question == .countOfErrors
    }

    /// The server gets the client's diagnostics, or none: not those of whoever used it before.
    func makeDiagnostics(of client: MySQLClientSession, on server: MySQLServerSession) {
        if let error = client.ownError {
            hiddenQuery(error.signal, .ignored, server)
            client.ownError = nil
            client.debts.insert(.diagnostics)
            server.hasDiagnostics = true
        } else if let condition = client.warnings?.onlyCondition {
            hiddenQuery(condition, .ignored, server)
            server.hasDiagnostics = true
        }
        client.hasMadeDiagnostics = true
        client.home = server.serial
        server.lastClient = client.serial
        if !client.debts.isEmpty { server.owe(client.debts, to: client) }
    }

    /// What was left to SHOW WARNINGS by the statement before is left there by the one that has just run: MariaDB's
    /// servers forget it only when a statement names tables or has something to say itself.
    func keepsDiagnostics(_ client: MySQLClientSession, _ server: MySQLServerSession) -> Bool {
        let summary = server.tracker.summary
        guard summary.errorCode == 0 else { return false }
        guard let running = client.running else { return false }
        if running.facts.traits.contains(.readsDiagnostics) { return true }
        return server.version?.isMariaDB == true && summary.warnings == 0 && !running.usesTables
    }
}

extension MySQLClientSession {
    /// What SHOW WARNINGS would show it is not what its server would.
    func hasDiagnosticsElsewhere(than server: MySQLServerSession) -> Bool {
        !isHome(on: server) || ownError != nil || warnings != nil || lost.contains(.diagnostics)
    }

    /// SHOW WARNINGS may have something to show it.
    var mayHaveConditions: Bool {
        numbers.hasConditions || debts.contains(.diagnostics) || lost.contains(.diagnostics) || warnings != nil
            || ownError != nil || hasMadeDiagnostics
    }

    /// A command of its was answered with an error of ours.
    func failed(_ error: MySQLError) {
        numbers.failed(error.code, isAdded: !isOfMariaDB && error.code != 1243)
        numbers.isOurs = true
        ownError = error
        debts.remove(.diagnostics)
        lost.remove(.diagnostics)
        warnings = nil
    }

    /// Nothing is known of the statement before.
    func forgetConditions() {
        if warnings != nil { warnings = nil }
        if ownError != nil { ownError = nil }
    }
}

extension MySQLError {
    /// The statement that leaves it behind on a server.
    fileprivate var signal: [UInt8] {
        let state = sqlstate.utf8.count == 5 && !["00", "01", "02"].contains(sqlstate.prefix(2)) ? sqlstate : "HY000"
        let text = Hex.encode(Array(message.utf8))
        return Array("SIGNAL SQLSTATE '\(state)' SET MYSQL_ERRNO = \(code), MESSAGE_TEXT = _utf8mb4 0x".utf8) + text
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

extension StatementEntry {
    /// It is SHOW WARNINGS, whose rows MariaDB's `FOUND_ROWS()` does not count.
    var showsWarnings: Bool {
        facts.traits.contains(.readsDiagnostics) && DiagnosticsQuestion(self) == .warnings
    }
}

/// The reply to SHOW WARNINGS kept for later, as the server sent it.
struct MySQLCapture {
    let packets: [UInt8]
    let capabilities: MySQLCapabilities

    /// The same with what the session's state is by now.
    func saying(_ status: MySQLStatus) -> MySQLCapture {
        var packets = packets
        let last = packets.withSpan { bytes in
            var position = 0
            var last = 0
            while case .header(_, let body, let end) = scanPacket(bytes, at: position), end <= bytes.byteCount {
                last = body
                position = end
            }
            return last
        }
        // Behind two numbers that are 0, or behind the count of warnings.
        if last &+ 5 <= packets.count, packets[last] == 0xFE {
            packets[last &+ 3] = UInt8(truncatingIfNeeded: status.rawValue)
            packets[last &+ 4] = UInt8(truncatingIfNeeded: status.rawValue >> 8)
        }
        return MySQLCapture(packets: packets, capabilities: capabilities)
    }

    /// The same as the reply to a prepared statement: of its columns only the code is a number. nil if it makes no sense.
    var binary: MySQLCapture? {
        packets.withSpan { bytes in
            var tracker = ReplyTracker(capabilities)
            tracker.begin(.query)
            var out = ByteWriter(capacity: bytes.byteCount &+ 64)
            var position = 0
            while case .header(let sequence, let body, let end) = scanPacket(bytes, at: position),
                end <= bytes.byteCount
            {
                let payload = bytes.extracting(body..<end)
                position = end
                guard tracker.received(payload, length: end &- body) == .row else {
                    out.packetHeader(length: payload.byteCount, sequence: sequence)
                    out.span(payload)
                    continue
                }
                guard let row = Self.values(of: payload), let code = UInt32(String(decoding: row[1], as: UTF8.self))
                else { return nil }
                let mark = out.beginPacket(sequence)
                // No column is NULL.
                out.u8(0)
                out.u8(0)
                out.lengthEncoded(row[0])
                out.le32(code)
                out.lengthEncoded(row[2])
                out.endPacket(mark)
            }
            return MySQLCapture(packets: out.take(), capabilities: capabilities)
        }
    }

    /// What GET DIAGNOSTICS says of a condition, of those that warnings and notes are mostly about; for others the plainest.
    private static func sqlstate(of code: [UInt8], isError: Bool) -> String {
        switch UInt16(String(decoding: code, as: UTF8.self)) ?? 0 {
        case 1050: "42S01"
        case 1051, 1146: "42S02"
        case 1054: "42S22"
        case 1048, 1062, 1451, 1452: "23000"
        case 1064, 1305: "42000"
        case 1264: "22003"
        case 1292: "22007"
        case 1365: "22012"
        case 1406: "22001"
        default: isError ? "HY000" : "01000"
        }
    }

    /// Level, code and message.
    private static func values(of row: RawSpan) -> [[UInt8]]? {
        var values: [[UInt8]] = []
        try? MySQLRow.text(row, columns: 3) { _, range in
            values.append(range.map { row.extracting($0).toArray() } ?? [])
        }
        return values.count == 3 ? values : nil
    }

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
            guard let values = found[0].withSpan({ Self.values(of: $0) }),
                UInt16(String(decoding: values[1], as: UTF8.self)) != nil
            else { return nil }
            let state = Self.sqlstate(of: values[1], isError: values[0].elementsEqual("Error".utf8))
            let message = Hex.encode(values[2])
            return Array("SIGNAL SQLSTATE '\(state)' SET MYSQL_ERRNO = ".utf8) + values[1]
                + Array(", MESSAGE_TEXT = _utf8mb4 0x".utf8) + message
        }
    }
}
