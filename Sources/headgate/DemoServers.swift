import Glibc

/// The PostgreSQL servers of a demo: a primary and a streaming replica of it.
struct DemoServers {
    let programs: DemoPrograms
    let directory: DemoDirectory
    let plan: DemoPlan
    /// Those that run.
    private(set) var running: [DemoChild] = []

    init(_ programs: DemoPrograms, _ directory: DemoDirectory, _ plan: DemoPlan) {
        self.programs = programs
        self.directory = directory
        self.plan = plan
    }

    private var setupLog: String { directory.path + "/setup.log" }
    private var environment: [String] { ["PGPASSFILE=\(directory.servers)/pgpass"] }

    /// Makes and starts the primary, with the demo's database.
    mutating func startPrimary() throws(DemoFailure) {
        let data = "\(directory.servers)/primary"
        try directory.write("servers/pgpass", plan.passwordFile(), owner: programs.identity)
        try directory.write("servers/password", plan.superuserPassword + "\n", owner: programs.identity)
        try run(
            [
                programs.path("initdb"), "-D", data, "-U", "postgres", "--auth=scram-sha-256",
                "--pwfile=\(directory.servers)/password", "--encoding=UTF8", "--locale=C", "--no-sync",
            ], within: 120)
        try start("primary", port: plan.primaryPort)
        try waitUntil("the primary answers", log: directory.path + "/primary.log", server: running.last) { servers in
            servers.asks("SELECT 1", port: plan.primaryPort, database: "postgres", user: "postgres")
        }
        try directory.write("servers/demo.sql", plan.schema(), owner: programs.identity)
        try run(
            psql(port: plan.primaryPort, host: directory.servers, database: "postgres", user: "postgres")
                + ["-f", "\(directory.servers)/demo.sql"], within: 60)
    }

    /// Makes a copy of the primary and lets it follow.
    mutating func startReplica() throws(DemoFailure) {
        try run(
            [
                programs.path("pg_basebackup"), "-D", "\(directory.servers)/replica", "-h", directory.servers, "-p",
                "\(plan.primaryPort)", "-U", "postgres", "-w", "-R", "-X", "stream", "-c", "fast", "--no-sync",
            ], within: 120)
        try start("replica", port: plan.replicaPort)
        try waitUntil("the replica follows", log: directory.path + "/replica.log", server: running.last) { servers in
            let following = "SELECT 1 / count(*) FROM pg_stat_wal_receiver, account WHERE status = 'streaming'"
            return servers.asks(following, port: plan.replicaPort, database: "demo", user: "postgres")
        }
    }

    /// Waits until a login and a statement go through the proxy.
    func waitForProxy() throws(DemoFailure) {
        for database in ["demo", "demo_replica"] {
            let what = "\(database) answers through the proxy"
            try waitUntil(what, log: directory.log, server: nil) { servers in
                servers.asks(
                    "SELECT 1 / count(*) FROM account", port: plan.proxyPort, host: "127.0.0.1", database: database,
                    user: "demo")
            }
        }
    }

    /// The first server that has ended by itself.
    func ended() -> (server: DemoChild, end: DemoEnd)? {
        for child in running {
            if let end = child.ended() { return (child, end) }
        }
        return nil
    }

    /// Forgets a server that has ended.
    mutating func forget(_ child: DemoChild) { running.removeAll { $0.pid == child.pid } }

    /// Stops all servers: their clients are disconnected, and who does not stop in time is made to.
    mutating func stop() {
        for (signal, seconds) in [(SIGINT, 10.0), (SIGQUIT, 5.0), (SIGKILL, 5.0)] {
            // Who has ended already, its number may by now be somebody else's.
            running.removeAll { $0.ended() != nil }
            for child in running { child.send(signal) }
            var turns = Int(seconds * 50)
            let requests = DemoClock.stopRequests
            while !running.isEmpty, turns > 0 {
                running.removeAll { $0.ended() != nil }
                // Who asks again is in a hurry.
                if signal == SIGINT, DemoClock.stopRequests > requests { break }
                usleep(20_000)
                turns -= 1
            }
            if running.isEmpty { return }
        }
    }

    private mutating func start(_ name: String, port: UInt16) throws(DemoFailure) {
        let data = "\(directory.servers)/\(name)"
        let settings = (plan.serverSettings(sockets: directory.servers) + ["cluster_name=\(name)"]).flatMap {
            ["-c", $0]
        }
        running.append(
            try DemoChild.start(
                [programs.path("postgres"), "-D", data, "-p", "\(port)"] + settings,
                output: "\(directory.path)/\(name).log", as: programs.identity, environment: environment,
                deathSignal: SIGQUIT))
    }

    /// psql's exit status says whether `sql` worked. Never longer than a few seconds.
    private func asks(
        _ sql: String, port: UInt16, host: String? = nil, database: String, user: String
    ) -> Bool {
        let command = psql(port: port, host: host ?? directory.servers, database: database, user: user)
        let asked = Result { () throws(DemoFailure) in
            try DemoChild.run(
                command + ["-c", sql], output: directory.path + "/probe.log", as: programs.identity,
                environment: environment + ["PGCONNECT_TIMEOUT=5"], within: 10)
        }
        if case .success = asked { return true }
        return false
    }

    private func psql(port: UInt16, host: String, database: String, user: String) -> [String] {
        [
            programs.path("psql"), "-X", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-h", host, "-p", "\(port)", "-U", user,
            "-d", database,
        ]
    }

    private func run(_ command: [String], within seconds: Int) throws(DemoFailure) {
        try DemoChild.run(
            command, output: setupLog, as: programs.identity, environment: environment, within: seconds)
    }

    private func waitUntil(
        _ what: String, log: String, server: DemoChild?, isTrue: (DemoServers) -> Bool
    ) throws(DemoFailure) {
        let _: Bool = try DemoClock.wait(60, for: what, log: log) { () throws(DemoFailure) in
            if isTrue(self) { return true }
            if let end = server?.ended() {
                throw .failed("PostgreSQL ended with \(end):", log: DemoDirectory.tail(log))
            }
            return nil
        }
    }
}
