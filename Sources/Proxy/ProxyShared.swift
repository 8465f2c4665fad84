import ByteKit
import Credentials
import EventLoop
import Pooling
import Sessions
public import Settings
import Synchronization

/// One database and user: what servers are pooled by.
struct PoolKey: Hashable, Sendable {
    let database: String
    let user: String
}

/// The part of a pool all workers share.
final class PoolGlobal: Sendable {
    let key: PoolKey
    let share: PoolShare
    /// Replication clients that wait for a place: while there are any, the pool opens no servers.
    let claims = CapacityCounter()
    /// What servers report to clients with these start-up settings, learned by any worker.
    private let welcomes = Mutex<[[SettingEntry]: [StatusBlock.Entry]]>([:])

    func welcome(_ settings: [SettingEntry]) -> [StatusBlock.Entry]? { welcomes.withLock { $0[settings] } }

    func remember(_ status: [StatusBlock.Entry], for settings: [SettingEntry]) {
        welcomes.withLock { welcomes in
            if welcomes.count >= 256 { welcomes.removeAll() }
            welcomes[settings] = status
        }
    }

    func forgetWelcomes() { welcomes.withLock { $0 = [:] } }

    /// When the servers there were had to go: one that was on its way between workers then has not heard of it.
    private let reconnectedAt = Atomic<Int64>(0)

    func noteReconnect(at now: Int64) { reconnectedAt.store(now, ordering: .relaxed) }

    func mustReconnect(since connectedAt: Int64) -> Bool { connectedAt < reconnectedAt.load(ordering: .relaxed) }

    init(key: PoolKey, share: PoolShare) {
        self.key = key
        self.share = share
    }
}

/// A user of the proxy, with its secrets as they were when the configuration was read.
final class UserRecord: Sendable {
    private struct Derived {
        var verifier: ScramVerifier?
        var keys: ScramKeys?
    }

    let settings: UserSettings
    /// What a client must prove it knows.
    let secret: StoredSecret?
    /// What servers are shown when it is not the same.
    let serverSecret: StoredSecret?
    private let derived = Mutex(Derived())

    init(settings: UserSettings, secret: StoredSecret?, serverSecret: StoredSecret?) {
        self.settings = settings
        self.secret = secret
        self.serverSecret = serverSecret
    }

    /// Takes over what was derived from the same secret under the last configuration.
    func inherit(from old: UserRecord) {
        guard StoredSecret.areSame(secret, old.secret) else { return }
        let known = old.derived.withLock { $0 }
        derived.withLock { $0 = known }
    }

    /// The name servers know the user by.
    var serverUser: String { settings.serverUser ?? settings.name }

    /// The verifier for SCRAM logins, if it is stored or has been derived.
    var verifier: ScramVerifier? {
        if case .scram(let stored)? = secret { return stored }
        return derived.withLock { $0.verifier }
    }

    func remember(_ verifier: ScramVerifier) { derived.withLock { $0.verifier = verifier } }

    /// What a client's own login proved, for logging in to servers as this user.
    func remember(_ keys: ScramKeys) { derived.withLock { $0.keys = keys } }

    /// With what to log in to a server as this user.
    var credential: ServerCredential {
        if let serverSecret { return Self.credential(serverSecret, keys: nil) }
        guard let secret else { return .none }
        return Self.credential(secret, keys: derived.withLock { $0.keys })
    }

    private static func credential(_ secret: StoredSecret, keys: ScramKeys?) -> ServerCredential {
        if case .scram(let verifier) = secret {
            guard let keys else { return .none }
            return .keys(keys, verifier)
        }
        return .stored(secret)
    }
}

/// A configuration in force: immutable, one object for all workers.
public final class Snapshot: Sendable {
    /// The values.
    public let configuration: Configuration
    let users: [String: UserRecord]
    /// What SCRAM asks of users that do not exist.
    let mockIterations: Int

    /// Resolves the secrets of `configuration`; answers what could not be resolved as well. What was derived from
    /// secrets that are the same in `previous` is taken over.
    public static func make(
        _ configuration: Configuration, previous: Snapshot? = nil,
        resolve: (SecretSource) -> Result<[UInt8], SecretProblem>
    ) -> (snapshot: Snapshot, problems: [String]) {
        var users: [String: UserRecord] = [:]
        var problems: [String] = []
        func secret(_ source: SecretSource?, _ what: String) -> StoredSecret? {
            guard let source else { return nil }
            switch resolve(source) {
            case .success(let bytes): return bytes.withSpan { StoredSecret(parsing: $0) }
            case .failure(let problem):
                problems.append("\(what): \(problem)")
                return nil
            }
        }
        for (name, settings) in configuration.users {
            let record = UserRecord(
                settings: settings, secret: secret(settings.password, "[user.\(name)] password"),
                serverSecret: secret(settings.serverPassword, "[user.\(name)] server_password"))
            if let old = previous?.users[name] { record.inherit(from: old) }
            users[name] = record
        }
        return (Snapshot(configuration: configuration, users: users), problems)
    }

    private init(configuration: Configuration, users: [String: UserRecord]) {
        self.configuration = configuration
        self.users = users
        mockIterations = ScramServer.commonIterations(users.values.lazy.compactMap(\.secret))
    }
}

/// What all workers of the process share. Everything here is behind a lock or atomic, and none of it is touched per
/// statement.
final class ProxyShared: Sendable {
    private struct Registry {
        var pools: [PoolKey: PoolGlobal] = [:]
        var databases: [String: CapacityCounter] = [:]
        var users: [String: CapacityCounter] = [:]
        var clientsOfDatabase: [String: CapacityCounter] = [:]
        var clientsOfUser: [String: CapacityCounter] = [:]
        var workers: [Mailbox<WorkerMessage>] = []
    }

    let workerCount: Int
    /// Makes the salts of users that do not exist stable, and cancel keys unguessable.
    let secret = SecretBytes(randomBytes(32))
    let clients = CapacityCounter()
    let resolver = Resolver()
    let workshop: Workshop
    private let registry = Mutex(Registry())
    private let handler = Mutex<(any ConsoleHandler)?>(nil)

    init(workerCount: Int, workshop: Workshop) {
        self.workerCount = workerCount
        self.workshop = workshop
    }

    /// The shared part of a pool, made when it is first needed.
    func pool(_ key: PoolKey) -> PoolGlobal {
        registry.withLock { registry in
            if let known = registry.pools[key] { return known }
            let database = registry.databases[key.database] ?? CapacityCounter()
            let user = registry.users[key.user] ?? CapacityCounter()
            registry.databases[key.database] = database
            registry.users[key.user] = user
            let made = PoolGlobal(
                key: key, share: PoolShare(workers: workerCount, database: database, user: user))
            registry.pools[key] = made
            return made
        }
    }

    /// Who talks to clients of the console.
    var console: (any ConsoleHandler)? { handler.withLock { $0 } }

    func install(_ console: any ConsoleHandler) { handler.withLock { $0 = console } }

    /// The pools there are now.
    func poolsNow() -> [PoolGlobal] { registry.withLock { Array($0.pools.values) } }

    func connections(ofDatabase name: String) -> (servers: Int, clients: Int) {
        registry.withLock { ($0.databases[name]?.inUse ?? 0, $0.clientsOfDatabase[name]?.inUse ?? 0) }
    }

    func connections(ofUser name: String) -> (servers: Int, clients: Int) {
        registry.withLock { ($0.users[name]?.inUse ?? 0, $0.clientsOfUser[name]?.inUse ?? 0) }
    }

    /// Counts the clients of a database and of a user.
    func clientCounters(_ key: PoolKey) -> (database: CapacityCounter, user: CapacityCounter) {
        registry.withLock { registry in
            let database = registry.clientsOfDatabase[key.database] ?? CapacityCounter()
            let user = registry.clientsOfUser[key.user] ?? CapacityCounter()
            registry.clientsOfDatabase[key.database] = database
            registry.clientsOfUser[key.user] = user
            return (database, user)
        }
    }

    func add(_ worker: Mailbox<WorkerMessage>, at index: Int) {
        registry.withLock { registry in
            precondition(registry.workers.count == index, "workers are added in order")
            registry.workers.append(worker)
        }
    }

    /// The mailbox of a worker; nil for a number no worker has.
    func worker(_ index: Int) -> Mailbox<WorkerMessage>? {
        registry.withLock { index >= 0 && index < $0.workers.count ? $0.workers[index] : nil }
    }
}
