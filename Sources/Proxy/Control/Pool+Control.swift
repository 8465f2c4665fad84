import ByteKit
import Credentials
import EventLoop
import Sessions
import Settings
import Telemetry

extension Pool {
    /// The servers of this pool in this worker.
    private var servers: [PooledServer] {
        var found: [PooledServer] = []
        worker.servers.forEach { if $0.pool === self { found.append($0) } }
        return found
    }

    /// Closes its servers as soon as they are free; the idle ones now.
    func reconnect() {
        global.noteReconnect(at: worker.loop.nowMicros)
        for server in servers { server.retireSoon("RECONNECT") }
    }

    /// The name of its server means other addresses now: connections to others go when they are free.
    func addressesChanged(of host: String, to addresses: Set<String>) {
        guard cluster.servers.contains(where: { $0.host == host }) else { return }
        let others = cluster.servers.filter { $0.host != host }
        for server in servers where !server.closeNeeded {
            guard case .ip(let address) = server.address, !addresses.contains(address.host),
                // Another server of the cluster may be named by its address.
                !others.contains(where: { $0.host == address.host })
            else { continue }
            Log.info(
                "dns_changed", "a server's name has another address; the connection goes when it is free",
                ["pool": name, "host": host, "address": address.host])
            server.retireSoon("its address is no longer that of its name")
        }
    }
}

extension UserRecord {
    /// Whether servers are logged in to as the same user with the same credential.
    func isSameAtServer(as other: UserRecord) -> Bool {
        serverUser == other.serverUser && hasSameCredential(as: other)
    }

    func hasSameCredential(as other: UserRecord) -> Bool {
        StoredSecret.areSame(serverSecret, other.serverSecret)
            && (serverSecret != nil || StoredSecret.areSame(secret, other.secret))
    }
}

extension StoredSecret {
    /// Whether both hold the same.
    static func areSame(_ a: StoredSecret?, _ b: StoredSecret?) -> Bool {
        switch (a, b) {
        case (nil, nil): true
        case (.plain(let a)?, .plain(let b)?): a.equals(b)
        case (.md5(let a)?, .md5(let b)?): a.equals(b)
        case (.scram(let a)?, .scram(let b)?): a.encoded == b.encoded
        case (.plain?, _), (.md5?, _), (.scram?, _), (nil, _): false
        }
    }
}
