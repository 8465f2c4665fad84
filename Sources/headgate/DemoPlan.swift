import ByteKit
import Credentials
import EventLoop
import Settings

/// The ports and passwords of a demo.
struct DemoPlan {
    /// The proxy's.
    let proxyPort: UInt16
    let primaryPort: UInt16
    let replicaPort: UInt16
    /// Of user `demo`, at the servers and at the proxy.
    let demoPassword = secret()
    /// Of user `postgres`, at the servers.
    let superuserPassword = secret()
    /// Of user `admin`, at the proxy's console.
    let adminPassword = secret()

    /// Three ports in a row from `base` on; without a base, where three are free.
    init(portBase base: UInt16?) throws(DemoFailure) {
        if let base {
            for port in base...(base + 2) where !Self.isFree(port) {
                throw .failed("port \(port) of 127.0.0.1 is in use; name another with --port-base")
            }
            self.init(base)
            return
        }
        // Below where the kernel takes ports for outgoing connections, so that none of those takes one meanwhile.
        for _ in 0..<200 {
            let base = UInt16.random(in: 15_000..<32_000)
            if (base...(base + 2)).allSatisfy(Self.isFree) {
                self.init(base)
                return
            }
        }
        throw .failed("no three free ports in a row between 15000 and 32000; name the first with --port-base")
    }

    private init(_ base: UInt16) {
        proxyPort = base
        primaryPort = base + 1
        replicaPort = base + 2
    }

    private static func isFree(_ port: UInt16) -> Bool {
        switch ListenerSocket.open(.tcp(host: "127.0.0.1", port: port), backlog: 1) {
        case .success(let socket):
            Sockets.close(socket)
            return true
        case .failure: return false
        }
    }

    private static func secret() -> String { String(decoding: Hex.encode(randomBytes(9)), as: UTF8.self) }

    func dsn(_ user: String, _ database: String, port: UInt16) -> String {
        let password = user == "admin" ? adminPassword : demoPassword
        return "postgresql://\(user):\(password)@127.0.0.1:\(port)/\(database)"
    }
}

extension DemoPlan {
    /// What the servers' programs and psql log in with, in the format of libpq.
    func passwordFile() -> String {
        """
        *:*:*:postgres:\(superuserPassword)
        *:*:*:demo:\(demoPassword)
        *:*:*:admin:\(adminPassword)

        """
    }

    /// Settings of both servers. They are thrown away, so they need not survive a crash.
    func serverSettings(sockets: String) -> [String] {
        [
            "listen_addresses=127.0.0.1", "unix_socket_directories=\(sockets)", "max_connections=60",
            "shared_buffers=32MB", "wal_level=logical", "password_encryption=scram-sha-256", "fsync=off",
            "full_page_writes=off", "synchronous_commit=off", "logging_collector=off", "log_destination=stderr",
            "jit=off",
        ]
    }

    /// What the demo's database begins with.
    func schema() -> String {
        """
        CREATE ROLE demo LOGIN PASSWORD '\(demoPassword)';
        GRANT pg_monitor TO demo;
        CREATE DATABASE demo OWNER demo;
        \\connect demo
        SET ROLE demo;
        CREATE TABLE account (id int PRIMARY KEY, owner text NOT NULL, balance numeric(12, 2) NOT NULL);
        INSERT INTO account VALUES
            (1, 'Ada', 1815.12), (2, 'Grace', 1906.09), (3, 'Edsger', 1930.05), (4, 'Barbara', 1939.11),
            (5, 'Jim', 1944.01);

        """
    }

    /// The proxy's `headgate.toml`.
    func configuration(_ directory: DemoDirectory) -> String {
        """
        # Written by headgate demo; it goes when the demo ends.
        [[listen]]
        address = "127.0.0.1:\(proxyPort)"

        [cluster.primary]
        servers = [{ address = "127.0.0.1:\(primaryPort)" }]

        [cluster.replica]
        servers = [{ address = "127.0.0.1:\(replicaPort)" }]

        [defaults]
        pool_mode = "transaction"
        default_pool_size = 5

        [database.demo]
        cluster = "primary"
        dbname = "demo"

        [database.demo_replica]
        cluster = "replica"
        dbname = "demo"

        [user.demo]
        password = { file = "\(directory.path)/secrets/demo" }

        [user.admin]
        password = { file = "\(directory.path)/secrets/admin" }

        [console]
        admin_users = ["admin"]

        """
    }
}
