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
        guard client.ownErrors.isEmpty, let kept = client.warnings, toClient.isEmpty,
            case .warnings(let errorsOnly, let limit) = DiagnosticsQuestion(entry),
            !client.isOfMariaDB || !errorsOnly && limit == .max,
            let shown = !errorsOnly && limit == .max ? kept : kept.showing(errorsOnly: errorsOnly, limit: limit),
            let kept = (isBinary ? shown.binary : shown)?.saying(client.status)
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
        client.numbers.answeredWarnings(isMariaDB: client.isOfMariaDB)
        client.numbers.isOurs = true
        return true
    }

    /// The client's statement, which `packet` says, asks for diagnostics that its server does not have: answers them, or has
    /// them made there. nil if the server is to be asked.
    func diagnostics(
        _ bytes: RawSpan, _ packet: Packet, _ entry: StatementEntry, _ client: MySQLClientSession,
        _ server: MySQLServerSession, isBinary: Bool
    ) -> MySQLPreliminary? {
        guard client.hasDiagnosticsElsewhere(than: server) else { return nil }
        if entry.asksDiagnostics {
            if isCounted(entry, client) { return nil }
            guard packet.end <= bytes.byteCount else { return .stop(.needBytes) }
            if client.lost.contains(.diagnostics) {
                answer(client, .lostDiagnostics)
                return .dealtWith
            }
            if answerWarnings(entry, client, isBinary: isBinary) { return .dealtWith }
        } else {
            // What the routine keeps is then there.
            guard client.isOfMariaDB, entry.mayKeepUnseen,
                !client.ownErrors.isEmpty || client.warnings?.canBeMadeAsShown == true
            else { return nil }
        }
        if client.hasMadeDiagnostics { return nil }
        if client.ownErrors.contains(where: \.isOfFetch), server.statements.anyShared == nil,
            !client.isHome(on: server) || !client.debts.contains(.diagnostics)
        {
            // Only a statement without a cursor makes that error again.
            client.wanted = MySQLClientStatement(
                id: 0, serial: nextStatement(), entry: unread, context: context(of: client.settings), parameters: 0,
                columns: 1)
            return .stop(.needStatement)
        }
        client.wantsDiagnostics = true
        client.wantsAsShown = !entry.getsDiagnostics
        return .stop(.needState)
    }

    /// A number we know answers it. MySQL's servers would forget what is there over ours, and only one of them should.
    private func isCounted(_ entry: StatementEntry, _ client: MySQLClientSession) -> Bool {
        guard entry.facts.statements.count == 1 else { return false }
        if let reads = entry.facts.statements[0].reads { return !reads.columns.isEmpty }
        if !client.isOfMariaDB, !client.ownErrors.isEmpty { return false }
        let question = DiagnosticsQuestion(entry)
        return question == .countOfWarnings || question == .countOfErrors
    }

    /// The server gets the client's diagnostics, or none: not those of whoever used it before.
    func makeDiagnostics(of client: MySQLClientSession, on server: MySQLServerSession) {
        // Those of the statement before are there, or made first.
        var isAlone = !client.isHome(on: server) || !client.debts.contains(.diagnostics)
        if client.isOfMariaDB || client.ownErrors.isEmpty || client.ownErrors[0].isOfPacket,
            let condition = client.warnings?.onlyCondition(asShown: client.wantsAsShown, isMariaDB: client.isOfMariaDB)
        {
            hiddenQuery(condition, .ignored, server)
            server.hasDiagnostics = true
            isAlone = false
        }
        for error in client.ownErrors {
            make(error, on: server, isAlone: isAlone)
            isAlone = false
        }
        if !client.ownErrors.isEmpty {
            client.forgetConditions()
            client.debts.insert(.diagnostics)
            server.hasDiagnostics = true
        }
        client.hasMadeDiagnostics = true
        if !client.isHome(on: server) { server.hasNumbers = false }
        client.home = server.serial
        server.lastClient = client.serial
        if !client.debts.isEmpty { server.owe(client.debts, to: client) }
    }

    /// Has the server say an error of ours: MySQL's adds what is wrong with a packet to what is there.
    private func make(_ error: MySQLError, on server: MySQLServerSession, isAlone: Bool) {
        guard !isAlone, let (command, body) = error.packet(server.statements.anyShared) else {
            return hiddenQuery(error.signal(isMariaDB: server.version?.isMariaDB == true), .ignored, server)
        }
        toServer.make(RawSpan()) { $0.command(command, body) }
        server.beginHidden(.ignored, .ping)
    }
}

extension MySQLClientSession {
    /// What SHOW WARNINGS would show it is not what its server would.
    func hasDiagnosticsElsewhere(than server: MySQLServerSession) -> Bool {
        !isHome(on: server) || !ownErrors.isEmpty || warnings != nil || lost.contains(.diagnostics)
    }

    /// SHOW WARNINGS may have something to show it.
    var mayHaveConditions: Bool {
        numbers.hasConditions || debts.contains(.diagnostics) || lost.contains(.diagnostics) || warnings != nil
            || !ownErrors.isEmpty || hasMadeDiagnostics
    }

    /// A command of its was answered with an error of ours.
    func failed(_ error: MySQLError) {
        let isAdded = !isOfMariaDB && error.isOfPacket
        numbers.failed(error.code, isAdded: isAdded)
        numbers.isOurs = true
        if isAdded {
            if ownErrors.count < Self.mostOwnErrors { ownErrors.append(error) }
            return
        }
        ownErrors = [error]
        debts.remove(.diagnostics)
        lost.remove(.diagnostics)
        warnings = nil
    }

    private static let mostOwnErrors = 64

    /// Nothing is known of the statement before.
    func forgetConditions() {
        if warnings != nil { warnings = nil }
        if !ownErrors.isEmpty { ownErrors.removeAll() }
    }
}

extension MySQLError {
    /// It is about a packet, of which no statement came: MySQL keeps what the statement before has left.
    fileprivate var isOfPacket: Bool { [1047, 1243, 1421, 1524, 1835].contains(code) }

    /// It is about a statement without a cursor.
    fileprivate var isOfFetch: Bool { code == 1421 }

    /// A command that MySQL's servers answer with it; nil if there is none. `statement`: one that has no cursor.
    fileprivate func packet(_ statement: UInt32?) -> (MySQLCommand, [UInt8])? {
        func bytes(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }
        switch code {
        case 1047: return (.time, [])
        case 1524: return (.clone, [])
        case 1835: return (.resetStatement, [])
        case 1243:
            guard let id = UInt32(message.filter { $0 >= "0" && $0 <= "9" }) else { return nil }
            // Servers count theirs from 1.
            let unknown = max(id, 1 << 24)
            return (.resetStatement, bytes(unknown))
        case 1421: return statement.map { (.fetch, bytes($0) + bytes(1)) }
        default: return nil
        }
    }

    /// As much of a message as SIGNAL takes: 128 characters, or with MariaDB 511 bytes.
    static func shortened(_ message: String, isMariaDB: Bool) -> String {
        guard isMariaDB else { return String(message.unicodeScalars.prefix(128)) }
        var left = 511
        return String(
            message.unicodeScalars.prefix {
                left -= $0.utf8.count
                return left >= 0
            })
    }

    /// The statement that leaves it behind on a server.
    fileprivate func signal(isMariaDB: Bool) -> [UInt8] {
        let state = sqlstate.utf8.count == 5 && !["00", "01", "02"].contains(sqlstate.prefix(2)) ? sqlstate : "HY000"
        let text = Hex.encode(Array(Self.shortened(message, isMariaDB: isMariaDB).utf8))
        return Array("SIGNAL SQLSTATE '\(state)' SET MYSQL_ERRNO = \(code), MESSAGE_TEXT = _utf8mb4 0x".utf8) + text
    }
}

/// A text that is nothing but a question about the statement before, which Headgate can answer.
enum DiagnosticsQuestion: Equatable {
    case warnings(errorsOnly: Bool, limit: Int)
    case countOfWarnings, countOfErrors

    /// SHOW WARNINGS and nothing more.
    static let allWarnings = DiagnosticsQuestion.warnings(errorsOnly: false, limit: .max)

    init?(_ entry: StatementEntry) {
        guard entry.facts.statements.count == 1, entry.textLength < 40 else { return nil }
        let text = entry.withText { String(decoding: $0.toArray(), as: UTF8.self).lowercased() }
        let plain = text.filter { !$0.isWhitespace }
        switch plain {
        case "showcount(*)warnings": self = .countOfWarnings
        case "showcount(*)errors": self = .countOfErrors
        default:
            let parts = plain.split(separator: "limit", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.first == "showwarnings" || parts.first == "showerrors" else { return nil }
            guard let limit = parts.count == 1 ? .max : Int(parts[1]) else { return nil }
            self = .warnings(errorsOnly: parts[0] == "showerrors", limit: limit)
        }
    }
}
