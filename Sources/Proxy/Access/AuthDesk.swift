import EventLoop
import Sessions
import Settings
import Telemetry

/// What a client that logs in hears of its user.
enum AuthOutcome {
    case known(UserRecord)
    /// There is no such user, as far as clients may know.
    case unknown
    /// It cannot be found out now; why is for the client.
    case unavailable(String)
}

/// One worker's looking up of users: a connection at a time for each place where users are looked up, which answers one
/// question after the other and is closed when there is none. Each question is asked once, whoever waits for it.
final class AuthDesk {
    private unowned(unsafe) let owner: Worker
    private var worker: Worker { unsafe owner }

    private struct Question {
        var waiting: [(AuthOutcome) -> Void]
        /// When its time is over.
        let deadline: Int64
    }

    private var questions: [AuthKey: Question] = [:]
    private var queues: [AuthSource: Queue] = [:]
    /// Counts failures, after each of which another server of the cluster is asked.
    private var turn = 0

    private struct Queue {
        var keys: [AuthKey] = []
        var connection: AuthConnection?
        /// What the connection is asked now.
        var current: AuthKey?
    }

    private var secretAskedAt: Int64 = -secretPause
    /// Not more often is a refused secret asked for again.
    private static let secretPause: Int64 = 1_000_000

    /// The most users that may wait to be looked up in a worker.
    private static let mostQuestions = 1_000

    init(worker: Worker) { unsafe owner = worker }

    /// Finds out who `user` is; calls `then` at once if that is known already.
    func find(_ user: String, _ source: AuthSource, then: @escaping (AuthOutcome) -> Void) {
        let key = AuthKey(source: source, user: user)
        let now = worker.loop.nowMicros
        if case .fresh(let record) = worker.shared.authCache.look(key, now) {
            return then(record.map { .known($0) } ?? .unknown)
        }
        if questions[key] != nil {
            questions[key]?.waiting.append(then)
            return
        }
        guard questions.count < Self.mostQuestions else {
            return then(.unavailable("too many users are being looked up"))
        }
        guard !worker.admin.isPaused(source.database) else {
            return then(fallback(key, "database \"\(source.database)\" is paused"))
        }
        let limit = worker.snapshot.configuration.database(source.database)?.pool.serverConnectTimeout ?? .zero
        let patience = limit.isZero ? TimeSpan.seconds(15) : limit
        questions[key] = Question(waiting: [then], deadline: now + patience.microseconds)
        queues[source, default: Queue()].keys.append(key)
        goOn(source)
    }

    /// Asks the next question.
    private func goOn(_ source: AuthSource) {
        guard var queue = queues[source], queue.current == nil else { return }
        guard let next = queue.keys.first else {
            queues[source] = nil
            queue.connection?.end()
            return
        }
        queue.keys.removeFirst()
        queue.current = next
        queues[source] = queue
        if let connection = queue.connection {
            connection.ask(next.user)
        } else {
            open(source)
        }
    }

    private func open(_ source: AuthSource) {
        let snapshot = worker.snapshot
        guard let database = snapshot.configuration.databases[source.database],
            let cluster = snapshot.configuration.clusters[database.cluster], let asker = snapshot.users[source.user],
            let target = cluster.servers.isEmpty ? nil : cluster.servers[turn % cluster.servers.count]
        else { return failed(source, "auth_user or auth_dbname is no longer configured") }
        let connection = AuthConnection(
            self, worker: worker, source: source, cluster: cluster, timeout: database.pool.serverConnectTimeout,
            asker: asker, database: database.dbname ?? database.name, target: target)
        queues[source]?.connection = connection
        connection.start(target)
    }

    /// The connection is logged in.
    func opened(_ connection: AuthConnection) {
        guard let queue = queues[connection.source], queue.connection === connection, let key = queue.current else {
            return connection.end()
        }
        connection.ask(key.user)
    }

    /// The connection has answered.
    func answered(_ answer: AuthQueryAnswer, _ connection: AuthConnection) {
        let source = connection.source
        guard let queue = queues[source], queue.connection === connection, let key = queue.current else {
            return connection.end()
        }
        queues[source]?.current = nil
        if connection.phase == .closed { queues[source]?.connection = nil }
        let now = worker.loop.nowMicros
        let ttl = worker.snapshot.configuration.general.authQueryTTL.microseconds
        let cache = worker.shared.authCache
        switch answer {
        case .found(let secret):
            let settings = worker.snapshot.configuration.user(key.user)
            let made = UserRecord(settings: settings, secret: secret, serverSecret: nil, lookedUpAt: source)
            tell(key, .known(cache.found(key, made, now, ttl: ttl)))
        case .none(let why):
            Log.info(
                "auth_query", "no such user",
                ["user": key.user, "database": source.database, "auth_user": source.user, "reason": why])
            cache.foundNone(key, now, ttl: ttl)
            tell(key, .unknown)
        }
        goOn(source)
    }

    /// The server did not take the secret of `auth_user`: perhaps there is another by now.
    func refused(_ refusal: LoginRefusal, _ connection: AuthConnection) {
        let now = worker.loop.nowMicros
        if refusal.isCredential, now - secretAskedAt >= Self.secretPause,
            let secret = worker.snapshot.users[connection.source.user]?.changingSecret
        {
            secretAskedAt = now
            worker.shared.console?.refused(secret)
        }
        lost("the server refused the login of auth_user: \(refusal.reason)", connection)
    }

    /// The connection could not be had, or has ended.
    func lost(_ why: String, _ connection: AuthConnection) {
        guard queues[connection.source]?.connection === connection else { return }
        failed(connection.source, why)
    }

    /// Nobody can be asked: whoever waits hears what was known, or that.
    private func failed(_ source: AuthSource, _ why: String) {
        guard let queue = queues.removeValue(forKey: source) else { return }
        queue.connection?.end()
        Log.error(
            "auth_query", "users cannot be looked up",
            ["database": source.database, "auth_user": source.user, "reason": why])
        turn &+= 1
        for key in [queue.current].compactMap(\.self) + queue.keys {
            tell(key, fallback(key, "their server cannot be asked"))
        }
    }

    private func fallback(_ key: AuthKey, _ why: String) -> AuthOutcome {
        worker.shared.authCache.record(key).map { .known($0) } ?? .unavailable(why)
    }

    private func tell(_ key: AuthKey, _ outcome: AuthOutcome) {
        for then in questions.removeValue(forKey: key)?.waiting ?? [] { then(outcome) }
    }

    /// Ends what has taken too long.
    func maintain(_ now: Int64) {
        if questions.isEmpty { return }
        for (source, queue) in Array(queues) {
            guard let current = queue.current, let question = questions[current], now >= question.deadline else {
                continue
            }
            failed(source, "the server did not answer in time")
        }
    }
}
