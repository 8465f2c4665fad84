/// What the demo prints once everything answers.
func demoText(_ plan: DemoPlan, _ directory: DemoDirectory) -> String {
    let demo = plan.dsn("demo", "demo", port: plan.proxyPort)
    let replica = plan.dsn("demo", "demo_replica", port: plan.proxyPort)
    let console = plan.dsn("admin", "headgate", port: plan.proxyPort)
    return """

        Headgate is ready. Everything below goes when you press Ctrl-C.

          through headgate, transaction pooling
            primary   psql "\(demo)"
            replica   psql "\(replica)"
            console   psql "\(console)"

          past it
            primary   psql "\(plan.dsn("demo", "demo", port: plan.primaryPort))"
            replica   psql "\(plan.dsn("demo", "demo", port: plan.replicaPort))"

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

          configuration  \(directory.configuration)
          log            \(directory.log)
          servers' logs  \(directory.path)/primary.log, \(directory.path)/replica.log


        """
}
