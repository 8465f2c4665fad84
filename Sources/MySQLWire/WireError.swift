/// Why bytes are not what the protocol says. Says which packet, never what was in it.
public enum MySQLWireError: Error, Equatable, Sendable {
    /// The packet ends before all of it has been read, or a length in it leads past its end.
    case truncated(MySQLPacketName)
    /// A field has a value the protocol does not know.
    case malformed(MySQLPacketName)
    /// More of something than is accepted here.
    case excessive(MySQLPacketName)
    /// A form of the packet that is not spoken any more (protocol 3.20, protocol 9).
    case unsupported(MySQLPacketName)
}

/// The packets errors are about.
public enum MySQLPacketName: String, Sendable {
    case handshake = "handshake"
    case handshakeResponse = "handshake response"
    case connectionAttributes = "connection attributes"
    case authSwitch = "authentication switch request"
    case command = "command"
    case query = "COM_QUERY"
    case execute = "COM_STMT_EXECUTE"
    case bulkExecute = "COM_STMT_BULK_EXECUTE"
    case changeUser = "COM_CHANGE_USER"
    case binlogDump = "COM_BINLOG_DUMP"
    case registerReplica = "COM_REGISTER_SLAVE"
    case ok = "OK packet"
    case error = "ERR packet"
    case eof = "EOF packet"
    case sessionState = "session state"
    case prepareReply = "COM_STMT_PREPARE reply"
    case resultHead = "result set header"
    case columnDefinition = "column definition"
    case row = "row"
    case compressedFrame = "compressed packet"
}
