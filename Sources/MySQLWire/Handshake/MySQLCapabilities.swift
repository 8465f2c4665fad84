/// What a peer can do (protocol documentation, "Capabilities Flags"): the low 32 bits are MySQL's, the high 32 MariaDB's
/// extended ones, which mean something only if `mysql` is unset on both sides.
public struct MySQLCapabilities: OptionSet, Sendable, Hashable {
    /// The capabilities as bits.
    public let rawValue: UInt64
    /// The capabilities of these bits.
    @inlinable @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// `CLIENT_LONG_PASSWORD`; a peer that leaves it out says that it is MariaDB.
    public static let mysql = bit(0)
    /// `CLIENT_FOUND_ROWS`: affected rows are the rows found.
    public static let foundRows = bit(1)
    public static let longFlag = bit(2)
    public static let connectWithDatabase = bit(3)
    public static let noSchema = bit(4)
    /// `CLIENT_COMPRESS`: zlib.
    public static let compress = bit(5)
    public static let odbc = bit(6)
    public static let localFiles = bit(7)
    public static let ignoreSpace = bit(8)
    public static let protocol41 = bit(9)
    public static let interactive = bit(10)
    public static let tls = bit(11)
    public static let ignoreSigpipe = bit(12)
    public static let transactions = bit(13)
    public static let reserved = bit(14)
    /// `CLIENT_SECURE_CONNECTION`, lately `CLIENT_RESERVED2`: authentication since 4.1.
    public static let secureConnection = bit(15)
    public static let multiStatements = bit(16)
    public static let multiResults = bit(17)
    public static let preparedMultiResults = bit(18)
    public static let pluginAuth = bit(19)
    public static let connectAttributes = bit(20)
    public static let pluginAuthLengthEncoded = bit(21)
    public static let expiredPasswords = bit(22)
    public static let sessionTrack = bit(23)
    public static let deprecateEOF = bit(24)
    public static let optionalMetadata = bit(25)
    public static let zstd = bit(26)
    public static let queryAttributes = bit(27)
    public static let multiFactor = bit(28)
    public static let capabilityExtension = bit(29)
    public static let verifyServerCertificate = bit(30)
    public static let rememberOptions = bit(31)

    /// MariaDB: error packets with code 0xFFFF tell how far a statement is.
    public static let mariadbProgress = bit(32)
    /// MariaDB: `COM_STMT_BULK_EXECUTE`.
    public static let mariadbBulk = bit(34)
    /// MariaDB: column definitions with one more field.
    public static let mariadbExtendedMetadata = bit(35)
    /// MariaDB: result sets may leave their column definitions out.
    public static let mariadbCacheMetadata = bit(36)
    /// MariaDB: a bulk execution answers with one result a row.
    public static let mariadbBulkUnitResults = bit(37)

    private static func bit(_ number: UInt64) -> MySQLCapabilities { MySQLCapabilities(rawValue: 1 << number) }

    /// What MySQL and MariaDB share, as the 32 bits of the handshake.
    public var base: UInt32 { UInt32(truncatingIfNeeded: rawValue) }

    /// MariaDB's part, as the 32 bits of the handshake.
    public var extended: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }

    /// Both parts together.
    public init(base: UInt32, extended: UInt32 = 0) {
        self.init(rawValue: UInt64(base) | UInt64(extended) << 32)
    }

    /// What holds between a server that offered `self` and a client that asked for `client`.
    public func agreed(with client: MySQLCapabilities) -> MySQLCapabilities {
        let both = intersection(client)
        let isMariaDB = !contains(.mysql) && !client.contains(.mysql)
        return isMariaDB ? both : MySQLCapabilities(base: both.base)
    }
}
