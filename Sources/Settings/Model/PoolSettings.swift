/// How a database is pooled: the keys that `[database.NAME]` and `[defaults]` share.
public struct PoolSettings: Sendable, Hashable {
    /// How long a client keeps its server.
    public var poolMode = PoolMode.transaction
    /// How many servers a pool (a database with a user) may have.
    public var defaultPoolSize = 50
    /// How many servers a pool keeps even when nothing asks for them.
    public var minPoolSize = 0
    /// How many more servers a pool may have when clients wait too long.
    public var reservePoolSize = 0
    /// How long a client waits before the reserve is used; zero is never.
    public var reservePoolTimeout = TimeSpan.seconds(5)
    /// How many servers a database may have over all its pools; 0 is no limit.
    public var maxDBConnections = 0
    /// How many clients a database may have; 0 is no limit.
    public var maxDBClientConnections = 0
    /// How long a server may be idle before it is closed; zero is for ever.
    public var serverIdleTimeout = TimeSpan.seconds(300)
    /// How old an unused server may get before it is closed; zero is: used once.
    public var serverLifetime = TimeSpan.seconds(3_600)
    /// How long connecting and logging in to a server may take.
    public var serverConnectTimeout = TimeSpan.seconds(15)
    /// How long a server may be idle before it is checked when it is used again.
    public var serverCheckDelay = TimeSpan.seconds(30)
    /// How long a client waits for a server before its statement fails; zero is for ever.
    public var queryWaitTimeout = TimeSpan.seconds(120)
    /// How long a statement may run; zero is without limit.
    public var queryTimeout = TimeSpan.zero
    /// How long a transaction may last; zero is without limit.
    public var transactionTimeout = TimeSpan.zero
    /// How long a client may be idle in a transaction; zero is without limit.
    public var idleTransactionTimeout = TimeSpan.zero
    /// How long a client may be idle outside a transaction; zero is without limit.
    public var clientIdleTimeout = TimeSpan.zero
    /// Which statements may go to replicas.
    public var readRouting = ReadRouting.off
    /// How fresh reads from replicas are.
    public var readConsistency = ReadConsistency.session
    /// What happens to session state that pooling would lose.
    public var sessionState = SessionStatePolicy.auto

    /// The defaults.
    public init() {}

    /// The most servers a number in a file can ask for.
    static let mostConnections = 1_000_000
}

extension PoolSettings {
    static let keys = SectionKeys(PoolSettings.init) { k in
        k.key(
            "pool_mode", \.poolMode, .choice,
            "How long a client keeps its server: until it disconnects, its transaction ends, or its statement ends.")
        sizeKeys(&k)
        serverKeys(&k)
        timeoutKeys(&k)
        k.key(
            "read_routing", \.readRouting, .choice,
            "Whether reads, and transactions whose first statement allows it, go to replicas.")
        k.key(
            "read_consistency", \.readConsistency, .choice,
            "How fresh reads from replicas are; session: a client reads its own writes.")
        k.key(
            "session_state", \.sessionState, .choice,
            "What happens to session state that pooling would lose; auto replays what it can and pins otherwise.")
    }

    private static func sizeKeys(_ k: inout SectionKeys<PoolSettings>) {
        k.key(
            "default_pool_size", \.defaultPoolSize, .integer(1...mostConnections),
            "How many servers a pool (a database with a user) may have.")
        k.key(
            "min_pool_size", \.minPoolSize, .integer(0...mostConnections),
            "How many servers a pool keeps even when nothing asks for them.")
        k.key(
            "reserve_pool_size", \.reservePoolSize, .integer(0...mostConnections),
            "How many more servers a pool may have when clients wait longer than reserve_pool_timeout.")
        k.key(
            "reserve_pool_timeout", \.reservePoolTimeout, .duration(),
            "How long a client waits before the reserve is used; 0s is never.")
        k.key(
            "max_db_connections", \.maxDBConnections, .integer(0...mostConnections),
            "How many servers a database may have over all its pools; 0 is no limit.")
        k.key(
            "max_db_client_connections", \.maxDBClientConnections, .integer(0...10_000_000),
            "How many clients a database may have; 0 is no limit.")
    }

    private static func serverKeys(_ k: inout SectionKeys<PoolSettings>) {
        k.key(
            "server_idle_timeout", \.serverIdleTimeout, .duration(),
            "How long a server may be idle before it is closed; 0s is for ever.")
        k.key(
            "server_lifetime", \.serverLifetime, .duration(),
            "How old an unused server may get before it is closed; 0s is: used once.")
        k.key(
            "server_connect_timeout", \.serverConnectTimeout, .duration(),
            "How long connecting and logging in to a server may take; 0s is without limit.")
        k.key(
            "server_check_delay", \.serverCheckDelay, .duration(),
            "How long a server may be idle before it is checked when it is used again; 0s checks always.")
    }

    private static func timeoutKeys(_ k: inout SectionKeys<PoolSettings>) {
        k.key(
            "query_wait_timeout", \.queryWaitTimeout, .duration(),
            "How long a client waits for a server before its statement fails; 0s is for ever.")
        k.key("query_timeout", \.queryTimeout, .duration(), "How long a statement may run; 0s is without limit.")
        k.key(
            "transaction_timeout", \.transactionTimeout, .duration(),
            "How long a transaction may last; 0s is without limit.")
        k.key(
            "idle_transaction_timeout", \.idleTransactionTimeout, .duration(),
            "How long a client may be idle in a transaction; 0s is without limit.")
        k.key(
            "client_idle_timeout", \.clientIdleTimeout, .duration(),
            "How long a client may be idle outside a transaction; 0s is without limit.")
    }
}
