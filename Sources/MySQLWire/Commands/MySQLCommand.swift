/// The first byte of what a client sends (protocol documentation, "Command Phase"; MariaDB's own at the end).
public enum MySQLCommand: UInt8, Sendable, CaseIterable {
    case sleep = 0x00
    case quit = 0x01
    case initDatabase = 0x02
    case query = 0x03
    case fieldList = 0x04
    case createDatabase = 0x05
    case dropDatabase = 0x06
    case refresh = 0x07
    case shutdown = 0x08
    case statistics = 0x09
    case processInfo = 0x0A
    case connect = 0x0B
    case processKill = 0x0C
    case debug = 0x0D
    case ping = 0x0E
    case time = 0x0F
    case delayedInsert = 0x10
    case changeUser = 0x11
    case binlogDump = 0x12
    case tableDump = 0x13
    case connectOut = 0x14
    case registerReplica = 0x15
    case prepare = 0x16
    case execute = 0x17
    case sendLongData = 0x18
    case closeStatement = 0x19
    case resetStatement = 0x1A
    case setOption = 0x1B
    case fetch = 0x1C
    case daemon = 0x1D
    case binlogDumpGTID = 0x1E
    case resetConnection = 0x1F
    case clone = 0x20
    case groupReplicationStream = 0x21
    case bulkExecute = 0xFA

    /// Whether the server answers at all.
    public var hasReply: Bool {
        switch self {
        case .quit, .closeStatement, .sendLongData: false
        case .sleep, .initDatabase, .query, .fieldList, .createDatabase, .dropDatabase, .refresh, .shutdown,
            .statistics,
            .processInfo, .connect, .processKill, .debug, .ping, .time, .delayedInsert, .changeUser, .binlogDump,
            .tableDump, .connectOut, .registerReplica, .prepare, .execute, .resetStatement, .setOption, .fetch, .daemon,
            .binlogDumpGTID, .resetConnection, .clone, .groupReplicationStream, .bulkExecute:
            true
        }
    }

    /// Whether a server answers it with anything but error 1047: the others are names of what its own threads do.
    public var isSpoken: Bool {
        switch self {
        case .sleep, .connect, .time, .delayedInsert, .connectOut, .daemon: false
        case .quit, .initDatabase, .query, .fieldList, .createDatabase, .dropDatabase, .refresh, .shutdown, .statistics,
            .processInfo, .processKill, .debug, .ping, .changeUser, .binlogDump, .tableDump, .registerReplica, .prepare,
            .execute, .sendLongData, .closeStatement, .resetStatement, .setOption, .fetch, .binlogDumpGTID,
            .resetConnection, .clone, .groupReplicationStream, .bulkExecute:
            true
        }
    }
}

extension MySQLError {
    /// For a command byte nobody knows; the connection goes on.
    public static let unknownCommand = MySQLError(1047, "08S01", "Unknown command")
    /// For a command whose packet is not what it should be.
    public static let malformedPacket = MySQLError(1835, "HY000", "Malformed communication packet.")
    /// For a kind of execution that is not there.
    public static let notPrepared = MySQLError(
        1295, "HY000", "This command is not supported in the prepared statement protocol yet")
    /// For a statement id nobody gave out.
    public static func unknownStatement(_ id: UInt32, in function: String) -> MySQLError {
        MySQLError(1243, "HY000", "Unknown prepared statement handler (\(id)) given to \(function)")
    }
}
