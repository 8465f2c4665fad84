import ByteKit
public import SQLText

/// What the MySQL sessions of one worker share: the statement cache, the interned settings, and the plans into which a
/// step writes what is to be sent. Confined to its worker.
public final class MySQLEnvironment {
    /// What each statement text means.
    public let statements: StatementCache
    /// Interned session settings.
    public let profiles = ProfileTable()
    /// Filled by a step that reads from a client: what goes to its server.
    public let toServer = SendPlan()
    /// What goes to the client.
    public let toClient = SendPlan()
    /// What was read since it was last set to nothing.
    public var tally = PrepareTally()
    /// A command longer than this is passed on unread, and its session state counts as unknown.
    public var maxInspectedStatement = 16 << 20
    /// How many prepared statements one client may have.
    public var maxClientStatements = 16_384

    private var lastStatement: UInt64 = 0

    /// Never the same twice.
    func nextStatement() -> UInt64 {
        lastStatement &+= 1
        return lastStatement
    }

    /// An environment.
    public init(statementCacheEntries: Int = 4096) {
        statements = StatementCache(maxEntries: statementCacheEntries, dialect: .mysql)
    }

    /// `profile` with only what a prepared statement keeps of the moment it was prepared.
    func context(of profile: SettingsProfile) -> SettingsProfile {
        let kept = profile.entries.filter { Self.ofContext.contains($0.name) }
        return kept.isEmpty ? profiles.empty : profiles.intern(kept)
    }

    static let ofContext: Set<String> = [
        MySQLSettings.database, "sql_mode", "character_set_client", "collation_connection",
    ]
}
