/// `[cluster.NAME]`: one primary and its replicas.
public struct ClusterSettings: Sendable, Hashable {
    /// What databases call it.
    public var name = ""
    /// The protocol of its servers.
    public var protocolKind = ProtocolKind.postgres
    /// Its servers; which is the primary is found out, not configured.
    public var servers: [ServerAddress] = []
    /// TLS towards the servers.
    public var tls = TLSSettings(mode: .prefer)
    /// The user monitors log in with.
    public var monitorUser: String?
    /// Its password.
    public var monitorPassword: SecretSource?
    /// The time between health checks of a server.
    public var healthCheckInterval = TimeSpan.seconds(30)
    /// How long a health check may take.
    public var healthCheckTimeout = TimeSpan.seconds(5)
    /// How many checks in a row must succeed before a server is used again.
    public var healthCheckRise = 2
    /// How many checks in a row must fail before a server is not used.
    public var healthCheckFall = 3
    /// A replica further behind serves no reads.
    public var maxReplicaLag = TimeSpan.seconds(10)
    /// How long statements that need a primary wait for one.
    public var failoverWait = TimeSpan.seconds(30)

    /// A cluster without servers.
    public init() {}

    /// A cluster `name` of `servers`, for tests and tools.
    public init(name: String, servers: [ServerAddress]) {
        self.name = name
        self.servers = servers
    }
}

/// One server of a cluster.
public struct ServerAddress: Sendable, Hashable {
    /// Where it listens.
    public var address = ListenAddress.tcp(host: "127.0.0.1", port: 5432)
    /// Its share of reads among the replicas; 0 gets none.
    public var weight = 100
    /// Where it stands; empty is unknown.
    public var zone = ""

    /// A server on 127.0.0.1:5432.
    public init() {}

    /// A server at `address`.
    public init(_ address: ListenAddress, weight: Int = 100, zone: String = "") {
        self.address = address
        self.weight = weight
        self.zone = zone
    }

    /// How TLS is spoken to it: a unix socket needs none and has none.
    public func tlsMode(in cluster: ClusterSettings) -> TLSMode {
        if case .unix = address { return .disable }
        return cluster.tls.mode
    }

    /// The host, or the path of the socket as it is.
    public var host: String {
        switch address {
        case .tcp(let host, _): host
        case .unix(let path): path
        }
    }

    /// The port; for a unix socket the number its name ends with (`.s.PGSQL.5432`), or 0.
    public var port: UInt16 {
        switch address {
        case .tcp(_, let port): port
        case .unix(let path): path.split(separator: ".").last.flatMap { UInt16($0) } ?? 0
        }
    }
}

extension ServerAddress {
    static let keys = SectionKeys({ ServerAddress() }) { k in
        k.key("address", \.address, .address(port: 5432), required: true, "Where the server listens.")
        k.key("weight", \.weight, .integer(0...10_000), "Its share of reads among the replicas; 0 gets none.")
        k.key("zone", \.zone, .text, "Where it stands; servers of the proxy's own zone are preferred.")
    }
}

extension ClusterSettings {
    static let keys = SectionKeys({ ClusterSettings() }) { k in
        k.key("protocol", \.protocolKind, .choice, "The protocol of its servers.")
        k.key(
            "servers", \.servers,
            ValueType<ServerAddress>.table(ServerAddress.keys, example: "{ address = \"127.0.0.1:5432\" }")
                .list(of: "servers"),
            required: true, "Its servers; which is the primary is found out, not configured.")
        k.include(TLSSettings.keys, at: \.tls)
        k.optional(
            "monitor_user", \.monitorUser, .word("the name of a user", example: "headgate"),
            "The user monitors log in with.")
        k.optional("monitor_password", \.monitorPassword, .secret, secret: true, "Its password.")
        k.key(
            "health_check_interval", \.healthCheckInterval, .duration(least: .milliseconds(100)),
            "The time between health checks of a server.")
        k.key(
            "health_check_timeout", \.healthCheckTimeout, .duration(least: .milliseconds(10)),
            "How long a health check may take.")
        k.key(
            "health_check_rise", \.healthCheckRise, .integer(1...1_000),
            "How many checks in a row must succeed before a server is used again.")
        k.key(
            "health_check_fall", \.healthCheckFall, .integer(1...1_000),
            "How many checks in a row must fail before a server is not used.")
        k.key("max_replica_lag", \.maxReplicaLag, .duration(), "A replica further behind serves no reads.")
        k.key("failover_wait", \.failoverWait, .duration(), "How long statements that need a primary wait for one.")
    }
}
