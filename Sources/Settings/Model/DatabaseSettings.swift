/// `[database.NAME]`: what clients connect to.
public struct DatabaseSettings: Sendable, Hashable {
    /// What clients call it; `*` stands for every name that has no table of its own.
    public var name = ""
    /// The cluster that holds it.
    public var cluster = ""
    /// Its name at the server; nil is the name the client asked for.
    public var dbname: String?
    /// How it is pooled: `[defaults]` with what the table itself says.
    public var pool = PoolSettings()
    /// What is run on each new server connection.
    public var connectQuery: String?
    /// Where its users without a table of their own are looked up, where that differs from `[headgate]`.
    public var auth = AuthQuerySettings()

    /// A database that says nothing yet.
    public init() {}

    /// A database `name` of `cluster`, for tests and tools.
    public init(name: String, cluster: String, dbname: String? = nil, pool: PoolSettings = PoolSettings()) {
        self.name = name
        self.cluster = cluster
        self.dbname = dbname
        self.pool = pool
    }
}

extension DatabaseSettings {
    static let keys = SectionKeys(DatabaseSettings.init) { k in
        k.key(
            "cluster", \.cluster, .word("the name of a [cluster.NAME]", example: "main"), required: true,
            "The cluster that holds it.")
        k.optional(
            "dbname", \.dbname, .word("the name of a database", example: "shop"),
            "Its name at the server; by default what the client asked for.")
        k.include(PoolSettings.keys, at: \.pool)
        k.include(AuthQuerySettings.keys, at: \.auth)
        k.optional(
            "connect_query", \.connectQuery, .text,
            "SQL run on each new server connection before any client's; its settings are what sessions begin with.")
    }
}
