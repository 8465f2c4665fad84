/// What the demo prints once everything answers.
func demoText(_ plan: DemoPlan, _ directory: DemoDirectory, _ programs: DemoPrograms) -> String {
    let console = plan.postgres("admin", "headgate", port: plan.ports.proxy)
    var text = "\nHeadgate is ready. Everything below goes when you press Ctrl-C.\n"
    if programs.postgres != nil { text += postgresText(plan, console: console) }
    if programs.mariadb != nil { text += mysqlText(plan) }
    if programs.postgres == nil { text += "\n  console   psql \"\(console)\"\n" }
    var logs: [String] = []
    if programs.postgres != nil { logs += ["primary.log", "replica.log"] }
    if programs.mariadb != nil { logs += ["mysql-primary.log", "mysql-replica.log"] }
    text += """

          configuration  \(directory.configuration)
          log            \(directory.log)
          servers' logs  \(logs.map { "\(directory.path)/\($0)" }.joined(separator: "\n                 "))


        """
    return text
}

private func postgresText(_ plan: DemoPlan, console: String) -> String {
    let demo = plan.postgres("demo", "demo", port: plan.ports.proxy)
    let replica = plan.postgres("demo", "demo_replica", port: plan.ports.proxy)
    return """

          PostgreSQL through headgate, transaction pooling
            primary   psql "\(demo)"
            replica   psql "\(replica)"
            console   psql "\(console)"

          past it
            primary   psql "\(plan.postgres("demo", "demo", port: plan.ports.primary))"
            replica   psql "\(plan.postgres("demo", "demo", port: plan.ports.replica))"

          to try
            Who answers, and what is there?
              psql "\(demo)" -c "SHOW cluster_name" -c "TABLE account"
            A replica takes no writes:
              psql "\(replica)" -c "DELETE FROM account"
            Forty clients with prepared statements share five servers:
              pgbench -i -q "\(demo)"
              pgbench -S -M prepared -c 40 -j 2 -T 10 "\(demo)"
              psql "\(demo)" -c "SELECT count(*) FROM pg_stat_activity WHERE usename = 'demo'"
            Settings stay with their client, though servers change between transactions:
              psql "\(demo)" -c "SET work_mem = '7MB'" -c "SELECT pg_backend_pid()" -c "SHOW work_mem"
            What headgate knows of it:
              psql "\(console)" -c "SHOW POOLS" -c "SHOW SERVERS"

        """
}

private func mysqlText(_ plan: DemoPlan) -> String {
    var text = "\n"
    if DemoPlan.proxySpeaksMySQL {
        text += """
              MariaDB through headgate, transaction pooling
                primary   \(plan.mysql(DemoPlan.mysqlDatabase, port: plan.ports.mysqlProxy))
                          \(plan.mariadb(DemoPlan.mysqlDatabase, port: plan.ports.mysqlProxy))
                replica   \(plan.mysql(DemoPlan.mysqlReplicaDatabase, port: plan.ports.mysqlProxy))
                          \(plan.mariadb(DemoPlan.mysqlReplicaDatabase, port: plan.ports.mysqlProxy))

              past it

            """
    } else {
        text += "  MariaDB, past headgate, which does not speak its protocol yet\n"
    }
    text += """
            primary   \(plan.mysql("demo", port: plan.ports.mariadbPrimary))
                      \(plan.mariadb("demo", port: plan.ports.mariadbPrimary))
            replica   \(plan.mysql("demo", port: plan.ports.mariadbReplica))
                      \(plan.mariadb("demo", port: plan.ports.mariadbReplica))

        """
    if DemoPlan.proxySpeaksMySQL { text += mysqlToTry(plan) }
    return text
}

private func mysqlToTry(_ plan: DemoPlan) -> String {
    let demo = plan.mariadb(DemoPlan.mysqlDatabase, port: plan.ports.mysqlProxy)
    let replica = plan.mariadb(DemoPlan.mysqlReplicaDatabase, port: plan.ports.mysqlProxy)
    let slap = "mariadb-slap \(plan.mariadbLogin(port: plan.ports.mysqlProxy)) --create-schema"
    let load = "--no-drop --concurrency=40 --number-of-queries=40000 --query=\"SELECT * FROM account WHERE id = 3\""
    return """

          to try
            Who answers, and what is there?
              \(demo) -e "SELECT @@report_host; SELECT * FROM account"
            A replica takes no writes:
              \(replica) -e "DELETE FROM account"
            Forty clients share five servers:
              \(slap)=\(DemoPlan.mysqlDatabase) \(load)
              \(demo) -e "SELECT count(*) FROM information_schema.processlist WHERE user = 'demo'"
            Settings stay with their client, though servers change between transactions:
              \(demo) -e "SET sql_mode = 'ANSI_QUOTES'; SELECT CONNECTION_ID(); SELECT @@sql_mode"

        """
}

extension DemoPlan {
    /// The address of a PostgreSQL database.
    fileprivate func postgres(_ user: String, _ database: String, port: UInt16) -> String {
        let password = user == "admin" ? adminPassword : demoPassword
        return "postgresql://\(user):\(password)@127.0.0.1:\(port)/\(database)"
    }

    /// The address of a MySQL database, as drivers take it.
    fileprivate func mysql(_ database: String, port: UInt16) -> String {
        "mysql://demo:\(demoPassword)@127.0.0.1:\(port)/\(database)"
    }

    /// The same for the command line; `mariadb` takes no addresses, and from 11.4 on insists on TLS unless told.
    fileprivate func mariadb(_ database: String, port: UInt16) -> String {
        "mariadb \(mariadbLogin(port: port)) \(database)"
    }

    fileprivate func mariadbLogin(port: UInt16) -> String {
        "--skip-ssl -h 127.0.0.1 -P \(port) -u demo -p\(demoPassword)"
    }
}
