import ByteKit
public import Credentials
public import MySQLWire

/// What a client's login proved, with which we can log in to a server as this user.
public enum MySQLProof: Sendable {
    /// Nothing but the user's name.
    case none
    /// The password itself.
    case password(SecretBytes)
    /// `SHA1(password)`.
    case nativeHash(SecretBytes)
    /// `SHA256(password)`.
    case sha256Hash(SecretBytes)
}

/// How a client has to prove who it is.
public enum MySQLClientAuthentication: Sendable {
    /// No proof.
    case none
    /// What is stored for the user; `isMock` when there is no such user, who gets the same exchange and then an error.
    /// `cached` is what an earlier login the slow way left (`CachingSHA2.cachedHash`).
    case secret(MySQLSecret, cached: SecretBytes?, isMock: Bool)
}

/// What the driver does next for a client that logs in.
public enum MySQLClientLoginStep: Sendable {
    /// More bytes must come.
    case needBytes
    /// Send these and go on reading.
    case reply([UInt8])
    /// The client wants TLS: begin it and call `secured`. What was received behind the request belongs to TLS, for clients do
    /// not wait for an answer; nothing of it is read as it is.
    case startTLS
    /// The client says who it is: find out how it must prove it and call `begin`.
    case startup(HandshakeResponse)
    /// The same in the middle of a session.
    case changeUser(ChangeUserCommand)
    /// Check this password, which takes milliseconds, off the loop and call `checked`.
    case check(SecretBytes, MySQLSecret)
    /// The client wants our public key, which was not there yet: call `provide(publicKey:)` when it is.
    case publicKeyWanted
    /// Decrypt this with our key, which takes a millisecond, off the loop and call `decrypted`.
    case decrypt([UInt8], nonce: [UInt8])
    /// The client is who it says it is. An OK packet with `sequence` is to be sent, before which `pending` go.
    case accepted(MySQLProof)
    /// Send this and close.
    case refused([UInt8])
    /// Not worth an answer (a port scan): close.
    case closeSilently
}

/// The server's side of connecting and logging in, for one client, and of COM_CHANGE_USER. Pure (protocol documentation,
/// "Connection Phase").
public final class MySQLClientLogin {
    enum State {
        case response
        case securing
        case responseDone
        /// The client's answer to our request for another plugin.
        case switched
        /// `caching_sha2_password` the slow way: the password, a request for our key, or the password under it.
        case fullAuthentication(keySent: Bool)
        /// The client has asked for our key, which is not there yet.
        case waitingForKey
        case decrypting, checking
        case over
    }

    var state = State.response
    /// How the client was greeted.
    public let handshake: MySQLHandshake
    private let publicKey: [UInt8]?
    /// Our key is being made, if it is not there.
    private let hasKey: Bool
    private let host: String
    /// Nobody can listen: TLS has begun, or it is a unix socket.
    public internal(set) var isSecure: Bool
    var user = ""
    var plugin = ""
    var answer: [UInt8] = []
    var nonce: [UInt8]
    var authentication = MySQLClientAuthentication.none
    var checkedPassword: SecretBytes?
    /// What the client has answered to is no nonce of ours.
    private var asksAgain = false

    /// The sequence id of the next packet to be sent.
    public private(set) var sequence: UInt8 = 0
    /// It was refused because of its user or password, and not for how it said so.
    public private(set) var wasDenied = false
    /// What was agreed on.
    public private(set) var capabilities = MySQLCapabilities()
    /// A packet that goes before the OK packet.
    public internal(set) var pending: [UInt8] = []

    /// A client that has just connected from `host` and is to be greeted with `handshake`. `publicKey` is the PEM text of
    /// our RSA key, if there is one; `hasKey` says that there will be one if it is not there yet, and `isSecure` that
    /// nobody listens (a unix socket).
    public init(
        handshake: MySQLHandshake, host: String, publicKey: [UInt8]?, hasKey: Bool = false, isSecure: Bool = false
    ) {
        self.hasKey = hasKey || publicKey != nil
        self.handshake = handshake
        self.host = host
        self.publicKey = publicKey
        self.isSecure = isSecure
        nonce = handshake.nonce
    }

    /// A nonce of 20 bytes: no NUL, which would end it, and no `$`, which MySQL avoids too.
    public static func freshNonce() -> [UInt8] {
        nonce(length: 20)
    }

    static func nonce(length: Int) -> [UInt8] {
        randomBytes(length).map { byte in
            let byte = byte & 0x7F
            return byte == 0 || byte == UInt8(ascii: "$") ? byte &+ 1 : byte
        }
    }

    /// The first packet, to be sent at once.
    public func greeting() -> [UInt8] { packet { handshake.write(to: &$0) } }

    /// Reads what the client sent; `consumed` says how much of it the step dealt with.
    public func received(_ bytes: RawSpan) -> (consumed: Int, step: MySQLClientLoginStep) {
        guard case .header(let id, let body, let end) = scanPacket(bytes, at: 0) else { return (0, .needBytes) }
        guard end &- body <= HandshakeResponse.maximumLength, id == sequence else {
            // Before the first packet, whoever speaks another protocol would not understand an error.
            if case .response = state { return (bytes.byteCount, over(.closeSilently)) }
            return (bytes.byteCount, refuse(Self.outOfOrder))
        }
        guard end <= bytes.byteCount else { return (0, .needBytes) }
        sequence = id &+ 1
        let payload = bytes.extracting(body..<end)
        switch state {
        case .response: return (end, response(payload))
        case .switched:
            answer = payload.toArray()
            return (end, verify())
        case .fullAuthentication(let keySent): return (end, full(payload.toArray(), keySent: keySent))
        case .securing, .responseDone, .waitingForKey, .decrypting, .checking, .over:
            return (end, refuse(Self.outOfOrder))
        }
    }

    private static let outOfOrder = MySQLError(1156, "08S01", "Got packets out of order")

    // MARK: Who it is

    private func response(_ payload: RawSpan) -> MySQLClientLoginStep {
        if HandshakeResponse.sslRequest(payload) != nil, handshake.capabilities.contains(.tls), !isSecure {
            state = .securing
            return .startTLS
        }
        do throws(MySQLWireError) {
            let response = try HandshakeResponse(parsing: payload)
            capabilities = handshake.capabilities.agreed(with: response.capabilities)
            user = response.user
            plugin = response.authPlugin.isEmpty ? AuthPluginName.native : response.authPlugin
            answer = response.authResponse
            state = .responseDone
            return .startup(response)
        } catch .unsupported {
            return refuse(MySQLError(1251, "08004", "Client does not support the protocol of MySQL 4.1 and later"))
        } catch {
            return refuse(MySQLError(1043, "08S01", "Bad handshake"))
        }
    }

    /// TLS has begun: the client's response follows.
    public func secured() {
        isSecure = true
        state = .response
    }

    /// The same on a new machine, for a client that has logged in long ago and got these capabilities. It is asked for
    /// another proof with a new nonce, as servers do, if it can be asked.
    public func changeUser(_ payload: RawSpan, _ agreed: MySQLCapabilities) -> MySQLClientLoginStep {
        capabilities = agreed
        asksAgain = agreed.contains(.pluginAuth)
        return changeUser(payload, sequence: 0)
    }

    /// A client that is logged in sent COM_CHANGE_USER; `sequence` is that of its packet.
    public func changeUser(_ payload: RawSpan, sequence id: UInt8) -> MySQLClientLoginStep {
        sequence = id &+ 1
        pending = []
        guard let command = try? ChangeUserCommand(parsing: payload, capabilities) else {
            return refuse(.malformedPacket)
        }
        user = command.user
        plugin = command.authPlugin.isEmpty ? AuthPluginName.native : command.authPlugin
        answer = command.authResponse
        state = .responseDone
        return .changeUser(command)
    }

    /// How the user must prove itself; answers the first step.
    public func begin(_ authentication: MySQLClientAuthentication) -> MySQLClientLoginStep {
        guard case .responseDone = state else { return refuse(Self.outOfOrder) }
        self.authentication = authentication
        guard case .secret(let secret, _, _) = authentication else { return accept(.none) }
        let wanted = Self.plugin(for: secret, client: plugin, preferred: handshake.authPlugin)
        // Who knows nothing of the plugin it was greeted with names another and sends nothing: it has no nonce for it.
        let hasNoNonce = answer.isEmpty && plugin != handshake.authPlugin && capabilities.contains(.pluginAuth)
        if wanted == plugin, wanted != AuthPluginName.ed25519, !asksAgain, !hasNoNonce { return verify() }
        guard capabilities.contains(.pluginAuth) else {
            return refuse(
                MySQLError(1251, "08004", "Client does not support authentication protocol requested by server"))
        }
        plugin = wanted
        nonce = Self.nonce(length: wanted == AuthPluginName.ed25519 ? MariaDBEd25519.nonceLength : 20)
        state = .switched
        let request = AuthSwitchRequest(plugin: wanted, nonce: nonce)
        return .reply(packet { request.write(to: &$0) })
    }

    /// The plugin with which a secret can be checked. With the password itself, what the client answered for is as good
    /// as any other.
    private static func plugin(for secret: MySQLSecret, client: String, preferred: String) -> String {
        switch secret {
        case .native: return AuthPluginName.native
        case .cachingSHA2: return AuthPluginName.cachingSHA2
        case .ed25519: return AuthPluginName.ed25519
        case .plain:
            let known = [AuthPluginName.native, AuthPluginName.cachingSHA2]
            if known.contains(client) { return client }
            return known.contains(preferred) ? preferred : AuthPluginName.cachingSHA2
        }
    }

    // MARK: Packets

    func packet(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
        var out = ByteWriter(capacity: 128)
        let mark = out.beginPacket(sequence)
        write(&out)
        sequence = out.endPacket(mark)
        return out.take()
    }

    /// Asks for the password itself.
    func askForPassword() -> MySQLClientLoginStep {
        state = .fullAuthentication(keySent: false)
        return .reply(packet { $0.authMoreData([4]) })
    }

    private func full(_ message: [UInt8], keySent: Bool) -> MySQLClientLoginStep {
        if isSecure {
            guard message.last == 0 else { return denied() }
            return check(SecretBytes([UInt8](message.dropLast())))
        }
        if message == [2], !keySent {
            state = .waitingForKey
            if publicKey == nil, hasKey { return .publicKeyWanted }
            return provide(publicKey: publicKey)
        }
        guard hasKey, message.count >= 128 else { return denied() }
        state = .decrypting
        return .decrypt(message, nonce: nonce)
    }

    /// Our public key, or nil if there is none after all.
    public func provide(publicKey: [UInt8]?) -> MySQLClientLoginStep {
        guard case .waitingForKey = state, let publicKey else { return denied() }
        state = .fullAuthentication(keySent: true)
        return .reply(packet { $0.authMoreData(publicKey) })
    }

    func over(_ step: MySQLClientLoginStep) -> MySQLClientLoginStep {
        state = .over
        return step
    }

    func refuse(_ error: MySQLError) -> MySQLClientLoginStep {
        over(.refused(packet { error.write(to: &$0) }))
    }

    /// What tells the client that it may not come in, whatever it can prove; nothing more is read from it.
    public func refusal(_ error: MySQLError) -> [UInt8] {
        state = .over
        return packet { error.write(to: &$0) }
    }

    /// Unknown users and wrong passwords read the same.
    func denied() -> MySQLClientLoginStep {
        wasDenied = true
        let using = answer.isEmpty ? "NO" : "YES"
        // No server has users with longer names.
        let user = user.prefix(128)
        return refuse(
            MySQLError(1045, "28000", "Access denied for user '\(user)'@'\(host)' (using password: \(using))"))
    }
}
