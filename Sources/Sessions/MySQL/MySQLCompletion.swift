import ByteKit
import MySQLWire
import SQLText

/// What a completed command did to the client's session.
extension MySQLEnvironment {
    /// The reply to the client's command is over.
    func completed(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        client.awaitsReply = false
        if client.streaming == .file { client.streaming = .nothing }
        client.status = server.status.subtracting([.moreResults, .sessionStateChanged, .cursorExists, .lastRowSent])
        let summary = server.tracker.summary
        let failed = summary.errorCode != 0
        switch server.tracker.command {
        case .query: ran(client, server, summary.results, failed: failed)
        case .execute, .bulkExecute:
            executed(client, server, failed: failed)
            ran(client, server, failed ? 0 : .max, failed: failed)
        case .prepare: prepared(client, server)
        case .fetch:
            if failed || server.status.contains(.lastRowSent) { client.executing?.hasCursor = false }
            settle(client, server)
        case .resetStatement:
            client.executing?.hasCursor = false
            client.executing?.hasLongData = false
            settle(client, server)
        case .resetConnection where !failed: forgotten(client, server)
        default: break
        }
        client.running = nil
        client.executing = nil
        if !client.status.contains(.inTransaction), client.pins.contains(.nextTransaction), !client.startsTransaction {
            client.pins.remove(.nextTransaction)
        }
        client.startsTransaction = false
    }

    /// COM_STMT_EXECUTE is over.
    private func executed(_ client: MySQLClientSession, _ server: MySQLServerSession, failed: Bool) {
        guard let statement = client.executing else { return }
        statement.hasLongData = false
        statement.hasCursor = !failed && server.status.contains(.cursorExists)
        if statement.hasCursor { client.pins.insert(.cursors) }
        settle(client, server)
    }

    /// A cursor or long data may be gone: what was the statement's own on the server is closed.
    private func settle(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        notePins(ofStatements: client)
        guard let statement = client.executing, statement.key.own != 0, !statement.hasCursor, !statement.hasLongData
        else { return }
        if let id = server.statements.remove(statement.key) {
            toServer.make(RawSpan()) { $0.command(.closeStatement, statement: id) }
        }
        statement.key = MySQLStatementKey(text: statement.key.text, context: statement.key.context, own: 0)
    }

    /// COM_STMT_PREPARE is over.
    private func prepared(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        guard let (entry, id) = client.preparing else { return }
        client.preparing = nil
        guard let reply = server.tracker.summary.prepared, server.tracker.summary.errorCode == 0 else {
            client.statements.giveBack(id)
            client.statements.last = nil
            return
        }
        let statement = MySQLClientStatement(
            id: id, serial: nextStatement(), entry: entry, context: context(of: client.settings),
            parameters: Int(reply.parameters), columns: Int(reply.columns))
        client.statements.insert(statement)
        client.statements.last = id
        enter(statement.key, reply.statement, server)
    }

    /// COM_RESET_CONNECTION: nothing is left but user and schema.
    private func forgotten(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        let kept = client.settings[MySQLSettings.database].map { [$0] } ?? []
        let after = profiles.intern(kept + [SettingEntry(name: MySQLSettings.names, replay: nil)])
        server.settings = after
        _ = server.statements.removeAll()
        client.settings = after
        client.statements.removeAll()
        client.pins = []
        client.extra = nil
        client.readSettings()
    }

    /// Statements of a text have run: `results` of them, if it `failed`, otherwise all.
    private func ran(
        _ client: MySQLClientSession, _ server: MySQLServerSession, _ results: Int, failed: Bool
    ) {
        guard let entry = client.running else { return }
        let facts = entry.facts
        let all = facts.statements
        var traits = StatementTraits()
        for index in 0..<all.count {
            let statement = all[index]
            let worked = !failed || index < results
            traits.formUnion(statement.traits)
            if !statement.effects.isEmpty {
                for effect in statement.effects { apply(effect, of: statement, worked, client, server) }
            }
            if worked, statement.kind == .other { other(statement, client) }
        }
        if traits.contains(.nextTransaction), !failed {
            client.pins.insert(.nextTransaction)
            client.startsTransaction = true
        }
        if traits.contains(.countsFoundRows) { client.pins.insert(.foundRows) }
    }

    private func other(_ statement: Statement, _ client: MySQLClientSession) {
        if statement.traits.contains(.xa) { client.pins.insert(.xa) }
        if statement.traits.contains(.handler) { client.pins.insert(.handlers) }
    }

    /// What may have come stays until it is known to be gone; what was set counts only if it worked.
    private func apply(
        _ effect: SessionEffect, of statement: Statement, _ worked: Bool, _ client: MySQLClientSession,
        _ server: MySQLServerSession
    ) {
        switch effect {
        case .set(let name, let replay):
            guard worked else { return }
            if name == "names" {
                let kept = client.settings.entries.filter { !MySQLSettings.ofNames.contains($0.name) }
                let entry = SettingEntry(name: MySQLSettings.names, replay: Array(replay.dropFirst(4)))
                set(profiles.setting(entry, in: profiles.intern(kept)), client, server)
            } else if name.hasPrefix("@") {
                let entry = SettingEntry(name: name, replay: Array(replay.dropFirst(4)))
                set(profiles.setting(entry, in: client.settings), client, server)
            }
        case .setComputed(let name):
            if name.hasPrefix("@") { client.pins.insert(.userVariables) }
        case .mayCreate(let kinds):
            if statement.kind == .set { return }
            if kinds.contains(.temporaryTables) { client.pins.insert(.temporaryTables) }
            if kinds.contains(.advisoryLocks) { client.pins.insert(.userLocks) }
            if kinds.contains(.tableLocks), worked { client.pins.insert(.tableLocks) }
            if kinds.contains(.unknown) { client.pins.insert(.unknown) }
        case .mayRelease(let kinds):
            guard worked else { return }
            if kinds.contains(.tableLocks) { client.pins.remove(.tableLocks) }
        case .prepare: client.pins.insert(.preparedText)
        case .setLocal, .reset, .resetAll, .discardAll, .discardPlans, .discardTemporary, .discardSequences, .execute,
            .deallocate, .deallocateAll, .listen, .unlisten, .unlistenAll, .savepoint, .releaseSavepoint,
            .rollbackToSavepoint:
            break
        }
    }

    /// The client's settings are now these, and those of the server it has.
    private func set(_ settings: SettingsProfile, _ client: MySQLClientSession, _ server: MySQLServerSession) {
        client.settings = settings
        server.settings = settings
        client.readSettings()
    }

    /// The server tells what changed in its session: more exact than any reading of texts.
    func learn(_ changes: RawSpan, _ client: MySQLClientSession, _ server: MySQLServerSession) {
        var reader = SessionChanges()
        var entries = client.settings.entries
        var isChanged = false
        while let change = try? reader.next(in: changes) {
            switch change {
            case .variable(let name, let value):
                let text = String(decoding: changes.extracting(name).toArray(), as: UTF8.self).lowercased()
                // What SET NAMES says is taken from the text: it says more.
                if client.saysNames, MySQLSettings.ofNames.contains(text) { continue }
                guard MySQLVariableRules.isReplayed(text) else { continue }
                let entry = SettingEntry(
                    name: text, replay: MySQLSettings.assignment(text, reported: changes.extracting(value)))
                entries.removeAll { $0.name == text || MySQLVariableRules.displaces(text, $0.name) }
                entries.append(entry)
                isChanged = true
            case .schema(let name):
                entries.removeAll { $0.name == MySQLSettings.database }
                if !name.isEmpty {
                    entries.append(
                        SettingEntry(name: MySQLSettings.database, replay: changes.extracting(name).toArray()))
                }
                isChanged = true
            case .stateChanged, .gtids, .transactionCharacteristics, .transactionState, .other: continue
            }
        }
        guard isChanged else { return }
        client.settings = profiles.intern(entries)
        server.settings = client.settings
        client.readSettings()
    }
}

/// What is done with variables that servers report.
enum MySQLVariableRules {
    private static let never: Set<String> = [
        "insert_id", "last_insert_id", "identity", "rand_seed1", "rand_seed2", "gtid_next", "pseudo_thread_id",
        "gtid_seq_no", "session_track_system_variables", "session_track_schema", "session_track_state_change",
        "session_track_gtids", "session_track_transaction_info", "redirect_url", "last_gtid", "warning_count",
        "error_count",
    ]

    /// Whether the variable is set again on other servers.
    static func isReplayed(_ name: String) -> Bool { !never.contains(name) }

    /// Whether setting `name` sets `other` too.
    static func displaces(_ name: String, _ other: String) -> Bool {
        name == "character_set_connection" && other == "collation_connection"
            || name == "collation_connection" && other == "character_set_connection"
    }
}
