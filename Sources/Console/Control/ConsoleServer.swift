import EventLoop
import Glibc
public import Proxy
import Settings
import Synchronization

/// The console and the control thread behind it.
public final class ConsoleServer: ConsoleHandler {
    private let box: Mutex<Mailbox<@Sendable (ControlRoom) -> Void>?>
    private let proxy: ProxyServer

    private init(proxy: ProxyServer) {
        self.proxy = proxy
        box = Mutex(nil)
    }

    /// Starts the control thread and opens the console to clients; nil if there is no room for a thread.
    public static func start(_ proxy: ProxyServer, _ snapshot: Snapshot, reload: ReloadSource) -> ConsoleServer? {
        let server = ConsoleServer(proxy: proxy)
        let spawned = LoopThread.spawn(name: "control") {
            guard let loop = Loop() else { return }
            let room = ControlRoom(
                loop: loop, proxy: proxy, snapshot: snapshot, reload: reload, post: { server.post($0) })
            let mailbox = Mailbox<@Sendable (ControlRoom) -> Void>(loop: loop) { job in job(room) }
            server.box.withLock { $0 = mailbox }
            proxy.install(server)
            loop.run()
        }
        guard case .success = spawned else { return nil }
        return server
    }

    private func post(_ job: @escaping @Sendable (ControlRoom) -> Void) { _ = box.withLock { $0?.post(job) } }

    // MARK: Signals

    /// SIGHUP.
    public func reload() { post { $0.reload(nil) } }

    /// SIGUSR1.
    public func pause() { post { $0.pauseAll() } }

    /// SIGUSR2.
    public func resume() { post { $0.resumeAll() } }

    /// SIGTERM, SIGINT.
    public func shutDown(_ mode: ShutdownMode) { post { _ = $0.shutDown(mode) } }

    /// SIGQUIT: at once, whatever the control thread does.
    public func quit() {
        proxy.removeSocketFiles()
        proxy.audit?.stop()
        ControlRoom.end()
    }

    // MARK: Clients

    /// As PgBouncer says it; `is_superuser` for tools that look for it.
    public var greeting: [(name: String, value: String)] {
        [
            ("server_version", Product.serverVersion), ("client_encoding", "UTF8"), ("server_encoding", "UTF8"),
            ("DateStyle", "ISO"), ("TimeZone", "GMT"), ("standard_conforming_strings", "on"), ("is_superuser", "on"),
        ]
    }

    /// A client has logged in.
    public func opened(_ client: ConsoleClient) { post { $0.opened(client) } }

    /// A client has sent something.
    public func received(_ bytes: [UInt8], from client: SocketID) { post { $0.received(bytes, from: client) } }

    /// A client wants to wait no longer.
    public func cancelled(_ client: SocketID) { post { $0.cancelled(client) } }

    /// A server does not take a secret.
    public func refused(_ secret: SecretName) { post { $0.refused(secret) } }

    /// A client is gone.
    public func closed(_ client: SocketID) { post { $0.closed(client) } }
}
