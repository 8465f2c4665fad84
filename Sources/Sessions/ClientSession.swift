import ByteKit
import PostgresWire
public import SQLText
public import Settings

/// A prepared statement as one client knows it.
struct ClientStatement {
    /// The text it stands for: of the Parse message, or the whole PREPARE statement.
    let entry: StatementEntry
    /// For statements made by SQL PREPARE: the PREPARE statement under the server's name, to be run on other servers.
    let sqlDefinition: [UInt8]?
}

/// What one PostgreSQL client's session consists of beyond its server connection: settings, prepared statements, what
/// pins it. Lives as long as the client; says nothing of sockets.
///
/// Small on purpose: thousands of clients are idle at any time, so what only few need is in `extra`.
public final class ClientSession {
    /// Settings from the start-up packet, to which RESET goes back.
    public internal(set) var base: SettingsProfile
    /// Settings in force for this client.
    public internal(set) var settings: SettingsProfile
    /// The ParameterStatus values the client has been told.
    public var status: StatusBlock
    /// What the last Parse of the unnamed statement was, if that statement still exists for this client.
    var unnamed: StatementEntry?
    /// How often it was dropped for certain: an error that undoes what was sent before must not bring it back.
    var unnamedDrops: UInt32 = 0
    /// Named statements.
    var prepared: NameTable<ClientStatement>?
    /// What few clients have.
    var extra: ClientExtra?
    /// Where what becomes of its statements is noted, if it is.
    public var trail: TrailSession?
    /// Bytes of the message being streamed to the server that are still to come.
    var passThrough = 0
    /// The streamed message goes nowhere.
    var passDiscarded = false
    /// It was refused in the middle of a batch: everything up to its Sync is discarded.
    var isSkippingAlone = false
    /// It may start one more statement.
    public var mayStart = false
    /// How many statements it has run without a permit, behind others in one text.
    var extraStatements = 0
    /// What its statements are checked against; nil for nothing.
    public var rules: StatementRules?
    /// When servers are given back.
    public let mode: PoolMode
    /// What to do with state that cannot be replayed.
    public let policy: SessionStatePolicy

    /// A session that has just logged in.
    public init(base: SettingsProfile, status: StatusBlock, mode: PoolMode, policy: SessionStatePolicy) {
        self.base = base
        settings = base
        self.status = status
        self.mode = mode
        self.policy = policy
    }

    /// Why the client keeps its server; empty when it does not.
    public var pins: SessionStateKinds { extra?.pins ?? [] }

    /// Nothing about it is out of the ordinary: it listens to nothing, nothing pins it or may do so, and its servers are
    /// given back after each transaction or statement.
    public var isPlain: Bool { extra == nil && mode != .session }

    /// Part of a message has been sent to the server and the rest has not come.
    public var isSendingMessage: Bool { passThrough > 0 && !passDiscarded }

    /// How many statements it has prepared.
    public var preparedCount: Int { prepared?.count ?? 0 }

    func more() -> ClientExtra {
        if let extra { return extra }
        let made = ClientExtra()
        extra = made
        return made
    }
}

/// The parts of a client's session most clients never have.
final class ClientExtra {
    /// Session state known to live in the server session.
    var pins: SessionStateKinds = []
    /// Session state that may have come or gone since the server was last asked.
    var suspects: SessionStateKinds = []
    /// What the client calls statements that SQL text names, by serial.
    var sqlNames: [UInt64: String] = [:]
    /// Where the names in texts were replaced, by the serial of the text as the server has it.
    var shifts: [UInt64: [RenamedText.Shift]] = [:]
    /// What PREPAREs that were understood define, by serial.
    var definitions: [UInt64: ClientStatement] = [:]
    /// Code has run that nobody here has read: it may have made settings of any name.
    var hasRunCode = false
    /// Settings whose values must be read back from the server.
    var unread: Set<String> = []
    /// What the next statement is answered with.
    var refusal: PostgresError?
    /// What the client reads in place of the server's error when its statement is cancelled.
    var cancelReason: PostgresError?
    /// Settings before the transaction's first change, to return to when it rolls back.
    var beforeTransaction: SettingsPair?
    /// Settings at each savepoint, oldest first.
    var savepoints: [(name: String, settings: SettingsPair, channels: Int)] = []
    /// Channels it listens to.
    var listening: Listening?
    /// What the portals that matter (their statement has effects) were bound to; the unnamed one has an empty name.
    var portals: NameTable<StatementEntry>?
}

/// A client's settings and its server's at one moment.
struct SettingsPair {
    let client: SettingsProfile
    let server: SettingsProfile
}
