public import ByteKit

/// The first packet of the reply to COM_STMT_PREPARE (protocol documentation, "COM_STMT_PREPARE_OK"). The definitions of
/// the parameters follow, then those of the columns.
public struct PrepareReply: Equatable, Sendable {
    public var statement: UInt32
    public var columns: UInt16
    public var parameters: UInt16
    public var warnings: UInt16
    /// The definitions follow; never false but with `optionalMetadata`.
    public var hasMetadata: Bool

    /// A reply of these parts.
    public init(statement: UInt32, columns: UInt16, parameters: UInt16, warnings: UInt16 = 0, hasMetadata: Bool = true)
    {
        self.statement = statement
        self.columns = columns
        self.parameters = parameters
        self.warnings = warnings
        self.hasMetadata = hasMetadata
    }

    /// Where the id stands.
    public static let idOffset = 1

    /// Reads a payload that begins with 0x00.
    public init(parsing payload: RawSpan, _ capabilities: MySQLCapabilities) throws(MySQLWireError) {
        guard payload.byteCount >= 9 else { throw .truncated(.prepareReply) }
        guard payload.u8(at: 0) == 0 else { throw .malformed(.prepareReply) }
        statement = payload.le32(at: 1)
        columns = payload.le16(at: 5)
        parameters = payload.le16(at: 7)
        warnings = payload.byteCount >= 12 ? payload.le16(at: 10) : 0
        hasMetadata = true
        if capabilities.contains(.optionalMetadata), payload.byteCount >= 13 { hasMetadata = payload.u8(at: 12) == 1 }
    }

    /// Appends the payload.
    public func write(to out: inout ByteWriter, _ capabilities: MySQLCapabilities) {
        out.u8(0)
        out.le32(statement)
        out.le16(columns)
        out.le16(parameters)
        out.u8(0)
        out.le16(warnings)
        if capabilities.contains(.optionalMetadata) { out.u8(hasMetadata ? 1 : 0) }
    }
}

/// What begins a result set: how many columns it has, and whether their definitions follow (MariaDB documentation,
/// "Result Set Packets"). MySQL's "Text Resultset" has the flag in front of the count; its servers, too, send it behind.
public struct ResultHead: Equatable, Sendable {
    public let columns: Int
    public let hasMetadata: Bool

    /// Reads a payload that is neither OK, ERR nor a request for a file.
    public init(parsing payload: RawSpan, _ capabilities: MySQLCapabilities) throws(MySQLWireError) {
        guard let count = payload.lengthEncoded(at: 0) else { throw .truncated(.resultHead) }
        // Far more than any server can have; bounds what is counted.
        guard count.value > 0, let columns = Int(exactly: count.value), columns <= 0xFF_FFFF else {
            throw .malformed(.resultHead)
        }
        self.columns = columns
        let isOptional = !capabilities.isDisjoint(with: [.optionalMetadata, .mariadbCacheMetadata])
        guard isOptional, count.end < payload.byteCount else {
            hasMetadata = true
            return
        }
        let flag = payload.u8(at: count.end)
        guard flag <= 1 else { throw .malformed(.resultHead) }
        hasMetadata = flag == 1
    }
}
