import AuditTrail
import ByteKit
import EventLoop
import MySQLWire
import Pooling
import Sessions
import Settings
import Telemetry

/// What one thread may tell a worker.
enum WorkerMessage {
    /// Run this on the worker's thread.
    case job(@Sendable (Worker) -> Void)
    /// A server connection that now belongs to this worker.
    case server(MovedServer)
}

/// One thread's world: its loop, listeners, clients, servers, its part of every pool (DESIGN.md 1). Nothing in here is
/// shared; other threads post to its mailbox.
final class Worker: LoopTurnHandler {
    let index: Int
    let loop: Loop
    let shared: ProxyShared
    let environment: SessionEnvironment
    private(set) var snapshot: Snapshot
    var clients = SlotTable<PooledClient>()
    var servers = SlotTable<PooledServer>()
    var pools: [PoolKey: Pool] = [:]
    /// Its part of every application that has had clients here, by name.
    var apps: [String: App] = [:]
    /// Its clients that have not logged in.
    var crowd = LoginCrowd()
    /// Applications some of whose clients may go on, at the end of the turn.
    var appsToLookAfter: [App] = []
    /// Clients that were to be told of their application when they had no server any more.
    var appsChangedFor: [UInt32] = []
    /// Clients that are told at the end of the turn why they need not wait.
    var refused: [LateRefusal] = []
    private var lastPoolNumber: UInt32 = 0
    /// Connections whose socket failed, to be closed at the end of the turn.
    var broken: [Connection] = []
    var isShuttingDown = false
    /// What the console has paused and disabled.
    var admin = AdminState()
    /// SUSPEND: sockets are not read.
    var isSuspended = false
    /// Why every client is to go once its transaction has ended.
    var farewell: Refusal?
    /// Some clients are to go once their transaction has ended.
    var dismissesClients = false
    /// Server connections outside the pools.
    let owned = OwnConnections()
    /// What this worker's clients listen to.
    lazy var desk = ListenDesk(worker: self)
    /// Looks up users.
    lazy var authDesk = AuthDesk(worker: self)
    /// Replication clients for which there was no place, tried again at the next tick.
    var replicationWaiters: [ReplicationWaiter] = []
    private var listeners: [Listener] = []
    /// Where TLS connections work; made with the first of them.
    lazy var tlsPort = TLSPort()
    /// What sessions that speak MySQL share.
    var mysql: MySQLEnvironment {
        if let made = mysqlIfMade { return made }
        let made = MySQLEnvironment()
        made.maxInspectedStatement = snapshot.configuration.general.maxInspectedStatement.bytes
        mysqlIfMade = made
        return made
    }
    /// The same; nil while nobody has spoken MySQL.
    private(set) var mysqlIfMade: MySQLEnvironment?
    /// Greets clients that speak MySQL.
    lazy var greeter = MySQLGreeter(worker: self)
    /// KILLs of its MySQL clients that other workers have not answered.
    let kills = MySQLKills()
    /// For clients that compress.
    lazy var compression = CompressionContexts()
    /// Clients with bytes to be decompressed, at the end of the turn.
    var unpumped: [MySQLClient] = []
    /// Its part in the audit trail; nil while nothing is recorded.
    private(set) var audit: WorkerAudit?
    /// The last number given to a client that speaks MySQL.
    var lastConnectionID: UInt32 = 0
    private var killers: [ObjectIdentifier: MySQLKiller] = [:]
    private var cancels: [ObjectIdentifier: CancelConnection] = [:]
    private var wheel: TimerWheel
    private var ticker: LoopTimer?
    private var mailbox: Mailbox<WorkerMessage>?

    /// How often timeouts are looked at.
    static let tick: Int64 = 100_000

    init(index: Int, loop: Loop, shared: ProxyShared, snapshot: Snapshot) {
        self.index = index
        self.loop = loop
        self.shared = shared
        self.snapshot = snapshot
        environment = SessionEnvironment(worker: index)
        environment.maxInspectedStatement = snapshot.configuration.general.maxInspectedStatement.bytes
        wheel = TimerWheel(now: loop.nowMicros)
        super.init()
    }

    /// Makes the worker reachable. Called once, on its thread.
    func open() -> Mailbox<WorkerMessage> {
        loop.turnHandler = self
        let mailbox = Mailbox<WorkerMessage>(loop: loop) { [unowned self] message in
            switch message {
            case .job(let job): job(self)
            case .server(let moved): self.adopt(moved)
            }
        }
        self.mailbox = mailbox
        if let service = shared.audit { record(into: service.trail) }
        let ticker = LoopTimer(loop: loop) { [unowned self] in self.maintain() }
        ticker.start(every: Self.tick)
        self.ticker = ticker
        return mailbox
    }

    // MARK: Listening

    func listen(_ fd: Int32, _ settings: ListenSettings) {
        listeners.append(
            Listener(
                fd: fd, loop: loop,
                onAccept: { [unowned self] fd, peer in self.accept(fd, peer, settings) },
                onTrouble: { trouble in
                    Log.error("listener", "connections cannot be accepted", ["reason": "\(trouble)"])
                }))
    }

    /// From now on this configuration holds for what is new.
    func take(_ snapshot: Snapshot) {
        self.snapshot = snapshot
        audit?.adopt(snapshot)
    }

    /// From now on what is done here is recorded.
    private func record(into trail: AuditTrail) {
        let mailbox = mailbox
        let producer = trail.makeProducer(ringSize: snapshot.configuration.audit.ringSize.bytes) {
            _ = mailbox?.post(.job { worker in worker.audit?.settle(worker) })
        }
        audit = WorkerAudit(producer, snapshot)
    }

    func stopListening() {
        // Who is in the backlog is told; closing the socket would reset it.
        for listener in listeners {
            listener.ready(IOEvent.readable)
            listener.close()
        }
        listeners.removeAll()
    }

    private func accept(_ fd: Int32, _ peer: PeerAddress, _ opened: ListenSettings) {
        // As it is configured now.
        let listener = snapshot.configuration.listeners.first { $0.address == opened.address } ?? opened
        if listener.protocolKind == .mysql {
            let client = clients.add { MySQLClient(worker: self, slot: $0, peer: peer, listener: listener) }
            return welcome(client, fd, listener)
        }
        let client = clients.add { slot -> PooledClient in
            let login = LoginAttempt(exchange: ClientLogin(secretOfProcess: shared.secret), listener: listener)
            return PostgresClient(worker: self, slot: slot, peer: peer, login: login)
        }
        welcome(client, fd, listener)
    }

    private func welcome(_ client: PooledClient, _ fd: Int32, _ listener: ListenSettings) {
        let general = snapshot.configuration.general
        if client.peer.family != .unix {
            Sockets.setNoDelay(fd)
            setKeepAlive(fd)
        }
        client.open(fd)
        joinCrowd(client)
        // One too many is heard all the same: it may want to cancel something, and is told in a way its library
        // understands. But not for long.
        var patience = general.clientLoginTimeout.microseconds
        if isFull {
            patience = patience > 0 ? min(patience, Self.overLimitPatience) : Self.overLimitPatience
        }
        if patience > 0 { client.timer = wheel.add(deadline: loop.nowMicros + patience, token: client.slot) }
        if listener.believes(client.peer) { client.phase = .header } else { client.accepted() }
    }

    /// There are as many clients as max_client_conn allows.
    var isFull: Bool { shared.clients.inUse >= snapshot.configuration.general.maxClientConnections }

    /// How long a client above max_client_conn may take to say what it wants.
    private static let overLimitPatience: Int64 = 5_000_000

    func setKeepAlive(_ fd: Int32) {
        let general = snapshot.configuration.general
        if general.tcpKeepalive {
            Sockets.setKeepAlive(
                fd, idle: Int(general.tcpKeepidle.seconds), interval: Int(general.tcpKeepintvl.seconds),
                count: general.tcpKeepcnt)
        }
        if !general.tcpUserTimeout.isZero {
            Sockets.setUserTimeout(fd, milliseconds: Int(general.tcpUserTimeout.microseconds / 1000))
        }
    }

    // MARK: Clients

    /// Counts a client against the limits of its application, database and user; answers why it is refused.
    func admit(_ key: PoolKey, _ pool: Pool, _ app: App) -> Refusal? {
        if let refusal = app.admit() { return refusal }
        let counters = shared.clientCounters(key)
        let databaseLimit = pool.settings.maxDBClientConnections
        guard counters.database.reserve(limit: databaseLimit) else {
            app.leave()
            return Refusal(
                .tooManyConnections,
                "database \"\(key.database)\" has \(databaseLimit) clients, its max_db_client_connections")
        }
        let userLimit = pool.user.settings.maxUserClientConnections
        guard counters.user.reserve(limit: userLimit) else {
            _ = counters.database.release()
            app.leave()
            return Refusal(
                .tooManyConnections, "user \"\(key.user)\" has \(userLimit) clients, its max_user_client_connections")
        }
        pool.clientCount += 1
        _ = pool.global.clients.reserve(limit: 0)
        return nil
    }

    /// A client has been closed.
    func closed(_ client: PooledClient) {
        // The loop called it without a retain, so it must outlive this turn.
        loop.retire(client)
        leaveCrowd(client)
        if client.isCounted { _ = shared.clients.release() }
        uncount(client)
        clients.remove(client.slot)
    }

    /// A client leaves its pool.
    func uncount(_ client: PooledClient) {
        if let pool = client.pool {
            let counters = shared.clientCounters(pool.global.key)
            _ = counters.database.release()
            _ = counters.user.release()
            pool.clientCount -= 1
            client.app?.leave()
            client.app = nil
            _ = pool.global.clients.release()
            pool.global.noteUse(at: loop.nowMicros)
        }
    }

    /// Calls the client's `timeout` at `deadline`; an earlier call is forgotten.
    func arm(_ client: PooledClient, at deadline: Int64) {
        disarm(client)
        client.timer = wheel.add(deadline: deadline, token: client.slot)
    }

    func disarm(_ client: PooledClient) {
        if client.timer >= 0 { wheel.cancel(client.timer) }
        client.timer = -1
    }

    /// The process id a client is told: the worker in the high bits, the client's place in the low ones.
    func processID(of slot: UInt32) -> UInt32 { UInt32(truncatingIfNeeded: index) << 24 | (slot & 0xFF_FFFF) }

    // MARK: Pools

    /// This worker's part of a pool, made when it is first needed; nil if the database's cluster does not exist.
    func pool(_ key: PoolKey, _ database: DatabaseSettings, _ user: UserRecord) -> Pool? {
        if let known = pools[key] { return known }
        guard let cluster = snapshot.configuration.clusters[database.cluster] else { return nil }
        let made = Pool(
            global: shared.pool(key), worker: self,
            settings: snapshot.configuration.effective(database: key.database, user: key.user), user: user,
            database: database, cluster: cluster)
        made.setPaused(admin.isPaused(key.database))
        pools[key] = made
        return made
    }

    /// The user of a pool: its own table, or what was looked up.
    func user(of key: PoolKey) -> UserRecord? {
        if let own = snapshot.users[key.user] { return own }
        guard let source = snapshot.configuration.authSource(key.database) else { return nil }
        return shared.authCache.record(AuthKey(source: source, user: key.user))
    }

    func nextPoolNumber() -> UInt32 {
        lastPoolNumber &+= 1
        return lastPoolNumber
    }

    /// This worker's part of a pool nobody uses goes.
    private func remove(_ pool: Pool) {
        pools[pool.global.key] = nil
        shared.leave(pool.global)
        Log.debug(
            "pool_gone", "a pool of an automatic database was not used for autodb_idle_timeout", ["pool": pool.name])
    }

    func addServer(_ make: (UInt32) -> PooledServer) -> PooledServer { servers.add(make) }

    func removeServer(_ slot: UInt32) { servers.remove(slot) }

    /// Asks another worker for an idle server of a pool.
    func askForServer(_ pool: Pool, of other: Int) {
        let key = pool.global.key
        let me = index
        _ = shared.worker(other)?.post(.job { $0.pools[key]?.lendIdle(to: me) })
    }

    /// Sends a free server to another worker.
    func lend(_ server: PooledServer, to other: Int) {
        guard let moved = MovedServer(server) else {
            server.close("cannot be lent")
            return
        }
        _ = shared.worker(other)?.post(.server(moved))
    }

    private func adopt(_ moved: MovedServer) { moved.adopt(by: self) }

    /// A place in a pool has become free: whoever waits for one elsewhere may open a connection.
    func capacityFreed(in pool: Pool) {
        pool.supply()
        let key = pool.global.key
        for other in pool.global.share.workersWaiting(notOf: index) {
            _ = shared.worker(other)?.post(.job { $0.pools[key]?.supply() })
        }
    }

    /// A place that several pools share has become free.
    func capacityFreed() {
        for pool in pools.values { pool.supply() }
        for other in 0..<shared.workerCount where other != index {
            _ = shared.worker(other)?.post(.job { worker in for pool in worker.pools.values { pool.supply() } })
        }
    }

    /// Another pool of the same database or user gives up an idle server.
    func evict(for needy: Pool) {
        let key = needy.global.key
        @Sendable func evictOne(_ worker: Worker) -> Bool {
            worker.pools.values.contains { pool in
                let other = pool.global.key
                return other != key && (other.database == key.database || other.user == key.user)
                    && pool.closeOneIdle()
            }
        }
        if evictOne(self) { return }
        for other in 0..<shared.workerCount where other != index {
            _ = shared.worker(other)?.post(.job { worker in _ = evictOne(worker) })
        }
    }

    // MARK: Cancel

    /// When what a cancel request has to do has taken too long.
    var cancelDeadline: Int64 {
        let limit = snapshot.configuration.general.cancelWaitTimeout
        return limit.isZero ? .max : loop.nowMicros + limit.microseconds
    }

    /// A CancelRequest came in on some connection: whose is it?
    func cancelRequested(processID: UInt32, key: [UInt8]) {
        let owner = Int(processID >> 24)
        let slot = processID & 0xFF_FFFF
        if owner == index {
            cancelClient(slot, key)
        } else {
            _ = shared.worker(owner)?.post(.job { $0.cancelClient(slot, key) })
        }
    }

    private func cancelClient(_ slot: UInt32, _ key: [UInt8]) {
        guard let client = clients[slot] as? PostgresClient, client.cancelSecret != 0,
            CancelKey.matches(key, client.cancelSecret)
        else {
            return
        }
        client.cancelRequested()
    }

    /// Sends a CancelRequest to a server.
    func cancel(_ server: any CancelTarget) {
        guard !server.cancelKey.isEmpty, cancels.count < 1024 else { return }
        let cancel = CancelConnection(worker: self, server: server)
        cancels[ObjectIdentifier(cancel)] = cancel
        cancel.start()
    }

    /// Ends what a MySQL server does.
    func kill(_ server: MySQLServer) {
        guard killers.count < 1024 else { return }
        let killer = MySQLKiller(worker: self, server: server)
        killers[ObjectIdentifier(killer)] = killer
        killer.start()
    }

    func ended(_ killer: MySQLKiller) { killers[ObjectIdentifier(killer)] = nil }

    func ended(_ cancel: CancelConnection) { cancels[ObjectIdentifier(cancel)] = nil }

    // MARK: Time

    override func loopWillBlock() {
        repeat {
            while let connection = broken.popLast() { connection.ended(nil) }
            if let client = unpumped.popLast() { client.pump() }
            if owesApps { settleApps() }
        } while !broken.isEmpty || !unpumped.isEmpty || owesApps
        audit?.endTurn()
    }

    private func maintain() {
        let now = loop.nowMicros
        audit?.settle(self)
        // What comes in too late because nobody reads it is nobody's fault.
        if isSuspended { return }
        wheel.advance(to: now)
        while let slot = wheel.popDue() {
            guard let client = clients[slot] else { continue }
            client.timer = -1
            client.timeout(now)
        }
        servers.forEach { server in if now >= server.deadline { server.tookTooLong() } }
        for killer in Array(killers.values) where now >= killer.deadline { killer.end() }
        greeter.maintain(now)
        maintainKills(now)
        for cancel in Array(cancels.values) where now >= cancel.deadline { cancel.end() }
        for pool in Array(pools.values) {
            pool.maintain(now)
            if pool.isUnused(now) { remove(pool) }
        }
        owned.maintain(now)
        desk.maintain(now)
        authDesk.maintain(now)
        retryReplication()
    }
}
