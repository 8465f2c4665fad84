import EventLoop
import Pooling
import Sessions
import Settings
import Telemetry

/// Why a server connection could not be had.
enum ConnectFailure {
    /// Nobody answers at the address; the text says how.
    case unreachable(String)
    /// The server answered and refused.
    case login(LoginRefusal)
    /// `connect_query` did not work; the text says how, not what it is.
    case connectQuery(String)
}

/// Counts of one pool in one worker. Single writer.
struct PoolCounters {
    var transactions: UInt64 = 0
    var queries: UInt64 = 0
    var bytesFromClients: UInt64 = 0
    var bytesFromServers: UInt64 = 0
    var waitMicros: UInt64 = 0
    var transactionMicros: UInt64 = 0
    var queryMicros: UInt64 = 0
    var assignments: UInt64 = 0
    var logins: UInt64 = 0
    var clientParses: UInt64 = 0
    var serverParses: UInt64 = 0
    var binds: UInt64 = 0
}

/// One worker's part of one pool, with the connections that `PoolMachine` knows by number.
final class Pool {
    let global: PoolGlobal
    /// What lines of applications call it in this worker.
    let number: UInt32
    private unowned(unsafe) let owner: Worker
    /// Whose part of the pool this is; it outlives the pool.
    var worker: Worker { unsafe owner }
    private(set) var machine: PoolMachine
    private(set) var settings: PoolSettings
    private(set) var user: UserRecord
    private(set) var database: DatabaseSettings
    private(set) var cluster: ClusterSettings
    /// Servers of this pool in this worker, opening ones included.
    private(set) var serverCount = 0
    /// How many of them serve a client.
    var activeCount = 0
    /// Clients logged in to this pool in this worker.
    var clientCount = 0
    /// Servers are reset between clients although the pool lends them for a transaction or statement.
    private(set) var resetsAlways = false
    /// Its database has no table of its own.
    private(set) var isAutomatic = false
    /// Servers refused the login, and the secret is being asked for again.
    var awaitsSecret = false
    var secretAskedAt: Int64 = 0
    /// Those that waited up to this moment have been told so.
    var notifiedUntil: Int64 = 0
    var counters = PoolCounters()
    /// Why its clients are to go once their transaction has ended: it is no longer in the configuration.
    private(set) var farewell: Refusal?
    /// The next server that becomes free is to be closed, for a replication client that waits for its place.
    var owesPlace = false
    var welcomes = Welcomes()
    /// What the MySQL client that logged in last needs of its servers: new ones are opened so.
    var lastOptions: MySQLOptions = []
    /// Not before this is another connection tried.
    private var retryAt: Int64 = 0
    /// Since when no connection has succeeded; nil while all is well.
    private(set) var downSince: Int64?
    private(set) var lastFailure: Refusal?
    private var nextServer = 0

    init(
        global: PoolGlobal, worker: Worker, settings: PoolSettings, user: UserRecord, database: DatabaseSettings,
        cluster: ClusterSettings
    ) {
        self.global = global
        number = worker.nextPoolNumber()
        unsafe owner = worker
        self.settings = settings
        self.user = user
        self.database = database
        self.cluster = cluster
        machine = PoolMachine(
            share: global.share, worker: worker.index, limits: Self.limits(settings, user), number: number)
        adopt(worker.snapshot.configuration.general)
    }

    private func adopt(_ general: GeneralSettings) {
        isAutomatic = worker.snapshot.configuration.databases[global.key.database] == nil
        machine.isRoundRobin = general.serverRoundRobin
        resetsAlways =
            general.serverResetQueryAlways && !general.serverResetQuery.isEmpty && settings.poolMode != .session
    }

    /// For logs and the console: `database/user`.
    var name: String { "\(global.key.database)/\(global.key.user)" }

    /// What the database is called at the server.
    var databaseName: String { database.dbname ?? global.key.database }

    private static func limits(_ settings: PoolSettings, _ user: UserRecord) -> PoolLimits {
        PoolLimits(
            size: settings.defaultPoolSize, reserve: settings.reservePoolSize,
            reserveAfter: settings.reservePoolTimeout.microseconds, database: settings.maxDBConnections,
            user: user.settings.maxUserConnections)
    }

    /// The shortest of the timeouts clients of this pool have, in microseconds; nil if there is none.
    var shortestTimeout: Int64? {
        [
            settings.queryTimeout, settings.transactionTimeout, settings.idleTransactionTimeout,
            settings.clientIdleTimeout,
        ]
        .filter { !$0.isZero }.map(\.microseconds).min()
    }

    // MARK: Leases

    /// A client needs a server; true if it has one now, false if it waits.
    func request(_ client: PooledClient) -> Bool {
        let now = worker.loop.nowMicros
        if let refusal = refusal(now) {
            client.phase == .welcome ? client.welcomeFailed(refusal) : client.fail(refusal)
            return false
        }
        // The client keeps its application: it is not counted on the way of every transaction.
        guard let app = unsafe client.app.map({ unsafe Unmanaged.passUnretained($0) }) else { return false }
        return unsafe app._withUnsafeGuaranteedRef { request(client, $0, now) }
    }

    private func request(_ client: PooledClient, _ app: App, _ now: Int64) -> Bool {
        switch machine.request(
            client: client.slot, app: app.line, affinity: client.affinity, preferred: client.preferredServer, now: now)
        {
        case .granted(let slot, let places):
            guard let server = worker.servers[slot] else {
                app.giveBack(places, worker)
                return false
            }
            if now - server.lastUsed >= Self.unlooked, server.isGone {
                app.giveBack(places, worker)
                server.close("it ended while it was idle")
                return request(client)
            }
            counters.assignments &+= 1
            if needsCheck(server, now) {
                app.giveBack(places, worker)
                client.waits(in: .pool, machine.waitAtFront(client: client.slot, app: app.line, now: now))
                server.check()
                return false
            }
            if client.phase != .welcome { client.phase = .active }
            client.places = places
            server.link(client)
            return true
        case .waits(let ticket):
            client.waits(in: .pool, ticket)
            if app.line.mustAskNext || machine.canServe { worker.look(after: app) }
            guard client.isWithinWaiting else { return false }
            supply()
            return false
        }
    }

    /// Gives idle servers to clients whose application may have one again.
    func serve() {
        if !machine.canServe { return }
        let worker = self.worker
        while let lease = machine.serve({ slot in
            worker.clients[slot].map { ($0.affinity, $0.preferredServer) } ?? (0, nil)
        }) {
            guard let client = worker.clients[lease.client], let app = client.app else { continue }
            guard let server = worker.servers[lease.server] else { continue }
            let now = worker.loop.nowMicros
            if server.isGone || needsCheck(server, now) {
                app.giveBack(lease.places, worker)
                client.endWait()
                client.waits(in: .pool, machine.waitAtFront(client: client.slot, app: app.line, now: now))
                if server.isGone { server.close("it ended while it was idle") } else { server.check() }
                continue
            }
            hand(server, to: client, lease.places, since: lease.waitedSince)
        }
    }

    /// Clients of an application need wait in its line no longer.
    func unblock(_ app: App) {
        machine.unblock(app.line)
        serve()
        supply()
    }

    /// A client that has waited gets a server.
    private func hand(_ server: PooledServer, to client: PooledClient, _ places: AppPlaces, since: Int64) {
        counters.assignments &+= 1
        counters.waitMicros &+= UInt64(truncatingIfNeeded: max(0, worker.loop.nowMicros - since))
        client.endWait()
        client.places = places
        client.granted(server)
    }

    /// A server that was used less than so many microseconds ago is given out without another look.
    private static let unlooked: Int64 = 1_000

    private func needsCheck(_ server: PooledServer, _ now: Int64) -> Bool {
        now - server.lastUsed >= settings.serverCheckDelay.microseconds
    }

    /// When a server asked for something now has had its time.
    var connectDeadline: Int64 {
        let limit = settings.serverConnectTimeout
        return limit.isZero ? .max : worker.loop.nowMicros + limit.microseconds
    }

    /// Servers cannot be had at all: new clients are told so at once instead of being made to wait.
    private func refusal(_ now: Int64) -> Refusal? {
        guard let downSince, serverCount == 0, !machine.isPaused,
            now - downSince >= settings.serverConnectTimeout.microseconds
        else {
            return nil
        }
        return lastFailure
    }

    func withdraw(_ client: PooledClient) {
        guard let app = client.app else { return }
        machine.withdraw(ticket: client.ticket, app: app.line)
        if app.line.mustAskNext { worker.look(after: app) }
    }

    /// A server is free.
    func place(_ server: PooledServer) {
        let now = worker.loop.nowMicros
        if machine.isPaused || server.closeNeeded { return server.retire("paused, or no longer wanted") }
        switch machine.place(server: server.slot, affinity: server.affinity, now: now) {
        case .assigned(let slot, let since, let places):
            guard let client = worker.clients[slot] else { return place(server) }
            hand(server, to: client, places, since: since)
        case .idle: break
        case .lent(let other): server.lend(to: other)
        }
        if machine.canServe { serve() }
    }

    /// Does what can be done for the clients that wait.
    func supply() {
        let now = worker.loop.nowMicros
        while true {
            switch machine.supply(now: now) {
            case .enough, .full: return
            case .ask(let other):
                worker.askForServer(self, of: other)
                return
            case .evict:
                worker.evict(for: self)
                return
            case .open:
                if now < retryAt || global.claims.inUse > 0 {
                    giveUpReservation()
                    return
                }
                open()
            }
        }
    }

    private func giveUpReservation() {
        machine.opened()
        _ = machine.closed()
    }

    /// Opens one connection, whose place is reserved.
    private func open() {
        guard !cluster.servers.isEmpty else { return giveUpReservation() }
        let target = cluster.servers[nextServer % cluster.servers.count]
        nextServer += 1
        serverCount += 1
        let global = self.global
        let mailbox = worker.shared.worker(worker.index)
        if let answer = worker.shared.resolver.immediate(host: target.host, port: target.port) {
            connect(answer, of: target.host)
        } else {
            worker.shared.resolver.resolve(host: target.host, port: target.port) { answer in
                _ = mailbox?.post(.job { worker in worker.pools[global.key]?.connect(answer, of: target.host) })
            }
        }
    }

    private func connect(_ answer: Resolver.Answer, of host: String) {
        guard case .success(let addresses) = answer, let address = addresses.first else {
            if case .failure(let error) = answer {
                Log.warn("resolve", "cannot resolve a server's name", ["pool": name, "error": "\(error)"])
            }
            connectFailed(.unreachable("its name cannot be resolved"), at: host)
            return abortOpening()
        }
        let now = worker.loop.nowMicros
        let lifetime = settings.serverLifetime.microseconds
        // Connections opened together must not end together.
        let expires = lifetime > 0 ? now + lifetime - Int64.random(in: 0...(lifetime / 10)) : Int64.max
        let server = worker.addServer { slot -> PooledServer in
            switch cluster.protocolKind {
            case .postgres:
                PostgresServer(pool: self, worker: worker, slot: slot, address: address, host: host, expiresAt: expires)
            case .mysql:
                MySQLServer(pool: self, worker: worker, slot: slot, address: address, host: host, expiresAt: expires)
            }
        }
        switch Sockets.connect(to: address) {
        case .connected(let fd): server.start(fd, connected: true)
        case .inProgress(let fd): server.start(fd, connected: false)
        case .failed(let errno):
            connectFailed(.unreachable("\(errno)"), at: "\(address)")
            server.close("connect failed: \(errno)")
        }
    }

    private func abortOpening() {
        serverCount -= 1
        giveUpReservation()
    }

    /// A connection is logged in.
    func opened(_ server: PooledServer) {
        machine.opened()
        downSince = nil
        lastFailure = nil
        retryAt = 0
        awaitsSecret = false
        place(server)
        // server_lifetime 0: it serves one client and is closed.
        if settings.serverLifetime.isZero { server.expiresAt = worker.loop.nowMicros }
    }

    /// A connection no longer exists.
    func closed(_ server: PooledServer, wasOpening: Bool) {
        serverCount -= 1
        machine.removeIdle(server.slot)
        if wasOpening { machine.opened() }
        let othersWait = machine.closed()
        worker.removeServer(server.slot)
        if othersWait { worker.capacityFreed() } else { worker.capacityFreed(in: self) }
    }

    /// A connection could not be opened: wait before the next, and tell those it concerns.
    func connectFailed(_ failure: ConnectFailure, at address: String) {
        let now = worker.loop.nowMicros
        let retry = worker.snapshot.configuration.general.serverLoginRetry.microseconds
        if downSince == nil { downSince = now }
        switch failure {
        case .unreachable(let why):
            lastFailure = Refusal(
                .noServer, "no server of database \"\(global.key.database)\" can be reached: \(why)",
                hint: "The pooler keeps trying; look at its log and at the server.")
            retryAt = now + min(retry, 1_000_000)
            Log.error("server_connect", "cannot connect to a server", ["pool": name, "server": address, "error": why])
        case .connectQuery(let why):
            Log.error("connect_query", "connect_query of a database does not work", ["pool": name, "error": why])
            retryAt = now + retry
            let error = Refusal(
                .noServer, "connect_query of database \"\(global.key.database)\" does not work: \(why)",
                hint: "It is a setting of the pooler; run it with psql as the same user to see what is wrong with it.")
            lastFailure = error
            failWaiters(error)
        case .login(let reason):
            Log.error(
                "server_login", "a server refused the login",
                ["pool": name, "server": address, "user": user.serverUser, "error": reason.reason])
            retryAt = now + (reason.isTemporary ? min(retry, 500_000) : retry)
            lastFailure = refusal(reason)
            if reason.isCredential, let source = user.lookedUpAt {
                worker.shared.authCache.suspect(AuthKey(source: source, user: global.key.user), now)
            }
            if reason.isCredential, asksForSecret(now) { return }
            if !reason.isTemporary, let error = lastFailure { failWaiters(error) }
        }
    }

    func failWaiters(_ error: Refusal) {
        for slot in machine.takeWaiters() {
            guard let client = worker.clients[slot] else { continue }
            client.endWait()
            client.welcomeFailed(error)
        }
    }

    // MARK: Other workers

    /// Another worker asks for an idle server.
    func lendIdle(to other: Int) {
        guard let slot = machine.lend(to: other), let server = worker.servers[slot] else { return }
        if server.isGone { return server.close("it ended while it was idle") }
        server.lend(to: other)
    }

    /// An idle server has something to do before it is closed: nobody is to get it.
    func withdraw(_ server: PooledServer) { machine.removeIdle(server.slot) }

    /// A server that moves to another worker is no longer ours, but still the pool's.
    func gaveAway(_ server: PooledServer) {
        serverCount -= 1
        worker.removeServer(server.slot)
    }

    /// A server from another worker.
    func adopted(_ server: PooledServer) {
        serverCount += 1
        machine.publishOldest()
        if server.isGone { return server.close("it ended while it was idle") }
        place(server)
        machine.publishOldest()
    }

    // MARK: Control

    /// Gives out no server, and closes those that are free; or goes on.
    func setPaused(_ on: Bool) {
        guard machine.isPaused != on else { return }
        machine.isPaused = on
        guard on else { return supply() }
        for slot in machine.idleServers { worker.servers[slot]?.retire("PAUSE") }
    }

    /// Its user, if it was looked up and users of its database still are.
    private func stillLookedUp(_ configuration: Configuration) -> UserRecord? {
        user.lookedUpAt == nil || configuration.authSource(global.key.database) == nil ? nil : user
    }

    /// Its user was looked up again when a client logged in.
    func renew(_ record: UserRecord) {
        if !record.hasSameCredential(as: user) {
            (retryAt, downSince, lastFailure, awaitsSecret) = (0, nil, nil, false)
        }
        user = record
    }

    /// Takes over what a new configuration says of this pool.
    func reconfigure(_ new: Snapshot) {
        let key = global.key
        let configuration = new.configuration
        guard let database = configuration.database(key.database),
            let user = new.users[key.user] ?? stillLookedUp(configuration),
            let cluster = configuration.clusters[database.cluster]
        else {
            farewell = Refusal(
                .terminated, "database \"\(key.database)\" or user \"\(key.user)\" is no longer configured")
            return
        }
        let isSameServer =
            cluster.servers == self.cluster.servers && cluster.tls == self.cluster.tls
            && database.dbname == self.database.dbname
            && database.connectQuery == self.database.connectQuery
            && (new.isRenewal || user.isSameAtServer(as: self.user))
        if !user.hasSameCredential(as: self.user) {
            (retryAt, downSince, lastFailure, awaitsSecret) = (0, nil, nil, false)
        }
        farewell = nil
        settings = configuration.effective(database: key.database, user: key.user)
        (self.database, self.user, self.cluster) = (database, user, cluster)
        machine.limits = Self.limits(settings, user)
        adopt(configuration.general)
        if !isSameServer {
            welcomes.removeAll()
            global.forgetWelcomes()
            (retryAt, downSince, lastFailure) = (0, nil, nil)
            reconnect()
        }
        supply()
    }

    // MARK: Maintenance

    /// Timeouts and sizes; called several times a second.
    func maintain(_ now: Int64) {
        let wait = settings.queryWaitTimeout.microseconds
        while wait > 0, let slot = machine.takeOverdue(since: now - wait) {
            guard let client = worker.clients[slot] else { continue }
            client.endWait()
            client.waitedTooLong(settings.queryWaitTimeout)
        }
        if let downSince, serverCount == 0, !machine.isPaused,
            now - downSince >= settings.serverConnectTimeout.microseconds,
            let lastFailure
        {
            failWaiters(lastFailure)
        }
        tellWaiters(now)
        closeIdle(now)
        if machine.canServe { serve() }
        supply()
        fillUp(now)
    }

    private func closeIdle(_ now: Int64) {
        let idleLimit = settings.serverIdleTimeout.microseconds
        for slot in machine.idleServers {
            guard let server = worker.servers[slot] else { continue }
            if server.closeNeeded || now >= server.expiresAt {
                server.retire("server_lifetime is over")
            } else if idleLimit > 0 && now - server.lastUsed >= idleLimit
                && global.share.servers.inUse > settings.minPoolSize
            {
                server.retire("server_idle_timeout is over")
            }
        }
    }

    private func fillUp(_ now: Int64) {
        guard settings.minPoolSize > 0, !settings.serverLifetime.isZero, now >= retryAt, global.claims.inUse == 0,
            !machine.isPaused, clientCount > 0
        else { return }
        while global.share.servers.inUse < min(settings.minPoolSize, settings.defaultPoolSize) {
            guard case .open = machine.reserve(now: now) else { return }
            open()
        }
    }

    /// An idle server that another pool may take the place of; true if there was one.
    func closeOneIdle() -> Bool {
        guard machine.waiting == 0, let (slot, _) = machine.longestIdle, let server = worker.servers[slot] else {
            return false
        }
        machine.removeIdle(slot)
        server.leavePlace("its place is needed by another pool")
        return true
    }
}
