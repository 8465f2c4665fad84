public import AuditTrail
public import EventLoop
import Settings
import Synchronization
import Telemetry

/// Why the proxy could not start.
public enum StartFailure: Error, CustomStringConvertible {
    /// A socket could not be opened.
    case listen(ListenError)
    /// A thread or loop could not be made.
    case thread(Errno)
    /// The audit trail cannot be kept, and without it nothing is served.
    case audit(AuditProblem)

    /// For the log.
    public var description: String {
        switch self {
        case .listen(let error): "\(error)"
        case .thread(let errno): "cannot start a thread: \(errno)"
        case .audit(let problem): "\(problem)"
        }
    }
}

/// The proxy as a whole: its workers and what they share.
public final class ProxyServer: Sendable {
    let shared: ProxyShared
    /// Unix sockets listened on, whose files go with the process.
    let socketFiles: [EventLoop.ListenAddress]
    private let threads = Mutex<[LoopThread]>([])

    private init(shared: ProxyShared, socketFiles: [EventLoop.ListenAddress]) {
        self.shared = shared
        self.socketFiles = socketFiles
    }

    /// Opens every listener and starts the workers; serves when it returns.
    ///
    /// `version` is what audit records name.
    public static func start(
        _ snapshot: Snapshot, workers: Int, version: String = ""
    ) -> Result<ProxyServer, StartFailure> {
        guard case .success(let workshop) = Workshop.start() else { return .failure(.thread(Errno(rawValue: 11))) }
        let audit: AuditService?
        switch AuditService.start(snapshot.configuration, version: version) {
        case .failure(let problem): return .failure(.audit(problem))
        case .success(let started): audit = started
        }
        let shared = ProxyShared(
            workerCount: workers, workshop: workshop,
            speaksMySQL: snapshot.configuration.listeners.contains { $0.protocolKind == .mysql }, audit: audit)
        shared.resolver.adopt(snapshot.configuration.general)
        shared.resolver.onChange { [weak shared] host, addresses in shared?.addressesChanged(of: host, to: addresses) }
        let addresses = snapshot.configuration.listeners.map { $0.address.socketAddress }
        let proxy = ProxyServer(shared: shared, socketFiles: addresses)
        var sockets: [(ListenSettings, [Int32])] = []
        for listener in snapshot.configuration.listeners {
            let opened = ListenerSocket.openGroup(
                listener.address.socketAddress, count: workers,
                backlog: snapshot.configuration.general.listenBacklog, unixMode: listener.unixSocketMode)
            switch opened {
            case .success(let fds): sockets.append((listener, fds))
            case .failure(let error):
                for (_, fds) in sockets { for fd in fds { Sockets.close(fd) } }
                audit?.stop()
                return .failure(.listen(error))
            }
        }
        for index in 0..<workers {
            let mine = sockets.map { ($0.0, $0.1[index]) }
            let started = proxy.startWorker(index, snapshot, mine)
            if case .failure(let errno) = started { return .failure(.thread(errno)) }
        }
        return .success(proxy)
    }

    private func startWorker(
        _ index: Int, _ snapshot: Snapshot, _ sockets: [(ListenSettings, Int32)]
    ) -> Result<Void, Errno> {
        let up = StartGate()
        let shared = self.shared
        let spawned = LoopThread.spawn(name: "worker-\(index)") {
            guard let loop = Loop() else { return up.open(false) }
            let worker = Worker(index: index, loop: loop, shared: shared, snapshot: snapshot)
            shared.add(worker.open(), at: index)
            for (settings, fd) in sockets { worker.listen(fd, settings) }
            up.open(true)
            loop.run()
        }
        switch spawned {
        case .failure(let errno): return .failure(errno)
        case .success(let thread):
            guard up.wait() else { return .failure(Errno.tooManyOpenFiles) }
            threads.withLock { $0.append(thread) }
            return .success(())
        }
    }
}

extension Settings.ListenAddress {
    /// The same for the event loop.
    var socketAddress: EventLoop.ListenAddress {
        switch self {
        case .tcp(let host, let port): .tcp(host: host, port: port)
        case .unix(let path): .unix(path: path)
        }
    }
}
