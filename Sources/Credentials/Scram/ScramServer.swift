import ByteKit

/// What the server does after a client's first message.
public enum ScramServerStep: Equatable, Sendable {
    /// Send this as AuthenticationSASLContinue and expect the client's final message.
    case reply(serverFirst: [UInt8])
    /// The login is over.
    case fail(ScramError)
}

/// What a client's final message comes to.
public enum ScramServerOutcome: Sendable {
    /// The client knows the password. Send `serverFinal` as AuthenticationSASLFinal. `keys` let us log in to a server
    /// that stores the same verifier, as this user.
    case success(serverFinal: [UInt8], keys: ScramKeys)
    /// The login is over.
    case fail(ScramError)
}

/// The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677): a client logs in to us.
///
///     client                                      server
///       │── n,,n=,r=<cnonce> ───────────────────────▶│  clientFirst
///       │◀─ r=<cnonce><snonce>,s=<salt>,i=<count> ───│
///       │── c=biws,r=<cnonce><snonce>,p=<proof> ────▶│  clientFinal
///       │◀─ v=<signature> ───────────────────────────│
///
/// The user name within the messages is not looked at, as in PostgreSQL: the startup packet has named the user.
public struct ScramServer: Sendable, Unprintable {
    private enum State {
        case waitingForFirst
        case waitingForFinal(Exchange)
        case ended
    }

    /// What the first two messages settle.
    private struct Exchange {
        let bindingInput: [UInt8]
        let clientFirstBare: [UInt8]
        let serverFirst: [UInt8]
        let nonce: [UInt8]
    }

    private let verifier: ScramVerifier
    private let isMock: Bool
    private let mechanism: ScramMechanism
    private let channelBinding: ChannelBinding
    private let serverNonce: [UInt8]
    private var state = State.waitingForFirst

    /// An exchange with one client.
    ///
    /// - Parameters:
    ///   - verifier: what is stored for the user, or `mockVerifier` if nothing is.
    ///   - isMock: whether the exchange must fail at its end whatever the client sends.
    ///   - mechanism: what the client chose in SASLInitialResponse.
    ///   - channelBinding: what this connection can be bound to. If there is such a thing, SCRAM-SHA-256-PLUS must have
    ///     been offered: a client that says it was not is turned away as the victim of a downgrade.
    ///   - nonce: our half of the nonce, printable ASCII without a comma; for tests.
    public init(
        verifier: ScramVerifier, isMock: Bool, mechanism: ScramMechanism = .sha256,
        channelBinding: ChannelBinding = .none, nonce: [UInt8]? = nil
    ) {
        self.verifier = verifier
        self.isMock = isMock
        self.mechanism = mechanism
        self.channelBinding = channelBinding
        self.serverNonce = nonce ?? ScramProof.nonce()
    }

    /// Takes the client's first message: the data of SASLInitialResponse.
    public mutating func clientFirst(_ message: RawSpan) -> ScramServerStep {
        guard case .waitingForFirst = state else {
            state = .ended
            return .fail(.outOfOrder)
        }
        do throws(ScramError) {
            let exchange = try readFirst(message)
            state = .waitingForFinal(exchange)
            return .reply(serverFirst: exchange.serverFirst)
        } catch {
            state = .ended
            return .fail(error)
        }
    }

    /// Takes the client's final message: the data of SASLResponse.
    public mutating func clientFinal(_ message: RawSpan) -> ScramServerOutcome {
        guard case .waitingForFinal(let exchange) = state else {
            state = .ended
            return .fail(.outOfOrder)
        }
        state = .ended
        do throws(ScramError) {
            return try readFinal(message, exchange)
        } catch {
            return .fail(error)
        }
    }

    private func readFirst(_ message: RawSpan) throws(ScramError) -> Exchange {
        var reader = try ScramReader(message)
        let flag = try readBindingFlag(&reader)
        if reader.peek == UInt8(ascii: "a") { throw .authorizationIdentityUnsupported }
        try reader.comma()
        let bareStart = reader.offset
        try reader.refuseMandatoryExtension()
        try ScramValue.checkName(try reader.attribute(UInt8(ascii: "n")))
        try reader.comma()
        let clientNonce = try ScramValue.nonce(try reader.attribute(UInt8(ascii: "r")))
        while !reader.isAtEnd {
            try reader.comma()
            try reader.skipExtension()
        }
        let nonce = clientNonce + serverNonce
        var serverFirst = [UInt8]("r=".utf8) + nonce
        serverFirst += ",s=".utf8
        serverFirst += Base64.encode(verifier.salt)
        serverFirst += ",i=\(verifier.iterations)".utf8
        return Exchange(
            bindingInput: flag.bindingInput, clientFirstBare: [UInt8](reader.bytes[bareStart...]),
            serverFirst: serverFirst, nonce: nonce)
    }

    /// Reads the flag and the comma behind it, and holds it against the mechanism and the connection.
    private func readBindingFlag(_ reader: inout ScramReader) throws(ScramError) -> BindingFlag {
        let flag: BindingFlag
        switch try reader.byte() {
        case UInt8(ascii: "n"):
            if mechanism == .sha256Plus { throw .channelBindingMissing }
            flag = .unsupported
        case UInt8(ascii: "y"):
            if mechanism == .sha256Plus { throw .channelBindingMissing }
            if channelBinding != .none { throw .channelBindingDowngrade }
            flag = .notOffered
        case UInt8(ascii: "p"):
            try reader.expect(UInt8(ascii: "="))
            guard mechanism == .sha256Plus, case .tlsServerEndPoint(let data) = channelBinding else {
                throw .channelBindingUnsupported
            }
            guard reader.value() == BindingFlag.endPointName else { throw .channelBindingUnsupported }
            flag = .tlsServerEndPoint(data)
        default:
            throw .malformed
        }
        try reader.comma()
        return flag
    }

    private func readFinal(_ message: RawSpan, _ exchange: Exchange) throws(ScramError) -> ScramServerOutcome {
        var reader = try ScramReader(message)
        guard let binding = Base64.decode(try reader.attribute(UInt8(ascii: "c"))) else { throw .malformed }
        guard constantTimeEquals(binding, exchange.bindingInput) else { throw .channelBindingMismatch }
        try reader.comma()
        guard try reader.attribute(UInt8(ascii: "r")) == exchange.nonce else { throw .nonceMismatch }
        var bareEnd = reader.offset
        try reader.comma()
        while reader.peek != UInt8(ascii: "p") {
            try reader.skipExtension()
            bareEnd = reader.offset
            try reader.comma()
        }
        let proof = try ScramValue.key(try reader.attribute(UInt8(ascii: "p")))
        try reader.end()

        let authMessage = ScramProof.authMessage(
            clientFirstBare: exchange.clientFirstBare, serverFirst: exchange.serverFirst,
            clientFinalBare: [UInt8](reader.bytes[..<bareEnd]))
        let clientKey = ScramProof.recoverClientKey(
            proof: proof, storedKey: verifier.storedKey, authMessage: authMessage)
        guard let clientKey, !isMock else { throw .wrongProof }
        let signature = ScramProof.serverSignature(serverKey: verifier.serverKey, authMessage: authMessage)
        return .success(
            serverFinal: [UInt8]("v=".utf8) + signature.withBytes { Base64.encode($0) },
            keys: ScramKeys(clientKey: clientKey, serverKey: verifier.serverKey))
    }
}
