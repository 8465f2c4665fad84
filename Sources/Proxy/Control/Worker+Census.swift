import ByteKit
import EventLoop
import Pooling
import Sessions
import Settings

extension Worker {
    /// Tells of everything this worker has. O(connections), with a system call or two for each.
    func census() -> Census {
        var census = Census()
        census.clients.reserveCapacity(clients.count)
        census.servers.reserveCapacity(servers.count)
        clients.forEach { census.clients.append(row(of: $0)) }
        servers.forEach { census.servers.append(row(of: $0)) }
        for pool in pools.values {
            census.pools.append(
                PoolRow(
                    database: pool.global.key.database, user: pool.global.key.user,
                    mode: pool.settings.poolMode.rawValue, totals: Totals(pool.counters)))
        }
        census.apps = apps.mapValues { AppTotals($0.counters, $0.rules) }
        return census
    }

    private func row(of client: PooledClient) -> SocketRow {
        var row = SocketRow(id: client.id)
        row.tls = client.tls?.summary ?? ""
        row.user = client.pool?.global.key.user ?? client.loginUser
        row.database = client.pool?.global.key.database ?? client.loginDatabase
        row.isConsole = client.phase == .console
        switch client.phase {
        case .header, .login, .refused, .closed: row.state = .login
        case .welcome, .waiting: row.state = .waiting
        case .idle: row.state = .idle
        case .active where client.line != .none: row.state = .waiting
        case .active, .console, .replication: row.state = .active
        }
        if client.phase == .replication { row.replication = "logical" }
        if row.state == .waiting { row.waited = max(0, loop.nowMicros - client.requestedAt) }
        row.requestedAt = client.requestedAt
        row.connectedAt = client.connectedAt
        row.address = client.peer.host
        row.port = client.peer.port
        row.link = client.pooledServer?.id
        row.remotePID = 0
        row.isRunning = client.isServerBusy
        row.app = client.app?.settings.name ?? ""
        client.describe(&row)
        fill(&row, client)
        return row
    }

    private func row(of server: PooledServer) -> SocketRow {
        var row = SocketRow(id: server.id)
        row.tls = server.tls?.summary ?? ""
        row.user = server.pool.global.key.user
        row.database = server.pool.global.key.database
        switch server.phase {
        case .connecting, .login, .preparing, .closed: row.state = .login
        case .idle: row.state = server.cancelsInFlight > 0 ? .beingCanceled : .idle
        case .active, .settings, .probing: row.state = .active
        case .checking, .cleaning: row.state = .tested
        }
        switch server.address {
        case .ip(let address):
            row.address = address.host
            row.port = address.port
        case .unix: row.address = "unix"
        }
        row.connectedAt = server.connectedAt
        row.requestedAt = server.lastUsed
        row.closeNeeded = server.closeNeeded
        row.link = server.pooledClient?.id
        row.remotePID = Int64(server.processID)
        server.describe(&row)
        fill(&row, server)
        return row
    }

    private func fill(_ row: inout SocketRow, _ connection: Connection) {
        row.descriptor = connection.fd
        row.carried = connection.carried.count
        row.unsent = connection.output.count
        guard connection.fd >= 0, let local = Sockets.localAddress(connection.fd) else { return }
        row.localAddress = local.host
        row.localPort = local.port
    }
}

extension PooledClient {
    /// Its name for the console.
    var id: SocketID { SocketID(isServer: false, worker: worker.index, slot: slot, connectedAt: connectedAt) }
}

extension PooledServer {
    /// Its name for the console.
    var id: SocketID { SocketID(isServer: true, worker: worker.index, slot: slot, connectedAt: connectedAt) }
}
