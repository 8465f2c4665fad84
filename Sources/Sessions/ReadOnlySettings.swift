/// What makes servers refuse writes of a session that may only read, whatever a statement calls: a setting that is
/// replayed as the client's own are, and that RESET goes back to.
extension SettingsProfile {
    /// The same with PostgreSQL's setting, or without.
    func postgres(readOnly: Bool, _ profiles: ProfileTable) -> SettingsProfile {
        with(
            "default_transaction_read_only",
            readOnly ? SettingText.assignment("default_transaction_read_only", "on") : nil, profiles)
    }

    /// The same with MySQL's, or without.
    func mysql(readOnly: Bool, _ profiles: ProfileTable) -> SettingsProfile {
        with("transaction_read_only", readOnly ? Array("SET SESSION TRANSACTION READ ONLY".utf8) : nil, profiles)
    }

    private func with(_ name: String, _ replay: [UInt8]?, _ profiles: ProfileTable) -> SettingsProfile {
        let others = entries.filter { $0.name != name }
        return profiles.intern(replay.map { others + [SettingEntry(name: name, replay: $0)] } ?? others)
    }
}

extension SessionEnvironment {
    /// What a session begins with that may only read.
    public func readOnly(_ base: SettingsProfile) -> SettingsProfile { base.postgres(readOnly: true, profiles) }

    /// From now on the client may only read, or may write again. Not while it has a server.
    public func set(readOnly: Bool, _ client: ClientSession) {
        client.base = client.base.postgres(readOnly: readOnly, profiles)
        client.settings = client.settings.postgres(readOnly: readOnly, profiles)
    }
}

extension MySQLEnvironment {
    /// What a session begins with that may only read.
    public func readOnly(_ base: SettingsProfile) -> SettingsProfile { base.mysql(readOnly: true, profiles) }

    /// From now on the client may only read, or may write again. Not while it has a server.
    public func set(readOnly: Bool, _ client: MySQLClientSession) {
        client.base = client.base.mysql(readOnly: readOnly, profiles)
        client.settings = client.settings.mysql(readOnly: readOnly, profiles)
    }
}
