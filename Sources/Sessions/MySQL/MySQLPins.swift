import SQLText

/// Why a MySQL client keeps its server: state that lives in the server's session and cannot be made again in another.
public struct MySQLPins: OptionSet, Sendable, Hashable {
    /// The reasons as bits.
    public let rawValue: UInt16
    /// The reasons of these bits.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let temporaryTables = MySQLPins(rawValue: 1)
    /// `GET_LOCK`.
    public static let userLocks = MySQLPins(rawValue: 2)
    /// `LOCK TABLES`, `FLUSH TABLES WITH READ LOCK`, backup locks.
    public static let tableLocks = MySQLPins(rawValue: 4)
    /// Variables whose values were computed.
    public static let userVariables = MySQLPins(rawValue: 8)
    /// `PREPARE` in SQL.
    public static let preparedText = MySQLPins(rawValue: 16)
    /// An execution whose rows are fetched.
    public static let cursors = MySQLPins(rawValue: 32)
    /// COM_STMT_SEND_LONG_DATA whose statement was not executed yet.
    public static let longData = MySQLPins(rawValue: 64)
    /// `SET TRANSACTION`, until that transaction is over.
    public static let nextTransaction = MySQLPins(rawValue: 128)
    /// `XA START` until the transaction is committed or rolled back.
    public static let xa = MySQLPins(rawValue: 256)
    /// `HANDLER … OPEN`.
    public static let handlers = MySQLPins(rawValue: 512)
    /// `SQL_CALC_FOUND_ROWS`, whose number may be asked for until another `SELECT` has one.
    public static let foundRows = MySQLPins(rawValue: 1024)
    /// Something that cannot be told from the text.
    public static let unknown = MySQLPins(rawValue: 2048)

    /// `SET insert_id` and its like, for the next statement that is no SET.
    public static let nextStatement = MySQLPins(rawValue: 4096)
    /// `LOCK INSTANCE FOR BACKUP`, `BACKUP STAGE`.
    public static let backupLocks = MySQLPins(rawValue: 8192)

    /// A sequence's next value was taken, which `LASTVAL` tells.
    public static let sequences = MySQLPins(rawValue: 16_384)

    /// What is told by what the client has made and not ended.
    static let held: MySQLPins = [
        .temporaryTables, .userLocks, .tableLocks, .userVariables, .preparedText, .xa, .handlers, .unknown,
        .backupLocks,
    ]

    /// The reasons that state of these kinds is.
    init(_ kinds: SessionStateKinds) {
        self = []
        let all: [(SessionStateKinds, MySQLPins)] = [
            (.temporaryTables, .temporaryTables), (.advisoryLocks, .userLocks), (.tableLocks, .tableLocks),
            (.globalReadLock, .tableLocks), (.backupLocks, .backupLocks), (.userVariables, .userVariables),
            (.preparedStatements, .preparedText), (.xa, .xa), (.handlers, .handlers), (.unknown, .unknown),
        ]
        for (kind, pin) in all where kinds.contains(kind) { insert(pin) }
    }

    private static let texts: [(MySQLPins, String)] = [
        (.temporaryTables, "temporary tables"), (.userLocks, "GET_LOCK"), (.tableLocks, "table locks"),
        (.userVariables, "user variables"), (.preparedText, "PREPARE"), (.cursors, "open cursor"),
        (.longData, "long data"), (.nextTransaction, "SET TRANSACTION"), (.xa, "XA transaction"),
        (.handlers, "HANDLER"), (.nextStatement, "SET for the next statement"),
        (.backupLocks, "backup lock"), (.sequences, "LASTVAL of a sequence"), (.foundRows, "SQL_CALC_FOUND_ROWS"),
        (.unknown, "unknown state"),
    ]

    /// For people.
    public var reason: String { Self.texts.filter { contains($0.0) }.map(\.1).joined(separator: ", ") }
}

/// What a session's connection was opened or switched with, apart from variables.
public struct MySQLOptions: OptionSet, Sendable, Hashable {
    /// The options as bits.
    public let rawValue: UInt8
    /// The options of these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `CLIENT_FOUND_ROWS`: decided when a server connection is opened.
    public static let foundRows = MySQLOptions(rawValue: 1)
    /// Several statements in a text: switched with COM_SET_OPTION.
    public static let multiStatements = MySQLOptions(rawValue: 2)
    /// Without `CLIENT_MULTI_RESULTS`, which no client of today is: decided when a server connection is opened.
    public static let singleResults = MySQLOptions(rawValue: 4)
    /// What only a new connection can change.
    public static let ofOpening: MySQLOptions = [.foundRows, .singleResults]
}
