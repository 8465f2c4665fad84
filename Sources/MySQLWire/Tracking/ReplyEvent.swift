/// What a payload of a server is, in the reply it is part of.
public enum ReplyEvent: Equatable, Sendable {
    /// The head of a result set of so many columns.
    case head(columns: Int)
    /// COM_STMT_PREPARE worked: see `PrepareReply`.
    case prepared
    /// The definition of a column or a parameter.
    case definition
    /// The EOF packet behind definitions.
    case definitionsEnd
    /// A row.
    case row
    /// An OK packet that ends a result.
    case ok
    /// The EOF packet, or the OK packet in its place, that ends a result set or an option's reply.
    case resultEnd
    /// An ERR packet. It ends the whole reply.
    case error
    /// The server wants a file of the client: its name follows the first byte. The client's data goes to the server, and
    /// behind the empty packet at its end comes another reply.
    case localFile
    /// The client has to answer (COM_CHANGE_USER), unless it is AuthMoreData that says that all is well.
    case authentication
    /// MariaDB says how far it is.
    case progress
    /// An event of the binary log.
    case binlogEvent
    /// Text with no form (COM_STATISTICS).
    case text
    /// Nothing the protocol allows here. What comes behind it cannot be understood.
    case violation

    /// Inlined, since every packet is compared with constants: then it is a look at one byte.
    @inlinable @inline(__always)
    public static func == (left: ReplyEvent, right: ReplyEvent) -> Bool {
        if case .head(let left) = left, case .head(let right) = right { return left == right }
        return left.kind == right.kind
    }

    @inlinable @inline(__always)
    var kind: UInt8 {
        switch self {
        case .head: 0
        case .prepared: 1
        case .definition: 2
        case .definitionsEnd: 3
        case .row: 4
        case .ok: 5
        case .resultEnd: 6
        case .error: 7
        case .localFile: 8
        case .authentication: 9
        case .progress: 10
        case .binlogEvent: 11
        case .text: 12
        case .violation: 13
        }
    }
}

/// How a reply is ended, or a part of it.
public struct ReplySummary: Equatable, Sendable {
    /// Rows of all result sets.
    public var rows: UInt64 = 0
    /// Results, with and without rows.
    public var results = 0
    /// Columns of the last result set.
    public var columns = 0
    /// The last result is a result set.
    public var endsWithRows = false
    /// Of the last OK packet.
    public var affectedRows: UInt64 = 0
    /// Of the last OK packet.
    public var lastInsertID: UInt64 = 0
    /// Of the last OK or EOF packet; nil if there was none.
    public var status: MySQLStatus?
    /// Of the last OK or EOF packet.
    public var warnings: UInt16 = 0
    /// One of its OK or EOF packets told of warnings.
    public var hadWarnings = false
    /// The only rows are those of OUT parameters.
    public var onlyOutParameters: Bool { hadOutParameters && results <= 2 }
    /// A result set was that of OUT parameters.
    var hadOutParameters = false
    /// The number of the error that ended the reply, else 0.
    public var errorCode: UInt16 = 0
    /// The statement COM_STMT_PREPARE made, with its parameters and columns.
    public var prepared: PrepareReply?

    /// Of a reply that has not begun.
    public init() {}
}
