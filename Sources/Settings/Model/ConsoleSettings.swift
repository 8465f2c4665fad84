/// `[console]`: who may use the console.
public struct ConsoleSettings: Sendable, Hashable {
    /// Users that may run every command.
    public var adminUsers: [String] = []
    /// Users that may run `SHOW` commands.
    public var statsUsers: [String] = []

    /// Nobody.
    public init() {}
}

extension ConsoleSettings {
    static let keys = SectionKeys(ConsoleSettings.init) { k in
        k.key("admin_users", \.adminUsers, .texts("user names"), "Users that may run every command.")
        k.key("stats_users", \.statsUsers, .texts("user names"), "Users that may run SHOW commands.")
    }
}

/// `[http]`: metrics, health, dashboard.
public struct HTTPSettings: Sendable, Hashable {
    /// Where it listens; nil is nowhere.
    public var address: ListenAddress?
    /// TLS towards its clients.
    public var tls = TLSSettings()

    /// Nothing is served.
    public init() {}
}

extension HTTPSettings {
    static let keys = SectionKeys(HTTPSettings.init) { k in
        k.optional(
            "address", \.address, .address(port: 9127), change: .restart, "Where it listens; by default nowhere.")
        k.include(TLSSettings.keys, at: \.tls)
    }
}
