import ByteKit
import EventLoop
import Sessions
import Settings

/// A free server connection on its way from one worker to another: the socket and plain values, nothing of either
/// worker. If it cannot be delivered it closes the socket.
///
/// Unchecked because of the descriptor and its TLS alone, which the sender gives up when it posts and the receiver then owns.
final class MovedServer: @unchecked Sendable {
    private var fd: Int32
    private var tls: TLSChannel?
    let key: PoolKey
    let address: SocketAddress
    let host: String
    let processID: UInt32
    let connectedAt: Int64
    let lastUsed: Int64
    let expiresAt: Int64
    let closeNeeded: Bool
    let state: State

    /// What its protocol needs to go on with it.
    enum State {
        case postgres(PostgresState)
        case mysql(MySQLMovedSession)
    }

    struct PostgresState {
        let cancelKey: [UInt8]
        let settings: [SettingEntry]
        let status: [StatusBlock.Entry]
        let statements: ServerStatements
    }

    /// Takes the connection from its worker; nil if it is not free after all.
    init?(_ server: PooledServer) {
        guard let state = server.state, server.output.isEmpty, server.carried.isEmpty else { return nil }
        self.state = state
        fd = server.fd
        key = server.pool.global.key
        address = server.address
        host = server.host
        processID = server.processID
        connectedAt = server.connectedAt
        lastUsed = server.lastUsed
        expiresAt = server.expiresAt
        closeNeeded = server.closeNeeded
        tls = server.tls
        server.tls = nil
        server.worker.loop.retire(server)
        server.detach()
        server.pool.gaveAway(server)
    }

    /// What seals its bytes goes on with whoever adopts it.
    func takeTLS() -> TLSChannel? {
        defer { tls = nil }
        return tls
    }

    deinit { if fd >= 0 { Sockets.close(fd) } }

    /// Makes it a connection of `worker`.
    func adopt(by worker: Worker) {
        let configuration = worker.snapshot.configuration
        guard let database = configuration.database(key.database), let user = worker.user(of: key),
            let pool = worker.pool(key, database, user)
        else { return }
        let server = worker.addServer { slot -> PooledServer in
            switch state {
            case .postgres(let state):
                PostgresServer(pool: pool, worker: worker, slot: slot, moved: self, state)
            case .mysql(let state):
                MySQLServer(pool: pool, worker: worker, slot: slot, moved: self, state)
            }
        }
        server.open(fd)
        fd = -1
        if pool.global.mustReconnect(since: connectedAt) { server.closeNeeded = true }
        pool.adopted(server)
    }
}
