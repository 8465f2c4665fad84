/// A demo's MariaDB servers: a primary, and a replica that follows it by GTID.
///
/// Three steps, each of which leaves programs working while somebody else's steps are done: `install`, `start`,
/// `waitUntilFollowing`.
struct DemoMariaDB {
    let programs: DemoPrograms.MariaDB
    let directory: DemoDirectory
    let plan: DemoPlan
    /// The program that makes the data directories, while it runs.
    private var installation: DemoChild?
    private var primary: DemoChild?
    private var replica: DemoChild?

    init(_ programs: DemoPrograms.MariaDB, _ directory: DemoDirectory, _ plan: DemoPlan) {
        self.programs = programs
        self.directory = directory
        self.plan = plan
    }

    private var options: String { directory.servers + "/my.cnf" }

    /// Begins to make the data directories. The replica's is a copy of the primary's, made before any server ran on it.
    mutating func install(_ servers: inout DemoServers) throws(DemoFailure) {
        try directory.write("servers/my.cnf", plan.mariadbOptions(), owner: servers.identity)
        let arguments = [
            programs.install, "--defaults-file=\(options)", "--datadir=\(data("primary"))", "--skip-test-db",
            "--auth-root-authentication-method=normal", "--skip-name-resolve",
        ]
        let both = "from=$1 to=$2; shift 2; \"$@\" && cp -Rp \"$from\" \"$to\""
        installation = try servers.start(
            ["/bin/sh", "-c", both, "sh", data("primary"), data("replica")] + arguments,
            output: "\(directory.path)/mariadb-setup.log", endsBy: .group)
    }

    /// Starts both servers on what was installed. Their first statements make the demo's users and tables.
    mutating func start(_ servers: inout DemoServers) throws(DemoFailure) {
        if let installation { try servers.finish(installation, within: 120) }
        installation = nil
        primary = try start(&servers, "primary", id: 1, port: plan.ports.mariadbPrimary, first: plan.mariadbPrimary())
        replica = try start(
            &servers, "replica", id: 2, port: plan.ports.mariadbReplica, first: plan.mariadbReplica(), ["--read-only"])
    }

    /// Waits until what was written to the primary is on the replica.
    func waitUntilFollowing(_ servers: DemoServers) throws(DemoFailure) {
        for (name, server) in [("primary", primary), ("replica", replica)] {
            let what = "MariaDB's \(name) has the demo's table"
            try servers.wait(until: what, log: log(name), server: server) { servers in
                let complete = """
                    BEGIN NOT ATOMIC
                        IF (SELECT count(*) FROM demo.account) <> 5 THEN SIGNAL SQLSTATE '45000'; END IF;
                    END
                    """
                return servers.succeeds([
                    programs.client, "--defaults-file=\(options)", "--connect-timeout=5",
                    "--socket=\(socket(name))", "--delimiter=//", "-e", complete,
                ])
            }
        }
    }

    /// Waits until a login and a statement go through the proxy.
    func waitForProxy(_ servers: DemoServers) throws(DemoFailure) {
        try directory.write("servers/demo.cnf", "[client]\npassword=\(plan.demoPassword)\n", owner: servers.identity)
        for database in [DemoPlan.mysqlDatabase, DemoPlan.mysqlReplicaDatabase] {
            let what = "\(database) answers through the proxy"
            try servers.wait(until: what, log: directory.log, server: nil) { servers in
                servers.succeeds([
                    programs.client, "--defaults-file=\(directory.servers)/demo.cnf", "--connect-timeout=5",
                    "--skip-ssl", "--protocol=tcp", "--host=127.0.0.1", "--port=\(plan.ports.mysqlProxy)",
                    "--user=demo", database, "-e", "SELECT id FROM account",
                ])
            }
        }
    }

    private func data(_ name: String) -> String { "\(directory.servers)/mysql-\(name)" }
    private func socket(_ name: String) -> String { "\(directory.servers)/mysql-\(name).s" }
    private func log(_ name: String) -> String { "\(directory.path)/mysql-\(name).log" }

    private func start(
        _ servers: inout DemoServers, _ name: String, id: Int, port: UInt16, first statements: [String],
        _ options: [String] = []
    ) throws(DemoFailure) -> DemoChild {
        let file = "servers/mysql-\(name).sql"
        // The server takes each line for a statement.
        try directory.write(file, statements.map { $0 + ";\n" }.joined(), owner: servers.identity)
        return try servers.start(
            [
                programs.server, "--defaults-file=\(self.options)", "--datadir=\(data(name))",
                "--socket=\(socket(name))", "--pid-file=\(data(name)).pid", "--port=\(port)", "--server-id=\(id)",
                "--report-host=\(name)", "--init-file=\(directory.path)/\(file)",
            ] + options,
            output: log(name), endsBy: .mariadb)
    }
}

extension DemoPlan {
    /// The options of MariaDB's programs. The servers are thrown away, so they need not survive a crash.
    func mariadbOptions() -> String {
        """
        [client]
        user = root
        password = \(superuserPassword)
        [mariadbd]
        bind_address = 127.0.0.1
        skip_name_resolve
        max_connections = 60
        character_set_server = utf8mb4
        log_bin = binlog
        binlog_format = ROW
        gtid_strict_mode = ON
        relay_log = relay
        innodb_buffer_pool_size = 32M
        innodb_log_file_size = 16M
        innodb_flush_log_at_trx_commit = 0
        innodb_flush_method = nosync
        innodb_buffer_pool_dump_at_shutdown = OFF
        sync_binlog = 0
        debug_no_sync

        """
    }

    /// What is to be so on each server by itself.
    private var mariadbFirst: [String] {
        [
            "SET sql_log_bin = 0", "DELETE FROM mysql.global_priv WHERE User IN ('', 'root') AND Host <> 'localhost'",
            "FLUSH PRIVILEGES", "ALTER USER root@localhost IDENTIFIED BY '\(superuserPassword)'",
            "SET sql_log_bin = 1",
        ]
    }

    /// The first statements of the primary; the replica repeats them.
    func mariadbPrimary() -> [String] {
        mariadbFirst + [
            "CREATE USER replication@'127.0.0.1' IDENTIFIED BY '\(replicationPassword)'",
            "GRANT REPLICATION SLAVE ON *.* TO replication@'127.0.0.1'",
            "CREATE DATABASE demo",
            """
            CREATE USER demo@'127.0.0.1' \
            IDENTIFIED VIA mysql_native_password USING PASSWORD('\(demoPassword)')
            """,
            "GRANT ALL ON demo.* TO demo@'127.0.0.1'",
            "GRANT PROCESS, SLAVE MONITOR ON *.* TO demo@'127.0.0.1'",
            """
            CREATE TABLE demo.account \
            (id int PRIMARY KEY, owner varchar(40) NOT NULL, balance decimal(12, 2) NOT NULL)
            """,
            "INSERT INTO demo.account VALUES \(Self.accounts)",
        ]
    }

    /// The first statements of the replica.
    func mariadbReplica() -> [String] {
        mariadbFirst + [
            """
            CHANGE MASTER TO master_host = '127.0.0.1', master_port = \(ports.mariadbPrimary), \
            master_user = 'replication', master_password = '\(replicationPassword)', master_connect_retry = 1, \
            master_use_gtid = slave_pos
            """,
            "START SLAVE",
        ]
    }
}
