import ByteKit
import Credentials
import EventLoop
import MySQLWire
import Pooling
import Sessions
public import Settings
import Synchronization
import Telemetry

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

    func forgetWelcomes() {
        welcomes.withLock { $0 = [:] }
        connectSettings.withLock { $0 = [] }
    }

    /// What `connect_query` sets on every server of the pool.
    private let connectSettings = Mutex<[SettingEntry]>([])

    func noteConnectSettings(_ entries: [SettingEntry]) { connectSettings.withLock { $0 = entries } }

    /// `base`, on top of what `connect_query` sets.
    func settings(of base: SettingsProfile, _ profiles: ProfileTable) -> SettingsProfile {
        let entries = connectSettings.withLock { $0 }
        return entries.isEmpty ? base : profiles.intern(entries + base.entries)
    }

    private let facts = Mutex<MySQLFacts?>(nil)

    /// What the servers of a MySQL pool say of themselves; nil before the first of them was asked.
    var mysqlFacts: MySQLFacts? { facts.withLock { $0 } }

    func learn(_ new: MySQLFacts) { facts.withLock { $0 = new } }

    /// When the servers there were had to go: one that was on its way between workers then has not heard of it.
    private let reconnectedAt = Atomic<Int64>(0)

    func noteReconnect(at now: Int64) { reconnectedAt.store(now, ordering: .relaxed) }

    func mustReconnect(since connectedAt: Int64) -> Bool { connectedAt < reconnectedAt.load(ordering: .relaxed) }

    /// Clients logged in to it, in all workers.
    let clients = CapacityCounter()
    private let usedAt: Atomic<Int64>

    /// A client has left.
    func noteUse(at now: Int64) { usedAt.store(now, ordering: .relaxed) }

    /// For how long nobody has been logged in to it; 0 while somebody is.
    func unusedFor(_ now: Int64) -> Int64 {
        clients.inUse > 0 ? 0 : max(0, now - usedAt.load(ordering: .relaxed))
    }

    /// How many workers have a part of it; changed under the registry's lock.
    let parts = Atomic<Int>(0)

    init(key: PoolKey, share: PoolShare) {
        self.key = key
        usedAt = Atomic(Clock.monotonicMicros())
        self.share = share
    }
}

/// A user of the proxy, with its secrets as they were when the configuration was read.
final class UserRecord: Sendable {
    private struct Derived {
        var verifier: ScramVerifier?
        var keys: ScramKeys?
        var proof: MySQLProof?
        var cachedSHA2: SecretBytes?
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

    /// Which secret servers are shown, if asking for it again may help.
    var changingSecret: SecretName? {
        guard (settings.serverPassword ?? settings.password)?.mayChange == true else { return nil }
        return SecretName(user: settings.name, isServer: settings.serverPassword != nil)
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

    /// What a MySQL client must prove it knows; nil if what is stored is of no use for that.
    var mysqlSecret: MySQLSecret? {
        guard case .plain(let stored)? = secret else { return nil }
        return stored.withBytes { MySQLSecret(parsing: $0.toArray()) }
    }

    /// For MySQL's quick login, left by one the slow way.
    var cachedSHA2: SecretBytes? { derived.withLock { $0.cachedSHA2 } }

    /// What a MySQL client's own login proved.
    func remember(_ proof: MySQLProof) {
        derived.withLock { derived in
            switch proof {
            case .none: break
            case .password(let password):
                derived.proof = proof
                derived.cachedSHA2 = CachingSHA2.cachedHash(password: password)
            case .nativeHash, .sha256Hash:
                // The password itself, once known, says more.
                if case .password? = derived.proof { return }
                derived.proof = proof
            }
        }
    }

    /// With what to log in to a MySQL server as this user.
    var mysqlCredential: MySQLServerCredential {
        let stored = serverSecret ?? secret
        if case .plain(let text)? = stored,
            case .plain(let password)? = text.withBytes({ MySQLSecret(parsing: $0.toArray()) })
        {
            return .password(password)
        }
        guard serverSecret == nil, let proof = derived.withLock({ $0.proof }) else { return .none }
        switch proof {
        case .none: return .none
        case .password(let password): return .password(password)
        case .nativeHash(let hash): return .nativeHash(hash)
        case .sha256Hash(let hash): return .sha256Hash(hash)
        }
    }

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
    let tls: TLSDirectory
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
        let (tls, ofFiles) = TLSDirectory.make(configuration, previous: previous?.tls ?? TLSDirectory())
        return (Snapshot(configuration: configuration, users: users, tls: tls), problems + ofFiles)
    }

    /// The same with what the files of TLS hold now. What cannot be used is in `problems`, and what was used before stays.
    public func rereadingTLS() -> (snapshot: Snapshot?, problems: [String]) {
        let (new, problems) = TLSDirectory.make(configuration, previous: tls)
        guard !new.isSame(as: tls) else { return (nil, problems) }
        return (Snapshot(configuration: configuration, users: users, tls: new, isRenewal: true), problems)
    }

    /// Every secret that may change, with where it comes from.
    public var changingSecrets: [SecretName: SecretSource] {
        var found: [SecretName: SecretSource] = [:]
        for (name, user) in configuration.users {
            if let source = user.password, source.mayChange { found[SecretName(user: name, isServer: false)] = source }
            if let source = user.serverPassword, source.mayChange {
                found[SecretName(user: name, isServer: true)] = source
            }
        }
        return found
    }

    /// The same with other secrets; nil if `fresh` holds nothing new. Server connections there are stay: they have
    /// proved who they are.
    public func renewing(_ fresh: [SecretName: SecretText]) -> Snapshot? {
        var changed = users
        for (name, text) in fresh {
            guard let old = changed[name.user] else { continue }
            let secret = text.bytes.withSpan { StoredSecret(parsing: $0) }
            if StoredSecret.areSame(secret, name.isServer ? old.serverSecret : old.secret) { continue }
            let new = UserRecord(
                settings: old.settings, secret: name.isServer ? old.secret : secret,
                serverSecret: name.isServer ? secret : old.serverSecret)
            new.inherit(from: old)
            changed[name.user] = new
        }
        let isSame = changed.allSatisfy { users[$0.key] === $0.value }
        return isSame ? nil : Snapshot(configuration: configuration, users: changed, tls: tls, isRenewal: true)
    }

    /// The same secrets under a configuration that differs in something else.
    public func with(_ configuration: Configuration) -> Snapshot {
        Snapshot(configuration: configuration, users: users, tls: tls)
    }

    /// Only secrets, or certificates, differ from the snapshot before.
    let isRenewal: Bool

    private init(
        configuration: Configuration, users: [String: UserRecord], tls: TLSDirectory, isRenewal: Bool = false
    ) {
        self.tls = tls
        self.configuration = configuration
        self.users = users
        self.isRenewal = isRenewal
        mockIterations = ScramServer.commonIterations(users.values.lazy.compactMap(\.secret))
    }
}

/// One secret of a configuration.
public struct SecretName: Hashable, Sendable {
    /// Whose it is.
    public let user: String
    /// `server_password`, not `password`.
    public let isServer: Bool

    /// The secret of that name.
    public init(user: String, isServer: Bool) {
        self.user = user
        self.isServer = isServer
    }

    /// As it stands in the file.
    public var description: String { "[user.\(user)] \(isServer ? "server_password" : "password")" }
}

extension Resolver {
    /// Believes answers for as long as the configuration says.
    func adopt(_ general: GeneralSettings) {
        setTimesToLive(answer: general.dnsMaxTTL.microseconds, failure: general.dnsNxdomainTTL.microseconds)
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
        var apps: [String: AppShare] = [:]
        var workers: [Mailbox<WorkerMessage>] = []
    }

    let workerCount: Int
    /// Makes the salts of users that do not exist stable, and cancel keys unguessable.
    let secret = SecretBytes(randomBytes(32))
    /// Clients that have logged in.
    let clients = CapacityCounter()
    let logins = LoginCounters()
    let resolver = Resolver()
    let workshop: Workshop
    /// Where records go; nil if nothing is recorded.
    let audit: AuditService?
    /// For passwords of MySQL clients without TLS.
    private let madeKey = Mutex<RSAKeyPair?>(nil)
    private let greetings = Mutex<[String: MySQLHandshake]>([:])
    private let registry = Mutex(Registry())
    private let handler = Mutex<(any ConsoleHandler)?>(nil)

    init(workerCount: Int, workshop: Workshop, speaksMySQL: Bool, audit: AuditService?) {
        self.workerCount = workerCount
        self.workshop = workshop
        self.audit = audit
        // The first thing the workshop does: whoever needs the key asks there, and so behind this.
        if speaksMySQL {
            _ = workshop.run { [weak self] in
                let key = RSAKeyPair()
                self?.madeKey.withLock { $0 = key }
            }
        }
    }

    /// The key for passwords of MySQL clients without TLS; nil until it has been made. In the workshop it always has.
    var rsaKey: RSAKeyPair? { madeKey.withLock { $0 } }

    /// How the servers of a MySQL cluster greet; nil while none has been connected to.
    func greeting(of cluster: String) -> MySQLHandshake? { greetings.withLock { $0[cluster] } }

    func learned(_ greeting: MySQLHandshake, of cluster: String) { greetings.withLock { $0[cluster] = greeting } }

    /// The shared part of a pool, made when it is first needed, for one more worker.
    func pool(_ key: PoolKey) -> PoolGlobal {
        registry.withLock { registry in
            if let known = registry.pools[key] {
                known.parts.add(1, ordering: .relaxed)
                return known
            }
            let database = registry.databases[key.database] ?? CapacityCounter()
            let user = registry.users[key.user] ?? CapacityCounter()
            registry.databases[key.database] = database
            registry.users[key.user] = user
            let made = PoolGlobal(
                key: key, share: PoolShare(workers: workerCount, database: database, user: user))
            made.parts.store(1, ordering: .relaxed)
            registry.pools[key] = made
            return made
        }
    }

    /// A worker has no part of a pool any more; with the last part it is forgotten, and what only it counted.
    func leave(_ pool: PoolGlobal) {
        registry.withLock { registry in
            guard pool.parts.subtract(1, ordering: .relaxed).newValue == 0 else { return }
            let key = pool.key
            registry.pools[key] = nil
            func isFree(_ counter: CapacityCounter?) -> Bool { (counter?.inUse ?? 0) == 0 }
            if !registry.pools.keys.contains(where: { $0.database == key.database }),
                isFree(registry.databases[key.database]), isFree(registry.clientsOfDatabase[key.database])
            {
                registry.databases[key.database] = nil
                registry.clientsOfDatabase[key.database] = nil
            }
            if !registry.pools.keys.contains(where: { $0.user == key.user }), isFree(registry.users[key.user]),
                isFree(registry.clientsOfUser[key.user])
            {
                registry.users[key.user] = nil
                registry.clientsOfUser[key.user] = nil
            }
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

    /// The shared part of an application, made when it is first needed.
    func app(_ name: String) -> AppShare {
        registry.withLock { registry in
            let share = registry.apps[name] ?? AppShare(name: name)
            registry.apps[name] = share
            return share
        }
    }

    /// Forgets applications of other names, as soon as nobody belongs to them.
    func keepApps(_ names: Set<String>) {
        registry.withLock { registry in
            registry.apps = registry.apps.filter { names.contains($0.key) || $0.value.clients.inUse > 0 }
        }
    }

    /// The applications that have, or had, connections.
    func appsNow() -> [AppShare] { registry.withLock { Array($0.apps.values) } }

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

    /// The name of a server means other addresses than before.
    func addressesChanged(of host: String, to addresses: Set<String>) {
        for index in 0..<workerCount {
            _ = worker(index)?.post(
                .job { worker in
                    for pool in Array(worker.pools.values) { pool.addressesChanged(of: host, to: addresses) }
                    worker.desk.addressesChanged(of: host, to: addresses)
                })
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
