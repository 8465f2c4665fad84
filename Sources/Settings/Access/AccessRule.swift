/// How a client proves who it is, or that it need not or may not.
public enum AccessMethod: String, Sendable, Hashable {
    /// It need not.
    case trust
    /// It may not.
    case reject
    /// The password as it is; only where nobody listens.
    case plain = "password"
    /// An MD5 hash of the password.
    case md5
    /// SCRAM-SHA-256.
    case scramSHA256 = "scram-sha-256"
    /// The name in its certificate.
    case certificate = "cert"
    /// The user it is on this machine.
    case peer
}

/// A line of an HBA file.
public struct AccessRule: Sendable, Hashable {
    /// Which connections it is for.
    enum Kind: String, Sendable, Hashable, CaseIterable {
        case local, host, hostssl, hostnossl, hostgssenc, hostnogssenc
    }

    /// A database or user it is for.
    enum Name: Sendable, Hashable {
        case all
        /// The database that is called like the user.
        case sameUser
        /// Physical replication.
        case replication
        case exactly(String)
        case pattern(NamePattern)
    }

    /// Where clients may come from.
    enum Source: Sendable, Hashable {
        case anywhere
        /// An address of this machine.
        case sameHost
        /// A network this machine is in.
        case sameNet
        case network(NetworkMask)
    }

    /// What a client's certificate must be, besides the method.
    public enum ClientCertificate: String, Sendable, Hashable {
        /// There need not be one.
        case none
        /// One that an authority has signed.
        case verifyCA = "verify-ca"
        /// The same, for the user's name.
        case verifyFull = "verify-full"
    }

    /// What in a certificate is the name of its user.
    public enum CertificateName: String, Sendable, Hashable {
        /// The common name.
        case commonName = "CN"
        /// The whole subject as RFC 2253 writes it.
        case distinguishedName = "DN"
    }

    var kind: Kind
    var databases: [Name]
    var users: [Name]
    var source: Source
    /// How the client proves who it is.
    public internal(set) var method: AccessMethod
    /// The map of the ident file that says which users of the system, or names in certificates, are which users here.
    public internal(set) var map: String?
    /// `clientcert`.
    public internal(set) var clientCertificate = ClientCertificate.none
    /// `clientname`.
    public internal(set) var certificateName = CertificateName.commonName
    /// Where it stands: `FILE:LINE`, for the log.
    public internal(set) var place: String
}

/// Addresses that agree with one in the bits of a mask.
struct NetworkMask: Sendable, Hashable {
    /// 4 or 16 bytes in network order.
    let address: [UInt8]
    let mask: [UInt8]

    func contains(_ candidate: [UInt8]) -> Bool {
        guard candidate.count == address.count, mask.count == address.count else { return false }
        for index in candidate.indices where (candidate[index] ^ address[index]) & mask[index] != 0 { return false }
        return true
    }
}

/// An address of this machine and the mask of its network.
public struct InterfaceAddress: Sendable, Hashable {
    /// 4 or 16 bytes in network order.
    public let address: [UInt8]
    /// As many.
    public let mask: [UInt8]

    /// One of these bytes.
    public init(address: [UInt8], mask: [UInt8]) {
        self.address = address
        self.mask = mask
    }
}

/// The HBA file of a listener with its ident file: who may come in, from where, and how they prove who they are.
public struct AccessRules: Sendable, Hashable {
    /// In the order of the file: the first that fits decides.
    public internal(set) var rules: [AccessRule] = []
    var maps: [IdentEntry] = []

    /// Rules that let nobody in.
    public init() {}
}

/// The files a listener's rules come from.
public struct AccessFiles: Sendable, Hashable {
    /// The HBA file.
    public let hba: String
    /// The ident file, if there is one.
    public let ident: String?
}

extension Configuration {
    /// Where the rules of a listener stand; nil if it has none.
    public func accessFiles(of listener: ListenSettings) -> AccessFiles? {
        guard let hba = listener.hbaFile ?? general.authHBAFile else { return nil }
        return AccessFiles(hba: hba, ident: listener.identFile ?? general.authIdentFile)
    }
}

extension AccessMethod {
    /// What `auth_type` asks for.
    public init(_ type: AuthMethod) {
        self =
            switch type {
            case .trust: .trust
            case .plain: .plain
            case .md5: .md5
            case .scramSHA256: .scramSHA256
            case .certificate: .certificate
            }
    }
}
