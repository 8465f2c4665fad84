import ByteKit
public import MySQLWire
public import SQLText
public import Settings

/// What one MySQL client's session consists of beyond its server connection: settings, prepared statements, what pins it.
/// Lives as long as the client; says nothing of sockets.
public final class MySQLClientSession {
    /// What the bytes of a payload that is not over are.
    enum Streaming: Equatable {
        /// The next byte begins a command.
        case nothing
        /// The rest of a command for the server.
        case command
        /// The rest of a command that is answered already, or needs no answer.
        case discarded
        /// Payloads of the file the server asked for.
        case file
    }

    /// What was agreed on.
    public let capabilities: MySQLCapabilities
    /// Settings it began with.
    public let base: SettingsProfile
    /// Settings in force.
    public internal(set) var settings: SettingsProfile
    /// What its servers must be opened and switched with.
    public internal(set) var options: MySQLOptions
    /// The state it has been told last.
    public internal(set) var status: MySQLStatus
    /// When servers are given back.
    public let mode: PoolMode
    /// What to do with state that cannot be made again.
    public let policy: SessionStatePolicy
    /// Why it keeps its server.
    public internal(set) var pins: MySQLPins = []
    /// How texts are read, by its settings.
    var lexer = LexerOptions(dialect: .mysql)

    var stream = PacketStream()
    var streaming = Streaming.nothing
    /// A command was sent whose reply is not over.
    var awaitsReply = false
    /// The text that runs; nil for what has none, or was too long.
    var running: StatementEntry?
    /// The prepared statement that runs.
    var executing: MySQLClientStatement?
    /// Sequence id of the packet that would answer the command received last.
    var replySequence: UInt8 = 1
    /// The statement its server must have before it can go on.
    var wanted: MySQLClientStatement?
    /// The text being prepared, and the id it will have.
    var preparing: (entry: StatementEntry, id: UInt32)?
    var statements = MySQLClientStatements()
    /// The statement just run was `SET TRANSACTION`, which holds for what comes next.
    var startsTransaction = false
    /// What few clients have.
    var extra: MySQLClientExtra?

    /// A session that has just logged in.
    public init(
        capabilities: MySQLCapabilities, base: SettingsProfile, options: MySQLOptions, mode: PoolMode,
        policy: SessionStatePolicy, server: MySQLServerVersion?
    ) {
        self.capabilities = capabilities
        self.base = base
        settings = base
        self.options = options
        self.mode = mode
        self.policy = policy
        status = .autocommit
        lexer.server = server
        readSettings()
    }

    /// Which servers suit it, see `PoolMachine`.
    public var affinity: UInt64 { MySQLServerSession.affinity(settings, options) }

    /// Part of a command has been sent to the server and the rest has not come.
    public var isSendingMessage: Bool { streaming == .command || streaming == .file }

    /// A reply is owed to it.
    public var isAwaitingReply: Bool { awaitsReply }

    /// How many statements it has prepared.
    public var preparedCount: Int { statements.count }

    /// The text that runs says SET NAMES.
    var saysNames: Bool {
        running?.facts.statements.contains { statement in
            statement.effects.contains { if case .set("names", _) = $0 { true } else { false } }
        } ?? false
    }

    func more() -> MySQLClientExtra {
        if let extra { return extra }
        let made = MySQLClientExtra()
        extra = made
        return made
    }

    /// Its settings have changed: texts may read differently.
    func readSettings() {
        let mode = settings["sql_mode"]?.replay.map { String(decoding: $0, as: UTF8.self).uppercased() } ?? ""
        let isANSI = mode.contains("ANSI")
        lexer.ansiQuotes = isANSI
        lexer.noBackslashEscapes = mode.contains("NO_BACKSLASH_ESCAPES")
        let names = settings["character_set_client"] ?? settings[MySQLSettings.names]
        let text = names?.replay.map { String(decoding: $0, as: UTF8.self).lowercased() } ?? ""
        lexer.charset =
            text.split { !($0.isLetter || $0.isNumber) }.lazy.compactMap { MultibyteCharset(name: String($0)) }.first
    }
}

/// The parts of a client's session most clients never have.
final class MySQLClientExtra {
    /// Temporary tables it has made, by name.
    var temporaryTables: Set<String> = []
    /// Locks it may hold, by name; nil stands for names that are not known.
    var userLocks: Set<String> = []
    /// `PREPARE`d names.
    var preparedNames: Set<String> = []
    /// Open `HANDLER`s.
    var handlers = 0
}
