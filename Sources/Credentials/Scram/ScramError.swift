/// Why a SCRAM exchange ended (RFC 5802 section 7). Carries nothing of what the peer sent.
public enum ScramError: Error, Equatable, Sendable {
    /// The message does not follow the grammar: an attribute is missing, misplaced, badly encoded or followed by more.
    case malformed
    /// The message or one of its values is longer than any honest one.
    case tooLong
    /// A call the exchange does not expect now.
    case outOfOrder
    /// The peer demands a mandatory extension (`m=`); there is none.
    case unsupportedExtension
    /// The client wants to act as somebody else (`a=`), which PostgreSQL does not know.
    case authorizationIdentityUnsupported
    /// The kind of channel binding asked for is not offered here.
    case channelBindingUnsupported
    /// SCRAM-SHA-256-PLUS was chosen, yet the message binds to no channel.
    case channelBindingMissing
    /// The client says that we do not offer channel binding although we do: somebody took the offer away.
    case channelBindingDowngrade
    /// The channel the client is bound to is not ours.
    case channelBindingMismatch
    /// The nonce is not the one of this exchange.
    case nonceMismatch
    /// The iteration count is not within 1...10,000,000.
    case iterationCount
    /// Wrong password, or no such user: the two cannot be told apart from outside.
    case wrongProof
    /// The keys at hand were made with another salt or iteration count than the server now uses.
    case keysOutdated
    /// The server did not prove that it knows the user's verifier; it may be an impostor.
    case wrongServerSignature
    /// The server answered with an error (`e=`).
    case refusedByServer
}

extension ScramError: CustomStringConvertible {
    /// For the log of the operator.
    public var description: String {
        switch self {
        case .malformed: "malformed SCRAM message"
        case .tooLong: "SCRAM message too long"
        case .outOfOrder: "SCRAM message out of order"
        case .unsupportedExtension: "mandatory SCRAM extension not supported"
        case .authorizationIdentityUnsupported: "SCRAM authorization identity not supported"
        case .channelBindingUnsupported: "SCRAM channel binding type not supported"
        case .channelBindingMissing: "SCRAM channel binding negotiated but not used"
        case .channelBindingDowngrade: "SCRAM channel binding downgraded"
        case .channelBindingMismatch: "SCRAM channel binding check failed"
        case .nonceMismatch: "SCRAM nonce does not match"
        case .iterationCount: "SCRAM iteration count out of range"
        case .wrongProof: "SCRAM proof is wrong"
        case .keysOutdated: "SCRAM keys belong to another verifier"
        case .wrongServerSignature: "SCRAM server signature is wrong"
        case .refusedByServer: "server refused the SCRAM exchange"
        }
    }
}
