import EventLoop
import Settings

/// What a client has to prove.
struct AccessDemand: Sendable {
    let method: AccessMethod
    /// The rule that says so, if rules do, and what it belongs to.
    var rule: AccessRule?
    var rules: AccessRules?
}

extension PooledClient {
    /// What the rules of its listener, or `auth_type`, ask of it to use `database` as `user`.
    final func access(
        to database: String, as user: String, at listener: ListenSettings, isPhysicalReplication: Bool = false
    ) -> Result<AccessDemand, AccessRefusal> {
        let configuration = worker.snapshot.configuration
        guard let files = configuration.accessFiles(of: listener) else {
            return .success(AccessDemand(method: AccessMethod(listener.authType ?? configuration.general.authType)))
        }
        let request = AccessRequest(
            address: peer.family == .unix ? nil : peer.bytes, isSecure: tls != nil, database: database, user: user,
            isPhysicalReplication: isPhysicalReplication)
        // Without rules nobody comes in.
        let rules = configuration.accessRules[files] ?? AccessRules()
        let rule = rules.rule(for: request) {
            LocalMachine.interfaces().map { InterfaceAddress(address: $0.address, mask: $0.mask) }
        }
        guard let rule else { return .failure(.noEntry(describe(request), file: files.hba)) }
        if rule.method == .reject { return .failure(.rejected(describe(request), place: rule.place)) }
        switch rule.clientCertificate {
        case .none: break
        case .verifyCA, .verifyFull:
            guard tls?.hasPeerCertificate == true else { return .failure(.noCertificate) }
            if rule.clientCertificate == .verifyFull, certificateName(rule) != user {
                return .failure(.certificate(of: user))
            }
        }
        return .success(AccessDemand(method: rule.method, rule: rule, rules: rules))
    }

    /// As PostgreSQL describes it.
    private func describe(_ request: AccessRequest) -> String {
        let host = peer.family == .unix ? "[local]" : peer.host
        let encryption = request.isSecure ? "SSL encryption" : "no encryption"
        if request.isPhysicalReplication {
            return "replication connection from host \"\(host)\", user \"\(request.user)\", \(encryption)"
        }
        return "host \"\(host)\", user \"\(request.user)\", database \"\(request.database)\", \(encryption)"
    }

    /// Nobody can listen.
    final var isPrivate: Bool { tls != nil || peer.family == .unix }

    /// The name in its certificate that a rule means; the common name without one.
    private func certificateName(_ rule: AccessRule?) -> String? {
        switch rule?.certificateName {
        case nil, .commonName?: tls?.peerCommonName
        case .distinguishedName?: tls?.peerSubject
        }
    }

    /// Whether its certificate lets it be `user`.
    final func isCertified(_ user: String, _ demand: AccessDemand) -> Bool {
        guard let name = certificateName(demand.rule) else { return false }
        return mayBe(user, as: name, demand)
    }

    /// Whether who is called `name` elsewhere may be `user`.
    final func mayBe(_ user: String, as name: String, _ demand: AccessDemand) -> Bool {
        (demand.rules ?? AccessRules()).mayBe(user, as: name, map: demand.rule?.map)
    }
}
