/// What a SCRAM exchange can be bound to (RFC 5929).
public enum ChannelBinding: Equatable, Sendable {
    /// No TLS, or TLS whose certificate gives no binding.
    case none
    /// The hash of the server's certificate (RFC 5929 section 4).
    case tlsServerEndPoint([UInt8])
}

/// The SASL mechanisms PostgreSQL offers (protocol documentation, "SASL Authentication").
public enum ScramMechanism: String, Equatable, Sendable {
    /// Without channel binding (RFC 7677).
    case sha256 = "SCRAM-SHA-256"
    /// With channel binding.
    case sha256Plus = "SCRAM-SHA-256-PLUS"
}

/// The start of a client's first message: how it binds to the channel (RFC 5802 section 7, `gs2-cbind-flag`).
enum BindingFlag: Equatable {
    /// `n`: the client cannot bind.
    case unsupported
    /// `y`: the client could, but was not offered to.
    case notOffered
    /// `p=tls-server-end-point`.
    case tlsServerEndPoint([UInt8])

    static let endPointName = [UInt8]("tls-server-end-point".utf8)

    /// The GS2 header, with no authorization identity.
    var header: [UInt8] {
        switch self {
        case .unsupported: [UInt8]("n,,".utf8)
        case .notOffered: [UInt8]("y,,".utf8)
        case .tlsServerEndPoint: [UInt8]("p=".utf8) + Self.endPointName + [UInt8](",,".utf8)
        }
    }

    /// What the `c=` attribute of the final message stands for.
    var bindingInput: [UInt8] {
        switch self {
        case .unsupported, .notOffered: header
        case .tlsServerEndPoint(let data): header + data
        }
    }
}
