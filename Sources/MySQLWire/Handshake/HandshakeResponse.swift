public import ByteKit

/// What a client says of itself when it connects (protocol documentation, "Protocol::HandshakeResponse41").
public struct HandshakeResponse: Equatable, Sendable {
    /// What the client asked for; of MariaDB's extended ones only what it may ask for.
    public var capabilities: MySQLCapabilities
    /// The longest packet the client wants to get.
    public var maximumPacket: UInt32
    /// The low byte of the id of the collation it begins with.
    public var collation: UInt8
    /// Who it is.
    public var user: String
    /// Its answer to the handshake's nonce, for `authPlugin`.
    public var authResponse: [UInt8]
    /// The database it wants, empty for none.
    public var database: String
    /// The plugin the answer is for, empty for the old default.
    public var authPlugin: String
    /// What it tells of its program, in the order sent.
    public var attributes: ConnectionAttributes
    /// The compression level it wants with zstd.
    public var zstdLevel: UInt8

    /// A response of these parts.
    public init(
        capabilities: MySQLCapabilities, maximumPacket: UInt32 = 1 << 24, collation: UInt8 = 45, user: String,
        authResponse: [UInt8], database: String = "", authPlugin: String = "",
        attributes: ConnectionAttributes = ConnectionAttributes(), zstdLevel: UInt8 = 3
    ) {
        self.capabilities = capabilities
        self.maximumPacket = maximumPacket
        self.collation = collation
        self.user = user
        self.authResponse = authResponse
        self.database = database
        self.authPlugin = authPlugin
        self.attributes = attributes
        self.zstdLevel = zstdLevel
    }

    /// The length of what an SSLRequest and a response have in common.
    public static let headLength = 32
    /// The longest response that is read. Attributes may have 64 KiB, a token for an answer nearly as much.
    public static let maximumLength = 1 << 18

    /// The capabilities in an SSLRequest, if the payload is one: a response that ends where the user name would begin
    /// (protocol documentation, "Protocol::SSLRequest"). The full response follows over TLS.
    public static func sslRequest(_ payload: RawSpan) -> MySQLCapabilities? {
        guard payload.byteCount == headLength else { return nil }
        let capabilities = Self.capabilities(payload)
        return capabilities.contains([.tls, .protocol41]) ? capabilities : nil
    }

    private static func capabilities(_ payload: RawSpan) -> MySQLCapabilities {
        let base = MySQLCapabilities(base: payload.le32(at: 0))
        return base.contains(.mysql) ? base : MySQLCapabilities(base: base.base, extended: payload.le32(at: 28))
    }

    /// Reads the payload of a response. Clients of protocol 3.20 (before MySQL 4.1) are refused.
    public init(parsing payload: RawSpan) throws(MySQLWireError) {
        guard payload.byteCount >= 2 else { throw .truncated(.handshakeResponse) }
        guard payload.byteCount <= Self.maximumLength else { throw .excessive(.handshakeResponse) }
        guard UInt64(payload.le16(at: 0)) & MySQLCapabilities.protocol41.rawValue != 0 else {
            throw .unsupported(.handshakeResponse)
        }
        guard payload.byteCount >= Self.headLength else { throw .truncated(.handshakeResponse) }
        let asked = Self.capabilities(payload)
        capabilities = asked
        maximumPacket = payload.le32(at: 4)
        collation = payload.u8(at: 8)
        var cursor = ByteCursor(payload)
        guard cursor.take(Self.headLength) != nil, let user = cursor.cString() else {
            throw .truncated(.handshakeResponse)
        }
        self.user = cursor.string(user)
        let answer: Range<Int>?
        if asked.contains(.pluginAuthLengthEncoded) {
            answer = cursor.lengthEncodedBytes()
        } else if asked.contains(.secureConnection) {
            answer = cursor.byteCounted()
        } else {
            answer = cursor.cString()
        }
        guard let answer else { throw .truncated(.handshakeResponse) }
        authResponse = payload.extracting(answer).toArray()
        database = ""
        if asked.contains(.connectWithDatabase), cursor.remaining > 0 {
            guard let name = cursor.cString() else { throw .truncated(.handshakeResponse) }
            database = cursor.string(name)
        }
        authPlugin = ""
        if asked.contains(.pluginAuth), cursor.remaining > 0 {
            let name = cursor.cString() ?? cursor.rest()
            authPlugin = cursor.string(name)
        }
        attributes = ConnectionAttributes()
        if asked.contains(.connectAttributes), cursor.remaining > 0 {
            guard let range = cursor.lengthEncodedBytes() else { throw .truncated(.connectionAttributes) }
            attributes = try ConnectionAttributes(parsing: payload.extracting(range))
        }
        zstdLevel = 0
        if asked.contains(.zstd) { zstdLevel = cursor.u8() ?? 3 }
    }

    /// Appends the part that an SSLRequest consists of.
    public func writeHead(to out: inout ByteWriter) {
        out.le32(capabilities.base)
        out.le32(maximumPacket)
        out.u8(collation)
        out.zeros(19)
        out.le32(capabilities.contains(.mysql) ? 0 : capabilities.extended)
    }

    /// Appends the payload. What the capabilities leave no place for is left out.
    public func write(to out: inout ByteWriter) {
        writeHead(to: &out)
        out.cString(user)
        if capabilities.contains(.pluginAuthLengthEncoded) {
            out.lengthEncoded(authResponse)
        } else if capabilities.contains(.secureConnection) {
            let answer = [UInt8](authResponse.prefix(255))
            out.u8(UInt8(truncatingIfNeeded: answer.count))
            out.raw(answer)
        } else {
            out.raw(authResponse.filter { $0 != 0 })
            out.u8(0)
        }
        if capabilities.contains(.connectWithDatabase) { out.cString(database) }
        if capabilities.contains(.pluginAuth) { out.cString(authPlugin) }
        if capabilities.contains(.connectAttributes) { attributes.write(to: &out) }
        if capabilities.contains(.zstd) { out.u8(zstdLevel) }
    }
}
