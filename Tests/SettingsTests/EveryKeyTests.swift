import Testing

@testable import Settings

@Suite("Every key")
struct EveryKeyTests {
    /// A file in which every key of every section has a value that is not its default.
    static let everything = """
        [headgate]
        threads = 3
        state_dir = "/srv/headgate"
        node_id = "px-1"
        max_client_conn = 5
        max_user_connections = 70
        max_user_client_connections = 700
        listen_backlog = 64
        client_login_timeout = "5s"
        auth_type = "md5"
        auth_hba_file = "/etc/hba.conf"
        auth_ident_file = "/etc/ident.conf"
        auth_user = "checkout"
        auth_query = "select name, secret from a.users where name = $1"
        auth_dbname = "directory"
        auth_query_ttl = "5s"
        tcp_keepalive = false
        max_login_clients = 7
        auth_delay = "1s"
        auth_delay_max = "2s"
        tcp_keepidle = "1m"
        tcp_keepintvl = "10s"
        tcp_keepcnt = 4
        tcp_user_timeout = "20s"
        max_prepared_statements = 0
        log_level = "debug"
        log_connections = false
        log_disconnections = false
        log_pooler_errors = false
        log_stats = false
        stats_period = "15s"
        cancel_wait_timeout = "1s"
        server_login_retry = "1s"
        shutdown_timeout = "1m"
        suspend_timeout = "1s"
        server_round_robin = true
        server_check_query = "select 1"
        server_reset_query = ""
        server_reset_query_always = true
        server_fast_close = true
        autodb_idle_timeout = "1m"
        dns_max_ttl = "1s"
        dns_nxdomain_ttl = "1s"
        ignore_startup_parameters = ["extra_float_digits"]
        track_extra_parameters = []
        application_name_add_host = true
        query_wait_notify = "0s"
        max_inspected_statement = "1MiB"

        [[listen]]
        protocol = "mysql"
        address = "unix:/run/headgate/.s.PGSQL.6432"
        tls = "verify-full"
        tls_cert = "/etc/c.pem"
        tls_key = "/etc/k.pem"
        tls_ca = "/etc/a.pem"
        tls_min_version = "1.3"
        proxy_protocol = ["10.0.0.0/8", "fd00::/8"]
        hba_file = "/etc/hba.conf"
        ident_file = "/etc/ident.conf"
        auth_type = "trust"
        unix_socket_mode = "0770"

        [cluster.shop]
        protocol = "mysql"
        servers = [{ address = "10.0.0.11:5432", weight = 7, zone = "a" }, { address = "[::1]:5433" }]
        tls = "verify-full"
        tls_cert = "/etc/c.pem"
        tls_key = "/etc/k.pem"
        tls_ca = "/etc/a.pem"
        tls_min_version = "1.3"
        monitor_user = "headgate"
        monitor_password = { file = "/run/secrets/m" }
        health_check_interval = "10s"
        health_check_timeout = "1s"
        health_check_rise = 1
        health_check_fall = 1
        max_replica_lag = "1s"
        failover_wait = "1s"

        [database.shop]
        cluster = "shop"
        dbname = "shop_v2"
        connect_query = "set search_path = shop"
        auth_user = "checkout"
        auth_query = "select $1, null"
        auth_dbname = "directory"
        pool_mode = "session"
        default_pool_size = 10
        min_pool_size = 1
        reserve_pool_size = 2
        reserve_pool_timeout = "1s"
        max_db_connections = 100
        max_db_client_connections = 1000
        server_idle_timeout = "1s"
        server_lifetime = "1d"
        server_connect_timeout = "500ms"
        server_check_delay = "0s"
        query_wait_timeout = "1s"
        query_timeout = "1s"
        transaction_timeout = "1s"
        idle_transaction_timeout = "1s"
        client_idle_timeout = "1s"
        read_routing = "replicas"
        read_consistency = "bounded"
        session_state = "reject"

        [cluster.directory]
        servers = [{ address = "10.0.0.13:5432" }]

        [database.directory]
        cluster = "directory"

        [user.checkout]
        password = { env = "CHECKOUT" }
        server_user = "checkout_rw"
        server_password = { command = ["/usr/bin/token", "rw"], ttl = "10m" }
        pool_mode = "statement"
        max_user_connections = 1
        max_user_client_connections = 2
        pool_size = 3
        reserve_pool_size = 4
        query_timeout = "5s"
        query_wait_timeout = "6s"
        transaction_timeout = "7s"
        idle_transaction_timeout = "8s"
        client_idle_timeout = "9s"

        [[app]]
        name = "checkout"
        match = { user = "checkout", database = ["shop"], application_name = "checkout-*", source = ["10.1.0.0/16"], certificate = "CN=checkout*" }
        max_client_connections = 500
        max_server_connections = 20
        max_concurrent_statements = 50
        max_waiting = 1000
        statements_per_second = 2000
        burst = 4000
        bytes_per_second = "1MiB"
        max_result_rows = 1
        max_result_bytes = "1GiB"
        max_statement_bytes = "64KiB"
        statement_timeout = "30s"
        transaction_timeout = "31s"
        idle_transaction_timeout = "60s"
        read_only = true
        weight = 50

        [audit]
        enabled = true
        mode = "strict"
        directory = "/var/log/audit"
        text = "none"
        parameters = "hmac"
        parameter_key = { env = "SECRET" }
        text_limit = "1KiB"
        max_block = "2s"
        on_overflow = "deny"
        on_io_error = "exit"
        commit_interval = "10ms"
        ring_size = "8MiB"
        rotate_size = "1MiB"
        rotate_age = "1h"
        retain_age = "30d"
        retain_bytes = "1GiB"
        space_left = "2GiB"
        admin_space_left = "1GiB"
        emergency_size = "1MiB"
        heartbeat_interval = "10s"
        key_file = "/etc/headgate/audit.pem"
        [audit.classes]
        DDL = "strict"
        [[audit.sink]]
        type = "syslog"
        format = "json"
        max_message_size = "2KiB"
        address = "10.0.0.1:6514"
        brokers = ["10.0.0.2:9092"]
        topic = "audit"
        tls = "verify-full"
        tls_cert = "/etc/c.pem"
        tls_key = "/etc/k.pem"
        tls_ca = "/etc/a.pem"
        tls_min_version = "1.3"

        [console]
        admin_users = ["dba"]
        stats_users = ["monitor"]

        [http]
        address = "127.0.0.1:9127"
        tls = "verify-full"
        tls_cert = "/etc/c.pem"
        tls_key = "/etc/k.pem"
        tls_ca = "/etc/a.pem"
        tls_min_version = "1.3"
        """

    /// Keys of a section that still have their default.
    private func untouched<Section>(_ keys: SectionKeys<Section>, _ section: Section?) -> [String] {
        guard let section else { return ["(no section)"] }
        return keys.keys.filter { $0.isSame($0.isRequired ? keys.blank() : section, keys.blank()) && !$0.isRequired }
            .map(\.name)
    }

    @Test func isDecodedToItsPlace() throws {
        let result = load(Self.everything)
        // Some keys have no effect yet, and a cluster is there for its keys alone: no problem here.
        let problems = result.problems.map(\.description)
        let known = ["has no effect", "in turn", "speaks postgres"]
        #expect(problems.filter { problem in !known.contains { problem.contains($0) } } == [])
        let c = try #require(result.configuration)
        #expect(untouched(GeneralSettings.keys, c.general) == [])
        #expect(untouched(ListenSettings.keys, c.listeners.first) == [])
        #expect(untouched(ClusterSettings.keys, c.clusters["shop"]) == [])
        #expect(untouched(ServerAddress.keys, c.clusters["shop"]?.servers.first) == [])
        #expect(untouched(DatabaseSettings.keys, c.databases["shop"]) == [])
        #expect(untouched(UserSettings.keys, c.users["checkout"]) == [])
        #expect(untouched(AppSettings.keys, c.apps.first) == [])
        #expect(untouched(AppMatch.keys, c.apps.first?.match) == [])
        #expect(untouched(AuditSettings.keys, c.audit) == [])
        // The other formats are refused for now.
        #expect(untouched(AuditSinkSettings.keys, c.audit.sinks.first) == ["format"])
        #expect(untouched(ConsoleSettings.keys, c.console) == [])
        #expect(untouched(HTTPSettings.keys, c.http) == [])
    }

    @Test func valuesAreWhatWasWritten() throws {
        let c = try #require(load(Self.everything).configuration)
        #expect(c.general.threads == 3)
        #expect(c.general.tcpUserTimeout == .seconds(20))
        #expect(c.general.maxInspectedStatement.bytes == 1 << 20)
        #expect(c.listeners.first?.address == .unix(path: "/run/headgate/.s.PGSQL.6432"))
        #expect(c.listeners.first?.unixSocketMode == 0o770)
        #expect(c.listeners.first?.proxyProtocol.map(\.description) == ["10.0.0.0/8", "fd00::/8"])
        let servers = try #require(c.clusters["shop"]?.servers)
        #expect(servers.map(\.host) == ["10.0.0.11", "::1"])
        #expect(servers.map(\.port) == [5432, 5433])
        #expect(servers.map(\.weight) == [7, 100])
        #expect(c.databases["shop"]?.name == "shop")
        #expect(c.databases["shop"]?.pool.serverConnectTimeout == .milliseconds(500))
        #expect(c.users["checkout"]?.password == .environment(name: "CHECKOUT"))
        #expect(
            c.users["checkout"]?.serverPassword
                == .command(arguments: ["/usr/bin/token", "rw"], timeToLive: .seconds(600)))
        #expect(c.apps.first?.match.database == ["shop"])
        #expect(c.audit.classes == ["DDL": .strict])
    }

    @Test func effectiveIsDefaultsThenDatabaseThenUser() throws {
        let text =
            sound + """
                database.shop.query_timeout = "2s"
                user.a = { password = { env = "A" }, pool_size = 3, client_idle_timeout = "9s" }
                database."*" = { cluster = "main", pool_mode = "session" }
                defaults = { default_pool_size = 7, query_timeout = "1s", transaction_timeout = "1s" }
                """
        let c = try #require(load(text).configuration)
        let shop = c.effective(database: "shop", user: "a")
        #expect(shop.defaultPoolSize == 3)
        #expect(shop.queryTimeout == .seconds(2))
        #expect(shop.transactionTimeout == .seconds(1))
        #expect(shop.clientIdleTimeout == .seconds(9))
        #expect(shop.poolMode == .transaction)
        let rest = c.effective(database: "anything", user: "nobody")
        #expect(rest.poolMode == .session)
        #expect(rest.defaultPoolSize == 7)
        #expect(c.database("anything")?.dbname == nil)
    }

    @Test func usersBeginWithTheGeneralLimits() throws {
        let text =
            sound + "headgate.max_user_connections = 9\nuser.a.password.env = \"A\"\n"
            + "user.b = { password = { env = \"B\" }, max_user_connections = 0 }\n"
        let c = try #require(load(text).configuration)
        #expect(c.user("a").maxUserConnections == 9)
        #expect(c.user("b").maxUserConnections == 0)
        #expect(c.user("trusted").maxUserConnections == 9)
        #expect(c.user("trusted").name == "trusted")
    }

    @Test func defaultsAreThoseOfTheContract() {
        let pool = PoolSettings()
        #expect(pool.poolMode == .transaction)
        #expect(pool.serverIdleTimeout == .seconds(300))
        #expect(pool.queryWaitTimeout == .seconds(120))
        #expect(pool.readConsistency == .session)
        let general = GeneralSettings()
        #expect(general.maxClientConnections == 10_000)
        #expect(general.authType == .scramSHA256)
        #expect(general.serverResetQuery == "DISCARD ALL")
    }

    @Test func everyDefaultReadsBackAsItself() {
        for setting in SettingReference.all where !setting.defaultText.isEmpty && setting.section == "[headgate]" {
            if setting.key == "node_id" { continue }
            let text = "\(sound)[headgate]\n\(setting.key) = \(setting.defaultText)\n"
            let result = load(text)
            #expect(result.errors.isEmpty, "\(setting.key) = \(setting.defaultText)")
            var expected = GeneralSettings()
            expected.nodeID = "host"
            #expect(result.configuration?.general == expected, "\(setting.key)")
        }
        for setting in SettingReference.all where !setting.defaultText.isEmpty {
            #expect(setting.summary.hasSuffix("."), "\(setting.key)")
        }
    }

    @Test func configFilesAreSound() throws {
        let names = files("../../conf").filter { $0.hasSuffix(".toml") }
        #expect(names.count >= 4)
        var outside = calm
        outside.read = { path, most in
            if path.contains("secrets") { return .success(Array("secret".utf8)) }
            // Rules lie beside the file that names them.
            let rules =
                path.hasSuffix(".conf") ? path.split(separator: "/").last.map { beside("../../conf/\($0)") } : nil
            return SettingsEnvironment.system.read(rules ?? path, most)
        }
        for name in names {
            let path = beside("../../conf/\(name)")
            let result = SettingsLoader.load(path: path, environment: outside, runsCommands: true)
            #expect(result.problems.map(\.description) == [], "\(name)")
            #expect(result.configuration != nil, "\(name)")
        }
    }
}
