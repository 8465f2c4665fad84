/// `[user.NAME]`: a user of the proxy.
public struct UserSettings: Sendable, Hashable {
    /// The name a client logs in with.
    public var name = ""
    /// What proves who it is; nil for users that only HBA rules or `trust` let in.
    public var password: SecretSource?
    /// The user at the server; nil is the same name.
    public var serverUser: String?
    /// The password at the server; nil is the client's own.
    public var serverPassword: SecretSource?
    /// How long clients of this user keep their server.
    public var poolMode: PoolMode?
    /// How many servers the user may have over all databases; 0 is no limit. By default what `[headgate]` says.
    public var maxUserConnections = 0
    /// How many clients the user may have; 0 is no limit. By default what `[headgate]` says.
    public var maxUserClientConnections = 0
    /// The size of each of its pools.
    public var poolSize: Int?
    /// The reserve of each of its pools.
    public var reservePoolSize: Int?
    /// How long a statement may run.
    public var queryTimeout: TimeSpan?
    /// How long a client waits for a server.
    public var queryWaitTimeout: TimeSpan?
    /// How long a transaction may last.
    public var transactionTimeout: TimeSpan?
    /// How long a client may be idle in a transaction.
    public var idleTransactionTimeout: TimeSpan?
    /// How long a client may be idle outside a transaction.
    public var clientIdleTimeout: TimeSpan?

    /// A user that says nothing yet.
    public init() {}

    /// Puts what this user sets itself over the settings of a database.
    public func override(_ pool: inout PoolSettings) {
        if let poolMode { pool.poolMode = poolMode }
        if let poolSize { pool.defaultPoolSize = poolSize }
        if let reservePoolSize { pool.reservePoolSize = reservePoolSize }
        if let queryTimeout { pool.queryTimeout = queryTimeout }
        if let queryWaitTimeout { pool.queryWaitTimeout = queryWaitTimeout }
        if let transactionTimeout { pool.transactionTimeout = transactionTimeout }
        if let idleTransactionTimeout { pool.idleTransactionTimeout = idleTransactionTimeout }
        if let clientIdleTimeout { pool.clientIdleTimeout = clientIdleTimeout }
    }
}

extension UserSettings {
    static let keys = SectionKeys(UserSettings.init) { k in
        k.optional("password", \.password, .secret, secret: true, "What proves who the user is.")
        k.optional(
            "server_user", \.serverUser, .word("the name of a user", example: "app"),
            "The user at the server, where it differs.")
        k.optional(
            "server_password", \.serverPassword, .secret, secret: true, "The password at the server, where it differs.")
        k.optional("pool_mode", \.poolMode, .choice, "How long clients of this user keep their server.")
        k.key(
            "max_user_connections", \.maxUserConnections, .integer(0...PoolSettings.mostConnections),
            "How many servers the user may have over all databases; 0 is no limit. By default what [headgate] says.")
        k.key(
            "max_user_client_connections", \.maxUserClientConnections, .integer(0...10_000_000),
            "How many clients the user may have; 0 is no limit. By default what [headgate] says.")
        k.optional(
            "pool_size", \.poolSize, .integer(1...PoolSettings.mostConnections),
            "The size of each pool of this user, instead of default_pool_size.")
        k.optional(
            "reserve_pool_size", \.reservePoolSize, .integer(0...PoolSettings.mostConnections),
            "The reserve of each pool of this user.")
        k.optional("query_timeout", \.queryTimeout, .duration(), "How long a statement may run.")
        k.optional("query_wait_timeout", \.queryWaitTimeout, .duration(), "How long a client waits for a server.")
        k.optional("transaction_timeout", \.transactionTimeout, .duration(), "How long a transaction may last.")
        k.optional(
            "idle_transaction_timeout", \.idleTransactionTimeout, .duration(),
            "How long a client may be idle in a transaction.")
        k.optional(
            "client_idle_timeout", \.clientIdleTimeout, .duration(),
            "How long a client may be idle outside a transaction.")
    }
}
