import ByteKit
import Credentials
import EventLoop
import PostgresWire
import Sessions
import Settings
import Telemetry

/// A server connection outside the pools: of one replication client, or of the hub that listens. Connects and logs in;
/// what is said afterwards is a subclass's affair. Kept alive by its worker's list until it is closed.
class OwnConnection: Connection, CancelTarget {
    enum Phase {
        case resolving, connecting, login, open, closed
    }

    /// Its place in the worker's list, never used again.
    let id: UInt64
    private(set) final var phase = Phase.resolving
    private(set) final var address = SocketAddress.unix("")
    private(set) final var processID: UInt32 = 0
    private(set) final var cancelKey: [UInt8] = []
    private let login: ServerLogin
    /// When connecting and logging in have taken too long.
    private(set) final var deadline: Int64
    private let timeout: TimeSpan
    let cluster: ClusterSettings
    private(set) var host = ""

    init(worker: Worker, login: ServerLogin, cluster: ClusterSettings, timeout: TimeSpan) {
        self.cluster = cluster
        id = worker.owned.nextID()
        self.login = login
        self.timeout = timeout
        deadline = timeout.isZero ? .max : worker.loop.nowMicros + timeout.microseconds
        super.init(worker: worker)
        worker.owned.add(self)
    }

    // MARK: For subclasses

    /// It is logged in.
    func opened(_ statuses: [StatusBlock.Entry]) {}

    /// It could not be opened, and is closed.
    func failedToOpen(_ failure: ConnectFailure) {}

    /// It was open and has ended, and is closed.
    func lost(_ why: String) {}

    /// Bytes of an open connection; answers how many are done with.
    func openReceived(_ bytes: UnsafeRawBufferPointer) -> Int { bytes.count }

    // MARK: Connecting

    final func start(_ target: ServerAddress) {
        host = target.host
        let id = self.id
        let mailbox = worker.shared.worker(worker.index)
        if let answer = worker.shared.resolver.immediate(host: target.host, port: target.port) {
            connect(answer)
        } else {
            worker.shared.resolver.resolve(host: target.host, port: target.port) { answer in
                _ = mailbox?.post(.job { $0.owned[id]?.connect(answer) })
            }
        }
    }

    private func connect(_ answer: Resolver.Answer) {
        guard phase == .resolving else { return }
        guard case .success(let addresses) = answer, let first = addresses.first else {
            return fail(.unreachable("its name cannot be resolved"))
        }
        address = first
        phase = .connecting
        switch Sockets.connect(to: first) {
        case .connected(let fd): attach(fd: fd, loop: worker.loop, reading: false, writing: true)
        case .inProgress(let fd): attach(fd: fd, loop: worker.loop, reading: false, writing: true)
        case .failed(let errno): return fail(.unreachable("\(errno)"))
        }
        if case .ip = address {
            Sockets.setNoDelay(fd)
            worker.setKeepAlive(fd)
        }
    }

    final override func ready(_ events: Int32) {
        if phase == .connecting {
            if let errno = Sockets.takeError(fd) { return fail(.unreachable("\(errno)")) }
            phase = .login
            setInterest(reading: true, writing: false)
            send(login.begin())
            return
        }
        if events & IOEvent.writable != 0 && !output.isEmpty { flush() }
        if events & IOEvent.readable != 0 && isAttached && isReading { receive() }
    }

    final override func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard phase == .login else { return phase == .open ? unsafe openReceived(bytes) : bytes.count }
        let (consumed, step) = unsafe login.received(bytes.bytes)
        take(step)
        guard phase == .open, consumed < bytes.count else { return consumed }
        return unsafe consumed + openReceived(UnsafeRawBufferPointer(rebasing: bytes[consumed...]))
    }

    final override func tlsOpened() {
        send(login.secured(binding: ChannelBinding(serverCertificate: tls?.peerCertificate ?? [])))
    }

    final override func tlsFailed(_ failure: TLSFailure) {
        guard phase == .login else { return ended(nil) }
        fail(.unreachable(failure.description))
    }

    private func take(_ step: ServerLoginStep) {
        switch step {
        case .needBytes: return
        case .send(let bytes): send(bytes)
        case .beginTLS: beginTLS(with: cluster, host: host)
        case .needSaltedPassword(let password, let salt, let iterations): derive(password, salt, iterations)
        case .ready:
            phase = .open
            deadline = .max
            processID = login.processID
            cancelKey = login.cancelKey
            opened(login.statuses)
        case .failed(let failure): fail(.login(LoginRefusal(failure)))
        }
    }

    private func derive(_ password: SecretBytes, _ salt: [UInt8], _ iterations: Int) {
        let mailbox = worker.shared.worker(worker.index)
        let id = self.id
        let queued = worker.shared.workshop.run {
            let salted = ScramClient.saltedPassword(password: password, salt: salt, iterations: iterations)
            _ = mailbox?.post(.job { $0.owned[id]?.derived(salted) })
        }
        if !queued { fail(.unreachable("too many passwords wait to be derived")) }
    }

    private func derived(_ salted: SecretBytes) {
        guard phase == .login else { return }
        take(login.provide(saltedPassword: salted))
    }

    // MARK: Ending

    private func fail(_ failure: ConnectFailure) {
        guard phase != .closed else { return }
        end()
        failedToOpen(failure)
    }

    final override func ended(_ errno: Errno?) {
        let why = errno.map { "\($0)" } ?? "closed by the server"
        guard phase == .open else { return fail(.unreachable(why)) }
        end()
        lost(why)
    }

    final func tookTooLong() { fail(.unreachable("no connection within server_connect_timeout (\(timeout))")) }

    /// Closes it without a word to the subclass.
    final func end() {
        if phase == .closed { return }
        phase = .closed
        closeSocket()
        worker.loop.retire(self)
        worker.owned.remove(self)
    }

    /// CancelRequests need no account here: the connection is never anybody else's.
    final func cancelStarted() {}
    final func cancelArrived() {}
}

/// A worker's connections outside the pools, by number.
final class OwnConnections {
    private var connections: [UInt64: OwnConnection] = [:]
    private var last: UInt64 = 0

    func nextID() -> UInt64 {
        last &+= 1
        return last
    }

    func add(_ connection: OwnConnection) { connections[connection.id] = connection }
    func remove(_ connection: OwnConnection) { connections[connection.id] = nil }
    subscript(id: UInt64) -> OwnConnection? { connections[id] }

    func forEach(_ body: (OwnConnection) -> Void) { for connection in Array(connections.values) { body(connection) } }

    /// Ends what has taken too long.
    func maintain(_ now: Int64) {
        if connections.isEmpty { return }
        for connection in Array(connections.values) where now >= connection.deadline { connection.tookTooLong() }
    }
}

/// A server connection a CancelRequest can be sent for.
protocol CancelTarget: AnyObject {
    var address: SocketAddress { get }
    var processID: UInt32 { get }
    var cancelKey: [UInt8] { get }
    /// How it is spoken to, and by which name.
    var cluster: ClusterSettings { get }
    var host: String { get }
    /// A CancelRequest is on its way.
    func cancelStarted()
    /// It has arrived, or never will.
    func cancelArrived()
}
