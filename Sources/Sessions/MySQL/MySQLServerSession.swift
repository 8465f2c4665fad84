import ByteKit
public import MySQLWire
public import SQLText

/// A command of the proxy's own on its way to a server, or just answered.
enum MySQLHidden: Equatable {
    /// Must succeed; an error of it is kept for who asked.
    case plain
    /// COM_STMT_PREPARE for the client's statement of this key.
    case prepare(MySQLStatementKey)
    /// Whatever comes of it.
    case ignored
    /// Rows are gathered.
    case query
    /// The whole reply is kept as it is.
    case capture
}

/// What one MySQL server connection is between us and the server: its settings, prepared statements, and whose reply it
/// owes. Says nothing of sockets.
public final class MySQLServerSession {
    /// Whose reply comes next.
    enum Owner: Equatable {
        case nobody, client
        case hidden
    }

    /// Unique in the process and never used again.
    let serial = SessionSerial.next()
    /// What was agreed on.
    public let capabilities: MySQLCapabilities
    /// Family and version; nil if its greeting makes no sense of it.
    public let version: MySQLServerVersion?
    /// Its number at the server.
    public let connectionID: UInt32
    /// What its session has set.
    public internal(set) var settings: SettingsProfile
    /// What it was opened and switched with.
    public internal(set) var options: MySQLOptions
    /// As last heard.
    public internal(set) var status: MySQLStatus
    /// Without autocommit a statement that fails may have begun a transaction, which its error does not tell.
    var mayHaveBegun = false
    /// What it has prepared.
    var statements: MySQLServerStatements
    /// The statement whose reply is under way, where it is recorded.
    var audited: OpenStatement?
    /// What a trail knows it as.
    public var place = ServerPlace()
    /// How many bytes it has answered with, and how many when the statement before ended.
    var replied: UInt64 = 0
    var repliedBefore: UInt64 = 0
    /// How many bytes of a file it was sent.
    var copied: UInt64 = 0
    /// How many rows of the reply were those of statements before.
    var rowsBefore: UInt64 = 0

    var tracker: ReplyTracker
    var stream = PacketStream()
    var owner = Owner.nobody
    /// Hidden commands sent and not answered, the first of them being answered.
    var hidden: [(kind: MySQLHidden, command: MySQLCommand)] = []
    /// The first error a hidden command was answered with, since it was last taken.
    var hiddenError: ErrorPacket?
    /// What hidden queries were answered with: payloads of rows.
    var gathered: [[UInt8]] = []
    var gatheredBytes = 0
    /// Replies kept as they are.
    var captured: [UInt8] = []
    /// What its last client has left here and may ask for; nobody else may see it.
    private(set) var owed: MySQLDebts = []
    /// That client. Looked at only if something is owed: weak references cost.
    private(set) weak var debtor: MySQLClientSession?
    /// What it has been asked for of that.
    var askedFor: MySQLDebts = []
    /// Whose `LAST_INSERT_ID()` it has for certain. With nobody's it has 0, or what its client has made since.
    var lastInsertIDOwner: UInt64 = 0
    /// Who used it last.
    var lastClient: UInt64 = 0
    /// For a client whose capabilities are other than the server's.
    var translator: ReplyTranslator?
    /// EOF packets are made or left out, so that rows are not always as they lie.
    var translatesEOF = false
    /// What is added to sequence ids, since packets were left out or put in.
    var shift: UInt8 = 0
    /// Nothing of the client's reply has been sent to it.
    var isReplyUntouched = true
    /// A piece of a payload that is not for the client, or is, goes on.
    var dropsRest = false
    /// How much of the answer to the statement under way has come; only where the client's application has limits.
    var answer = AnswerSize()
    /// That was too much, and the client has been told so: the rest of the reply is for nobody.
    public internal(set) var isCut = false
    /// It has something that not even a reset takes away: it serves its client to the end, and nobody else.
    public var isSpoiled = false
    /// Nothing of ours has run since its last client's statement that would show in `ROW_COUNT()`.
    var hasNumbers = false
    /// What the OK packet of the statement under way makes `FOUND_ROWS()`.
    var matchedRows: UInt64 = 0
    /// Whose statement has set what `FOUND_ROWS()` says here; 0 if nobody's.
    var foundRowsOwner: UInt64 = 0
    /// It has warnings or an error of its last client, which SHOW WARNINGS would show.
    var hasDiagnostics = false
    /// Statements of another worker's clients, to be closed.
    var strangers: [UInt32] = []
    /// It can be asked to tell of changes to its session.
    public var canTrack: Bool
    /// It tells of every change to its session.
    var tracks = false
    /// Its session state cannot be told any more: it is reset before another client gets it.
    public var isDirty = false

    /// How much hidden queries may gather.
    static let gatherLimit = 1 << 20

    /// A connection that is logged in with these settings.
    public init(
        capabilities: MySQLCapabilities, version: MySQLServerVersion?, connectionID: UInt32, status: MySQLStatus,
        settings: SettingsProfile, options: MySQLOptions, statementLimit: Int
    ) {
        self.capabilities = capabilities
        self.version = version
        self.connectionID = connectionID
        self.status = status
        self.settings = settings
        self.options = options
        tracker = ReplyTracker(capabilities)
        canTrack = capabilities.contains(.sessionTrack)
        statements = MySQLServerStatements(limit: statementLimit)
    }

    /// What becomes of the statement that runs is noted.
    public var hasStatementOnRecord: Bool { audited != nil }

    /// No reply is owed to anybody.
    public var isQuiet: Bool { owner == .nobody && hidden.isEmpty && stream.isBetweenPayloads }

    /// No reply is owed and no transaction is open.
    public var isClean: Bool { isQuiet && !isInTransaction }

    /// Whether a transaction is open has to be asked for (`askUnread`).
    public var isUnsureOfTransaction: Bool { mayHaveBegun && !status.contains(.inTransaction) }

    /// A transaction is open, or may be.
    public var isInTransaction: Bool { status.contains(.inTransaction) || mayHaveBegun }

    /// It is known to have these settings.
    public func adopt(_ settings: SettingsProfile) { self.settings = settings }

    /// Something of the client's reply has been sent to it.
    public var isReplyBegun: Bool { owner == .client && !isReplyUntouched }

    /// The client's reply is owed.
    public var owesClient: Bool { owner == .client }

    /// How many statements it has prepared.
    public var preparedCount: Int { statements.count &+ strangers.count }

    /// Which servers suit whom, see `PoolMachine`.
    public var affinity: UInt64 { Self.affinity(settings, options) }

    static func affinity(_ settings: SettingsProfile, _ options: MySQLOptions) -> UInt64 {
        settings.affinity << 3 | UInt64(options.rawValue & 7)
    }

    /// The error of a hidden command, which is forgotten with it.
    public func takeHiddenError() -> ErrorPacket? {
        defer { hiddenError = nil }
        return hiddenError
    }

    /// The rows of hidden queries, which are forgotten with it.
    public func takeGathered() -> [[UInt8]] {
        defer {
            gathered = []
            gatheredBytes = 0
        }
        return gathered
    }

    func takeCaptured() -> [UInt8] {
        defer { captured = [] }
        // One that did not fit is of no use.
        return captured.count < Self.gatherLimit ? captured : []
    }

    /// What SHOW WARNINGS would show there is for nobody.
    func hasDiagnosticsOfNobody() {
        hasDiagnostics = true
        lastClient = 0
    }

    /// It has that for its client.
    func owe(_ what: MySQLDebts, to client: MySQLClientSession) {
        owed = what
        if debtor !== client { debtor = client }
    }

    /// It does not owe that any more.
    func settled(_ what: MySQLDebts) {
        owed.subtract(what)
        if what.contains(.lastInsertID) { lastInsertIDOwner = 0 }
        if owed.isEmpty { debtor = nil }
    }

    /// It has ended: what it owed is lost.
    public func ended() {
        guard !owed.isEmpty else { return }
        if let debtor, debtor.home == serial {
            debtor.lost.formUnion(debtor.debts)
            debtor.debts = []
        }
        let waiting = debtor?.asked == serial ? debtor : nil
        settled(owed)
        waiting?.settled()
    }

    /// Somebody is there who may ask for what it has left.
    public var owesSomebody: Bool { !owed.isEmpty && debtor != nil }

    /// What the client needs can only be had by a new connection: another schema than none, another way to count rows.
    public func mustReopen(for client: MySQLClientSession) -> Bool {
        options.intersection(.ofOpening) != client.options.intersection(.ofOpening)
            || settings[MySQLSettings.database] != nil && client.settings[MySQLSettings.database] == nil
    }

    /// Somebody else than `client` may still ask for what is left here.
    public func owesOthers(than client: MySQLClientSession?) -> Bool {
        // A client that has been elsewhere since has other things there.
        !owed.isEmpty && (client == nil || debtor !== client || client?.home != serial)
    }

    /// A command of the client was sent.
    func begin(_ command: MySQLCommand) {
        owner = .client
        tracker.begin(command)
        shift = 0
        isReplyUntouched = true
    }

    /// A hidden command was sent; hidden ones are answered before what the client sends behind them.
    func beginHidden(_ kind: MySQLHidden, _ command: MySQLCommand, keepsFoundRows: Bool = false) {
        if command != .prepare {
            hasNumbers = false
            if command != .ping, !keepsFoundRows { foundRowsOwner = 0 }
        }
        if hidden.isEmpty {
            owner = .hidden
            tracker.begin(command)
        }
        hidden.append((kind, command))
    }
}

/// A server's session on its way to another worker: plain values, nothing of either.
public struct MySQLMovedSession: Sendable {
    let capabilities: MySQLCapabilities
    let version: MySQLServerVersion?
    let connectionID: UInt32
    let status: MySQLStatus
    let settings: [SettingEntry]
    let options: MySQLOptions
    let statementLimit: Int
    /// What it has prepared for clients of its worker, which nobody else can use.
    let prepared: [UInt32]
    let tracks: Bool
    let canTrack: Bool
    let hasDiagnostics: Bool
}

extension MySQLServerSession {
    /// What another worker needs to go on with it.
    public func moved() -> MySQLMovedSession {
        MySQLMovedSession(
            capabilities: capabilities, version: version, connectionID: connectionID, status: status,
            settings: settings.entries, options: options, statementLimit: statements.limit,
            prepared: statements.ids + strangers,
            tracks: tracks, canTrack: canTrack, hasDiagnostics: hasDiagnostics)
    }

    /// A connection that another worker has sent.
    public convenience init(_ moved: MySQLMovedSession, _ environment: MySQLEnvironment) {
        self.init(
            capabilities: moved.capabilities, version: moved.version, connectionID: moved.connectionID,
            status: moved.status, settings: environment.profiles.intern(moved.settings), options: moved.options,
            statementLimit: moved.statementLimit)
        strangers = moved.prepared
        tracks = moved.tracks
        canTrack = moved.canTrack
        hasDiagnostics = moved.hasDiagnostics
    }
}
