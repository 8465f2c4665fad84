public import ByteKit

/// The commands whose packets are a few fields. Each reads a payload, the command byte included.
public enum SmallCommand {
    /// COM_STMT_FETCH.
    public struct Fetch: Equatable, Sendable {
        public let statement: UInt32
        public let rows: UInt32

        public init(parsing payload: RawSpan) throws(MySQLWireError) {
            guard payload.byteCount >= 9 else { throw .truncated(.command) }
            statement = payload.le32(at: 1)
            rows = payload.le32(at: 5)
        }
    }

    /// COM_STMT_SEND_LONG_DATA; the data goes from `data` to the end of the payload.
    public struct LongData: Equatable, Sendable {
        public let statement: UInt32
        public let parameter: UInt16
        public let data = 7

        public init(parsing payload: RawSpan) throws(MySQLWireError) {
            guard payload.byteCount >= 7 else { throw .truncated(.command) }
            statement = payload.le32(at: 1)
            parameter = payload.le16(at: 5)
        }
    }

    /// COM_SET_OPTION.
    public enum Option: UInt16, Sendable {
        case multiStatementsOn = 0
        case multiStatementsOff = 1

        public init(parsing payload: RawSpan) throws(MySQLWireError) {
            guard payload.byteCount >= 3 else { throw .truncated(.command) }
            guard let option = Option(rawValue: payload.le16(at: 1)) else { throw .malformed(.command) }
            self = option
        }
    }

    /// COM_FIELD_LIST.
    public struct FieldList: Equatable, Sendable {
        public let table: Range<Int>
        public let wildcard: Range<Int>

        public init(parsing payload: RawSpan) throws(MySQLWireError) {
            var cursor = ByteCursor(payload)
            guard cursor.u8() != nil, let table = cursor.cString() else { throw .truncated(.command) }
            self.table = table
            wildcard = cursor.rest()
        }
    }

    /// COM_PROCESS_KILL: the connection to be ended.
    public static func processKill(_ payload: RawSpan) throws(MySQLWireError) -> UInt32 {
        guard payload.byteCount >= 5 else { throw .truncated(.command) }
        return payload.le32(at: 1)
    }

    /// COM_INIT_DB: the name of the database. MySQL 5.0's clients sent a NUL behind it.
    public static func initDatabase(_ payload: RawSpan) throws(MySQLWireError) -> Range<Int> {
        guard payload.byteCount >= 1 else { throw .truncated(.command) }
        let end = payload.byteCount
        return payload.firstIndex(of: 0, from: 1, to: end).map { 1..<$0 } ?? 1..<end
    }
}

/// COM_BINLOG_DUMP and COM_BINLOG_DUMP_GTID.
public struct BinlogDumpCommand: Equatable, Sendable {
    public let flags: UInt16
    public let serverID: UInt32
    public let file: Range<Int>
    public let position: UInt64
    /// The GTID set, where the command has one.
    public let gtids: Range<Int>?

    /// Ends with an EOF packet instead of waiting for more.
    public var doesNotBlock: Bool { flags & 1 != 0 }

    public init(parsing payload: RawSpan) throws(MySQLWireError) {
        var cursor = ByteCursor(payload)
        guard let command = cursor.u8() else { throw .truncated(.binlogDump) }
        if command == MySQLCommand.binlogDump.rawValue {
            guard let position = cursor.le32(), let flags = cursor.le16(), let server = cursor.le32() else {
                throw .truncated(.binlogDump)
            }
            self.position = UInt64(position)
            self.flags = flags
            serverID = server
            file = cursor.rest()
            gtids = nil
            return
        }
        guard command == MySQLCommand.binlogDumpGTID.rawValue else { throw .malformed(.binlogDump) }
        guard let flags = cursor.le16(), let server = cursor.le32(), let length = cursor.le32(),
            let file = cursor.take(Int(length)), let position = cursor.le64()
        else { throw .truncated(.binlogDump) }
        self.flags = flags
        serverID = server
        self.file = file
        self.position = position
        // Only with BINLOG_THROUGH_GTID, and servers look whether it is there.
        if let size = cursor.le32() {
            guard let set = cursor.take(Int(size)) else { throw .truncated(.binlogDump) }
            gtids = set
        } else {
            gtids = nil
        }
    }
}

/// COM_REGISTER_SLAVE.
public struct RegisterReplicaCommand: Equatable, Sendable {
    public let serverID: UInt32
    public let host: Range<Int>
    public let user: Range<Int>
    public let password: Range<Int>
    public let port: UInt16

    public init(parsing payload: RawSpan) throws(MySQLWireError) {
        var cursor = ByteCursor(payload)
        guard cursor.u8() != nil, let id = cursor.le32(), let host = cursor.byteCounted(),
            let user = cursor.byteCounted(), let password = cursor.byteCounted(), let port = cursor.le16(),
            cursor.le32() != nil, cursor.le32() != nil
        else { throw .truncated(.registerReplica) }
        serverID = id
        self.host = host
        self.user = user
        self.password = password
        self.port = port
    }
}

extension ByteWriter {
    /// A whole packet of a command and what follows its byte.
    public mutating func command(_ command: MySQLCommand, _ body: [UInt8] = []) {
        let mark = beginPacket(0)
        u8(command.rawValue)
        raw(body)
        endPacket(mark)
    }

    /// A whole packet of a command whose body is a statement's id (COM_STMT_CLOSE, COM_STMT_RESET).
    public mutating func command(_ command: MySQLCommand, statement id: UInt32) {
        let mark = beginPacket(0)
        u8(command.rawValue)
        le32(id)
        endPacket(mark)
    }

    /// A whole COM_QUERY.
    public mutating func query(_ text: String, _ capabilities: MySQLCapabilities = []) {
        let mark = beginPacket(0)
        u8(MySQLCommand.query.rawValue)
        if capabilities.contains(.queryAttributes) {
            u8(0)
            u8(1)
        }
        self.text(text)
        endPacket(mark)
    }

    /// A whole COM_SET_OPTION.
    public mutating func setOption(_ option: SmallCommand.Option) {
        let mark = beginPacket(0)
        u8(MySQLCommand.setOption.rawValue)
        le16(option.rawValue)
        endPacket(mark)
    }
}
