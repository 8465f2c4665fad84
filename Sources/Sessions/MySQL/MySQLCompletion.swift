import ByteKit
public import MySQLWire
import SQLText

/// What a completed command did to the client's session.
extension MySQLEnvironment {
    /// The reply to the client's command is over.
    func completed(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        client.awaitsReply = false
        if client.streaming == .file { client.streaming = .nothing }
        client.status = server.status.intersection(.ofSession)
        let summary = server.tracker.summary
        let failed = summary.errorCode != 0
        let isMariaDB = server.version?.isMariaDB ?? false
        client.numbers.note(
            summary, server.tracker.command,
            keepsDiagnostics: client.numbers.hasConditions && diagnosticsEffect(client, server) != .cleared,
            keepsRowCount: keepsRowCount(client),
            isMariaDB: isMariaDB)
        // GET DIAGNOSTICS may have failed, though it does not say so.
        if summary.columns == 0, summary.warnings > 0,
            client.running?.facts.traits.contains(.readsDiagnostics) == true
        {
            client.numbers.rowCount = -1
        }
        if let extra = client.extra, extra.trackingBy != 0 { extra.trackingBy = 0 }
        if isMariaDB, client.running?.setsForOneStatement == true { client.tellsLate = true }
        switch server.tracker.command {
        case .query: ran(client, server, failed ? summary.results : .max)
        case .execute, .bulkExecute:
            executed(client, server, failed: failed)
            ran(client, server, failed ? 0 : .max)
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
        noteDebts(client, server)
        client.running = nil
        client.executing = nil
        client.sawStateChange = false
        client.isBeingEnded = false
        client.hasMadeDiagnostics = false
        if !client.reported.isEmpty { client.reported.removeAll() }
    }

    /// COM_STMT_EXECUTE is over.
    private func executed(_ client: MySQLClientSession, _ server: MySQLServerSession, failed: Bool) {
        guard let statement = client.executing else { return }
        // A server that could not read the parameters keeps long data, and fails until the statement is reset.
        let isUnread = failed && [1210, 1835].contains(server.tracker.summary.errorCode)
        statement.hasLongData = statement.hasLongData && isUnread
        if isUnread, statement.tellsTypes {
            // Nor, mostly, has it read the types.
            let hasTypes = server.tracker.summary.errorCode == 1210 && !statement.hasLongData
            if !hasTypes, statement.types != statement.earlierTypes {
                statement.types = statement.earlierTypes
                statement.binding = nextStatement()
            }
            server.statements.use(statement.key)?.binder = 0
        }
        statement.hasCursor = !failed && server.status.contains(.cursorExists)
        if statement.hasCursor { client.pins.insert(.cursors) }
        settle(client, server)
    }

    /// A cursor or long data may be gone: what was the statement's own on the server is closed.
    private func settle(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        notePins(ofStatements: client)
        guard let statement = client.executing, statement.key.own != 0, !statement.hasCursor, !statement.hasLongData,
            !statement.isUntold
        else { return }
        if let id = server.statements.remove(statement.key) {
            toServer.make(RawSpan()) { $0.command(.closeStatement, statement: id) }
        }
        statement.key = MySQLStatementKey(
            text: statement.key.text, context: statement.key.context, own: 0, types: statement.typesNow)
    }

    /// COM_STMT_PREPARE is over.
    private func prepared(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        guard let (entry, id, isUntold) = client.preparing else { return }
        client.preparing = nil
        if client.isOfMariaDB, server.tracker.summary.errorCode == 0, entry.usesTables {
            clearedDiagnostics(client, server)
        }
        guard let reply = server.tracker.summary.prepared, server.tracker.summary.errorCode == 0 else {
            client.statements.last = nil
            return
        }
        let statement = MySQLClientStatement(
            id: id, serial: nextStatement(), entry: entry, context: context(of: client.settings),
            parameters: Int(reply.parameters), columns: Int(reply.columns))
        if isUntold {
            statement.isUntold = true
            statement.key = ownKey(of: statement)
        }
        client.statements.insert(statement)
        client.statements.last = id
        enter(statement.key, reply.statement, server)
    }

    /// COM_RESET_CONNECTION: nothing is left but user and schema.
    private func forgotten(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        let after = afterReset(server)
        server.settings = after
        server.tracks = false
        _ = server.statements.removeAll()
        server.strangers = []
        // MariaDB goes back to the character sets of the login, MySQL to its `sql_mode`.
        let isMariaDB = server.version?.isMariaDB ?? false
        let again = client.base.entries.filter {
            isMariaDB ? MySQLSettings.ofNames.contains($0.name) : $0.name == "sql_mode"
        }
        server.settled(server.owed)
        // What another server may still have for it is not the new session's.
        client.home = server.serial
        forget(client, settings: again.isEmpty ? after : profiles.intern(after.entries + again))
    }

    /// A COM_CHANGE_USER has failed, and MariaDB keeps the connection: what the session had is gone, as after
    /// COM_RESET_CONNECTION. It has no server.
    public func restart(_ client: MySQLClientSession, after error: MySQLError) {
        let kept = client.settings.entries.filter { $0.name == MySQLSettings.database }
        let names = client.base.entries.filter { MySQLSettings.ofNames.contains($0.name) }
        forget(client, settings: profiles.intern(kept + names))
        client.home = 0
        client.status = .autocommit
        client.failed(error)
    }

    private func forget(_ client: MySQLClientSession, settings: SettingsProfile) {
        client.settings = settings
        client.statements.removeAll()
        client.pins = []
        client.extra = nil
        let foundRows = client.numbers.foundRows
        client.numbers = MySQLNumbers()
        client.numbers.foundRows = foundRows
        client.debts = []
        client.lost = []
        client.forgetConditions()
        client.readSettings()
    }

    /// Statements of a text have run; those from `results` on have not, or have failed.
    private func ran(_ client: MySQLClientSession, _ server: MySQLServerSession, _ results: Int) {
        if client.pins.isEmpty, client.extra == nil, !client.sawStateChange, client.running?.leavesNothing == true {
            return
        }
        var pins = client.pins
        defer { if client.pins != pins { client.pins = pins } }
        guard let entry = client.running else { return }
        if pins.contains(.foundRows), entry.foundRows(isMariaDB: client.isOfMariaDB) == .ofResult {
            pins.remove(.foundRows)
        }
        let all = entry.facts.statements
        var hasEffects = false
        // Where a text has failed behind a routine, whose results nobody can tell, the server has told what it has set.
        var isUntold = false
        for index in 0..<all.count {
            let statement = all[index]
            defer { isUntold = isUntold || results != .max && (statement.kind == .call || statement.kind == .execute) }
            if !statement.effects.isEmpty || !statement.named.isEmpty {
                hasEffects = true
                apply(statement, worked: index < results && !isUntold, client, server)
            }
            let traits = statement.traits
            if !traits.isEmpty, index < results {
                if traits.contains(.countsFoundRows) { pins.insert(.foundRows) }
                if traits.contains(.setsForNext) {
                    pins.insert(.nextStatement)
                    client.more().noteInsertID(statement)
                }
                if traits.contains(.nextTransaction) {
                    pins.insert(.nextTransaction)
                    continue
                }
            }
            guard index < results else { continue }
            if statement.kind == .commit || statement.kind == .rollback {
                client.isReleased = traits.contains(.releasesConnection) || client.releasesAlways && !keeps(entry)
            }
            if traits.contains(.usesSequence) { pins.insert(.sequences) }
            // Not every statement makes an id: the server is asked whether there is still one to be made.
            if statement.kind != .set, pins.contains(.nextStatement) {
                client.more().unread.insert(MySQLSettings.insertID)
                client.more().hasJustSetInsertID = false
            }
            if pins.contains(.nextTransaction), !client.status.contains(.inTransaction) {
                if traits.contains(.commitsImplicitly) || statement.kind == .commit || statement.kind == .rollback {
                    pins.remove(.nextTransaction)
                } else if statement.runsTransaction {
                    // A transaction of its own has used it up, if its tables know of transactions.
                    pins.remove(.nextTransaction)
                    client.more().endsAnnounced = true
                }
            }
        }
        if client.sawStateChange {
            // What a function does beside is told of as one with it.
            let isMixed = hasEffects || entry.setsForOneStatement
            if client.isUnexplained && !hasEffects || isMixed && all.contains(where: \.callsOthers) {
                client.more().add(.unknown)
            }
        }
        guard let extra = client.extra else { return }
        pins.subtract(.held)
        pins.formUnion(extra.pins)
    }

    /// A user variable longer than this is not carried from server to server, nor one beyond so many settings: it pins.
    private static let longestVariable = 16 << 10
    private static let mostSettings = 128

    /// What may have come stays until it is known to be gone; what was set counts only if it worked.
    private func apply(
        _ statement: Statement, worked: Bool, _ client: MySQLClientSession, _ server: MySQLServerSession
    ) {
        let before = client.before ?? client.settings
        let named = statement.named
        for state in named {
            let name = state.name.map { state.kind == .temporaryTables ? client.qualified($0) : $0 }
            if let from = state.renamedFrom {
                if worked { client.extra?.rename(state.kind, client.qualified(from), to: name) }
            } else if !state.isReleased {
                // What fails leaves no table and no transaction, but may have taken its locks.
                if worked || state.kind == .advisoryLocks { client.more().add(state.kind, name) }
            } else if worked {
                client.more().remove(state.kind, name)
            }
        }
        func isNamed(_ kind: SessionStateKinds) -> Bool { named.contains { $0.kind == kind } }
        for effect in statement.effects {
            switch effect {
            case .set(let name, let replay):
                guard worked else { continue }
                // What the server has told is exact: the value may have been cut, with a warning that would come again.
                if client.reported.contains(name), MySQLVariables.of(name).handling == .replayed,
                    name != MySQLSettings.database, !MySQLSettings.ofNames.contains(name)
                {
                    continue
                }
                // A prepared USE is taken back where it was prepared in another schema: servers tell what holds.
                if name == MySQLSettings.database, client.executing != nil, server.tracks { continue }
                client.extra?.remove(.userVariables, name)
                if name == "role", MySQLVariables.reset(name, server: server.version) == nil {
                    // Nothing takes it back, not even a reset of the session.
                    client.more().add(.unknown)
                    server.isSpoiled = true
                    continue
                }
                if name.hasPrefix("session_track_") { track(name, replay, client, server) }
                let value = name == MySQLSettings.database ? MySQLSettings.schema(ofUse: replay) : replay
                let isVariable = name.hasPrefix("@")
                let isTooMuch = replay.count > Self.longestVariable || before.entries.count >= Self.mostSettings
                guard let whole = isVariable ? MySQLSettings.collated(value, before) : value, !isVariable || !isTooMuch
                else {
                    client.more().add(.userVariables, name)
                    set(profiles.removing(name, from: client.settings), client, server)
                    continue
                }
                set(profiles.setting(SettingEntry(name: name, replay: whole), in: client.settings), client, server)
            case .reset(let name):
                if worked, name.hasPrefix("session_track_") { track(name, nil, client, server) }
                if worked { set(profiles.removing(name, from: client.settings), client, server) }
            case .setComputed(let name) where name.hasPrefix("@"):
                client.more().add(.userVariables, name)
                set(profiles.removing(name, from: client.settings), client, server)
            case .setComputed(let name):
                // Servers tell of most of them, and are asked for the others.
                if client.reported.contains(name) { continue }
                if name.hasPrefix("session_track_") {
                    server.tracks = false
                    client.more().add(.unknown)
                } else if name == MySQLSettings.database || name == "role" || name == "resource group" {
                    if !server.tracks || name != MySQLSettings.database { client.more().add(.unknown) }
                } else if MySQLVariables.of(name).handling == .replayed
                    || MySQLVariables.of(name).handling == .replayedInParts
                {
                    client.more().unread.insert(name)
                }
            case .mayCreate(let kinds): mayCreate(kinds, statement, worked, isNamed, client, server)
            case .mayRelease(let kinds):
                guard worked, let extra = client.extra else { continue }
                for kind in kinds.each where !isNamed(kind) { extra.removeAll(kind) }
            case .prepare(let name, _): if worked { client.more().add(.preparedStatements, name) }
            case .deallocate(let name, _): if worked { client.extra?.remove(.preparedStatements, name) }
            case .setLocal, .resetAll, .discardAll, .discardPlans, .discardTemporary, .discardSequences, .execute,
                .deallocateAll, .listen, .unlisten, .unlistenAll, .savepoint, .releaseSavepoint, .rollbackToSavepoint:
                break
            }
        }
        if worked { names(statement, client, server) }
        if worked, statement.kind == .begin { client.extra?.removeAll(.tableLocks) }
    }

    /// What the statement that runs says of this holds for the packet that ends it.
    func noteTracking(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        guard let facts = client.running?.facts, facts.flags.contains(.hasEffects) else { return }
        let index = server.tracker.summary.results &- 1
        guard facts.statements.indices.contains(index),
            !facts.statements[..<index].contains(where: { $0.kind == .call || $0.kind == .execute })
        else { return }
        for effect in facts.statements[index].effects {
            switch effect {
            case .set(let name, let replay) where name.hasPrefix("session_track_"): track(name, replay, client, server)
            case .reset(let name) where name.hasPrefix("session_track_"): track(name, nil, client, server)
            default: continue
            }
        }
    }

    /// The client has said what it wants to be told of its session; by default if there is no `replay`.
    private func track(
        _ name: String, _ replay: [UInt8]?, _ client: MySQLClientSession, _ server: MySQLServerSession
    ) {
        server.tracks = false
        if client.reported.contains(name) { return }
        guard let replay else { return client.more().tracking.reset(name) }
        let value = replay.split(separator: 0x3D, maxSplits: 1).last?.filter { $0 != 0x27 && $0 != 0x20 } ?? []
        Array(name.utf8).withSpan { name in
            value.withSpan { value in _ = client.more().tracking.set(name, value) }
        }
    }

    /// What `SET NAMES` has set is one thing, though its effects are three.
    private func names(_ statement: Statement, _ client: MySQLClientSession, _ server: MySQLServerSession) {
        guard statement.kind == .set, statement.effects.count >= 3 else { return }
        var said: [String: String] = [:]
        for case .set(let name, let replay) in statement.effects where MySQLSettings.ofNames.contains(name) {
            said[name] = String(decoding: replay, as: UTF8.self)
        }
        func value(_ name: String, behind start: String) -> String? {
            guard let text = said[name], text.hasPrefix(start), text.hasSuffix("'") else { return nil }
            return String(text.dropFirst(start.count).dropLast())
        }
        guard said.count == 3, let charset = value("character_set_client", behind: "SET character_set_client = '"),
            charset == value("character_set_results", behind: "SET character_set_results = '")
        else { return }
        let collation = value("collation_connection", behind: "SET collation_connection = '")
        guard collation != nil || value("collation_connection", behind: "SET character_set_connection = '") == charset
        else { return }
        let kept = client.settings.entries.filter { !MySQLSettings.ofNames.contains($0.name) }
        set(profiles.intern(kept + MySQLSettings.names(charset, collation)), client, server)
    }

    private func mayCreate(
        _ kinds: SessionStateKinds, _ statement: Statement, _ worked: Bool,
        _ isNamed: (SessionStateKinds) -> Bool, _ client: MySQLClientSession, _ server: MySQLServerSession
    ) {
        for kind in kinds.each where !isNamed(kind) {
            switch kind {
            case .userVariables:
                // Those whose names are known are there already.
                let isNamed = statement.effects.contains {
                    if case .setComputed(let name) = $0 { name.hasPrefix("@") } else { false }
                }
                if !isNamed { client.more().add(kind) }
            case .unknown:
                // A text that does not parse has done nothing; of a routine the server says whether it has.
                if !worked, client.numbers.errorCode == 1064 { continue }
                // A SET that fails sets nothing, unless it calls something that does.
                if !worked, statement.kind == .set, !statement.callsOthers, server.tracks, !client.sawStateChange {
                    continue
                }
                // Of SQL in SQL the server says whether it has changed anything, but not of locks. Of what routines do
                // in turn it says nothing.
                let isInner = statement.kind == .prepare || statement.kind == .execute
                if server.tracks, isInner, !client.isUnexplained, !client.mentionsLocks { continue }
                client.more().add(kind)
            default: if worked { client.more().add(kind) }
            }
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
        func put(_ name: String, _ replay: [UInt8]?) {
            entries.removeAll { $0.name == name }
            if let replay { entries.append(SettingEntry(name: name, replay: replay)) }
            isChanged = true
        }
        let isForOne = client.running?.setsForOneStatement == true
        // A function's change, with which that of a `SET STATEMENT` before is told.
        let isLate = client.tellsLate && client.running?.facts.statements.contains(where: \.callsOthers) == true
        var sawVariable = false
        defer { if sawVariable { client.tellsLate = false } }
        while let change = try? reader.next(in: changes) {
            switch change {
            case .variable where isForOne: client.reported.insert("")
            case .variable(let range, let value):
                let told = String(decoding: changes.extracting(range).toArray(), as: UTF8.self).lowercased()
                let variable = MySQLVariables.of(told)
                // MySQL tells `statement_id` with every statement: that explains no change.
                if variable.handling == .readOnly || told == "statement_id" { continue }
                sawVariable = true
                if !isLate { client.reported.insert(variable.name) }
                if variable.name == "sql_mode", client.running?.facts.statements.allSatisfy({ $0.kind == .set }) != true
                {
                    // A routine's own ends with it, and that is not told.
                    client.more().unread.insert(variable.name)
                    continue
                }
                let text = changes.extracting(value).toArray()
                switch variable.handling {
                case .replayed, .replayedInParts, .ofConnection:
                    if let replay = MySQLVariables.assignment(told, value: text) {
                        put(variable.name, replay)
                    } else {
                        client.more().add(.unknown)
                    }
                case .pins: client.more().add(.unknown)
                case .ofTracking:
                    // Set again before the next statement; what the client wants to be told is kept.
                    server.tracks = false
                    _ = client.more().tracking.set(changes.extracting(range), changes.extracting(value))
                case .once, .readOnly: continue
                }
            // What runs in another schema tells of that one between its results, and may fail before it is back.
            case .schema where server.tracker.summary.status?.contains(.moreResults) == true && client.mayComeBack:
                continue
            case .schema(let range):
                client.reported.insert(MySQLSettings.database)
                put(MySQLSettings.database, range.isEmpty ? nil : changes.extracting(range).toArray())
            case .stateChanged(let has): if has { client.sawStateChange = true }
            case .gtids, .transactionCharacteristics, .transactionState, .other: continue
            }
        }
        guard isChanged else { return }
        client.settings = profiles.intern(entries)
        server.settings = client.settings
        client.readSettings()
    }
}

extension MySQLSettings {
    /// The plain name in the replay of a `USE`.
    static func schema(ofUse replay: [UInt8]) -> [UInt8] {
        var name = Array(replay.dropFirst(4))
        guard name.first == 0x60, name.last == 0x60, name.count >= 2 else { return name }
        name = Array(name.dropFirst().dropLast())
        var plain: [UInt8] = []
        var skips = false
        for byte in name {
            if byte == 0x60, skips {
                skips = false
                continue
            }
            skips = byte == 0x60
            plain.append(byte)
        }
        return plain
    }
}

extension SessionStateKinds {
    /// Its kinds, one by one.
    var each: [SessionStateKinds] {
        var found: [SessionStateKinds] = []
        var bit: UInt16 = 1
        while bit != 0 {
            if rawValue & bit != 0 { found.append(SessionStateKinds(rawValue: bit)) }
            bit <<= 1
        }
        return found
    }
}
