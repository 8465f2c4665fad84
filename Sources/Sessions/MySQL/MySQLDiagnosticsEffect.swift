import MySQLWire
import SQLText

/// What becomes of the messages that the statements before have left, where a text works and leaves none of its own.
enum DiagnosticsEffect {
    /// They stay.
    case kept
    /// They are gone.
    case cleared
    /// Only the server knows.
    case untold
}

extension Statement {
    /// It asks for the messages, and does nothing else.
    fileprivate var isDiagnostic: Bool { kind == .show && traits.contains(.readsDiagnostics) || getsDiagnostics }

    /// It is GET DIAGNOSTICS.
    var getsDiagnostics: Bool { kind == .other && traits.contains(.readsDiagnostics) }

    /// MySQL's servers forget the messages with every statement that does not ask for them, MariaDB's with one that names
    /// tables: what a routine does there is not seen.
    fileprivate func diagnosticsEffect(isMariaDB: Bool) -> DiagnosticsEffect {
        if isDiagnostic { return .kept }
        guard isMariaDB else { return .cleared }
        switch kind {
        case .call, .execute, .unknown: return .untold
        case .doBlock where traits.contains(.callsRoutine): return .untold
        default:
            if opensTables { return .cleared }
            return callsOthers ? .untold : .kept
        }
    }

    /// It names tables, `DUAL` being none.
    var opensTables: Bool {
        tables.contains { $0.lowercased() != "dual" } || !traits.isDisjoint(with: [.namesSequence, .handler])
            || kind == .explain || kind == .lock && traits.contains(.commitsImplicitly)
            // Most SHOW read the server's tables about itself.
            || kind == .show && traits.isDisjoint(with: [.readsDiagnostics, .showsOne, .serverOwnTruth])
    }
}

extension StatementEntry {
    /// What becomes of the messages, in all. `hadWarnings`: one of several statements had some of its own.
    func diagnosticsEffect(isMariaDB: Bool, hadWarnings: Bool = false) -> DiagnosticsEffect {
        guard !facts.statements.isEmpty else { return isMariaDB ? .kept : .cleared }
        var effect = DiagnosticsEffect.kept
        for statement in facts.statements {
            let next = statement.diagnosticsEffect(isMariaDB: isMariaDB)
            if next != .kept { effect = next }
        }
        guard hadWarnings, facts.statements.count > 1 else { return effect }
        // Those of one in front of the last may be there still.
        let last = facts.statements.last?.diagnosticsEffect(isMariaDB: isMariaDB)
        return last == .cleared ? .cleared : .untold
    }

    /// Names tables, whose use clears the messages on MariaDB.
    var usesTables: Bool { facts.statements.contains(where: \.opensTables) }

    /// It calls a routine that may keep the messages or not.
    var mayKeepUnseen: Bool {
        facts.traits.contains(.callsRoutine) && diagnosticsEffect(isMariaDB: true) == .untold
    }

    /// It asks for the messages of the statement before.
    var asksDiagnostics: Bool { facts.traits.contains(.readsDiagnostics) }

    /// `GET DIAGNOSTICS` is in it, to which more than what SHOW WARNINGS shows of a message matters.
    var getsDiagnostics: Bool { asksDiagnostics && facts.statements.contains(where: \.getsDiagnostics) }

    /// It is SHOW WARNINGS, whose rows MariaDB's `FOUND_ROWS()` does not count.
    var showsWarnings: Bool { asksDiagnostics && DiagnosticsQuestion(self) == .allWarnings }
}

extension MySQLEnvironment {
    /// Notes what the command that has just run has left to SHOW WARNINGS.
    func noteDiagnostics(_ client: MySQLClientSession, _ server: MySQLServerSession, _ effect: DiagnosticsEffect) {
        let summary = server.tracker.summary
        if summary.errorCode != 0 || summary.warnings > 0 {
            leave(client, server)
            // GET DIAGNOSTICS adds its own.
            if effect != .kept || summary.errorCode != 0 { client.forgetConditions() }
            return
        }
        switch effect {
        case .kept: return
        case .cleared:
            client.debts.remove(.diagnostics)
            client.lost.remove(.diagnostics)
            server.hasDiagnostics = false
            client.forgetConditions()
        case .untold:
            guard summary.hadWarnings || client.mayHaveConditions else { return }
            let isElsewhere = client.warnings != nil || !client.ownErrors.isEmpty
            // Of several messages none was there to be kept or not.
            if isElsewhere, !client.hasMadeDiagnostics, client.running?.mayKeepUnseen == false { return }
            leave(client, server)
            client.numbers.certainty = .unknown
            client.forgetConditions()
        }
    }

    /// The server has messages for the client, or may have.
    func leave(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        client.debts.insert(.diagnostics)
        client.lost.remove(.diagnostics)
        server.hasDiagnostics = true
    }

    /// What the command that has just run does to the messages of the one before.
    func diagnosticsEffect(_ client: MySQLClientSession, _ server: MySQLServerSession) -> DiagnosticsEffect {
        let isMariaDB = client.isOfMariaDB
        guard let running = client.running else { return isMariaDB ? .kept : .cleared }
        let summary = server.tracker.summary
        // Its own are all that is there.
        if summary.warnings > 0, running.facts.statements.last?.isDiagnostic != true { return .cleared }
        return running.diagnosticsEffect(isMariaDB: isMariaDB, hadWarnings: summary.hadWarnings)
    }
}
