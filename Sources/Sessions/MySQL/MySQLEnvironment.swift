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

    /// What parameters were made, by number.
    var typeNumbers = MySQLTypeNumbers()

    private var lastStatement: UInt64 = 0
    private let plainSelect: StatementEntry
    private let plainUpdate: StatementEntry
    private let plainDelete: StatementEntry

    /// Never the same twice.
    func nextStatement() -> UInt64 {
        lastStatement &+= 1
        return lastStatement
    }

    /// An environment.
    public init(statementCacheEntries: Int = 4096) {
        let statements = StatementCache(maxEntries: statementCacheEntries, dialect: .mysql)
        func entry(_ text: StaticString) -> StatementEntry {
            Array("\(text)".utf8).withSpan { statements.entry(text: $0, types: RawSpan()) }
        }
        self.statements = statements
        (plainSelect, plainUpdate, plainDelete) = (
            entry("SELECT 1"), entry("UPDATE a SET b = 1"), entry("DELETE FROM a")
        )
    }

    /// Stands for a text too long to be read.
    var unread: StatementEntry { plainSelect }

    /// What a text is and does. Of texts with values in them, which never come again, the cache knows nothing; a look tells
    /// most of them from others that leave no trace, and then any text of their kind will do. Where it matters whether a
    /// text names tables, since that clears the diagnostics of the one before, it is read.
    func entry(of text: RawSpan, for client: MySQLClientSession) -> StatementEntry {
        guard !client.mayHaveConditions, QuickLook.leavesNoTraceInMySQL(text) else {
            return statements.entry(text: text, types: RawSpan(), options: client.lexer)
        }
        switch text.u8(at: 0) | 0x20 {
        case 0x73: return plainSelect
        case 0x75: return plainUpdate
        default: return plainDelete
        }
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
