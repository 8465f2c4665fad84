public import ByteKit

/// The first packet of a server (protocol documentation, "Protocol::HandshakeV10").
public struct MySQLHandshake: Equatable, Sendable {
    /// The version as sent, with MariaDB's `5.5.5-` in front where it is.
    public var serverVersion: String
    /// What `CONNECTION_ID()` answers.
    public var connectionID: UInt32
    /// The challenge, without the NUL it is sent with; 20 bytes but for MariaDB plugins that want 32.
    public var nonce: [UInt8]
    /// What the server can do.
    public var capabilities: MySQLCapabilities
    /// The low byte of the id of the server's collation; not to be relied on.
    public var collation: UInt8
    /// The state of the session that begins.
    public var status: MySQLStatus
    /// With what the server would like users to log in.
    public var authPlugin: String

    /// A handshake of these parts.
    public init(
        serverVersion: String, connectionID: UInt32, nonce: [UInt8], capabilities: MySQLCapabilities,
        collation: UInt8 = 45, status: MySQLStatus = .autocommit, authPlugin: String
    ) {
        self.serverVersion = serverVersion
        self.connectionID = connectionID
        self.nonce = nonce
        self.capabilities = capabilities
        self.collation = collation
        self.status = status
        self.authPlugin = authPlugin
    }

    /// Reads the payload of a handshake.
    public init(parsing payload: RawSpan) throws(MySQLWireError) {
        var cursor = ByteCursor(payload)
        guard let version = cursor.u8() else { throw .truncated(.handshake) }
        guard version == 10 else { throw .unsupported(.handshake) }
        guard let name = cursor.cString(), let id = cursor.le32(), let first = cursor.take(8), cursor.u8() != nil,
            let low = cursor.le16()
        else { throw .truncated(.handshake) }
        serverVersion = cursor.string(name)
        connectionID = id
        nonce = payload.extracting(first).toArray()
        guard let collation = cursor.u8() else {
            // Servers before 4.1 end here.
            throw .unsupported(.handshake)
        }
        guard let status = cursor.le16(), let high = cursor.le16(), let length = cursor.u8(), cursor.take(6) != nil,
            let extended = cursor.le32()
        else { throw .truncated(.handshake) }
        self.collation = collation
        self.status = MySQLStatus(rawValue: status)
        let base = UInt32(low) | UInt32(high) << 16
        let plain = MySQLCapabilities(base: base)
        capabilities = plain.contains(.mysql) ? plain : MySQLCapabilities(base: base, extended: extended)
        if plain.contains(.secureConnection) || plain.contains(.pluginAuth) {
            // At least 13 bytes, the last of which is NUL.
            guard let second = cursor.take(max(13, Int(length) &- 8)) else { throw .truncated(.handshake) }
            nonce += payload.extracting(second).toArray()
            if nonce.last == 0 { nonce.removeLast() }
        }
        authPlugin = ""
        if plain.contains(.pluginAuth) {
            // Some servers forget the NUL.
            let plugin = cursor.cString() ?? cursor.rest()
            authPlugin = cursor.string(plugin)
        }
    }

    /// The version without the prefix with which MariaDB 10 passes through old replication clients.
    public var plainVersion: String {
        serverVersion.hasPrefix("5.5.5-") ? String(serverVersion.dropFirst(6)) : serverVersion
    }

    /// Whether MariaDB speaks: it says so in two places, and only both are sure.
    public var isMariaDB: Bool {
        !capabilities.contains(.mysql) && plainVersion.lowercased().contains("mariadb")
    }

    /// Appends the payload.
    public func write(to out: inout ByteWriter) {
        let nonce = nonce.count >= 8 ? nonce : nonce + [UInt8](repeating: 0x21, count: 8 &- nonce.count)
        out.u8(10)
        out.cString(serverVersion)
        out.le32(connectionID)
        out.raw([UInt8](nonce.prefix(8)))
        out.u8(0)
        out.le16(UInt16(truncatingIfNeeded: capabilities.base))
        out.u8(collation)
        out.le16(status.rawValue)
        out.le16(UInt16(truncatingIfNeeded: capabilities.base >> 16))
        out.u8(capabilities.contains(.pluginAuth) ? UInt8(clamping: nonce.count &+ 1) : 0)
        out.zeros(6)
        out.le32(capabilities.contains(.mysql) ? 0 : capabilities.extended)
        let second = [UInt8](nonce.dropFirst(8))
        out.raw(second)
        out.zeros(max(13 &- second.count, 1))
        if capabilities.contains(.pluginAuth) { out.cString(authPlugin) }
    }
}
