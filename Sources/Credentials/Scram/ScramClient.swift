import ByteKit

/// What the client does next.
public enum ScramClientStep: Equatable, Sendable {
    /// Compute `ScramClient.saltedPassword` with these, or find it in a cache, and call `provide(saltedPassword:)`.
    /// Takes about 1.5 ms for 4096 iterations and seconds for millions: not on an event loop.
    case needKeys(salt: [UInt8], iterations: Int)
    /// Send this as SASLResponse.
    case reply([UInt8])
    /// The login is over.
    case fail(ScramError)
}

/// What a server's final message comes to.
public enum ScramClientOutcome: Equatable, Sendable {
    /// The server has proved that it knows the user. AuthenticationOk may now come, and not before.
    case ok
    /// The login is over.
    case fail(ScramError)
}

/// The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677): we log in to a server. See `ScramServer` for the messages.
///
/// AuthenticationOk must only be believed when `isComplete`: a server that skips its proof is an impostor.
public struct ScramClient: Sendable, Unprintable {
    private enum Credential {
        case password(SecretBytes)
        case keys(ScramKeys, madeFor: ScramVerifier?)
    }

    private enum State {
        case start
        case waitingForServerFirst(clientFirstBare: [UInt8])
        case waitingForKeys(clientFirstBare: [UInt8], serverFirst: [UInt8], nonce: [UInt8])
        case waitingForServerFinal(serverSignature: SecretBytes)
        case complete
        case failed
    }

    private let credential: Credential
    private let flag: BindingFlag
    private let nonce: [UInt8]
    private var state = State.start

    /// What SASLInitialResponse must name.
    public let mechanism: ScramMechanism

    /// A login with a password.
    ///
    /// - Parameters:
    ///   - channelBinding: what this connection can be bound to.
    ///   - serverOffersPlus: whether AuthenticationSASL listed SCRAM-SHA-256-PLUS. Binds if both can.
    ///   - nonce: our half of the nonce, printable ASCII without a comma; for tests.
    public init(
        password: SecretBytes, channelBinding: ChannelBinding = .none, serverOffersPlus: Bool = false,
        nonce: [UInt8]? = nil
    ) {
        self.init(.password(password), channelBinding, serverOffersPlus, nonce)
    }

    /// A login with keys: from an earlier login of the same user to us, or from the configuration.
    ///
    /// - Parameters:
    ///   - madeFor: the verifier the keys belong to. If the server's salt or iteration count is another, the exchange
    ///     fails with `keysOutdated` before a proof is sent that cannot be right.
    public init(
        keys: ScramKeys, madeFor verifier: ScramVerifier? = nil, channelBinding: ChannelBinding = .none,
        serverOffersPlus: Bool = false, nonce: [UInt8]? = nil
    ) {
        self.init(.keys(keys, madeFor: verifier), channelBinding, serverOffersPlus, nonce)
    }

    private init(_ credential: Credential, _ binding: ChannelBinding, _ serverOffersPlus: Bool, _ nonce: [UInt8]?) {
        self.credential = credential
        self.nonce = nonce ?? ScramProof.nonce()
        switch binding {
        case .none:
            flag = .unsupported
            mechanism = .sha256
        case .tlsServerEndPoint(let data):
            flag = serverOffersPlus ? .tlsServerEndPoint(data) : .notOffered
            mechanism = serverOffersPlus ? .sha256Plus : .sha256
        }
    }

    /// Whether the server has proved itself.
    public var isComplete: Bool {
        switch state {
        case .complete: true
        case .start, .waitingForServerFirst, .waitingForKeys, .waitingForServerFinal, .failed: false
        }
    }

    /// The password this login was begun with, for whoever computes the salted one.
    public var password: SecretBytes? {
        switch credential {
        case .password(let password): password
        case .keys: nil
        }
    }

    /// The first message: the data of SASLInitialResponse. The user is left empty, as libpq does.
    public mutating func clientFirst() -> [UInt8] {
        let bare = [UInt8]("n=,r=".utf8) + nonce
        if case .start = state {
            state = .waitingForServerFirst(clientFirstBare: bare)
        } else {
            state = .failed
        }
        return flag.header + bare
    }

    /// Takes the server's first message: the data of AuthenticationSASLContinue.
    public mutating func serverFirst(_ message: RawSpan) -> ScramClientStep {
        guard case .waitingForServerFirst(let clientFirstBare) = state else { return fail(.outOfOrder) }
        do throws(ScramError) {
            let challenge = try readChallenge(message)
            state = .waitingForKeys(
                clientFirstBare: clientFirstBare, serverFirst: challenge.text, nonce: challenge.nonce)
            switch credential {
            case .password:
                return .needKeys(salt: challenge.salt, iterations: challenge.iterations)
            case .keys(let keys, let verifier):
                if let verifier, verifier.salt != challenge.salt || verifier.iterations != challenge.iterations {
                    return fail(.keysOutdated)
                }
                return provide(keys: keys)
            }
        } catch {
            return fail(error)
        }
    }

    /// Answers `needKeys`.
    public mutating func provide(saltedPassword: SecretBytes) -> ScramClientStep {
        provide(keys: ScramKeys(saltedPassword: saltedPassword))
    }

    /// Answers `needKeys` with keys made before with the same salt and iteration count.
    public mutating func provide(keys: ScramKeys) -> ScramClientStep {
        guard case .waitingForKeys(let clientFirstBare, let serverFirst, let nonce) = state else {
            return fail(.outOfOrder)
        }
        let bare = [UInt8]("c=".utf8) + Base64.encode(flag.bindingInput) + [UInt8](",r=".utf8) + nonce
        let authMessage = ScramProof.authMessage(
            clientFirstBare: clientFirstBare, serverFirst: serverFirst, clientFinalBare: bare)
        guard let proof = ScramProof.clientProof(keys: keys, authMessage: authMessage) else {
            return fail(.wrongProof)
        }
        let signature = ScramProof.serverSignature(serverKey: keys.serverKey, authMessage: authMessage)
        state = .waitingForServerFinal(serverSignature: signature)
        return .reply(bare + [UInt8](",p=".utf8) + proof.withBytes { Base64.encode($0) })
    }

    /// Takes the server's final message: the data of AuthenticationSASLFinal.
    public mutating func serverFinal(_ message: RawSpan) -> ScramClientOutcome {
        guard case .waitingForServerFinal(let expected) = state else {
            state = .failed
            return .fail(.outOfOrder)
        }
        state = .failed
        do throws(ScramError) {
            var reader = try ScramReader(message)
            if reader.peek == UInt8(ascii: "e") { throw .refusedByServer }
            let signature = try ScramValue.key(try reader.attribute(UInt8(ascii: "v")))
            while !reader.isAtEnd {
                try reader.comma()
                try reader.skipExtension()
            }
            guard signature.equals(expected) else { throw .wrongServerSignature }
            state = .complete
            return .ok
        } catch {
            return .fail(error)
        }
    }

    /// What a server's first message says.
    private struct Challenge {
        let text: [UInt8]
        let nonce: [UInt8]
        let salt: [UInt8]
        let iterations: Int
    }

    private func readChallenge(_ message: RawSpan) throws(ScramError) -> Challenge {
        var reader = try ScramReader(message)
        if reader.peek == UInt8(ascii: "e") { throw .refusedByServer }
        try reader.refuseMandatoryExtension()
        let full = try ScramValue.nonce(try reader.attribute(UInt8(ascii: "r")))
        guard full.count > nonce.count, full.starts(with: nonce) else { throw .nonceMismatch }
        try reader.comma()
        let salt = try ScramValue.salt(try reader.attribute(UInt8(ascii: "s")))
        try reader.comma()
        let iterations = try ScramValue.iterations(try reader.attribute(UInt8(ascii: "i")))
        while !reader.isAtEnd {
            try reader.comma()
            try reader.skipExtension()
        }
        return Challenge(text: reader.bytes, nonce: full, salt: salt, iterations: iterations)
    }

    private mutating func fail(_ error: ScramError) -> ScramClientStep {
        state = .failed
        return .fail(error)
    }
}

extension ScramClient {
    /// The password after PBKDF2 (RFC 5802 section 3, `SaltedPassword`), the slow part of a login: about 1.5 ms for
    /// 4096 iterations. Callable from any thread; the result may be cached by password, salt and iteration count.
    ///
    /// The password is prepared as PostgreSQL does: SASLprep, or the bytes as they are where that fails. An iteration
    /// count outside 1...10,000,000, which no step of this machine asks for, is taken as the nearest within.
    public static func saltedPassword(password: SecretBytes, salt: [UInt8], iterations: Int) -> SecretBytes {
        let range = ScramValue.iterationRange
        let count = min(max(iterations, range.lowerBound), range.upperBound)
        return Digest.pbkdf2SHA256(password: SASLprep.prepared(password), salt: salt, iterations: count)
    }
}
