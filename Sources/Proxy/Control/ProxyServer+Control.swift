public import EventLoop
import Pooling
import PostgresWire
import Sessions
public import Settings
import Synchronization
import Telemetry

/// What the console may ask of the proxy. Every call may come from any thread and returns at once; answers come on some
/// worker's thread.
extension ProxyServer {
    /// Lets `handler` talk to the clients of the console.
    public func install(_ handler: any ConsoleHandler) { shared.install(handler) }

    /// How many workers there are.
    public var workerCount: Int { shared.workerCount }

    /// How many clients are connected, those of the console and those that log in included.
    public var clientCount: Int { shared.clients.inUse + shared.logins.underWay.inUse }

    /// What logins cost; `now` is the monotonic clock in microseconds.
    public func logins(at now: Int64) -> LoginTotals { shared.logins.totals(at: now) }

    /// Collects what all workers have.
    public func census(then: @escaping @Sendable (Census) -> Void) {
        onWorkers({ $0.census() }) { then(Census($0)) }
    }

    /// How many servers the pools of `scope` have, connecting ones included.
    public func serverCount(_ scope: PoolScope) -> Int {
        shared.poolsNow().filter { scope.covers($0.key.database) }.reduce(0) { $0 + $1.share.servers.inUse }
    }

    /// How many servers and clients a database has.
    public func connections(ofDatabase name: String) -> (servers: Int, clients: Int) {
        shared.connections(ofDatabase: name)
    }

    /// How many servers and clients a user has.
    public func connections(ofUser name: String) -> (servers: Int, clients: Int) {
        shared.connections(ofUser: name)
    }

    /// What applications use now, by name.
    public var appUses: [String: AppUse] {
        Dictionary(
            shared.appsNow().map { share in
                var use = AppUse()
                use.clients = share.clients.inUse
                return (share.name, use)
            }
        ) { first, _ in first }
    }

    /// Pauses and disables what `admin` says, and nothing else.
    public func apply(_ admin: AdminState, then: @escaping @Sendable () -> Void = {}) {
        onWorkers({ $0.take(admin) }) { _ in then() }
    }

    /// Makes a configuration the one in force.
    public func apply(_ snapshot: Snapshot, then: @escaping @Sendable () -> Void) {
        shared.resolver.adopt(snapshot.configuration.general)
        shared.audit?.adopt(snapshot.configuration)
        onWorkers({ $0.apply(snapshot) }) { _ in then() }
    }

    /// The audit trail; nil if nothing is recorded.
    public var audit: AuditService? { shared.audit }

    /// How many connections have something unsent (SUSPEND).
    public func countUnsent(then: @escaping @Sendable (Int) -> Void) {
        onWorkers({ $0.unsentConnections }) { then($0.reduce(0, +)) }
    }

    /// Ends connections that have something unsent.
    public func cutUnsent() { onWorkers({ $0.cutUnsent() }) { _ in } }

    /// A secret that servers refused was asked for again and is the same.
    public func secretIsTheSame(_ secret: SecretName) {
        onWorkers({ worker in
            for pool in Array(worker.pools.values) where pool.user.changingSecret == secret { pool.secretIsTheSame() }
        }) { _ in }
    }

    /// Asks again for the addresses of the servers' names whose answers are old.
    public func refreshNames(_ configuration: Configuration) {
        let hosts = Set(configuration.clusters.values.flatMap(\.servers).map(\.host))
        for host in hosts { shared.resolver.refresh(host) }
    }

    /// What is known of names.
    public var resolvedNames: [ResolvedName] { shared.resolver.known }

    /// Closes servers when they are free.
    public func reconnect(_ scope: PoolScope, then: @escaping @Sendable () -> Void) {
        onWorkers({ $0.reconnect(scope) }) { _ in then() }
    }

    /// Drops the clients and servers of pools.
    public func kill(_ scope: PoolScope, then: @escaping @Sendable () -> Void) {
        onWorkers({ $0.kill(scope) }) { _ in then() }
    }

    /// Drops one client; `then` is told whether there was one.
    public func killClient(_ id: SocketID, then: @escaping @Sendable (Bool) -> Void) {
        let posted = shared.worker(id.worker)?.post(.job { then($0.killClient(id)) }) ?? false
        if !posted { then(false) }
    }

    /// Refuses new connections; `then` when every listener is closed.
    public func stopAccepting(then: @escaping @Sendable () -> Void) {
        onWorkers({
            $0.isShuttingDown = true
            $0.stopListening()
        }) { _ in then() }
    }

    /// Ends clients as soon as they are in no transaction.
    public func dismissClients(then: @escaping @Sendable () -> Void) {
        onWorkers({ $0.dismissAll(Self.farewell) }) { _ in then() }
    }

    /// Ends clients where they stand.
    public func cutClients(then: @escaping @Sendable () -> Void) {
        onWorkers({ $0.cutAll(Self.farewell) }) { _ in then() }
    }

    private static let farewell = Refusal(
        .shuttingDown, "terminating connection because the pooler is shutting down",
        hint: "Connect again, or to another pooler.")

    /// Removes the files of unix sockets. When the process stops.
    public func removeSocketFiles() {
        for address in socketFiles { ListenerSocket.removeFile(of: address) }
    }

    /// Sends the console's answer to a client, if it is still there, and says that `used` bytes of it are dealt with.
    public func answer(_ client: SocketID, _ bytes: [UInt8], used: Int, closes: Bool) {
        _ = shared.worker(client.worker)?.post(
            .job { worker in
                guard let connection = worker.clients[client.slot] as? PostgresClient, connection.id == client
                else { return }
                connection.consoleAnswered(bytes, used: used, closes: closes)
            })
    }

    /// Runs `body` on every worker's thread, and `then` with all results on the thread of the last.
    private func onWorkers<Part: Sendable>(
        _ body: @escaping @Sendable (Worker) -> Part, then: @escaping @Sendable ([Part]) -> Void
    ) {
        let parts = Mutex<[Part]>([])
        let gathering = Gathering(parts: parts, expected: shared.workerCount)
        for index in 0..<shared.workerCount {
            _ = shared.worker(index)?.post(.job { if let all = gathering.add(body($0)) { then(all) } })
        }
    }
}

/// Results of all workers, put together by whoever comes last.
private final class Gathering<Part: Sendable>: Sendable {
    private let parts: Mutex<[Part]>
    private let expected: Int

    init(parts: consuming Mutex<[Part]>, expected: Int) {
        self.parts = parts
        self.expected = expected
    }

    /// Adds one; answers all of them when it was the last.
    func add(_ part: Part) -> [Part]? {
        parts.withLock { parts in
            parts.append(part)
            return parts.count == expected ? parts : nil
        }
    }
}
