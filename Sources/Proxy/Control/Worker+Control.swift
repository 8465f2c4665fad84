import ByteKit
import EventLoop
import Sessions
import Settings

/// What the console has a worker do.
extension Worker {
    /// Takes over what is paused and disabled.
    func take(_ admin: AdminState) {
        self.admin = admin
        for pool in Array(pools.values) { pool.setPaused(admin.isPaused(pool.global.key.database)) }
        desk.pausedOrNot()
        setSuspended(admin.isSuspended)
    }

    /// Closes servers as soon as they are free, so that new connections are made.
    func reconnect(_ scope: PoolScope) {
        for pool in Array(pools.values) where scope.covers(pool.global.key.database) { pool.reconnect() }
        desk.reconnect(scope)
    }

    /// Ends the clients of some pools where they stand; their servers follow when they have rolled back.
    func kill(_ scope: PoolScope) {
        let error = Refusal(.terminated, "terminating connection due to administrator command (KILL)")
        clients.forEach { client in
            guard let pool = client.pool, scope.covers(pool.global.key.database) else { return }
            client.fail(error)
        }
        reconnect(scope)
    }

    /// Ends one client; false if there is none of that name.
    func killClient(_ id: SocketID) -> Bool {
        guard let client = clients[id.slot], client.id == id, client.phase != .closed else { return false }
        client.fail(Refusal(.terminated, "terminating connection due to administrator command (KILL_CLIENT)"))
        return true
    }

    /// Ends every client that is in no transaction, and the others as soon as theirs ends.
    func dismissAll(_ farewell: Refusal) {
        isShuttingDown = true
        self.farewell = farewell
        dismissesClients = true
        clients.forEach { $0.dismissIfIdle() }
    }

    /// Ends every client where it stands. For the last moment of the process.
    func cutAll(_ farewell: Refusal) {
        isShuttingDown = true
        clients.forEach { $0.fail(farewell) }
    }

    /// Makes a new configuration the one in force (DESIGN.md 10): connections whose settings are the same do not
    /// notice.
    func apply(_ new: Snapshot) {
        let old = snapshot.configuration
        take(new)
        reconfigureApps(from: old)
        environment.maxInspectedStatement = new.configuration.general.maxInspectedStatement.bytes
        mysqlIfMade?.maxInspectedStatement = new.configuration.general.maxInspectedStatement.bytes
        for pool in Array(pools.values) {
            let before = pool.shortestTimeout
            pool.reconfigure(new)
            if pool.shortestTimeout != before {
                clients.forEach { if $0.pool === pool, $0.phase != .welcome { $0.armTimeouts() } }
            }
        }
        desk.reconfigure(new)
        dismissesClients = farewell != nil || pools.values.contains { $0.farewell != nil }
        if dismissesClients { clients.forEach { $0.dismissIfIdle() } }
    }
}

extension PooledClient {
    /// Why it is to go; nil if it may stay.
    private var farewell: Refusal? { worker.farewell ?? pool?.farewell }

    /// Ends it if it is to go and nothing of it is under way.
    func dismissIfIdle() {
        guard let farewell else { return }
        switch phase {
        case .header, .login, .welcome, .idle, .waiting, .replication: fail(farewell)
        case .active:
            if isBetweenTransactions { fail(farewell) }
        case .console, .closed: return
        }
    }

    /// Its server is no longer wanted (RECONNECT, a reload, a changed address), and the client would keep it: with
    /// `server_fast_close` it goes now, so that the client notices; true if it is gone.
    func leaveStaleServer() -> Bool {
        guard worker.snapshot.configuration.general.serverFastClose else { return false }
        fail(
            Refusal(
                .terminated, "terminating connection because its server connection is to be replaced",
                detail: "server_fast_close is on, and RECONNECT, a reload or a changed address wants new connections.",
                hint: "Connect again."))
        return true
    }

    /// The same, for a client that is doing nothing at the moment its server becomes unwanted.
    func leaveStaleServerIfIdle() {
        guard phase == .active, keepsServer, isBetweenTransactions else { return }
        _ = leaveStaleServer()
    }

    /// Its transaction has ended: true if it was to go, and is gone.
    func dismissAfterTransaction() -> Bool {
        guard let farewell else { return false }
        fail(farewell)
        return true
    }
}
