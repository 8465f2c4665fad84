/// A client as rules look at it.
public struct AccessRequest: Sendable {
    /// 4 or 16 bytes in network order; nil for a unix socket.
    public var address: [UInt8]?
    /// TLS has begun.
    public var isSecure: Bool
    /// What it wants to use.
    public var database: String
    /// Who it says it is.
    public var user: String
    /// It wants physical replication, which is of no database.
    public var isPhysicalReplication: Bool

    /// A client of these.
    public init(
        address: [UInt8]?, isSecure: Bool, database: String, user: String, isPhysicalReplication: Bool = false
    ) {
        self.address = address
        self.isSecure = isSecure
        self.database = database
        self.user = user
        self.isPhysicalReplication = isPhysicalReplication
    }
}

extension AccessRules {
    /// The first rule that fits; nil if none does, and nobody may come in. `interfaces` is asked for this machine's addresses
    /// if a rule needs them.
    public func rule(for request: AccessRequest, interfaces: () -> [InterfaceAddress]) -> AccessRule? {
        rules.first { $0.fits(request, interfaces) }
    }

    /// Whether `name`, which the system or a certificate gives, may be `user`: by `map` of the ident file, or if they are the
    /// same.
    public func mayBe(_ user: String, as name: String, map: String?) -> Bool {
        guard let map else { return user == name }
        return maps.contains { $0.map == map && $0.allows(user, as: name) }
    }
}

extension AccessRule {
    fileprivate func fits(_ request: AccessRequest, _ interfaces: () -> [InterfaceAddress]) -> Bool {
        switch kind {
        case .local: if request.address != nil { return false }
        case .host, .hostnogssenc: if request.address == nil { return false }
        case .hostssl: if request.address == nil || !request.isSecure { return false }
        case .hostnossl: if request.address == nil || request.isSecure { return false }
        // Nobody is encrypted by GSSAPI here.
        case .hostgssenc: return false
        }
        return databases.contains { $0.fits(database: request) } && users.contains { $0.fits(user: request.user) }
            && source.fits(request.address, interfaces)
    }
}

extension AccessRule.Name {
    /// As `check_db` of PostgreSQL's `hba.c`.
    fileprivate func fits(database request: AccessRequest) -> Bool {
        if request.isPhysicalReplication { return self == .replication }
        return switch self {
        case .all: true
        case .sameUser: request.database == request.user
        case .replication: false
        case .exactly(let name): request.database == name
        case .pattern(let pattern): pattern.matches(request.database)
        }
    }

    func fits(user: String) -> Bool {
        switch self {
        case .all: true
        case .sameUser, .replication: false
        case .exactly(let name): user == name
        case .pattern(let pattern): pattern.matches(user)
        }
    }
}

extension AccessRule.Source {
    fileprivate func fits(_ address: [UInt8]?, _ interfaces: () -> [InterfaceAddress]) -> Bool {
        switch self {
        case .anywhere: return true
        case .network(let network): return address.map { network.contains($0) } ?? false
        case .sameHost: return address.map { own in interfaces().contains { $0.address == own } } ?? false
        case .sameNet:
            guard let address else { return false }
            return interfaces().contains { NetworkMask(address: $0.address, mask: $0.mask).contains(address) }
        }
    }
}
