public import ByteKit

/// COM_STMT_EXECUTE (protocol documentation, "COM_STMT_EXECUTE"):
///
///     | 0x17 | id (4) | flags (1) | iterations (4) | [count] | NULL bitmap | binds types (1) | types | values ... |
///
/// Ranges are offsets into the payload, of which only what lies before the values must be there.
public struct ExecuteCommand: Equatable, Sendable {
    /// What kind of cursor is wanted.
    public struct Flags: OptionSet, Sendable {
        /// The flags as bits.
        public let rawValue: UInt8
        /// The flags of these bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let readOnlyCursor = Flags(rawValue: 1)
        public static let forUpdateCursor = Flags(rawValue: 2)
        public static let scrollableCursor = Flags(rawValue: 4)
        /// The number of parameters is given, and may be larger than the statement's: the rest are query attributes.
        public static let parameterCount = Flags(rawValue: 8)

        /// Whether any kind of cursor is wanted.
        public var opensCursor: Bool { !isDisjoint(with: [.readOnlyCursor, .forUpdateCursor, .scrollableCursor]) }
    }

    /// The statement.
    public let statement: UInt32
    /// See `Flags`.
    public let flags: Flags
    /// The parameters, if there are any.
    public let parameters: BoundParameters?

    /// MariaDB: the statement prepared last, also by a COM_STMT_PREPARE that has not been answered yet.
    public static let lastPrepared: UInt32 = 0xFFFF_FFFF

    /// Where the id stands.
    public static let idOffset = 1

    /// The id in a payload of at least 5 bytes, of this command or another that begins with one.
    @inlinable
    public static func statement(of payload: RawSpan) -> UInt32? {
        payload.byteCount >= 5 ? payload.le32(at: 1) : nil
    }

    /// Reads a payload for a statement of `count` parameters.
    public init(
        parsing payload: RawSpan, parameters count: Int, _ capabilities: MySQLCapabilities
    ) throws(MySQLWireError) {
        var cursor = ByteCursor(payload)
        guard cursor.u8() != nil, let id = cursor.le32(), let flags = cursor.u8(), cursor.le32() != nil else {
            throw .truncated(.execute)
        }
        statement = id
        self.flags = Flags(rawValue: flags)
        let hasAttributes = capabilities.contains(.queryAttributes)
        var count = count
        if hasAttributes, self.flags.contains(.parameterCount) {
            guard let given = cursor.lengthEncoded() else { throw .truncated(.execute) }
            guard let given = Int(exactly: given), given >= count, given <= 2 &* QueryCommand.mostAttributes else {
                throw .excessive(.execute)
            }
            count = given
        }
        guard count > 0 else {
            parameters = nil
            return
        }
        parameters = try BoundParameters(
            at: cursor.offset, of: payload, count: count, named: hasAttributes, packet: .execute)
    }
}

/// COM_STMT_BULK_EXECUTE of MariaDB (MariaDB documentation, "COM_STMT_BULK_EXECUTE"). The rows follow, each parameter with
/// an indicator before it: 0 a value, 1 NULL, 2 default, 3 ignore.
public struct BulkExecuteCommand: Equatable, Sendable {
    /// The statement.
    public let statement: UInt32
    /// Types are given; else those of the execution before hold.
    public let sendsTypes: Bool
    /// One result a row is wanted.
    public let wantsUnitResults: Bool
    /// Two bytes a parameter.
    public let types: Range<Int>
    /// Where the rows start.
    public let rows: Int

    /// Reads a payload for a statement of `count` parameters.
    public init(parsing payload: RawSpan, parameters count: Int) throws(MySQLWireError) {
        var cursor = ByteCursor(payload)
        guard cursor.u8() != nil, let id = cursor.le32(), let flags = cursor.le16() else {
            throw .truncated(.bulkExecute)
        }
        guard count >= 0, count <= QueryCommand.mostAttributes else { throw .excessive(.bulkExecute) }
        statement = id
        sendsTypes = flags & 128 != 0
        wantsUnitResults = flags & 64 != 0
        guard let range = cursor.take(sendsTypes ? 2 &* count : 0) else { throw .truncated(.bulkExecute) }
        types = range
        rows = range.upperBound
    }
}
