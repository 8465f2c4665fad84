/// Everything the proxy is told, as one value that never changes once it is loaded.
public struct Configuration: Sendable, Hashable {
    /// Counts the configurations of this node; the loader leaves 0, whoever activates one numbers it.
    public var version: UInt64 = 0
    /// `[headgate]`.
    public var general = GeneralSettings()
    /// Each `[[listen]]`, in the order of the file.
    public var listeners: [ListenSettings] = []
    /// What the HBA and ident files say, by their names.
    public var accessRules: [AccessFiles: AccessRules] = [:]
    /// `[cluster.NAME]` by name.
    public var clusters: [String: ClusterSettings] = [:]
    /// `[defaults]`: already part of each database.
    public var defaults = PoolSettings()
    /// `[database.NAME]` by name; `*` stands for the rest.
    public var databases: [String: DatabaseSettings] = [:]
    /// `[user.NAME]` by name.
    public var users: [String: UserSettings] = [:]
    /// Each `[[app]]`, in the order of the file: the first match wins.
    public var apps: [AppSettings] = []
    /// `[audit]`.
    public var audit = AuditSettings()
    /// `[console]`.
    public var console = ConsoleSettings()
    /// `[http]`.
    public var http = HTTPSettings()

    /// A configuration in which everything has its default and nothing is served.
    public init() {}
}

extension Configuration {
    /// The database a client gets that asks for `name`: its own table, or that of `*`.
    public func database(_ name: String) -> DatabaseSettings? { databases[name] ?? databases["*"] }

    /// The settings of `user`; one without a table of its own has only the limits of `[headgate]`.
    public func user(_ name: String) -> UserSettings { users[name] ?? general.anyUser(name) }

    /// How clients of `user` use `database`: `[defaults]`, then `[database.NAME]`, then what `[user.NAME]` sets itself.
    public func effective(database: String, user: String) -> PoolSettings {
        var pool = self.database(database)?.pool ?? defaults
        users[user]?.override(&pool)
        return pool
    }
}

extension GeneralSettings {
    /// A user that sets nothing itself.
    func anyUser(_ name: String) -> UserSettings {
        var user = UserSettings()
        user.name = name
        user.maxUserConnections = maxUserConnections
        user.maxUserClientConnections = maxUserClientConnections
        return user
    }
}
