public import ByteKit

/// What a client tells of its program when it connects (`performance_schema.session_connect_attrs`).
public struct ConnectionAttributes: Equatable, Sendable {
    /// One name and its value.
    public struct Entry: Equatable, Sendable {
        /// Names that begin with `_` are the driver's own.
        public let name: String
        /// Its value.
        public let value: String
        /// An attribute.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// All attributes in the order sent.
    public var entries: [Entry]

    /// MySQL refuses a connection with more than so many bytes of attributes.
    public static let longest = 65_536
    /// More attributes than any driver sends.
    public static let most = 512

    /// Attributes.
    public init(_ entries: [Entry] = []) { self.entries = entries }

    /// The first value of a name.
    public subscript(name: String) -> String? { entries.first { $0.name == name }?.value }

    /// Reads the bytes behind the total length.
    public init(parsing bytes: RawSpan) throws(MySQLWireError) {
        entries = []
        guard bytes.byteCount <= Self.longest else { throw .excessive(.connectionAttributes) }
        var cursor = ByteCursor(bytes)
        while cursor.remaining > 0 {
            guard let name = cursor.lengthEncodedBytes(), let value = cursor.lengthEncodedBytes() else {
                throw .truncated(.connectionAttributes)
            }
            guard entries.count < Self.most else { throw .excessive(.connectionAttributes) }
            entries.append(Entry(cursor.string(name), cursor.string(value)))
        }
    }

    /// Appends the total length and the attributes.
    public func write(to out: inout ByteWriter) {
        var body = ByteWriter()
        for entry in entries {
            body.lengthEncoded(entry.name)
            body.lengthEncoded(entry.value)
        }
        out.lengthEncoded(body.take())
    }
}
