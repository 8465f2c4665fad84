public import ByteKit

/// The names of the authentication plugins that are spoken here.
public enum AuthPluginName {
    public static let native = "mysql_native_password"
    public static let cachingSHA2 = "caching_sha2_password"
    public static let sha256 = "sha256_password"
    public static let ed25519 = "client_ed25519"
    public static let clear = "mysql_clear_password"
    public static let old = "mysql_old_password"
}

/// A server that wants another plugin than the client answered for (protocol documentation,
/// "Protocol::AuthSwitchRequest"). The client's whole answer is the payload of its next packet.
public struct AuthSwitchRequest: Equatable, Sendable {
    /// The plugin; empty for the short form of servers before 5.5, which means `mysql_old_password`.
    public var plugin: String
    /// The new nonce, without the NUL it is sent with. MariaDB's `client_ed25519` has none: its nonce is any 32 bytes.
    public var nonce: [UInt8]

    /// A request.
    public init(plugin: String, nonce: [UInt8]) {
        self.plugin = plugin
        self.nonce = nonce
    }

    /// Reads a payload that begins with 0xFE.
    public init(parsing payload: RawSpan) throws(MySQLWireError) {
        var cursor = ByteCursor(payload)
        guard cursor.u8() == 0xFE else { throw .malformed(.authSwitch) }
        guard cursor.remaining > 0 else {
            self.init(plugin: "", nonce: [])
            return
        }
        guard let name = cursor.cString() else { throw .truncated(.authSwitch) }
        let plugin = cursor.string(name)
        var data = payload.extracting(cursor.rest()).toArray()
        if data.last == 0, plugin != AuthPluginName.ed25519 { data.removeLast() }
        self.init(plugin: plugin, nonce: data)
    }

    /// Appends the payload.
    public func write(to out: inout ByteWriter) {
        out.u8(0xFE)
        out.cString(plugin)
        out.raw(nonce)
        if plugin != AuthPluginName.ed25519 { out.u8(0) }
    }
}

/// What a payload of a server is while a client logs in (protocol documentation, "Connection Phase").
public enum AuthReply: Equatable, Sendable {
    case ok, error, authSwitch
    /// AuthMoreData; `data` are the bytes behind 0x01.
    case more(data: Range<Int>)
    /// Multi-factor authentication and whatever else is not spoken here.
    case other(UInt8)

    /// By the first byte of a payload; an empty one is nothing a server may send.
    public init(_ payload: RawSpan) {
        guard payload.byteCount > 0 else {
            self = .other(0)
            return
        }
        switch payload.u8(at: 0) {
        case 0x00: self = .ok
        case 0x01: self = .more(data: 1..<payload.byteCount)
        case 0xFE: self = .authSwitch
        case 0xFF: self = .error
        default: self = .other(payload.u8(at: 0))
        }
    }
}

extension ByteWriter {
    /// The payload of AuthMoreData.
    public mutating func authMoreData(_ data: [UInt8]) {
        u8(0x01)
        raw(data)
    }
}
