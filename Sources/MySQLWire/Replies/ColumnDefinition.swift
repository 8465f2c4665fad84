import ByteKit

/// What a column is (protocol documentation, "Protocol::ColumnDefinition41"). Texts are offsets into the payload.
public struct ColumnDefinition: Equatable, Sendable {
    public let schema: Range<Int>
    public let table: Range<Int>
    public let originalTable: Range<Int>
    public let name: Range<Int>
    public let originalName: Range<Int>
    /// MariaDB's extended metadata, empty where it is not sent: see `forEachExtension`.
    public let extensions: Range<Int>
    /// The id of its collation.
    public let collation: UInt16
    public let length: UInt32
    public let type: UInt8
    public let flags: UInt16
    public let decimals: UInt8
    /// The column's default, in the reply to COM_FIELD_LIST; nil elsewhere, and for NULL.
    public let defaultValue: Range<Int>?

    /// Reads a payload.
    public init(parsing payload: RawSpan, _ capabilities: MySQLCapabilities) throws(MySQLWireError) {
        var cursor = ByteCursor(payload)
        guard cursor.lengthEncodedBytes() != nil, let schema = cursor.lengthEncodedBytes(),
            let table = cursor.lengthEncodedBytes(), let originalTable = cursor.lengthEncodedBytes(),
            let name = cursor.lengthEncodedBytes(), let originalName = cursor.lengthEncodedBytes()
        else { throw .truncated(.columnDefinition) }
        self.schema = schema
        self.table = table
        self.originalTable = originalTable
        self.name = name
        self.originalName = originalName
        if capabilities.contains(.mariadbExtendedMetadata) {
            guard let block = cursor.lengthEncodedBytes() else { throw .truncated(.columnDefinition) }
            extensions = block
        } else {
            extensions = originalName.upperBound..<originalName.upperBound
        }
        guard cursor.lengthEncoded() == 12 else { throw .malformed(.columnDefinition) }
        guard let collation = cursor.le16(), let length = cursor.le32(), let type = cursor.u8(),
            let flags = cursor.le16(), let decimals = cursor.u8(), cursor.le16() != nil
        else { throw .truncated(.columnDefinition) }
        self.collation = collation
        self.length = length
        self.type = type
        self.flags = flags
        self.decimals = decimals
        guard let first = cursor.next, first != 0xFB else {
            defaultValue = nil
            return
        }
        guard let value = cursor.lengthEncodedBytes() else { throw .truncated(.columnDefinition) }
        defaultValue = value
    }

    /// Calls `body` with each piece of MariaDB's extended metadata: kind 0 names the type (`uuid`, `inet6`, `point`),
    /// kind 1 the format (`json`).
    public func forEachExtension(
        in payload: RawSpan, _ body: (_ kind: UInt8, _ value: Range<Int>) -> Void
    ) throws(MySQLWireError) {
        guard extensions.upperBound <= payload.byteCount else { throw .truncated(.columnDefinition) }
        var cursor = ByteCursor(payload.extracting(0..<extensions.upperBound))
        guard cursor.take(extensions.lowerBound) != nil else { throw .truncated(.columnDefinition) }
        while cursor.remaining > 0 {
            guard let kind = cursor.u8(), let value = cursor.lengthEncodedBytes() else {
                throw .truncated(.columnDefinition)
            }
            body(kind, value)
        }
    }
}
