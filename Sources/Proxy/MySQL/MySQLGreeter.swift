import ByteKit
import EventLoop
import MySQLWire
import SQLText
import Sessions
import Settings
import Telemetry

/// Greets MySQL clients as their servers would. Before the first client one of them is asked, by the first worker for all of
/// them: the server counts each that asks beside the connections of the pools.
final class MySQLGreeter {
    private unowned(unsafe) let owner: Worker
    private var worker: Worker { unsafe owner }
    private var waiting: [UInt32] = []
    private var probe: MySQLProbe?
    /// Workers whose clients wait for what this one has asked.
    private var askers: Set<Int> = []

    /// Longer than this no client waits to be greeted.
    private static let patience: Int64 = 2_000_000

    init(worker: Worker) { unsafe owner = worker }

    func greet(_ client: MySQLClient) {
        guard let cluster = worker.snapshot.configuration.greetingCluster else { return client.greet(like: nil) }
        if let known = worker.shared.greeting(of: cluster.name) { return client.greet(like: known) }
        waiting.append(client.slot)
        if worker.index == 0 {
            if probe == nil { ask(cluster) }
        } else if waiting.count == 1 {
            let me = worker.index
            if worker.shared.worker(0)?.post(.job { $0.greeter.ask(for: me) }) != true { answered(nil) }
        }
    }

    private func ask(for other: Int) {
        guard let cluster = worker.snapshot.configuration.greetingCluster, known == nil else {
            return tell(other, known)
        }
        askers.insert(other)
        if probe == nil { ask(cluster) }
    }

    private func tell(_ other: Int, _ handshake: MySQLHandshake?) {
        _ = worker.shared.worker(other)?.post(.job { $0.greeter.answered(handshake) })
    }

    private func ask(_ cluster: ClusterSettings) {
        guard let target = cluster.servers.first else { return answered(nil) }
        let probe = MySQLProbe(worker: worker, cluster: cluster.name, deadline: worker.loop.nowMicros + Self.patience)
        self.probe = probe
        if let answer = worker.shared.resolver.immediate(host: target.host, port: target.port) {
            probe.start(answer)
        } else {
            let mailbox = worker.shared.worker(worker.index)
            worker.shared.resolver.resolve(host: target.host, port: target.port) { answer in
                _ = mailbox?.post(.job { $0.greeter.probe?.start(answer) })
            }
        }
    }

    /// How servers greet, if one has been asked.
    var known: MySQLHandshake? {
        worker.snapshot.configuration.greetingCluster.flatMap { worker.shared.greeting(of: $0.name) }
    }

    /// The server has greeted, or will not.
    func answered(_ handshake: MySQLHandshake?) {
        probe = nil
        let slots = waiting
        waiting = []
        for slot in slots { (worker.clients[slot] as? MySQLClient)?.greet(like: handshake) }
        let others = askers
        askers = []
        for other in others { tell(other, handshake) }
    }

    func maintain(_ now: Int64) {
        if let probe, now >= probe.deadline { probe.end() }
    }

    /// What a client is told: the version of its servers, and what they and we can do.
    static func handshake(
        like server: MySQLHandshake?, connectionID: UInt32, offersTLS: Bool
    ) -> MySQLHandshake {
        let isMariaDB = server?.isMariaDB ?? false
        var capabilities: MySQLCapabilities = [
            .foundRows, .longFlag, .connectWithDatabase, .noSchema, .compress, .odbc, .localFiles, .ignoreSpace,
            .protocol41,
            .interactive, .ignoreSigpipe, .transactions, .reserved, .secureConnection, .multiStatements, .multiResults,
            .preparedMultiResults, .pluginAuth, .connectAttributes, .pluginAuthLengthEncoded, .sessionTrack,
            .deprecateEOF,
        ]
        if offersTLS { capabilities.insert(.tls) }
        if isMariaDB {
            if server?.capabilities.contains(.mariadbBulk) == true { capabilities.insert(.mariadbBulk) }
        } else {
            capabilities.insert(.mysql)
            let version = server.flatMap { MySQLServerVersion(parsing: $0.serverVersion) }
            if (version?.number ?? 0) >= 80_018 { capabilities.insert(.zstd) }
        }
        return MySQLHandshake(
            serverVersion: server?.serverVersion ?? "8.0.36-headgate", connectionID: connectionID,
            nonce: MySQLClientLogin.freshNonce(), capabilities: capabilities,
            collation: server?.collation ?? 45,
            authPlugin: server?.authPlugin == AuthPluginName.cachingSHA2
                ? AuthPluginName.cachingSHA2 : AuthPluginName.native)
    }
}

/// Reads how a server greets, and goes.
private final class MySQLProbe: Connection {
    let cluster: String
    let deadline: Int64
    private var isOver = false
    private var handshake: MySQLHandshake?

    init(worker: Worker, cluster: String, deadline: Int64) {
        self.cluster = cluster
        self.deadline = deadline
        super.init(worker: worker)
    }

    func start(_ answer: Resolver.Answer) {
        guard !isOver, case .success(let addresses) = answer, let address = addresses.first else { return end() }
        switch Sockets.connect(to: address) {
        case .connected(let fd), .inProgress(let fd):
            attach(fd: fd, loop: worker.loop, reading: true, writing: false)
        case .failed: end()
        }
    }

    override func ready(_ events: Int32) {
        if events & IOEvent.readable != 0 && isAttached && isReading { receive() }
    }

    override func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        if handshake != nil { return bytes.count }
        guard case .header(_, let body, let stop) = unsafe scanPacket(bytes.bytes, at: 0), stop <= bytes.count else {
            return 0
        }
        handshake = try? MySQLHandshake(parsing: unsafe bytes.bytes.extracting(body..<stop))
        // The server is to have seen its end before the first of the pool is opened: it counts both.
        if handshake == nil || Sockets.shutdownWrite(fd) != nil { end() }
        return bytes.count
    }

    override func ended(_ errno: Errno?) { end() }

    /// No more will be heard.
    func end() {
        if isOver { return }
        isOver = true
        closeSocket()
        worker.loop.retire(self)
        if let handshake { worker.shared.learned(handshake, of: cluster) }
        worker.greeter.answered(handshake)
    }
}

extension Configuration {
    /// The cluster as which clients are greeted before they say what they want: the first that speaks MySQL.
    var greetingCluster: ClusterSettings? {
        clusters.values.filter { $0.protocolKind == .mysql }.min { $0.name < $1.name }
    }

    /// The database of clients that name none.
    var databaseOfMySQLClients: String? {
        databases.values.filter { clusters[$0.cluster]?.protocolKind == .mysql }.map(\.name).min()
    }
}
