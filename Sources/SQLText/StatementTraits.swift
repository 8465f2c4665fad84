/// What else there is to know of a MySQL statement, for a proxy that gives servers back between statements. What a
/// statement does to its session is among the effects; here is what it asks of the statement before it, and the oddities.
public struct StatementTraits: OptionSet, Sendable, Hashable {
    /// The traits as bits.
    public let rawValue: UInt32
    /// The traits of these bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Asks for the messages of the statement before: `SHOW WARNINGS`, `GET DIAGNOSTICS`, `@@warning_count`.
    public static let readsDiagnostics = StatementTraits(rawValue: 1)
    /// `SQL_CALC_FOUND_ROWS`, whose number `FOUND_ROWS()` asks for.
    public static let countsFoundRows = StatementTraits(rawValue: 2)
    /// `FOUND_ROWS()`.
    public static let readsFoundRows = StatementTraits(rawValue: 4)
    /// `ROW_COUNT()`.
    public static let readsRowCount = StatementTraits(rawValue: 8)
    /// `LAST_INSERT_ID()`, `@@identity`, MariaDB `LASTVAL`.
    public static let readsLastInsertID = StatementTraits(rawValue: 16)
    /// `CONNECTION_ID()`, `@@pseudo_thread_id`.
    public static let readsConnectionID = StatementTraits(rawValue: 32)
    /// User variables are read or written.
    public static let usesUserVariables = StatementTraits(rawValue: 64)
    /// `SET TRANSACTION`: holds for the next transaction, so the server must stay until that has begun.
    public static let nextTransaction = StatementTraits(rawValue: 128)
    /// Ends the transaction that is open (DDL, `LOCK TABLES`, …).
    public static let commitsImplicitly = StatementTraits(rawValue: 256)
    /// `AND CHAIN`: the next transaction begins at once.
    public static let chains = StatementTraits(rawValue: 512)
    /// `RELEASE`: the server ends the connection.
    public static let releasesConnection = StatementTraits(rawValue: 1024)
    /// `XA …`.
    public static let xa = StatementTraits(rawValue: 2048)
    /// `HANDLER …`.
    public static let handler = StatementTraits(rawValue: 4096)
    /// `LOAD DATA LOCAL`, `LOAD XML LOCAL`: the server will ask the client for a file.
    public static let wantsLocalFile = StatementTraits(rawValue: 8192)
    /// `KILL`: names a connection by its id.
    public static let kills = StatementTraits(rawValue: 16_384)
    /// Calls a routine, or runs a block, of which nothing can be seen from here.
    public static let callsRoutine = StatementTraits(rawValue: 32_768)
    /// `START TRANSACTION READ ONLY`.
    public static let readOnlyTransaction = StatementTraits(rawValue: 65_536)
    /// `SHOW PROCESSLIST`, `SHOW STATUS` and others that every server answers with its own truth.
    public static let serverOwnTruth = StatementTraits(rawValue: 131_072)
    /// MariaDB `NEXTVAL(s)`, `NEXT VALUE FOR s`: the session remembers the value, for `LASTVAL`.
    public static let usesSequence = StatementTraits(rawValue: 524_288)
    /// Names a MariaDB sequence: to the server, a table.
    public static let namesSequence = StatementTraits(rawValue: 16_777_216)
    /// May show `session_track_…`, which a proxy sets for its own use: the variables by name, `SHOW VARIABLES`.
    public static let readsTracking = StatementTraits(rawValue: 2_097_152)
    /// A `SELECT` stands somewhere behind its beginning.
    public static let selectsInside = StatementTraits(rawValue: 8_388_608)
    /// `SHOW CREATE …`, `SHOW GRANTS`, `SHOW WARNINGS`: rows that no `FOUND_ROWS()` counts.
    public static let showsOne = StatementTraits(rawValue: 4_194_304)
    /// `SET last_insert_id`: says what `LAST_INSERT_ID()` is from now on. A `.setComputed` is among the effects.
    public static let setsLastInsertID = StatementTraits(rawValue: 1_048_576)
    /// `SET insert_id`, `SET rand_seed1`: a later statement uses it up, so the server must stay until one that is no `SET`
    /// has run. A `.setComputed` is among the effects.
    public static let setsForNext = StatementTraits(rawValue: 262_144)
}
