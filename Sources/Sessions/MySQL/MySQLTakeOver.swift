import ByteKit
import MySQLWire
import SQLText

/// Commands of the proxy's own, which no client sees.
extension MySQLEnvironment {
    /// Asks a new server to tell of every change to its session, whoever makes it. `settings` are lost with it when the
    /// session is reset, so it is asked again.
    public func introduce(_ server: MySQLServerSession) {
        toServer.reset()
        hiddenQuery(
            "SET session_track_system_variables='*',session_track_schema=1,session_track_state_change=1", .plain, server
        )
    }

    /// Asks the server to become what the client needs; false if it is that already. `hiddenEnded` says when it is.
    public func takeOver(_ client: MySQLClientSession, by server: MySQLServerSession) -> Bool {
        toServer.reset()
        switchSettings(to: client.settings, server)
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
        return !server.hidden.isEmpty
    }

    /// Sends what leads from the server's settings to `settings`, which it has from then on.
    private func switchSettings(to settings: SettingsProfile, _ server: MySQLServerSession) {
        if server.settings === settings { return }
        let database = settings[MySQLSettings.database]
        if let name = database?.replay, server.settings[MySQLSettings.database] != database {
            toServer.make(RawSpan()) { $0.command(.initDatabase, name) }
            server.beginHidden(.database, .initDatabase)
        }
        let text = profiles.replay(from: server.settings, to: settings)
        if !text.isEmpty { hiddenQuery(text, .plain, server) }
        server.settings = settings
    }

    /// Has the server prepare the statement the client is about to use, under the settings it was prepared with.
    public func prepareWanted(_ client: MySQLClientSession, by server: MySQLServerSession) {
        toServer.reset()
        guard let statement = client.wanted else { return }
        client.wanted = nil
        let now = server.settings
        let isElsewhere = context(of: now) !== statement.context
        if isElsewhere { switchSettings(to: statement.context, server) }
        toServer.make(RawSpan()) { out in
            let mark = out.beginPacket(0)
            out.u8(MySQLCommand.prepare.rawValue)
            statement.entry.withText { out.span($0) }
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

    /// Ends the transaction a client has left open.
    public func rollBack(_ server: MySQLServerSession) {
        toServer.reset()
        hiddenQuery("ROLLBACK", .plain, server)
    }

    /// Has the server forget everything a client left: variables, locks, temporary tables, statements.
    public func reset(_ server: MySQLServerSession) {
        toServer.reset()
        toServer.make(RawSpan()) { $0.command(.resetConnection) }
        server.beginHidden(.plain, .resetConnection)
        _ = server.statements.removeAll()
        let database = server.settings[MySQLSettings.database].map { [$0] } ?? []
        server.settings = profiles.intern(database + [SettingEntry(name: MySQLSettings.names, replay: nil)])
        server.isDirty = false
        hiddenQuery(
            "SET session_track_system_variables='*',session_track_schema=1,session_track_state_change=1", .plain, server
        )
    }

    /// A query of the proxy's own.
    public func ask(_ text: String, _ server: MySQLServerSession) {
        toServer.reset()
        hiddenQuery(text, .query, server)
    }

    private func hiddenQuery(_ text: String, _ kind: MySQLHidden, _ server: MySQLServerSession) {
        hiddenQuery(Array(text.utf8), kind, server)
    }

    private func hiddenQuery(_ text: [UInt8], _ kind: MySQLHidden, _ server: MySQLServerSession) {
        toServer.make(RawSpan()) { $0.command(.query, text) }
        server.beginHidden(kind, .query)
    }
}
