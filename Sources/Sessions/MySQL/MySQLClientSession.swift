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

    /// Unique in the process and never used again.
    let serial = SessionSerial.next()
    /// What was agreed on.
    public let capabilities: MySQLCapabilities
    /// Settings it began with.
    public internal(set) var base: SettingsProfile
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
    /// The microseconds it has set `wait_timeout` to; 0 if it has not.
    public private(set) var waitTimeout: Int64 = 0
    /// `completion_type` is RELEASE: whatever ends a transaction ends the session.
    private(set) var releasesAlways = false
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
    /// The text being prepared, and the id it will have. `isUntold`: it was too long to be read.
    var preparing: (entry: StatementEntry, id: UInt32, isUntold: Bool)?
    var statements = MySQLClientStatements()
    /// Its statement is being ended, for what `extra` says.
    public var isBeingEnded = false
    /// How many statements it has run without a permit, behind others in one text.
    var extraStatements = 0
    /// What its statements are checked against; nil for nothing.
    public var rules: StatementRules?
    /// It may start one more statement.
    public var mayStart = false
    /// Its settings when the text that runs was sent, if that has effects.
    var before: SettingsProfile?
    /// The server said that its session has changed.
    var sawStateChange = false
    /// Behind MariaDB's `SET STATEMENT`: that its variables are what they were is told with the next change of any kind.
    var tellsLate = false
    /// What the server has told of in the reply under way.
    var reported: Set<String> = []
    /// What the statement before left to be asked for.
    var numbers = MySQLNumbers()
    /// What the server it used last still has for it.
    var debts: MySQLDebts = []
    /// What went with a server that ended before it was asked.
    var lost: MySQLDebts = []
    /// That server.
    public internal(set) var home: UInt64 = 0
    /// That server, while it is being asked; else 0.
    var asked: UInt64 = 0
    /// What is to be done when it has answered, or has ended.
    public var whenSettled: (() -> Void)?
    /// Its next statement asks for the diagnostics of the one before, and its server is another one.
    var wantsDiagnostics = false
    /// It asks for no more of them than SHOW WARNINGS shows.
    var wantsAsShown = false
    /// They are there as far as they could be made again.
    var hasMadeDiagnostics = false
    /// Its next statement may ask for `LAST_INSERT_ID()`, and its server has not got it.
    var wantsLastInsertID = false
    /// What SHOW WARNINGS shows, of a server that somebody else has used since.
    var warnings: MySQLCapture?
    /// What it shows instead, or behind those: errors of ours, of which no server knows.
    var ownErrors: [MySQLError] = []
    /// How often its COM_CHANGE_USER has failed.
    public var failedChanges = 0
    /// What `CONNECTION_ID()` says.
    let connectionID: UInt32
    /// What few clients have.
    var extra: MySQLClientExtra?
    /// Where what becomes of its statements is noted, if it is.
    public var trail: TrailSession?

    /// A session that has just logged in.
    public init(
        capabilities: MySQLCapabilities, base: SettingsProfile, options: MySQLOptions, mode: PoolMode,
        policy: SessionStatePolicy, server: MySQLServerVersion?, connectionID: UInt32
    ) {
        self.connectionID = connectionID
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

    /// It has a default schema.
    public var hasSchema: Bool { settings[MySQLSettings.database] != nil }

    /// It has ended its session together with a transaction: its connection is closed.
    public internal(set) var isReleased = false

    /// Servers and client speak MariaDB's dialect of the protocol.
    public var isOfMariaDB: Bool { lexer.server?.isMariaDB ?? !capabilities.contains(.mysql) }

    /// Its servers are MySQL of this version (80300 for 8.3.0) or later.
    func isOfMySQL(since version: UInt32) -> Bool { !isOfMariaDB && lexer.server.map { $0.number >= version } ?? true }

    /// A reply is owed to it.
    public var isAwaitingReply: Bool { awaitsReply }

    /// What `FOUND_ROWS()` says, as far as we know: MariaDB keeps it over COM_CHANGE_USER.
    public var foundRows: UInt64 {
        get { numbers.foundRows }
        set { numbers.foundRows = newValue }
    }

    /// How many statements it has prepared.
    public var preparedCount: Int { statements.count }

    /// The server said that something has changed, and not what.
    var isUnexplained: Bool { sawStateChange && reported.isEmpty }

    /// What runs may be in another schema for a while: that of a routine, or of a statement when it was prepared.
    var mayComeBack: Bool {
        executing != nil || running?.facts.statements.contains { $0.kind == .call || $0.kind == .execute } == true
    }

    /// The text that runs may take locks in a way that cannot be seen.
    var mentionsLocks: Bool {
        guard let running, running.textLength < 64 << 10 else { return true }
        let text = running.withText { String(decoding: $0.toArray(), as: UTF8.self).lowercased() }
        return text.contains("lock") || text.contains("handler") || text.contains(" from @")
    }

    /// Variables whose values the server must be asked for before another one can be given them, or what it is to forget.
    public var hasUnread: Bool { extra.map { !$0.unread.isEmpty || $0.endsAnnounced } ?? false }

    /// How many warnings a command that is no statement tells of: on MySQL, those since the last statement began.
    var warningsKept: UInt16 { isOfMariaDB ? 0 : numbers.recent }

    /// Its statement is being ended: it reads this in place of the server's error.
    public func isEnded(for reason: MySQLError) {
        isBeingEnded = true
        more().endsFor = reason
    }

    func more() -> MySQLClientExtra {
        if let extra { return extra }
        let made = MySQLClientExtra()
        extra = made
        return made
    }

    /// The server that was asked for what it has for this client will not say more.
    func settled() {
        asked = 0
        guard let resume = whenSettled else { return }
        whenSettled = nil
        resume()
    }

    /// Its settings have changed: texts may read differently.
    func readSettings() {
        waitTimeout = 0
        if let said = settings["wait_timeout"]?.replay, let equals = said.lastIndex(of: 0x3D) {
            let text = String(decoding: said[(equals &+ 1)...], as: UTF8.self).filter(\.isNumber)
            waitTimeout = min(Int64(text) ?? 0, 31_536_000) &* 1_000_000
        }
        let completion = settings["completion_type"]?.replay ?? []
        releasesAlways =
            completion.last == UInt8(ascii: "2")
            || String(decoding: completion, as: UTF8.self).uppercased().contains("RELEASE")
        let mode = settings["sql_mode"]?.replay.map { String(decoding: $0, as: UTF8.self).uppercased() } ?? ""
        let isANSI = mode.contains("ANSI")
        lexer.ansiQuotes = isANSI
        lexer.noBackslashEscapes = mode.contains("NO_BACKSLASH_ESCAPES")
        let text =
            settings["character_set_client"]?.replay.map { String(decoding: $0, as: UTF8.self).lowercased() } ?? ""
        lexer.charset =
            text.split { !($0.isLetter || $0.isNumber) }.lazy.compactMap { MultibyteCharset(name: String($0)) }.first
    }
}

/// The parts of a client's session most clients never have.
final class MySQLClientExtra {
    /// What is told of a statement that is being ended.
    var endsFor: MySQLError?
    private struct Name: Hashable {
        let kind: SessionStateKinds
        let name: String
    }

    /// What it has made and not ended, and how often: locks of one name are taken and released one by one.
    private var named: [Name: Int] = [:]
    /// Kinds of which it has something without a name.
    private var unnamed: SessionStateKinds = []
    /// What the client wants to be told of its session.
    var tracking = SessionTracking()

    /// Variables that were set to something computed.
    var unread: Set<String> = []
    /// `SET insert_id` was its last statement.
    var hasJustSetInsertID = false
    /// It may have been set to 0, which on MySQL is an id like others, and reads like none.
    var mayBeInsertIDZero = false
    /// What SET TRANSACTION said of the next transaction may have been used up, or not.
    var endsAnnounced = false
    /// The server that has been given the client's values of `session_track_…`, for the statement in front alone.
    var trackingBy: UInt64 = 0

    /// More names than this are as good as none.
    private static let limit = 1024

    func add(_ kind: SessionStateKinds, _ name: String? = nil) {
        guard let name, named.count < Self.limit else {
            unnamed.insert(kind)
            return
        }
        let counts = kind == .advisoryLocks
        named[Name(kind: kind, name: name), default: 0] =
            counts ? named[Name(kind: kind, name: name), default: 0] &+ 1 : 1
    }

    /// The server is asked what `SET insert_id` has made of it.
    func noteInsertID(_ statement: Statement) {
        guard statement.effects.contains(.setComputed(name: MySQLSettings.insertID)) else { return }
        unread.insert(MySQLSettings.insertID)
        hasJustSetInsertID = true
        mayBeInsertIDZero = true
    }

    /// One of that name is gone; without a name all of the kind.
    func remove(_ kind: SessionStateKinds, _ name: String?) {
        guard let name else { return removeAll(kind) }
        let key = Name(kind: kind, name: name)
        guard let count = named[key] else { return }
        named[key] = count > 1 ? count &- 1 : nil
    }

    /// One it has made, if it is one, has another name now.
    func rename(_ kind: SessionStateKinds, _ from: String, to name: String?) {
        guard named.removeValue(forKey: Name(kind: kind, name: from)) != nil else { return }
        add(kind, name)
    }

    func removeAll(_ kind: SessionStateKinds) {
        unnamed.remove(kind)
        if !named.isEmpty { named = named.filter { $0.key.kind != kind } }
    }

    /// What of it keeps the client on its server.
    var pins: MySQLPins {
        var kinds = unnamed
        for name in named.keys { kinds.insert(name.kind) }
        return MySQLPins(kinds)
    }
}

extension MySQLClientSession {
    /// A table's name with its schema.
    func qualified(_ table: String) -> String {
        if table.contains(".") { return table }
        let schema = settings[MySQLSettings.database]?.replay.map { String(decoding: $0, as: UTF8.self) } ?? ""
        return schema + "." + table
    }
}
