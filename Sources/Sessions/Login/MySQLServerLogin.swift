import ByteKit
public import Credentials
public import MySQLWire

/// With what the proxy logs in to a MySQL or MariaDB server.
public enum MySQLServerCredential: Sendable {
    /// Nothing: only users without a password get in.
    case none
    /// The password.
    case password(SecretBytes)
    /// `SHA1(password)`, which a client's own native login proved.
    case nativeHash(SecretBytes)
    /// `SHA256(password)`, which a client's own quick login proved: good as long as the server has it in its cache.
    case sha256Hash(SecretBytes)
}

/// Why a server did not let us in, told apart because the answers differ: wait, wait for room, or do not try again.
public enum MySQLServerLoginFailure: Error, Equatable, Sendable {
    /// The server answered with an error.
    case refused(ErrorPacket)
    /// It asked for something we cannot do; the text says what.
    case unsupported(String)
    /// It broke the protocol; the text says how.
    case violation(String)

    /// The server has no room for another connection, or is stopping.
    public var isTemporary: Bool {
        if case .refused(let error) = self { return [1040, 1053, 1203, 1226, 3032].contains(error.code) }
        return false
    }

    /// The password is wrong, has expired or the user may not log in: trying again does not help.
    public var isCredential: Bool {
        if case .refused(let error) = self {
            return [1045, 1130, 1251, 1396, 1524, 1698, 1820, 1862, 3118, 3159, 4151].contains(error.code)
        }
        return false
    }
}

/// What the driver does next for a server connection that logs in.
public enum MySQLServerLoginStep: Sendable {
    /// More bytes must come.
    case needBytes
    /// Send these and go on reading.
    case send([UInt8])
    /// Send this SSLRequest, begin TLS and call `secured`; what was received behind the handshake is an attack.
    case startTLS([UInt8])
    /// The server let us in: `payload` is the range of its OK packet in the bytes received.
    case ready(payload: Range<Int>)
    /// It did not.
    case failed(MySQLServerLoginFailure)
}

/// The client's side of connecting and logging in to one MySQL or MariaDB server, and of logging in again with
/// COM_CHANGE_USER. Pure (protocol documentation, "Connection Phase").
public final class MySQLServerLogin {
    /// How the connection is protected.
    public enum Security: Sendable {
        /// Not at all.
        case clear
        /// TLS shall be begun if the server offers it.
        case preferTLS
        /// Without TLS there is no login.
        case requireTLS
        /// It is: a unix socket, or TLS has begun.
        case secure
    }

    private enum State {
        case handshake
        case securing
        case authenticating
        /// Our key request is on its way, and the answer is the server's key.
        case waitingForKey
        case over
    }

    private let user: String
    private let database: String
    private let credential: MySQLServerCredential
    private let wanted: MySQLCapabilities
    private let attributes: ConnectionAttributes
    private let collation: UInt8
    private var security: Security
    private let serverKey: RSAPublicKey?
    private let mayAskForKey: Bool
    private var state = State.handshake
    private var plugin = ""
    private var nonce: [UInt8] = []
    private var sequence: UInt8 = 0

    /// What the server said of itself, once it has.
    public private(set) var handshake: MySQLHandshake?
    /// What was agreed on.
    public private(set) var capabilities = MySQLCapabilities()

    /// What a pool's servers are asked for. Nothing that changes from client to client: that is translated.
    public static let usual: MySQLCapabilities = [
        .mysql, .longFlag, .localFiles, .protocol41, .transactions, .secureConnection, .multiStatements, .multiResults,
        .preparedMultiResults, .pluginAuth, .connectAttributes, .pluginAuthLengthEncoded, .expiredPasswords,
        .sessionTrack, .deprecateEOF, .mariadbBulk,
    ]

    /// A login of `user`. Without TLS a server's public key is asked for only if `mayAskForKey`, for whoever sits between
    /// could send his own; `serverKey` is the key if it is known.
    public init(
        user: String, database: String, credential: MySQLServerCredential,
        capabilities: MySQLCapabilities = MySQLServerLogin.usual,
        attributes: ConnectionAttributes = ConnectionAttributes(), collation: UInt8 = 45, security: Security = .clear,
        serverKey: RSAPublicKey? = nil, mayAskForKey: Bool = true
    ) {
        self.user = user
        self.database = database
        self.credential = credential
        self.wanted = capabilities
        self.attributes = attributes
        self.collation = collation
        self.security = security
        self.serverKey = serverKey
        self.mayAskForKey = mayAskForKey
    }

    /// The longest packet a login needs.
    private static let longest = 1 << 16

    /// Reads what the server sent.
    public func received(_ bytes: RawSpan) -> (consumed: Int, step: MySQLServerLoginStep) {
        var position = 0
        while case .header(let id, let body, let end) = scanPacket(bytes, at: position) {
            guard end &- body <= Self.longest else { return (position, violation("a packet of \(end &- body) bytes")) }
            guard id == sequence else { return (position, violation("packets out of order")) }
            guard end <= bytes.byteCount else { return (position, .needBytes) }
            sequence = id &+ 1
            position = end
            if let step = message(bytes.extracting(body..<end), at: body) {
                if case .startTLS = step, end < bytes.byteCount {
                    return (position, violation("bytes in the clear behind the handshake"))
                }
                return (position, step)
            }
        }
        return (position, .needBytes)
    }

    private func message(_ payload: RawSpan, at offset: Int) -> MySQLServerLoginStep? {
        switch state {
        case .handshake: return greeting(payload)
        case .securing: return violation("a packet before TLS has begun")
        case .authenticating, .waitingForKey: return reply(payload, at: offset)
        case .over: return violation("a packet after the login")
        }
    }

    private func violation(_ what: String) -> MySQLServerLoginStep { fail(.violation(what + " during login")) }

    private func fail(_ failure: MySQLServerLoginFailure) -> MySQLServerLoginStep {
        state = .over
        return .failed(failure)
    }

    private func refused(_ payload: RawSpan) -> MySQLServerLoginStep {
        guard let error = try? ErrorPacket(parsing: payload) else { return violation("a malformed error") }
        return fail(.refused(error))
    }

    // MARK: Handshake

    private func greeting(_ payload: RawSpan) -> MySQLServerLoginStep {
        if payload.byteCount > 0, payload.u8(at: 0) == 0xFF { return refused(payload) }
        guard let greeting = try? MySQLHandshake(parsing: payload) else { return violation("a malformed handshake") }
        guard greeting.capabilities.contains([.protocol41, .secureConnection]) else {
            return fail(.unsupported("the protocol of servers before 4.1"))
        }
        handshake = greeting
        nonce = greeting.nonce
        plugin = greeting.authPlugin.isEmpty ? AuthPluginName.native : greeting.authPlugin
        var asked = wanted.subtracting([.tls, .compress, .zstd, .multiFactor, .connectWithDatabase])
        if !database.isEmpty { asked.insert(.connectWithDatabase) }
        if !greeting.capabilities.contains(.mysql) { asked.remove(.mysql) }
        capabilities = greeting.capabilities.agreed(with: asked)
        let offersTLS = greeting.capabilities.contains(.tls)
        switch security {
        case .clear, .secure: return response()
        case .preferTLS where !offersTLS: return response()
        case .requireTLS where !offersTLS: return fail(.unsupported("a connection without TLS"))
        case .preferTLS, .requireTLS:
            state = .securing
            capabilities.insert(.tls)
            return .startTLS(
                packet { out in
                    HandshakeResponse(
                        capabilities: capabilities, collation: collation, user: "", authResponse: []
                    ).writeHead(to: &out)
                })
        }
    }

    /// TLS has begun: goes on with the response.
    public func secured() -> MySQLServerLoginStep {
        guard case .securing = state else { return violation("TLS out of order") }
        security = .secure
        return response()
    }

    private func response() -> MySQLServerLoginStep {
        state = .authenticating
        // What the server prefers may not be for us, and it may want something else for this user anyway.
        for candidate in [plugin, AuthPluginName.native, AuthPluginName.cachingSHA2] {
            plugin = candidate
            if let answer = answer() { return send(response: answer) }
        }
        return send(response: [])
    }

    private func send(response answer: [UInt8]) -> MySQLServerLoginStep {
        let response = HandshakeResponse(
            capabilities: capabilities, maximumPacket: 1 << 30, collation: collation, user: user, authResponse: answer,
            database: database, authPlugin: plugin, attributes: attributes)
        return .send(packet { response.write(to: &$0) })
    }

    private func packet(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
        var out = ByteWriter(capacity: 256)
        let mark = out.beginPacket(sequence)
        write(&out)
        sequence = out.endPacket(mark)
        return out.take()
    }

    /// Another login on a connection that is logged in; the server forgets the session. Answers what to send.
    public func changeUser() -> [UInt8] {
        state = .authenticating
        sequence = 0
        let command = ChangeUserCommand(
            user: user, authResponse: answer() ?? [], database: database, collation: UInt16(collation),
            authPlugin: plugin, attributes: attributes)
        return packet { command.write(to: &$0, capabilities) }
    }

    // MARK: Answers

    /// The first answer for the plugin; nil where we have none.
    private func answer() -> [UInt8]? {
        let challenge = [UInt8](nonce.prefix(20))
        switch plugin {
        case AuthPluginName.native:
            switch credential {
            case .none: return []
            case .password(let password): return MySQLNative.response(password: password, nonce: challenge)
            case .nativeHash(let hash): return MySQLNative.response(passwordHash: hash, nonce: challenge)
            case .sha256Hash: return nil
            }
        case AuthPluginName.cachingSHA2:
            switch credential {
            case .none: return []
            case .password(let password): return CachingSHA2.response(password: password, nonce: challenge)
            case .sha256Hash(let hash): return CachingSHA2.response(passwordHash: hash, nonce: challenge)
            case .nativeHash: return nil
            }
        case AuthPluginName.sha256:
            switch credential {
            case .none: return [0]
            case .password(let password) where password.count == 0: return [0]
            case .password(let password):
                if case .secure = security { return password.withBytes { $0.toArray() } + [0] }
                if let serverKey { return serverKey.encrypt(password: password, nonce: challenge) }
                guard mayAskForKey else { return nil }
                state = .waitingForKey
                return [1]
            case .nativeHash, .sha256Hash: return nil
            }
        case AuthPluginName.ed25519:
            guard case .password(let password) = credential else { return nil }
            return MariaDBEd25519.response(password: password, nonce: nonce)
        case AuthPluginName.clear:
            guard case .password(let password) = credential, case .secure = security else { return nil }
            return password.withBytes { $0.toArray() } + [0]
        default: return nil
        }
    }

    private func reply(_ payload: RawSpan, at offset: Int) -> MySQLServerLoginStep? {
        switch AuthReply(payload) {
        case .ok:
            state = .over
            return .ready(payload: offset..<(offset &+ payload.byteCount))
        case .error: return refused(payload)
        case .authSwitch: return switched(payload)
        case .more(let data): return more(payload.extracting(data))
        case .other(let byte): return violation("a packet of type \(byte)")
        }
    }

    private func switched(_ payload: RawSpan) -> MySQLServerLoginStep {
        guard let request = try? AuthSwitchRequest(parsing: payload) else {
            return violation("a malformed request for another plugin")
        }
        plugin = request.plugin.isEmpty ? AuthPluginName.old : request.plugin
        nonce = request.nonce
        state = .authenticating
        guard let answer = answer() else { return fail(.unsupported(Self.cannot(plugin))) }
        return .send(packet { $0.raw(answer) })
    }

    private static func cannot(_ plugin: String) -> String {
        let known = [
            AuthPluginName.native, AuthPluginName.cachingSHA2, AuthPluginName.sha256, AuthPluginName.ed25519,
            AuthPluginName.clear, AuthPluginName.old,
        ]
        // The name comes from the wire.
        guard known.contains(plugin) else { return "an authentication plugin that is not spoken here" }
        return "an answer for \(plugin), for which what is known of the password is not enough"
    }

    private func more(_ data: RawSpan) -> MySQLServerLoginStep? {
        guard plugin == AuthPluginName.cachingSHA2 || plugin == AuthPluginName.sha256 else {
            return violation("more data for \(Self.cannot(plugin))")
        }
        if case .waitingForKey = state { return sendUnder(RSAPublicKey(pem: data.toArray())) }
        guard plugin == AuthPluginName.cachingSHA2, data.byteCount == 1 else {
            return violation("unexpected authentication data")
        }
        switch data.u8(at: 0) {
        case 3: return nil  // The quick way was enough; OK follows.
        case 4: return fullAuthentication()
        default: return violation("unexpected authentication data")
        }
    }

    /// `caching_sha2_password` the slow way: the server wants the password itself.
    private func fullAuthentication() -> MySQLServerLoginStep {
        guard case .password(let password) = credential else { return fail(.unsupported(Self.cannot(plugin))) }
        if case .secure = security {
            return .send(packet { $0.raw(password.withBytes { $0.toArray() } + [0]) })
        }
        if let serverKey { return sendUnder(serverKey) }
        guard mayAskForKey else {
            return fail(.unsupported("the password without TLS, and asking for its public key is not allowed"))
        }
        state = .waitingForKey
        return .send(packet { $0.u8(2) })
    }

    private func sendUnder(_ key: RSAPublicKey?) -> MySQLServerLoginStep {
        guard case .password(let password) = credential else { return fail(.unsupported(Self.cannot(plugin))) }
        guard let key, let message = key.encrypt(password: password, nonce: [UInt8](nonce.prefix(20))) else {
            return violation("a public key that cannot be used")
        }
        state = .authenticating
        return .send(packet { $0.raw(message) })
    }
}
