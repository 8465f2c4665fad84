extension DemoPlan {
    /// Whether the proxy of this version speaks MySQL's protocol. Without it MariaDB's servers are there, past it.
    static let proxySpeaksMySQL = true

    /// What clients of MySQL's protocol connect to.
    static let mysqlDatabase = "demo_mysql"
    static let mysqlReplicaDatabase = "demo_mysql_replica"

    /// The proxy's `headgate.toml`, for the servers there are.
    func configuration(_ directory: DemoDirectory, for programs: DemoPrograms) -> String {
        var text = """
            # Written by headgate demo; it goes when the demo ends.
            [[listen]]
            address = "127.0.0.1:\(ports.proxy)"

            [defaults]
            pool_mode = "transaction"
            default_pool_size = 5

            [user.demo]
            password = { file = "\(directory.path)/secrets/demo" }

            [user.admin]
            password = { file = "\(directory.path)/secrets/admin" }

            [console]
            admin_users = ["admin"]

            """
        if programs.postgres != nil { text += postgresTables() }
        if programs.mariadb != nil, Self.proxySpeaksMySQL { text += mysqlTables() }
        return text
    }

    private func postgresTables() -> String {
        """

        [cluster.primary]
        servers = [{ address = "127.0.0.1:\(ports.primary)" }]

        [cluster.replica]
        servers = [{ address = "127.0.0.1:\(ports.replica)" }]

        [database.demo]
        cluster = "primary"
        dbname = "demo"

        [database.demo_replica]
        cluster = "replica"
        dbname = "demo"

        """
    }

    private func mysqlTables() -> String {
        """

        [[listen]]
        protocol = "mysql"
        address = "127.0.0.1:\(ports.mysqlProxy)"

        [cluster.mysql_primary]
        protocol = "mysql"
        servers = [{ address = "127.0.0.1:\(ports.mariadbPrimary)" }]

        [cluster.mysql_replica]
        protocol = "mysql"
        servers = [{ address = "127.0.0.1:\(ports.mariadbReplica)" }]

        [database.\(Self.mysqlDatabase)]
        cluster = "mysql_primary"
        dbname = "demo"

        [database.\(Self.mysqlReplicaDatabase)]
        cluster = "mysql_replica"
        dbname = "demo"

        """
    }
}
