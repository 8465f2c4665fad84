import ByteKit
import EventLoop
import Pooling
import PostgresWire
import Sessions
import Settings
import Telemetry

/// The server connection of one replication client: after the login whatever either side sends goes to the other as it
/// is, and the end of one is the end of both.
final class ReplicationConnection: OwnConnection {
    /// Whose it is; nil when it has gone.
    private var client: PostgresClient?
    private let place: ReservedPlace
    private let key: PoolKey
    /// The server has ended; the client is still to be sent what came before.
    private var isOver = false

    init(_ client: PostgresClient, place: ReservedPlace, login: ServerLogin, pool: Pool) {
        self.client = client
        self.place = place
        key = pool.global.key
        super.init(
            worker: client.worker, login: login, cluster: pool.cluster, timeout: pool.settings.serverConnectTimeout)
    }

    override func opened(_ statuses: [StatusBlock.Entry]) { client?.replicationOpened(statuses) }

    override func failedToOpen(_ failure: ConnectFailure) {
        let client = release()
        switch failure {
        case .unreachable(let why):
            client?.fail(
                PostgresError(.fatal, "08001", "no server of database \"\(key.database)\" can be reached: \(why)"))
        case .connectQuery(let why): client?.fail(PostgresError(.fatal, "08001", why))
        case .login(let failure):
            client?.fail(
                failure.answer ?? Refusal(.noServer, "login to the server failed: \(failure.reason)"))
        }
    }

    override func openReceived(_ bytes: UnsafeRawBufferPointer) -> Int {
        unsafe client?.send(bytes)
        return bytes.count
    }

    override func lost(_ why: String) {
        isOver = true
        place.release(worker, key)
        clientDrained()
    }

    /// What was unsent has been sent.
    func clientDrained() {
        guard isOver, let client, client.output.isEmpty else { return }
        self.client = nil
        client.close("the server ended the replication connection")
    }

    /// The client is gone.
    func abandon() {
        release()
        end()
    }

    @discardableResult
    private func release() -> PostgresClient? {
        let was = client
        client = nil
        place.release(worker, key)
        return was
    }

    override func outputGrew() {
        if output.count > Self.highWater { client?.hold(true) }
    }

    override func outputShrank() { client?.hold(false) }

    /// The client takes no more for now, or does again.
    func hold(_ on: Bool) {
        if isHeldByPeer == on { return }
        isHeldByPeer = on
        updateInterest()
    }
}

/// What kind of replication a start-up packet asks for (protocol documentation, "Streaming Replication Protocol").
enum ReplicationRequest {
    case none, physical, logical

    /// Reads the parameter as PostgreSQL does: `database`, or a boolean and its beginnings; nil if it is neither.
    init?(_ value: String?) {
        guard let text = value?.lowercased() else {
            self = .none
            return
        }
        func begins(_ word: String, atLeast length: Int = 1) -> Bool { text.count >= length && word.hasPrefix(text) }
        if text == "database" {
            self = .logical
        } else if begins("true") || begins("yes") || begins("on", atLeast: 2) || text == "1" {
            self = .physical
        } else if begins("false") || begins("no") || begins("off", atLeast: 2) || text == "0" {
            self = .none
        } else {
            return nil
        }
    }
}

extension PostgresClient {
    /// The pool key of a replication client: what it named, or for physical replication, where PostgreSQL takes no
    /// database and tools send `replication`, the one of the user's name or the only sensible other.
    func replicationDatabase(_ login: LoginAttempt) -> String {
        let configuration = worker.snapshot.configuration
        guard case .physical = login.replication, configuration.databases[login.database] == nil,
            login.database == "replication"
        else { return login.database }
        if configuration.databases[login.user] != nil { return login.user }
        let named = configuration.databases.keys.filter { $0 != "*" }.sorted()
        let clusters = Set(configuration.databases.values.map(\.cluster))
        return clusters.count == 1 ? named.first ?? login.database : login.database
    }

    /// Admitted: gets a server of its own as soon as there is a place for one.
    func startReplication(_ login: LoginAttempt, _ pool: Pool) {
        phase = .welcome
        guard let place = ReservedPlace.take(pool, inPool: true) else {
            worker.waitsForPlace(self, pool)
            return
        }
        guard !pool.cluster.servers.isEmpty, let target = pool.cluster.servers.first else { return }
        let user = pool.user
        let own = ReplicationConnection(
            self, place: place,
            login: ServerLogin(
                user: user.serverUser, database: pool.databaseName, credential: user.credential,
                tls: target.tlsMode(in: pool.cluster), extraParameters: login.passedOn),
            pool: pool)
        replication = own
        own.start(target)
    }

    /// Its server is logged in: so is the client.
    func replicationOpened(_ statuses: [StatusBlock.Entry]) {
        guard let login, let pool else { return }
        welcome(worker.environment.statuses.intern(statuses), login, pool)
        if phase == .closed { return }
        phase = .replication
        resume()
    }
}

/// A replication client for which there was no place.
struct ReplicationWaiter {
    let slot: UInt32
    let connectedAt: Int64
    let pool: PoolGlobal
}

extension Worker {
    /// The client is tried again at the next tick; until then the pool opens no servers, and the next one that becomes
    /// free goes.
    fileprivate func waitsForPlace(_ client: PostgresClient, _ pool: Pool) {
        _ = pool.global.claims.reserve(limit: 0)
        makeRoom(for: pool.global.key)
        replicationWaiters.append(
            ReplicationWaiter(slot: client.slot, connectedAt: client.connectedAt, pool: pool.global))
    }

    /// Tries again for the replication clients for which there was no place.
    func retryReplication() {
        if replicationWaiters.isEmpty { return }
        let waiters = replicationWaiters
        replicationWaiters = []
        for waiter in waiters {
            if let client = clients[waiter.slot] as? PostgresClient, client.connectedAt == waiter.connectedAt,
                client.phase == .welcome,
                let login = client.login, let pool = client.pool
            {
                client.startReplication(login, pool)
            }
            _ = waiter.pool.claims.release()
            if waiter.pool.claims.inUse == 0, let pool = pools[waiter.pool.key] { capacityFreed(in: pool) }
        }
    }
}
