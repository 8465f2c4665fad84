import ByteKit
public import Credentials
public import PostgresWire
public import Settings

/// With what the proxy logs in to a server.
public enum ServerCredential: Sendable {
    /// Nothing is known: only a server that trusts us lets us in.
    case none
    /// A clear-text password or an MD5 digest.
    case stored(StoredSecret)
    /// What a client's own SCRAM login proved: good for servers that store the same verifier.
    case keys(ScramKeys, ScramVerifier?)
}

/// Why a server did not let us in, told apart because the answers differ: wait, wait for room, or do not try again.
public enum ServerLoginFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The server answered with an error.
    case refused(ServerError)
    /// It asked for something we cannot do; the text says what.
    case unsupported(String)
    /// It broke the protocol or SCRAM; the text says how.
    case violation(String)

    /// In a line.
    public var description: String {
        switch self {
        case .refused(let error): "\(error.sqlstate): \(error.message)"
        case .unsupported(let what): "the server asks for \(what)"
        case .violation(let what): "the server sent \(what)"
        }
    }

    /// The server has no room for another connection (53300), or is just starting or stopping (57P03).
    public var isTemporary: Bool {
        if case .refused(let error) = self { return ["53300", "57P03", "57P01", "53200"].contains(error.sqlstate) }
        return false
    }

    /// The password is wrong or the user may not log in: trying again does not help.
    public var isCredential: Bool {
        if case .refused(let error) = self { return error.sqlstate.hasPrefix("28") }
        return false
    }
}

/// What the driver does next for a server connection that logs in.
public enum ServerLoginStep: Sendable {
    /// More bytes must come.
    case needBytes
    /// Send these and go on reading.
    case send([UInt8])
    /// The server wants TLS: begin it, and call `secured`.
    case beginTLS
    /// Derive the salted password off the loop and call `provide`.
    case needSaltedPassword(SecretBytes, salt: [UInt8], iterations: Int)
    /// ReadyForQuery came: the connection can be used.
    case ready
    /// It cannot.
    case failed(ServerLoginFailure)
}

/// The client's side of start-up and authentication, towards one server. Pure.
public final class ServerLogin {
    private let user: String
    private let database: String
    private let credential: ServerCredential
    private let extraParameters: [(String, String)]
    private let tls: TLSMode
    /// The server has been asked whether it speaks TLS.
    private var awaitsTLSAnswer = false
    private var binding = ChannelBinding.none
    private var scram: ScramClient?
    private var scramDone = false
    private var authenticated = false
    /// ParameterStatus values in the order they came.
    public private(set) var statuses: [StatusBlock.Entry] = []
    /// For CancelRequests.
    public private(set) var processID: UInt32 = 0
    /// For CancelRequests.
    public private(set) var cancelKey: [UInt8] = []

    /// A login of `user` to `database`. Over a unix socket there is no TLS, so `tls` must be `.disable`.
    public init(
        user: String, database: String, credential: ServerCredential, tls: TLSMode = .disable,
        extraParameters: [(String, String)] = []
    ) {
        self.tls = tls
        self.user = user
        self.database = database
        self.credential = credential
        self.extraParameters = extraParameters
    }

    /// The first packet: SSLRequest where there may be TLS.
    public func begin() -> [UInt8] {
        guard tls != .disable else { return startup() }
        awaitsTLSAnswer = true
        var out = ByteWriter(capacity: 8)
        out.sslRequest()
        return out.take()
    }

    /// TLS has begun. `binding` is what SCRAM can be bound to: the server's certificate.
    public func secured(binding: ChannelBinding) -> [UInt8] {
        self.binding = binding
        return startup()
    }

    /// The answer to SSLRequest: one byte.
    private func tlsAnswer(_ bytes: RawSpan) -> (Int, ServerLoginStep) {
        guard bytes.byteCount > 0 else { return (0, .needBytes) }
        switch bytes.u8(at: 0) {
        case UInt8(ascii: "S"):
            // What comes in clear behind it could be somebody else's, sent in the server's name (CVE-2021-23222).
            guard bytes.byteCount == 1 else {
                return (bytes.byteCount, .failed(.violation("unencrypted data behind its answer to SSLRequest")))
            }
            awaitsTLSAnswer = false
            return (1, .beginTLS)
        case UInt8(ascii: "N"):
            awaitsTLSAnswer = false
            guard tls == .prefer else {
                return (1, .failed(.unsupported("no TLS, which tls = \"\(tls.rawValue)\" of its cluster demands")))
            }
            return (1, .send(startup()))
        default:
            // An error in clear may be anybody's, so its text is not believed.
            return (bytes.byteCount, .failed(.violation("neither yes nor no in answer to SSLRequest")))
        }
    }

    private func startup() -> [UInt8] {
        var out = ByteWriter(capacity: 128)
        out.startup([("user", user), ("database", database)] + extraParameters)
        return out.take()
    }

    /// Reads what the server sent.
    public func received(_ bytes: RawSpan) -> (consumed: Int, step: ServerLoginStep) {
        if awaitsTLSAnswer { return tlsAnswer(bytes) }
        var position = 0
        while true {
            guard case .header(let tag, let body, let end) = scanFrame(bytes, at: position) else {
                if bytes.byteCount &- position < 5 { return (position, .needBytes) }
                return (position, .failed(.violation("a message of impossible length during login")))
            }
            guard end &- position <= 1 << 20 else {
                return (position, .failed(.violation("a message of \(end &- position) bytes during login")))
            }
            guard end <= bytes.byteCount else { return (position, .needBytes) }
            position = end
            if let step = message(tag, bytes.extracting(body..<end)) { return (position, step) }
        }
    }

    private func message(_ tag: UInt8, _ body: RawSpan) -> ServerLoginStep? {
        var cursor = ByteCursor(body)
        switch tag {
        case BackendTag.authentication:
            guard let code = cursor.i32() else { return .failed(.violation("a malformed authentication request")) }
            return authentication(code, body.extracting(4..<body.byteCount))
        case BackendTag.parameterStatus:
            guard let name = cursor.cString(), let value = cursor.cString() else {
                return .failed(.violation("a malformed ParameterStatus"))
            }
            if statuses.count < 256 {
                statuses.append(.init(name: cursor.string(name), value: cursor.string(value)))
            }
            return nil
        case BackendTag.backendKeyData:
            guard let id = cursor.i32(), cursor.remaining <= 256 else {
                return .failed(.violation("a malformed BackendKeyData"))
            }
            processID = UInt32(bitPattern: id)
            cancelKey = body.extracting(4..<body.byteCount).toArray()
            return nil
        case BackendTag.noticeResponse, BackendTag.negotiateProtocolVersion:
            return nil
        case BackendTag.errorResponse:
            return .failed(.refused(ServerError(body: body)))
        case BackendTag.readyForQuery:
            return authenticated ? .ready : .failed(.violation("ReadyForQuery before AuthenticationOk"))
        default:
            return .failed(.violation("message type \(tag) during login"))
        }
    }

    private func authentication(_ code: Int32, _ payload: RawSpan) -> ServerLoginStep? {
        switch code {
        case 0:
            if scram != nil && !scramDone {
                return .failed(.violation("AuthenticationOk before it proved that it knows the password"))
            }
            authenticated = true
            return nil
        case 3:
            guard case .stored(.plain(let password)) = credential else {
                return .failed(.unsupported("a clear-text password, of which only a digest is known"))
            }
            return .send(Self.response(password.withBytes { $0.toArray() } + [0]))
        case 5:
            guard payload.byteCount == 4, case .stored(let secret) = credential,
                let response = MD5Login.response(user: user, password: secret, salt: payload.toArray())
            else { return .failed(.unsupported("an MD5 response, for which there is no password")) }
            return .send(Self.response(response + [0]))
        case 10: return sasl(payload)
        case 11:
            guard scram != nil else { return .failed(.violation("SASLContinue out of order")) }
            return scramStep(scram?.serverFirst(payload))
        case 12:
            guard case .ok? = scram?.serverFinal(payload) else {
                return .failed(.violation("a wrong SCRAM signature: it does not know the password"))
            }
            scramDone = true
            return nil
        default:
            return .failed(.unsupported("authentication method \(code)"))
        }
    }

    private func sasl(_ payload: RawSpan) -> ServerLoginStep {
        var cursor = ByteCursor(payload)
        var (offered, offersPlus) = (false, false)
        while let name = cursor.cString(), !name.isEmpty {
            if payload.extracting(name).equals("SCRAM-SHA-256") { offered = true }
            if payload.extracting(name).equals("SCRAM-SHA-256-PLUS") { offersPlus = true }
        }
        guard offered || offersPlus && binding != .none else {
            return .failed(.unsupported("a SASL mechanism other than SCRAM-SHA-256"))
        }
        switch credential {
        case .stored(.plain(let password)):
            scram = ScramClient(password: password, channelBinding: binding, serverOffersPlus: offersPlus)
        case .keys(let keys, let verifier):
            scram = ScramClient(
                keys: keys, madeFor: verifier, channelBinding: binding, serverOffersPlus: offersPlus)
        case .stored, .none:
            return .failed(
                .unsupported("SCRAM, for which a password or the keys of a client's own SCRAM login are needed"))
        }
        guard let first = scram?.clientFirst(), let mechanism = scram?.mechanism else {
            return .failed(.violation("SASL out of order"))
        }
        var out = ByteWriter(capacity: 128)
        let mark = out.begin(FrontendTag.password)
        out.cString(mechanism.rawValue)
        out.u32(UInt32(truncatingIfNeeded: first.count))
        out.raw(first)
        out.end(mark)
        return .send(out.take())
    }

    private func scramStep(_ step: ScramClientStep?) -> ServerLoginStep {
        switch step {
        case .needKeys(let salt, let iterations)?:
            guard let password = scram?.password else {
                return .failed(.unsupported("SCRAM with another salt than the client's login used"))
            }
            return .needSaltedPassword(password, salt: salt, iterations: iterations)
        case .reply(let bytes)?: return .send(Self.response(bytes))
        case .fail(let error)?: return .failed(.violation("\(error)"))
        case nil: return .failed(.violation("SASL out of order"))
        }
    }

    /// The salted password asked for.
    public func provide(saltedPassword: SecretBytes) -> ServerLoginStep {
        scramStep(scram?.provide(saltedPassword: saltedPassword))
    }

    private static func response(_ payload: [UInt8]) -> [UInt8] {
        var out = ByteWriter(capacity: payload.count + 8)
        out.passwordMessage(payload)
        return out.take()
    }
}
