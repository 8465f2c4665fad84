import ByteKit
import EventLoop
import MySQLWire
import Sessions
import Telemetry

/// A connection that carries one `KILL QUERY` to a server: MySQL has no other way to end what runs.
final class MySQLKiller: Connection {
    private let server: MySQLServer
    private let login: MySQLServerLogin
    let deadline: Int64
    private var state = State.connecting

    private enum State { case connecting, login, asked, over }

    init(worker: Worker, server: MySQLServer) {
        self.server = server
        deadline = worker.cancelDeadline
        login = MySQLServerLogin(
            user: server.pool.user.serverUser, database: "", credential: server.pool.user.mysqlCredential,
            security: .init(server.tlsMode(of: server.pool.cluster, at: server.address), server.address))
        super.init(worker: worker)
        server.cancelStarted()
    }

    func start() {
        switch Sockets.connect(to: server.address) {
        case .connected(let fd), .inProgress(let fd):
            attach(fd: fd, loop: worker.loop, reading: false, writing: true)
        case .failed: end()
        }
    }

    override func ready(_ events: Int32) {
        if state == .connecting {
            guard Sockets.takeError(fd) == nil else { return end() }
            state = .login
            setInterest(reading: true, writing: false)
            return
        }
        if events & IOEvent.writable != 0 && !output.isEmpty { flush() }
        if events & IOEvent.readable != 0 && isAttached && isReading { receive() }
    }

    override func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard state == .login else {
            // The answer: it has arrived.
            end()
            return bytes.count
        }
        let (consumed, step) = unsafe login.received(bytes.bytes)
        take(step)
        return consumed
    }

    override func tlsOpened() { take(login.secured()) }

    override func tlsFailed(_ failure: TLSFailure) {
        Log.warn(
            "kill_failed", "a statement cannot be ended: the pooler cannot connect for it",
            ["pool": server.pool.name, "reason": failure.description])
        end()
    }

    private func take(_ step: MySQLServerLoginStep) {
        switch step {
        case .needBytes: break
        case .send(let answer): send(answer)
        case .ready:
            state = .asked
            var out = ByteWriter(capacity: 64)
            out.query("KILL QUERY \(server.processID)", login.capabilities)
            send(out.take())
        case .startTLS(let request):
            send(request)
            beginTLS(with: server.pool.cluster, host: server.host)
        case .failed(let failure):
            Log.warn(
                "kill_failed", "a statement cannot be ended: the pooler cannot log in for it",
                ["pool": server.pool.name, "reason": "\(failure)"])
            end()
        }
    }

    override func ended(_ errno: Errno?) { end() }

    /// It has arrived, or never will.
    func end() {
        if state == .over { return }
        state = .over
        closeSocket()
        worker.loop.retire(self)
        worker.ended(self)
        server.cancelArrived()
    }
}
