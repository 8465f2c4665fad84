/// `[headgate]`: what belongs to the process as a whole. Names are PgBouncer's where it has the setting.
public struct GeneralSettings: Sendable, Hashable {
    /// Event-loop threads; 0 is one per core.
    public var threads = 0
    /// Where the history of the configuration and the audit spool are kept.
    public var stateDirectory = "/var/lib/headgate"
    /// The name of this node in cancel keys, audit and metrics; empty is the host name.
    public var nodeID = ""
    /// How many clients may be connected at once.
    public var maxClientConnections = 10_000
    /// How many servers a user may have over all databases, unless its own table says otherwise; 0 is no limit.
    public var maxUserConnections = 0
    /// How many clients a user may have, unless its own table says otherwise; 0 is no limit.
    public var maxUserClientConnections = 0
    /// How many connections the kernel keeps that are not yet accepted.
    public var listenBacklog = 1_024
    /// How long a client may take to log in.
    public var clientLoginTimeout = TimeSpan.seconds(60)
    /// How many clients may be logging in at once.
    public var maxLoginClients = 5_000
    /// How long the answer to the first wrong password from an address is held back; each later one twice as long.
    public var authDelay = TimeSpan.milliseconds(100)
    /// The longest such delay.
    public var authDelayMax = TimeSpan.seconds(3)
    /// How clients prove who they are, unless a listener says otherwise.
    public var authType = AuthMethod.scramSHA256
    /// Rules in the syntax of `pg_hba.conf` for listeners that name none of their own.
    public var authHBAFile: String?
    /// Maps of users in the syntax of `pg_ident.conf` for listeners that name none of their own.
    public var authIdentFile: String?
    /// Whether the kernel probes idle connections.
    public var tcpKeepalive = true
    /// How long a connection is idle before the first probe; zero is the kernel's choice.
    public var tcpKeepidle = TimeSpan.zero
    /// The time between probes; zero is the kernel's choice.
    public var tcpKeepintvl = TimeSpan.zero
    /// How many probes may stay unanswered; 0 is the kernel's choice.
    public var tcpKeepcnt = 0
    /// How long sent data may stay unacknowledged; zero is the kernel's choice.
    public var tcpUserTimeout = TimeSpan.zero
    /// How many prepared statements a server connection keeps; 0 counts as 1.
    public var maxPreparedStatements = 200
    /// How much is logged.
    public var logLevel = LogLevel.info
    /// Whether successful logins are logged.
    public var logConnections = true
    /// Whether disconnections are logged, with their reason.
    public var logDisconnections = true
    /// Whether errors the proxy sends to clients are logged.
    public var logPoolerErrors = true
    /// Whether totals are logged every `statsPeriod`.
    public var logStats = true
    /// The period of averages in `SHOW STATS`.
    public var statsPeriod = TimeSpan.seconds(60)
    /// How long a cancel request may wait for a server connection.
    public var cancelWaitTimeout = TimeSpan.seconds(10)
    /// How long after a failed login to a server the next is tried.
    public var serverLoginRetry = TimeSpan.seconds(15)
    /// How long a shutdown waits for clients before it cuts them; zero is without limit.
    public var shutdownTimeout = TimeSpan.zero
    /// How long `SUSPEND` waits for buffers to flush before it cuts connections.
    public var suspendTimeout = TimeSpan.seconds(10)
    /// Whether idle servers are used in turn instead of the most recently used first.
    public var serverRoundRobin = false
    /// What an idle server is asked before it is reused; empty is an empty statement.
    public var serverCheckQuery = ""
    /// What resets a server between clients of session pooling; empty is nothing.
    public var serverResetQuery = "DISCARD ALL"
    /// Whether `serverResetQuery` is also used outside session pooling.
    public var serverResetQueryAlways = false
    /// Whether `RECONNECT` and reload close servers of session pooling without waiting for their clients.
    public var serverFastClose = false
    /// Startup parameters of clients that are dropped instead of tracked.
    public var ignoreStartupParameters: [String] = []
    /// Parameters besides the standard ones whose value follows the client from server to server.
    public var trackExtraParameters = ["IntervalStyle"]
    /// Whether the client's address is added to its application name.
    public var applicationNameAddHost = false
    /// How long a client waits for a server before a notice tells it so; zero is never.
    public var queryWaitNotify = TimeSpan.seconds(5)
    /// Longer statements are passed on without being looked into, and count as writes.
    public var maxInspectedStatement = ByteSize(bytes: 16 << 20)
    /// How long pools of databases that came by `[database."*"]` live without being used.
    public var autodbIdleTimeout = TimeSpan.seconds(3_600)
    /// How long the addresses of a host name are believed.
    public var dnsMaxTTL = TimeSpan.seconds(15)
    /// How long a failed look-up of a host name is believed.
    public var dnsNxdomainTTL = TimeSpan.seconds(15)

    /// The defaults.
    public init() {}
}

extension GeneralSettings {
    static let keys = SectionKeys(GeneralSettings.init) { k in
        k.key("threads", \.threads, .integer(0...1_024), change: .restart, "Event-loop threads; 0 is one per core.")
        k.key(
            "state_dir", \.stateDirectory, .path(example: "/var/lib/headgate"), change: .restart,
            "Where the history of the configuration and the audit spool are kept.")
        k.key(
            "node_id", \.nodeID, .word("a name of this node", example: "px-1"), change: .restart,
            "The name of this node in cancel keys, audit and metrics; by default the host name.")
        k.key(
            "max_client_conn", \.maxClientConnections, .integer(1...10_000_000),
            "How many clients may be connected at once.")
        k.key(
            "max_user_connections", \.maxUserConnections, .integer(0...PoolSettings.mostConnections),
            "How many servers a user may have over all databases, unless [user.NAME] says otherwise; 0 is no limit.")
        k.key(
            "max_user_client_connections", \.maxUserClientConnections, .integer(0...10_000_000),
            "How many clients a user may have, unless [user.NAME] says otherwise; 0 is no limit.")
        k.key(
            "listen_backlog", \.listenBacklog, .integer(1...65_535), change: .restart,
            "How many connections the kernel keeps that are not yet accepted.")
        k.key(
            "client_login_timeout", \.clientLoginTimeout, .duration(),
            "How long a client may take to log in, from its first moment; 0s is without limit.")
        k.key(
            "max_login_clients", \.maxLoginClients, .integer(1...10_000_000),
            "How many clients may be logging in at once; for one more, one of the address with the most of them goes.")
        k.key(
            "auth_delay", \.authDelay, .duration(most: .seconds(86_400)),
            "How long the answer to a wrong password is held back; each further failure from the address doubles it.")
        k.key(
            "auth_delay_max", \.authDelayMax, .duration(most: .seconds(86_400)),
            "The longest that the answer to a wrong password is held back.")
        k.key(
            "auth_type", \.authType, .choice,
            "How clients prove who they are, unless a listener or rules say otherwise; trust asks for nothing.")
        k.optional(
            "auth_hba_file", \.authHBAFile, .path(example: "/etc/headgate/hba.conf"),
            "Who may come in and how they prove who they are, in the syntax of pg_hba.conf; without rules every "
                + "[user.NAME] may come from everywhere.")
        k.optional(
            "auth_ident_file", \.authIdentFile, .path(example: "/etc/headgate/ident.conf"),
            "Which users of the system and names in certificates are which users, in the syntax of pg_ident.conf.")
        k.key("tcp_keepalive", \.tcpKeepalive, .boolean, "Whether the kernel probes idle connections.")
        k.key(
            "tcp_keepidle", \.tcpKeepidle, .duration(most: .seconds(32_767)),
            "How long a connection is idle before the first probe; 0s is the kernel's choice.")
        k.key(
            "tcp_keepintvl", \.tcpKeepintvl, .duration(most: .seconds(32_767)),
            "The time between probes; 0s is the kernel's choice.")
        k.key(
            "tcp_keepcnt", \.tcpKeepcnt, .integer(0...127),
            "How many probes may stay unanswered; 0 is the kernel's choice.")
        k.key(
            "tcp_user_timeout", \.tcpUserTimeout, .duration(most: .seconds(2_000_000)),
            "How long sent data may stay unacknowledged; 0s is the kernel's choice.")
        k.key(
            "max_prepared_statements", \.maxPreparedStatements, .integer(0...1_000_000),
            "How many prepared statements a server connection keeps, at least 1; any number works for clients.")
        logKeys(&k)
        serverKeys(&k)
        clientKeys(&k)
    }

    private static func logKeys(_ k: inout SectionKeys<GeneralSettings>) {
        k.key("log_level", \.logLevel, .choice, "How much is logged.")
        k.key("log_connections", \.logConnections, .boolean, "Whether successful logins are logged.")
        k.key(
            "log_disconnections", \.logDisconnections, .boolean,
            "Whether disconnections are logged, with their reason.")
        k.key(
            "log_pooler_errors", \.logPoolerErrors, .boolean,
            "Whether errors the proxy sends to clients are logged.")
        k.key("log_stats", \.logStats, .boolean, "Whether totals are logged every stats_period.")
        k.key(
            "stats_period", \.statsPeriod, .duration(least: .seconds(1), most: .seconds(86_400)),
            "The period of averages in SHOW STATS.")
    }

    private static func serverKeys(_ k: inout SectionKeys<GeneralSettings>) {
        k.key(
            "cancel_wait_timeout", \.cancelWaitTimeout, .duration(),
            "How long a cancel request may wait for a server connection; 0s is without limit.")
        k.key(
            "server_login_retry", \.serverLoginRetry, .duration(),
            "How long after a failed login to a server the next is tried.")
        k.key(
            "shutdown_timeout", \.shutdownTimeout, .duration(),
            "How long a shutdown waits for clients before it cuts them; 0s is without limit.")
        k.key(
            "suspend_timeout", \.suspendTimeout, .duration(),
            "How long SUSPEND waits for buffers to flush before it cuts connections; 0s is without limit.")
        k.key(
            "server_round_robin", \.serverRoundRobin, .boolean,
            "Whether idle servers are used in turn instead of the most recently used first.")
        k.key(
            "server_check_query", \.serverCheckQuery, .text,
            "What an idle server is asked before it is reused; empty is an empty statement.")
        k.key(
            "server_reset_query", \.serverResetQuery, .text,
            "What resets a server between clients of session pooling; empty is nothing.")
        k.key(
            "server_reset_query_always", \.serverResetQueryAlways, .boolean,
            "Whether server_reset_query is also used outside session pooling.")
        k.key(
            "server_fast_close", \.serverFastClose, .boolean,
            "Whether RECONNECT and reload end clients that keep their server, instead of waiting for them to leave.")
        k.key(
            "autodb_idle_timeout", \.autodbIdleTimeout, .duration(),
            "How long pools of databases that came by [database.\"*\"] live without being used; 0s is for ever.")
        k.key(
            "dns_max_ttl", \.dnsMaxTTL, .duration(),
            "How long the addresses of a host name are believed; a server whose address is no longer among them is replaced."
        )
        k.key(
            "dns_nxdomain_ttl", \.dnsNxdomainTTL, .duration(),
            "How long it is believed that a host name does not exist; a name server that is silent is asked after a second."
        )
    }

    private static func clientKeys(_ k: inout SectionKeys<GeneralSettings>) {
        k.key(
            "ignore_startup_parameters", \.ignoreStartupParameters, .texts("parameter names"),
            "Startup parameters of clients that are dropped instead of tracked.")
        k.key(
            "track_extra_parameters", \.trackExtraParameters, .texts("parameter names"), change: .restart,
            "Parameters besides the standard ones whose value follows the client from server to server.")
        k.key(
            "application_name_add_host", \.applicationNameAddHost, .boolean,
            "Whether the application name of a connecting client gets its address: \"NAME - ADDRESS:PORT\".")
        k.key(
            "query_wait_notify", \.queryWaitNotify, .duration(),
            "How long a client waits for a server before a notice tells it so; 0s is never.")
        k.key(
            "max_inspected_statement", \.maxInspectedStatement, .size(least: ByteSize(bytes: 1 << 10)),
            "Longer statements are passed on without being looked into, and count as writes.")
    }
}
