import ByteKit
public import Credentials
public import PostgresWire

/// How a client has to prove who it is.
public enum ClientAuthentication: Sendable {
    /// No proof (`trust`).
    case none
    /// The password in clear text (`password`).
    case cleartext(StoredSecret?)
    /// The old MD5 challenge.
    case md5(StoredSecret?)
    /// SCRAM-SHA-256 against a verifier; `isMock` when there is no such user.
    case scram(ScramVerifier, isMock: Bool)
}

/// What the driver does next for a client that logs in.
public enum ClientLoginStep: Sendable {
    /// More bytes must come.
    case needBytes
    /// Send these and go on reading.
    case reply([UInt8])
    /// Answer the SSLRequest with `S` and begin TLS, before anything else is read.
    case beginTLS
    /// TLS has begun without being asked for (PostgreSQL 17, `sslnegotiation=direct`): these bytes belong to it.
    case beginDirectTLS
    /// The client says who it is: find out how it must prove it and call `begin`.
    case startup(StartupMessage)
    /// A CancelRequest: pass it on and close without a word.
    case cancel(processID: UInt32, key: [UInt8])
    /// The client is who it says it is. `keys` and `password` let us log in to a server as this user.
    case accepted(keys: ScramKeys?, password: SecretBytes?)
    /// Send this and close.
    case refused(PostgresError)
    /// Not worth an answer (a port scan): close.
    case closeSilently
}

/// The server's side of start-up and authentication, for one client. Pure: bytes in, steps out.
public final class ClientLogin {
    private enum State {
        case startup(sslAsked: Bool, gssAsked: Bool)
        /// The driver has been told to begin TLS.
        case beginning
        case startupDone
        case password(ClientAuthentication)
        case md5(StoredSecret?, salt: [UInt8])
        case scramFirst(ScramVerifier, isMock: Bool)
        case scramFinal(ScramServer)
        case over
    }

    private var state = State.startup(sslAsked: false, gssAsked: false)
    private var user = ""
    private let secretOfProcess: SecretBytes
    /// A client that asks for TLS gets it. To be set before anything is received.
    public var offersTLS: Bool
    /// TLS has begun.
    public private(set) var isSecure = false
    private var binding = ChannelBinding.none

    /// The longest password or SASL message accepted; cloud tokens are tens of kilobytes.
    public static let longestSecret = 65_536 + 16

    /// A client that has just connected. `secretOfProcess` makes the salts of users that do not exist stable.
    public init(secretOfProcess: SecretBytes, offersTLS: Bool = false) {
        self.secretOfProcess = secretOfProcess
        self.offersTLS = offersTLS
    }

    /// The TLS that the driver was told to begin is there. `binding` is what SCRAM can be bound to: our certificate.
    public func becameSecure(binding: ChannelBinding) {
        guard case .beginning = state else { return }
        isSecure = true
        self.binding = binding
        state = .startup(sslAsked: true, gssAsked: true)
    }

    /// Reads what the client sent; `consumed` says how much of it the step dealt with.
    public func received(_ bytes: RawSpan) -> (consumed: Int, step: ClientLoginStep) {
        switch state {
        case .startup(let sslAsked, let gssAsked):
            return startup(bytes, sslAsked: sslAsked, gssAsked: gssAsked)
        case .startupDone, .over, .beginning:
            return (0, .needBytes)
        case .password, .md5, .scramFirst, .scramFinal:
            return proof(bytes)
        }
    }

    /// The first byte of TLS: the record of a handshake. A start-up packet's first byte is 0.
    private static let handshakeRecord: UInt8 = 22

    private func startup(_ bytes: RawSpan, sslAsked: Bool, gssAsked: Bool) -> (Int, ClientLoginStep) {
        if offersTLS, !sslAsked, !gssAsked, bytes.byteCount > 0, bytes.u8(at: 0) == Self.handshakeRecord {
            state = .beginning
            return (0, .beginDirectTLS)
        }
        switch StartupPacket.parse(bytes) {
        case .needMore:
            return (0, .needBytes)
        case .sslRequest(let end):
            if sslAsked { return (end, over(.closeSilently)) }
            if offersTLS {
                // What comes in clear behind it could be somebody else's, sent in the client's name (CVE-2021-23214).
                guard bytes.byteCount == end else { return (bytes.byteCount, over(Self.tooEarly)) }
                state = .beginning
                return (end, .beginTLS)
            }
            state = .startup(sslAsked: true, gssAsked: gssAsked)
            return (end, .reply([0x4E]))
        case .gssRequest(let end):
            if gssAsked { return (end, over(.closeSilently)) }
            state = .startup(sslAsked: sslAsked, gssAsked: true)
            return (end, .reply([0x4E]))
        case .cancel(let processID, let key):
            state = .over
            return (bytes.byteCount, .cancel(processID: processID, key: key))
        case .malformed(let why):
            state = .over
            // Whoever speaks another protocol would not understand the answer.
            let looksLikeText = bytes.byteCount >= 4 && bytes.u8(at: 0) >= 0x20
            return (bytes.byteCount, looksLikeText ? .closeSilently : .refused(PostgresError(.fatal, "08P01", why)))
        case .startup(let message, let end):
            state = .startupDone
            user = message["user"] ?? ""
            if user.isEmpty {
                return (
                    end, .refused(PostgresError(.fatal, "28000", "no PostgreSQL user name specified in startup packet"))
                )
            }
            return (end, .startup(message))
        }
    }

    /// How the user must prove itself; answers the first step.
    public func begin(_ authentication: ClientAuthentication) -> ClientLoginStep {
        var out = ByteWriter(capacity: 64)
        switch authentication {
        case .none:
            state = .over
            return .accepted(keys: nil, password: nil)
        case .cleartext:
            state = .password(authentication)
            out.authentication(3)
        case .md5(let secret):
            let salt = randomBytes(4)
            state = .md5(secret, salt: salt)
            out.authentication(5, salt)
        case .scram(let verifier, let isMock):
            state = .scramFirst(verifier, isMock: isMock)
            let plus = binding == .none ? "" : "SCRAM-SHA-256-PLUS\0"
            out.authentication(10, Array((plus + "SCRAM-SHA-256\0\0").utf8))
        }
        return .reply(out.take())
    }

    private func proof(_ bytes: RawSpan) -> (Int, ClientLoginStep) {
        guard case .header(let tag, let body, let end) = scanFrame(bytes, at: 0) else {
            if bytes.byteCount < 5 { return (0, .needBytes) }
            return (bytes.byteCount, over(.refused(PostgresError(.fatal, "08P01", "invalid message length"))))
        }
        if tag == FrontendTag.terminate { return (end, over(.closeSilently)) }
        guard tag == FrontendTag.password, end <= Self.longestSecret else {
            return (
                bytes.byteCount,
                over(.refused(PostgresError(.fatal, "08P01", "expected password response, got message type \(tag)")))
            )
        }
        guard end <= bytes.byteCount else { return (0, .needBytes) }
        return (end, check(bytes.extracting(body..<end)))
    }

    private func over(_ step: ClientLoginStep) -> ClientLoginStep {
        state = .over
        return step
    }

    private func check(_ body: RawSpan) -> ClientLoginStep {
        switch state {
        case .password(.cleartext(let secret)):
            guard let password = Self.cString(body) else { return over(Self.malformed) }
            guard password.count > 0 else {
                return over(.refused(PostgresError(.fatal, "28P01", "empty password returned by client")))
            }
            if let secret, secret.matches(password: password, user: user) {
                return over(.accepted(keys: nil, password: password))
            }
            return over(failed)
        case .md5(let secret, let salt):
            guard body.byteCount > 0, body.u8(at: body.byteCount &- 1) == 0 else { return over(Self.malformed) }
            let response = body.extracting(0..<(body.byteCount &- 1))
            if let secret, MD5Login.verify(response: response, user: user, secret: secret, salt: salt) {
                return over(.accepted(keys: nil, password: nil))
            }
            return over(failed)
        case .scramFirst(let verifier, let isMock):
            return scramFirst(body, verifier, isMock: isMock)
        case .scramFinal(var server):
            switch server.clientFinal(body) {
            case .success(let serverFinal, let keys):
                state = .over
                pendingFinal = serverFinal
                return .accepted(keys: keys, password: nil)
            case .fail:
                return over(failed)
            }
        case .startup, .beginning, .startupDone, .password, .over:
            return over(Self.malformed)
        }
    }

    /// The last SCRAM message, to be sent before AuthenticationOk.
    public private(set) var pendingFinal: [UInt8]?

    private func scramFirst(_ body: RawSpan, _ verifier: ScramVerifier, isMock: Bool) -> ClientLoginStep {
        var cursor = ByteCursor(body)
        guard let name = cursor.cString(), let length = cursor.i32() else { return over(Self.malformed) }
        let mechanism: ScramMechanism
        if body.extracting(name).equals("SCRAM-SHA-256") {
            mechanism = .sha256
        } else if binding != .none, body.extracting(name).equals("SCRAM-SHA-256-PLUS") {
            mechanism = .sha256Plus
        } else {
            return over(
                .refused(PostgresError(.fatal, "28000", "client selected an invalid SASL authentication mechanism")))
        }
        guard length >= 0, let data = cursor.take(Int(length)), cursor.remaining == 0 else {
            return over(Self.malformed)
        }
        var server = ScramServer(verifier: verifier, isMock: isMock, mechanism: mechanism, channelBinding: binding)
        switch server.clientFirst(body.extracting(data)) {
        case .reply(let first):
            state = .scramFinal(server)
            var out = ByteWriter(capacity: first.count + 16)
            out.authentication(11, first)
            return .reply(out.take())
        case .fail:
            return over(Self.malformed)
        }
    }

    /// Unknown users and wrong passwords read the same.
    private var failed: ClientLoginStep {
        .refused(PostgresError(.fatal, "28P01", "password authentication failed for user \"\(user)\""))
    }

    /// In PostgreSQL's words.
    private static let tooEarly = ClientLoginStep.refused(
        PostgresError(
            .fatal, "08P01", "received unencrypted data after SSL request",
            detail: "This could be either a client-software bug or evidence of an attempted man-in-the-middle attack."))

    private static let malformed = ClientLoginStep.refused(
        PostgresError(.fatal, "08P01", "malformed authentication message"))

    private static func cString(_ body: RawSpan) -> SecretBytes? {
        guard body.byteCount > 0, body.firstIndex(of: 0, from: 0, to: body.byteCount) == body.byteCount &- 1 else {
            return nil
        }
        return SecretBytes(copying: body.extracting(0..<(body.byteCount &- 1)))
    }
}
