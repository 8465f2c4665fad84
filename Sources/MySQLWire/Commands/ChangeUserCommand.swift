public import ByteKit

/// COM_CHANGE_USER (protocol documentation, "COM_CHANGE_USER"): a login without a new connection.
public struct ChangeUserCommand: Equatable, Sendable {
    /// Who the client wants to be.
    public var user: String
    /// Its answer to the nonce it was given last.
    public var authResponse: [UInt8]
    /// The database it wants, empty for none.
    public var database: String
    /// The id of the collation it begins with; nil if it says none.
    public var collation: UInt16?
    /// The plugin the answer is for, empty for the old default.
    public var authPlugin: String
    /// What it tells of its program.
    public var attributes: ConnectionAttributes

    /// A command of these parts.
    public init(
        user: String, authResponse: [UInt8], database: String = "", collation: UInt16? = 45, authPlugin: String = "",
        attributes: ConnectionAttributes = ConnectionAttributes()
    ) {
        self.user = user
        self.authResponse = authResponse
        self.database = database
        self.collation = collation
        self.authPlugin = authPlugin
        self.attributes = attributes
    }

    /// Reads a payload, the command byte included.
    public init(parsing payload: RawSpan, _ capabilities: MySQLCapabilities) throws(MySQLWireError) {
        guard payload.byteCount <= HandshakeResponse.maximumLength else { throw .excessive(.changeUser) }
        var cursor = ByteCursor(payload)
        guard cursor.u8() == MySQLCommand.changeUser.rawValue else { throw .malformed(.changeUser) }
        guard let user = cursor.cString() else { throw .truncated(.changeUser) }
        let isCounted = capabilities.contains(.secureConnection)
        guard let answer = isCounted ? cursor.byteCounted() : cursor.cString() else { throw .truncated(.changeUser) }
        self.user = cursor.string(user)
        authResponse = payload.extracting(answer).toArray()
        guard let name = cursor.cString() else { throw .truncated(.changeUser) }
        database = cursor.string(name)
        collation = nil
        authPlugin = ""
        attributes = ConnectionAttributes()
        guard cursor.remaining > 0 else { return }
        guard let id = cursor.le16() else { throw .truncated(.changeUser) }
        collation = id
        if capabilities.contains(.pluginAuth), cursor.remaining > 0 {
            let plugin = cursor.cString() ?? cursor.rest()
            authPlugin = cursor.string(plugin)
        }
        if capabilities.contains(.connectAttributes), cursor.remaining > 0 {
            guard let range = cursor.lengthEncodedBytes() else { throw .truncated(.connectionAttributes) }
            attributes = try ConnectionAttributes(parsing: payload.extracting(range))
        }
    }

    /// Appends the payload.
    public func write(to out: inout ByteWriter, _ capabilities: MySQLCapabilities) {
        out.u8(MySQLCommand.changeUser.rawValue)
        out.cString(user)
        if capabilities.contains(.secureConnection) {
            let answer = [UInt8](authResponse.prefix(255))
            out.u8(UInt8(truncatingIfNeeded: answer.count))
            out.raw(answer)
        } else {
            out.raw(authResponse.filter { $0 != 0 })
            out.u8(0)
        }
        out.cString(database)
        guard let collation else { return }
        out.le16(collation)
        if capabilities.contains(.pluginAuth) { out.cString(authPlugin) }
        if capabilities.contains(.connectAttributes) { attributes.write(to: &out) }
    }
}
