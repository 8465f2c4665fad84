import ByteKit
import MySQLWire
import SQLText

/// Commands of the proxy's own, which no client sees.
extension MySQLEnvironment {
    /// Asks a new server to tell of every change to its session, whoever makes it; false if there is nothing to ask.
    public func introduce(_ server: MySQLServerSession) -> Bool {
        toServer.reset()
        track(server)
        return !server.hidden.isEmpty
    }

    /// Asks the server to become what the client needs; false if it is that already. `hiddenEnded` says when it is.
    public func takeOver(_ client: MySQLClientSession, by server: MySQLServerSession) -> Bool {
        toServer.reset()
        for id in server.strangers { toServer.make(RawSpan()) { $0.command(.closeStatement, statement: id) } }
        server.strangers = []
        let isSet = server.tracks && client.extra?.trackingBy != server.serial && server.settings === client.settings
        let speaks = !isSet && server.version?.isMariaDB != true
        var shown = shownOver(server)
        // An error of ours has taken their place, or comes behind them.
        let hasOwn = client.wantsDiagnostics && !client.ownErrors.isEmpty
        let comesBehind =
            hasOwn && !client.isOfMariaDB && client.isHome(on: server) && client.debts.contains(.diagnostics)
        if comesBehind && speaks {
            // What is said here takes the server's away: they are kept, and made when the command is read again.
            client.wantsDiagnostics = false
        } else if hasOwn {
            shown.remove(.diagnostics)
        }
        if server.owesOthers(than: client) {
            askDebts(server)
        } else if server.owed.contains(.foundRows) && !comesBehind || speaks, !shown.isEmpty {
            // What is asked and set here would be counted by it.
            askDebts(server, shown)
        }
        if !client.debts.isEmpty, client.home != server.serial, client.asked == 0 {
            // Another server has not been asked, and will not be in time.
            client.lost.formUnion(client.debts)
            client.debts = []
        }
        if server.hasDiagnostics, server.lastClient != client.serial { clearDiagnostics(server) }
        if !server.tracks { track(server) }
        switchSettings(to: client.settings, server)
        give(client, server)
        if server.options.contains(.multiStatements) != client.options.contains(.multiStatements) {
            let option: SmallCommand.Option =
                client.options.contains(.multiStatements) ? .multiStatementsOn : .multiStatementsOff
            toServer.make(RawSpan()) { $0.setOption(option) }
            server.beginHidden(.plain, .setOption)
            if option == .multiStatementsOn {
                server.options.insert(.multiStatements)
            } else {
                server.options.remove(.multiStatements)
            }
        }
        giveLeft(client, server)
        return !server.hidden.isEmpty
    }

    /// The server gets what the client's statements before have left, which it is to go on owing to the client. Not as
    /// long as somebody else waits for what it owes them: the client's command is read again behind that.
    private func giveLeft(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        guard !server.owesOthers(than: client) else { return }
        if client.wantsLastInsertID {
            client.wantsLastInsertID = false
            giveLastInsertID(of: client, to: server)
        }
        // Last, for on MySQL what comes behind takes the messages away.
        if client.wantsDiagnostics {
            client.wantsDiagnostics = false
            makeDiagnostics(of: client, on: server)
        }
    }

    /// For one statement the server has what the client has set for itself where we have set something else.
    private func give(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        guard client.extra?.trackingBy == server.serial else { return }
        hiddenQuery(MySQLSettings.tracking(client.settings), .plain, server)
        server.tracks = false
    }

    /// Sends what leads from the server's settings to `settings`, which it has from then on.
    private func switchSettings(to settings: SettingsProfile, _ server: MySQLServerSession) {
        if server.settings === settings { return }
        let change = MySQLSettings.change(from: server.settings, to: settings, server: server.version)
        if change.isReset { forget(server) }
        if let name = change.database {
            toServer.make(RawSpan()) { $0.command(.initDatabase, name) }
            server.beginHidden(.plain, .initDatabase)
        }
        for query in change.queries { hiddenQuery(query, .plain, server) }
        server.settings = settings
    }

    /// Has the server prepare the statement the client is about to use, under the settings it was prepared with.
    public func prepareWanted(_ client: MySQLClientSession, by server: MySQLServerSession) {
        toServer.reset()
        guard let statement = client.wanted else { return }
        client.wanted = nil
        let now = server.settings
        let isElsewhere = context(of: now) !== statement.context
        if isElsewhere {
            // Only what matters to it is switched; the rest stays as it is.
            let kept = now.entries.filter { !Self.ofContext.contains($0.name) }
            switchSettings(to: profiles.intern(MySQLSettings.named(kept, statement.context)), server)
        }
        toServer.make(RawSpan()) { out in
            let mark = out.beginPacket(0)
            out.u8(MySQLCommand.prepare.rawValue)
            statement.sent.withText { out.span($0) }
            out.endPacket(mark)
        }
        server.beginHidden(.prepare(statement.key), .prepare)
        if isElsewhere { switchSettings(to: now, server) }
        tally.serverParses &+= 1
        tally.isSome = true
    }

    /// Asks whether the server still answers, and what its transaction is.
    public func ping(_ server: MySQLServerSession) {
        toServer.reset()
        toServer.make(RawSpan()) { $0.command(.ping) }
        server.beginHidden(.plain, .ping)
    }

    /// A statement that does nothing, and may be ended instead of another.
    public func takeBlow(_ server: MySQLServerSession) {
        toServer.reset()
        hiddenQuery(Array("DO 0".utf8), .ignored, server)
        server.hasDiagnosticsOfNobody()
    }

    /// Ends the transaction a client has left open, and one it has only announced with `SET TRANSACTION`; whatever the
    /// client's `completion_type` is, no other begins.
    public func rollBack(_ server: MySQLServerSession) {
        toServer.reset()
        if !server.isInTransaction { hiddenQuery(Array("BEGIN".utf8), .plain, server) }
        hiddenQuery(Array("ROLLBACK AND NO CHAIN NO RELEASE".utf8), .plain, server)
    }

    /// The client has gone and its command runs on: what that sets nobody will know.
    public func loseTrack(of server: MySQLServerSession) {
        server.isDirty = true
        // A role outlives a reset.
        server.settings = profiles.intern(unknownSettings.entries + (server.settings["role"].map { [$0] } ?? []))
    }

    /// Has the server forget everything a client left: variables, locks, temporary tables, statements.
    public func reset(_ server: MySQLServerSession) {
        toServer.reset()
        if server.owesOthers(than: nil) { askDebts(server) }
        forget(server)
    }

    /// A query of the proxy's own, whose rows are gathered.
    public func ask(_ text: String, _ server: MySQLServerSession) {
        toServer.reset()
        hiddenQuery(Array(text.utf8), .query, server)
    }

    /// What of that is lost where our questions come before its client's: on MySQL, messages too.
    private func shownOver(_ server: MySQLServerSession) -> MySQLDebts {
        server.owed.intersection(server.version?.isMariaDB == true ? .foundRows : [.foundRows, .diagnostics])
    }

    /// Asks for the values of variables that were computed, and for what an error has not told of the transaction.
    public func askUnread(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        toServer.reset()
        if server.mayHaveBegun {
            toServer.make(RawSpan()) { $0.command(.ping) }
            server.beginHidden(.plain, .ping)
        }
        if client.hasUnread, !shownOver(server).isEmpty { askDebts(server, shownOver(server)) }
        if client.extra?.endsAnnounced == true {
            hiddenQuery(Array("COMMIT AND NO CHAIN NO RELEASE".utf8), .plain, server)
        }
        let names = (client.extra?.unread ?? []).sorted()
        for name in names {
            let spoken = MySQLVariables.spoken(name, server: server.version)
            hiddenQuery(Array("SELECT @@SESSION.\(spoken)".utf8), .query, server)
        }
    }

    /// The server has answered; what cannot be read keeps the client where it is.
    public func takeUnread(_ client: MySQLClientSession, _ server: MySQLServerSession) {
        let rows = takeDebts(server)
        guard let extra = client.extra else { return }
        let names = extra.unread.sorted()
        extra.unread = []
        extra.endsAnnounced = false
        let failed = server.takeHiddenError() != nil || rows.count != names.count
        var entries = client.settings.entries
        for (index, name) in names.enumerated() {
            var value: [UInt8]?
            if !failed {
                rows[index].withSpan { span in
                    try? MySQLRow.text(span, columns: 1) { _, range in
                        value = range.map { span.extracting($0).toArray() } ?? []
                    }
                }
            }
            if name == MySQLSettings.insertID {
                takeInsertID(isZero: value?.elementsEqual("0".utf8) == true, client, extra)
                continue
            }
            entries.removeAll { $0.name == name }
            if let replay = value.flatMap({ MySQLVariables.assignment(name, value: $0) }) {
                entries.append(SettingEntry(name: name, replay: replay))
            } else {
                extra.add(.unknown)
            }
        }
        client.settings = profiles.intern(entries)
        server.settings = client.settings
        client.readSettings()
        client.pins.formUnion(extra.pins)
    }

    /// Where it was just set to 0, that is the next id, and the server says the same when it has been used.
    private func takeInsertID(isZero: Bool, _ client: MySQLClientSession, _ extra: MySQLClientExtra) {
        if !isZero {
            if extra.hasJustSetInsertID { extra.mayBeInsertIDZero = false }
        } else if extra.hasJustSetInsertID || extra.mayBeInsertIDZero && !client.isOfMariaDB {
            extra.add(.unknown)
        } else {
            client.pins.remove(.nextStatement)
        }
        extra.hasJustSetInsertID = false
    }

    private func forget(_ server: MySQLServerSession) {
        toServer.make(RawSpan()) { $0.command(.resetConnection) }
        server.beginHidden(.plain, .resetConnection)
        _ = server.statements.removeAll()
        server.strangers = []
        server.settings = afterReset(server)
        server.isDirty = false
        // MariaDB's status goes on saying ANSI_QUOTES otherwise.
        if server.version?.isMariaDB == true { hiddenQuery(Array("SET sql_mode = DEFAULT".utf8), .plain, server) }
        track(server)
    }

    /// What is set after COM_RESET_CONNECTION: the schema stays, and the character sets are the server's own.
    func afterReset(_ server: MySQLServerSession) -> SettingsProfile {
        var kept = server.settings[MySQLSettings.database].map { [$0] } ?? []
        // MySQL keeps the role as well.
        if server.version?.isMariaDB != true, let role = server.settings["role"] { kept.append(role) }
        let isMariaDB = server.version?.isMariaDB == true
        let names = MySQLSettings.ofNames.map { name in
            // Those of the login on MariaDB; on MySQL the server's own, which no login has asked for.
            SettingEntry(name: name, replay: isMariaDB ? nil : Array("SET \(name) = @@global.\(name)".utf8))
        }
        return profiles.intern(kept + names)
    }

    private func track(_ server: MySQLServerSession) {
        guard server.canTrack else { return }
        hiddenQuery(
            Array(
                "SET session_track_system_variables='*',session_track_schema=1,session_track_state_change=1".utf8),
            .plain, server)
        server.tracks = true
    }

    func hiddenQuery(_ text: [UInt8], _ kind: MySQLHidden, _ server: MySQLServerSession) {
        toServer.make(RawSpan()) { $0.command(.query, text) }
        server.beginHidden(kind, .query)
    }
}
