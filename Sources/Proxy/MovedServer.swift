import ByteKit
import EventLoop
import PostgresWire
import Sessions
import Settings

/// A free server connection on its way from one worker to another: the socket and plain values, nothing of either
/// worker. If it cannot be delivered it closes the socket.
///
/// Unchecked because of the descriptor alone, which the sender gives up when it posts and the receiver then owns.
final class MovedServer: @unchecked Sendable {
    private var fd: Int32
    let key: PoolKey
    let address: SocketAddress
    let processID: UInt32
    let cancelKey: [UInt8]
    let connectedAt: Int64
    let lastUsed: Int64
    let expiresAt: Int64
    let closeNeeded: Bool
    let settings: [SettingEntry]
    let status: [StatusBlock.Entry]
    let statements: ServerStatements

    /// Takes the connection from its worker; nil if it is not free after all.
    init?(_ server: ServerConnection) {
        guard let session = server.session, session.isClean, server.output.isEmpty, server.carried.isEmpty else {
            return nil
        }
        fd = server.fd
        key = server.pool.global.key
        address = server.address
        processID = server.processID
        cancelKey = server.cancelKey
        connectedAt = server.connectedAt
        lastUsed = server.lastUsed
        expiresAt = server.expiresAt
        closeNeeded = server.closeNeeded
        settings = session.settings.entries
        status = session.status.entries
        statements = session.heldStatements
        server.worker.loop.retire(server)
        server.detach()
        server.pool.gaveAway(server)
    }

    deinit { if fd >= 0 { Sockets.close(fd) } }

    /// Makes it a connection of `worker`.
    func adopt(by worker: Worker) {
        let configuration = worker.snapshot.configuration
        guard let database = configuration.database(key.database), let user = worker.snapshot.users[key.user],
            let pool = worker.pool(key, database, user)
        else { return }
        let environment = worker.environment
        let server = worker.addServer { slot in
            ServerConnection(pool: pool, worker: worker, slot: slot, moved: self, environment)
        }
        server.open(fd)
        fd = -1
        if pool.global.mustReconnect(since: connectedAt) { server.closeNeeded = true }
        pool.adopted(server)
    }
}
