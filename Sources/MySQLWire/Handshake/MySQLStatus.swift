/// The state of a server session, in every OK and EOF packet (protocol documentation, "SERVER_STATUS_flags_enum").
public struct MySQLStatus: OptionSet, Sendable, Hashable {
    /// The flags as bits.
    public let rawValue: UInt16
    /// The flags of these bits.
    @inlinable @inline(__always) public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// What is said of the session, and not of the statement before.
    public static let ofSession = MySQLStatus(rawValue: 0xA303)
    public static let inTransaction = MySQLStatus(rawValue: 0x0001)
    public static let autocommit = MySQLStatus(rawValue: 0x0002)
    /// Another result follows.
    public static let moreResults = MySQLStatus(rawValue: 0x0008)
    public static let noGoodIndex = MySQLStatus(rawValue: 0x0010)
    public static let noIndex = MySQLStatus(rawValue: 0x0020)
    /// An execution opened a cursor, from which rows can be fetched.
    public static let cursorExists = MySQLStatus(rawValue: 0x0040)
    public static let lastRowSent = MySQLStatus(rawValue: 0x0080)
    public static let databaseDropped = MySQLStatus(rawValue: 0x0100)
    public static let noBackslashEscapes = MySQLStatus(rawValue: 0x0200)
    public static let metadataChanged = MySQLStatus(rawValue: 0x0400)
    public static let slowQuery = MySQLStatus(rawValue: 0x0800)
    /// The result set holds the OUT parameters of a procedure.
    public static let outParameters = MySQLStatus(rawValue: 0x1000)
    public static let inReadOnlyTransaction = MySQLStatus(rawValue: 0x2000)
    /// The OK packet says what changed in the session.
    public static let sessionStateChanged = MySQLStatus(rawValue: 0x4000)
    /// MariaDB: `sql_mode` has ANSI_QUOTES.
    public static let ansiQuotes = MySQLStatus(rawValue: 0x8000)
}
