/// A demo's PostgreSQL servers: a primary and a streaming replica of it.
struct DemoPostgres {
    let programs: DemoPrograms.Postgres
    let directory: DemoDirectory
    let plan: DemoPlan

    private var setupLog: String { directory.path + "/setup.log" }
    private var environment: [String] { ["PGPASSFILE=\(directory.servers)/pgpass", "PGCONNECT_TIMEOUT=5"] }

    /// Makes and starts the primary, with the demo's database.
    func startPrimary(_ servers: inout DemoServers) throws(DemoFailure) {
        let data = "\(directory.servers)/primary"
        try directory.write("servers/pgpass", plan.postgresPasswords(), owner: servers.identity)
        try directory.write("servers/password", plan.superuserPassword + "\n", owner: servers.identity)
        try run(
            servers,
            [
                programs.path("initdb"), "-D", data, "-U", "postgres", "--auth=scram-sha-256",
                "--pwfile=\(directory.servers)/password", "--encoding=UTF8", "--locale=C", "--no-sync",
            ], within: 120)
        let primary = try start(&servers, "primary", port: plan.ports.primary)
        try servers.wait(until: "the primary answers", log: primary.output, server: primary) { servers in
            asks(servers, "SELECT 1", port: plan.ports.primary, database: "postgres", user: "postgres")
        }
        try directory.write("servers/demo.sql", plan.postgresSchema(), owner: servers.identity)
        try run(
            servers,
            psql(port: plan.ports.primary, host: directory.servers, database: "postgres", user: "postgres")
                + ["-f", "\(directory.servers)/demo.sql"], within: 60)
    }

    /// Makes a copy of the primary and lets it follow.
    func startReplica(_ servers: inout DemoServers) throws(DemoFailure) {
        try run(
            servers,
            [
                programs.path("pg_basebackup"), "-D", "\(directory.servers)/replica", "-h", directory.servers, "-p",
                "\(plan.ports.primary)", "-U", "postgres", "-w", "-R", "-X", "stream", "-c", "fast", "--no-sync",
            ], within: 120)
        let replica = try start(&servers, "replica", port: plan.ports.replica)
        try servers.wait(until: "the replica follows", log: replica.output, server: replica) { servers in
            let following = "SELECT 1 / count(*) FROM pg_stat_wal_receiver, account WHERE status = 'streaming'"
            return asks(servers, following, port: plan.ports.replica, database: "demo", user: "postgres")
        }
    }

    /// Waits until a login and a statement go through the proxy.
    func waitForProxy(_ servers: DemoServers) throws(DemoFailure) {
        for database in ["demo", "demo_replica"] {
            let what = "\(database) answers through the proxy"
            try servers.wait(until: what, log: directory.log, server: nil) { servers in
                asks(
                    servers, "SELECT 1 / count(*) FROM account", port: plan.ports.proxy, host: "127.0.0.1",
                    database: database, user: "demo")
            }
        }
    }

    private func start(
        _ servers: inout DemoServers, _ name: String, port: UInt16
    ) throws(DemoFailure) -> DemoChild {
        let data = "\(directory.servers)/\(name)"
        let settings = (plan.postgresSettings(sockets: directory.servers) + ["cluster_name=\(name)"]).flatMap {
            ["-c", $0]
        }
        return try servers.start(
            [programs.path("postgres"), "-D", data, "-p", "\(port)"] + settings,
            output: "\(directory.path)/\(name).log", environment: environment, endsBy: .postgres)
    }

    private func asks(
        _ servers: DemoServers, _ sql: String, port: UInt16, host: String? = nil, database: String, user: String
    ) -> Bool {
        let command = psql(port: port, host: host ?? directory.servers, database: database, user: user)
        return servers.succeeds(command + ["-c", sql], environment: environment)
    }

    private func psql(port: UInt16, host: String, database: String, user: String) -> [String] {
        [
            programs.path("psql"), "-X", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-h", host, "-p", "\(port)", "-U", user,
            "-d", database,
        ]
    }

    private func run(_ servers: DemoServers, _ command: [String], within seconds: Int) throws(DemoFailure) {
        try servers.run(command, output: setupLog, environment: environment, within: seconds)
    }
}

extension DemoPlan {
    /// What PostgreSQL's programs log in with, in the format of libpq.
    func postgresPasswords() -> String {
        """
        *:*:*:postgres:\(superuserPassword)
        *:*:*:demo:\(demoPassword)
        *:*:*:admin:\(adminPassword)

        """
    }

    /// Settings of both servers. They are thrown away, so they need not survive a crash.
    func postgresSettings(sockets: String) -> [String] {
        [
            "listen_addresses=127.0.0.1", "unix_socket_directories=\(sockets)", "max_connections=60",
            "shared_buffers=32MB", "wal_level=logical", "password_encryption=scram-sha-256", "fsync=off",
            "full_page_writes=off", "synchronous_commit=off", "logging_collector=off", "log_destination=stderr",
            "jit=off",
        ]
    }

    /// What the demo's database begins with.
    func postgresSchema() -> String {
        """
        CREATE ROLE demo LOGIN PASSWORD '\(demoPassword)';
        GRANT pg_monitor TO demo;
        CREATE DATABASE demo OWNER demo;
        \\connect demo
        SET ROLE demo;
        CREATE TABLE account (id int PRIMARY KEY, owner text NOT NULL, balance numeric(12, 2) NOT NULL);
        INSERT INTO account VALUES \(Self.accounts);

        """
    }
}
