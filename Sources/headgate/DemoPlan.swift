import ByteKit
import Credentials
import EventLoop

/// The ports and passwords of a demo.
struct DemoPlan {
    let ports: Ports
    /// Of user `demo`, at the servers and at the proxy.
    let demoPassword = secret()
    /// Of user `postgres` at PostgreSQL, of `root` at MariaDB.
    let superuserPassword = secret()
    /// Of the user MariaDB's replica logs in as.
    let replicationPassword = secret()
    /// Of user `admin`, at the proxy's console.
    let adminPassword = secret()

    /// Six ports in a row.
    struct Ports {
        static let count: UInt16 = 6
        let base: UInt16

        var proxy: UInt16 { base }
        var primary: UInt16 { base + 1 }
        var replica: UInt16 { base + 2 }
        var mysqlProxy: UInt16 { base + 3 }
        var mariadbPrimary: UInt16 { base + 4 }
        var mariadbReplica: UInt16 { base + 5 }

        var all: ClosedRange<UInt16> { base...(base + Self.count - 1) }
    }

    /// Ports from `base` on; without a base, where enough are free.
    init(portBase base: UInt16?) throws(DemoFailure) {
        if let base {
            ports = Ports(base: base)
            for port in ports.all where !Self.isFree(port) {
                throw .failed("port \(port) of 127.0.0.1 is in use; name another with --port-base")
            }
            return
        }
        // Below where the kernel takes ports for outgoing connections, so that none of those takes one meanwhile.
        for _ in 0..<200 {
            let found = Ports(base: UInt16.random(in: 15_000..<32_000))
            if found.all.allSatisfy(Self.isFree) {
                ports = found
                return
            }
        }
        throw .failed(
            "no \(Ports.count) free ports in a row between 15000 and 32000; name the first with --port-base")
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

    /// The rows the table `account` begins with, as both databases write them.
    static let accounts =
        "(1, 'Ada', 1815.12), (2, 'Grace', 1906.09), (3, 'Edsger', 1930.05), (4, 'Barbara', 1939.11), (5, 'Jim', 1944.01)"
}
