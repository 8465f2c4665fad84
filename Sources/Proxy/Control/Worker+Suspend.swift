import ByteKit
import EventLoop

/// SUSPEND: nothing is read, and what is unsent goes out. Clients of the console and clients that log in are read, so
/// that somebody can say RESUME; who has logged in meanwhile waits.
extension Worker {
    /// Stops reading, or goes on.
    func setSuspended(_ on: Bool) {
        guard isSuspended != on else { return }
        isSuspended = on
        clients.forEach { client in if !on || client.canBeSuspended { client.suspend(on) } }
        servers.forEach { server in if !on || server.canBeSuspended { server.suspend(on) } }
        owned.forEach { connection in if !on || connection.phase == .open { connection.suspend(on) } }
    }

    /// How many connections have something unsent.
    var unsentConnections: Int {
        var count = 0
        func look(_ connection: Connection) { if connection.isSuspended, !connection.output.isEmpty { count += 1 } }
        clients.forEach(look)
        servers.forEach(look)
        owned.forEach(look)
        return count
    }

    /// Ends the connections that have something unsent: `suspend_timeout` is over.
    func cutUnsent() {
        clients.forEach { client in
            if client.isSuspended, client.hasUnsent { client.close("suspend_timeout") }
        }
    }
}

extension Connection {
    func suspend(_ on: Bool) {
        guard isSuspended != on else { return }
        isSuspended = on
        updateInterest()
    }
}

extension PooledClient {
    /// It has logged in, and not to the console.
    var canBeSuspended: Bool {
        switch phase {
        case .idle, .waiting, .active, .replication: true
        case .header, .login, .welcome, .console, .closed: false
        }
    }
}

extension PooledServer {
    /// It has logged in.
    fileprivate var canBeSuspended: Bool {
        switch phase {
        case .idle, .active, .settings, .probing, .checking, .cleaning: true
        case .connecting, .login, .preparing, .closed: false
        }
    }
}
