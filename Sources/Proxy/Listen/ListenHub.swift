import EventLoop
import PostgresWire
import Sessions
import Settings
import Telemetry

/// Listens for all clients of one database in all workers, with one server connection. Lives on the worker the
/// database's name falls to; the others reach it through that worker's mailbox, and it them through theirs.
///
/// The connection is made for the first channel and closed a while after the last. When it is lost it is made again, at
/// once and then at growing intervals, and every channel is listened to again; what was notified meanwhile is lost, as
/// for any client of PostgreSQL that reconnects.
final class ListenHub {
    final class Channel {
        /// Workers with clients that want it.
        var workers: Set<Int> = []
        var isListening = false
        /// Tells a channel from one of the same name that was dropped before.
        let serial: UInt64

        init(serial: UInt64) { self.serial = serial }
    }

    let database: String
    private unowned(unsafe) let owner: Worker
    var worker: Worker { unsafe owner }
    var channels: [String: Channel] = [:]
    var connection: ListenConnection?
    /// As whom it logs in: the first client that listened.
    var user: String
    var record: UserRecord
    private var lastSerial: UInt64 = 0
    var retryAt: Int64 = 0
    var failures = 0
    private var nextServer = 0
    /// The connection that is to take the place of the present one.
    var successor: Successor?
    /// What the present connection hears before this marker the one before it has delivered.
    var skipsUntil: String?
    /// The present connection is to be replaced when that is possible again.
    var wantsSuccessor = false
    /// Whoever listened, for when the user it logs in as is no longer configured.
    var askers: [String: UserRecord] = [:]
    /// What it was connected to, and as whom.
    var target: ListenTarget?
    private var emptySince: Int64 = 0
    private var wasListening = false

    /// How long the connection is kept when nobody listens any more.
    private static let linger: Int64 = 30_000_000

    init(database: String, worker: Worker, user: String, record: UserRecord) {
        self.database = database
        unsafe owner = worker
        self.user = user
        self.record = record
        emptySince = worker.loop.nowMicros
    }

    var isOpen: Bool { connection.map { $0.phase == .open } ?? false }

    /// Nothing is listened to, and nothing would be lost with the hub.
    func isOver(_ now: Int64) -> Bool { channels.isEmpty && connection == nil && now >= retryAt }

    /// PAUSE: nothing may be connected.
    var isPaused: Bool { worker.admin.isPaused(database) }

    // MARK: What workers want

    func want(_ name: String, for index: Int, user: String, _ record: UserRecord) {
        if connection == nil && (failures > 0 || !wasListening) {
            // As whom it logged in before may be what is wrong.
            self.user = user
            self.record = record
        }
        askers[user] = record
        let known = channels[name]
        lastSerial &+= 1
        let channel = known ?? Channel(serial: lastSerial)
        channels[name] = channel
        channel.workers.insert(index)
        if channel.isListening {
            tell(index) { [database] desk in desk.listening(database, name) }
        } else if connection == nil {
            connect()
        } else if known == nil && isOpen {
            connection?.listen(name, channel.serial)
            successor?.listen(name, channel.serial)
        }
    }

    func drop(_ name: String, for index: Int) {
        guard let channel = channels[name] else { return }
        channel.workers.remove(index)
        guard channel.workers.isEmpty else { return }
        channels[name] = nil
        if isOpen {
            connection?.unlisten(name)
            successor?.unlisten(name)
        }
        if channels.isEmpty { emptySince = worker.loop.nowMicros }
    }

    private func tell(_ index: Int, _ what: @escaping @Sendable (ListenDesk) -> Void) {
        _ = worker.shared.worker(index)?.post(.job { what($0.desk) })
    }

    func tellAll(_ what: @escaping @Sendable (ListenDesk) -> Void) {
        var all: Set<Int> = []
        for channel in channels.values { all.formUnion(channel.workers) }
        for index in all { tell(index, what) }
    }

    // MARK: The connection

    func connect() {
        let now = worker.loop.nowMicros
        guard connection == nil, now >= retryAt, !isPaused else { return }
        switch makeConnection() {
        case .success(let (made, target)):
            connection = made
            skipsUntil = nil
            made.start(target)
        case .failure(.noServer): failed("it has no servers", isFinal: true)
        case .failure(.noPlace(let limit)):
            retryAt = now + 50_000
            report("all connections of max_db_connections (\(limit)) are in use", isFinal: false)
        }
    }

    /// Why no connection can be made now.
    enum Obstacle: Error {
        case noServer
        case noPlace(limit: Int)
    }

    /// A connection that has yet to be started.
    func makeConnection() -> Result<(ListenConnection, ServerAddress), Obstacle> {
        let configuration = worker.snapshot.configuration
        let key = PoolKey(database: database, user: user)
        guard let settings = configuration.database(database), let pool = worker.pool(key, settings, record),
            !pool.cluster.servers.isEmpty
        else { return .failure(.noServer) }
        guard let place = ReservedPlace.take(pool, inPool: false) else {
            worker.makeRoom(for: key)
            return .failure(.noPlace(limit: pool.settings.maxDBConnections))
        }
        target = ListenTarget(pool)
        let server = pool.cluster.servers[nextServer % pool.cluster.servers.count]
        let made = ListenConnection(
            self, worker: worker, place: place, pool: pool,
            login: ServerLogin(
                user: record.serverUser, database: pool.databaseName, credential: record.credential,
                tls: server.tlsMode(in: pool.cluster),
                extraParameters: [("application_name", "headgate listen"), ("client_encoding", "UTF8")]))
        return .success((made, server))
    }

    func opened(_ opened: ListenConnection) {
        failures = 0
        if opened === successor?.connection { return successorOpened() }
        if wasListening {
            Log.info(
                "listen_again", "listening again; what was notified meanwhile is lost",
                ["database": database, "channels": "\(channels.count)"])
        }
        wasListening = true
        for (name, channel) in channels { connection?.listen(name, channel.serial) }
    }

    func failedToOpen(_ failure: ConnectFailure, _ failed: ListenConnection) {
        nextServer &+= 1
        if failed === successor?.connection { return successorFailed("\(failure)") }
        connection = nil
        switch failure {
        case .unreachable(let why): self.failed(why, isFinal: false)
        case .login(let reason): self.failed(reason.reason, isFinal: reason.isCredential && !wasListening)
        case .connectQuery(let why): self.failed(why, isFinal: false)
        }
    }

    func lost(_ why: String, _ lost: ListenConnection) {
        if lost === successor?.connection { return successorFailed(why) }
        dropSuccessor()
        skipsUntil = nil
        connection = nil
        for channel in channels.values { channel.isListening = false }
        Log.warn("listen_lost", "the connection that listens is lost", ["database": database, "reason": why])
        tellAll { [database] desk in desk.lost(database) }
        if channels.isEmpty { return }
        failures = 0
        connect()
    }

    /// It could not be opened: again, a little later each time.
    private func failed(_ why: String, isFinal: Bool) {
        failures = min(failures + 1, 16)
        let longest = max(100_000, min(worker.snapshot.configuration.general.serverLoginRetry.microseconds, 5_000_000))
        retryAt = worker.loop.nowMicros + min(longest, 100_000 << Int64(min(failures, 6)))
        Log.error("listen_connect", "cannot connect in order to listen", ["database": database, "error": why])
        report(why, isFinal: isFinal)
        if isFinal { channels.removeAll() }
    }

    private func report(_ why: String, isFinal: Bool) {
        tellAll { [database] desk in desk.trouble(database, why, isFinal: isFinal) }
    }

    /// A LISTEN or UNLISTEN was carried out, or not.
    func answered(_ command: ListenConnection.Command, _ error: ServerError?, _ answering: ListenConnection) {
        if successor != nil, successorAnswered(command, error, answering) { return }
        guard let channel = channels[command.channel], channel.serial == command.serial else { return }
        let name = command.channel
        if let error {
            guard error.isFatal || ["25", "57", "53"].contains(error.sqlstate.prefix(2)) else {
                // The channel's own fault.
                let why = error.message
                for index in channel.workers { tell(index) { [database] desk in desk.refused(database, name, why) } }
                channels[name] = nil
                return
            }
            // A replica, or a server that is going away: another may do.
            dropSuccessor()
            connection?.finish()
            connection = nil
            nextServer &+= 1
            for channel in channels.values { channel.isListening = false }
            failed(error.message, isFinal: false)
            return
        }
        channel.isListening = true
        for index in channel.workers { tell(index) { [database] desk in desk.listening(database, name) } }
    }

    /// Hands notifications on to the workers whose clients listen.
    func heard(_ notices: [Notice], _ hearing: ListenConnection) {
        let fresh = hearing === connection ? afterMarker(notices) : notices
        deliver(successor == nil ? fresh : sort(fresh, hearing))
    }

    func deliver(_ notices: [Notice]) {
        var wanted: [Int: [Notice]] = [:]
        for notice in notices {
            guard let channel = channels[notice.channel] else { continue }
            for index in channel.workers { wanted[index, default: []].append(notice) }
        }
        for (index, mine) in wanted { tell(index) { [database] desk in desk.heard(database, mine) } }
    }

    /// Several times a second.
    func maintain(_ now: Int64) {
        if isPaused { return closeForPause() }
        maintainSuccessor(now)
        if channels.isEmpty {
            guard let connection, isOpen, now - emptySince >= Self.linger else { return }
            dropSuccessor()
            connection.finish()
            self.connection = nil
            wasListening = false
            failures = 0
        } else if connection == nil {
            connect()
        }
    }
}
