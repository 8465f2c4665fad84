import EventLoop
import PostgresWire
import Settings
import Telemetry

/// What the hub's connection depends on of the configuration.
struct ListenTarget: Equatable {
    let servers: [ServerAddress]
    let tls: TLSSettings
    let database: String

    init(_ pool: Pool) {
        servers = pool.cluster.servers
        tls = pool.cluster.tls
        database = pool.databaseName
    }
}

/// A connection that takes the place of the hub's, without a notification lost or heard twice.
///
/// Both listen to a channel of their own, the marker, and the new one to everything. Then the marker is notified.
/// PostgreSQL gives every listener all notifications in one order, so what comes before the marker is the old
/// connection's to deliver, and what comes after it the new one's.
final class Successor {
    let connection: ListenConnection
    let marker = "headgate_switch_\(String(UInt64.random(in: 0 ... .max), radix: 36))"
    /// LISTENs it has not answered.
    var owed = 0
    /// The old connection hears the marker.
    var isAwaited = false
    /// The marker has been notified, and must come by then: the two may be connected to different servers.
    var deadline = Int64.max
    /// It has heard the marker.
    var isPastMarker = false
    /// What it has heard since.
    var held: [Notice] = []

    init(_ connection: ListenConnection) { self.connection = connection }

    func listen(_ channel: String, _ serial: UInt64) {
        guard connection.phase == .open else { return }
        owed += 1
        connection.listen(channel, serial)
    }

    func unlisten(_ channel: String) {
        if connection.phase == .open { connection.unlisten(channel) }
    }
}

extension ListenHub {
    /// RECONNECT, a reload, another address: a new connection takes over.
    func replace() {
        guard isOpen else {
            // It is being made; one that fails is made again in any case.
            retryAt = 0
            failures = 0
            return
        }
        wantsSuccessor = true
        dropSuccessor()
        retryAt = 0
        begin()
    }

    private func begin() {
        guard wantsSuccessor, successor == nil, isOpen, worker.loop.nowMicros >= retryAt else { return }
        switch makeConnection() {
        case .success(let (made, target)):
            wantsSuccessor = false
            successor = Successor(made)
            made.start(target)
        case .failure:
            // No place for a second connection: the first one goes before the other comes.
            wantsSuccessor = false
            letGo()
            connect()
        }
    }

    /// Closes the connection; what it listened to is listened to again by the next one.
    private func letGo() {
        dropSuccessor()
        guard let connection else { return }
        self.connection = nil
        skipsUntil = nil
        connection.finish()
        for channel in channels.values { channel.isListening = false }
        tellAll { [database] desk in desk.lost(database) }
    }

    /// PAUSE: the connection goes, and comes again with RESUME.
    func closeForPause() {
        guard connection != nil else { return }
        Log.info("listen_paused", "the connection that listens is closed by PAUSE", ["database": database])
        letGo()
        retryAt = 0
    }

    func dropSuccessor() {
        guard let successor else { return }
        self.successor = nil
        successor.connection.finish()
    }

    func maintainSuccessor(_ now: Int64) {
        begin()
        if let successor, now >= successor.deadline { switchOver(atMarker: false) }
    }

    func successorOpened() {
        guard let successor else { return }
        connection?.listen(successor.marker, 0)
        successor.listen(successor.marker, 0)
        for (name, channel) in channels { successor.listen(name, channel.serial) }
    }

    func successorFailed(_ why: String) {
        successor = nil
        wantsSuccessor = true
        retryAt = worker.loop.nowMicros + 1_000_000
        Log.warn(
            "listen_connect", "no new connection that listens; the old one stays",
            ["database": database, "error": why])
    }

    /// An answer that only the change of connections is interested in; true if it was one.
    func successorAnswered(
        _ command: ListenConnection.Command, _ error: ServerError?, _ answering: ListenConnection
    ) -> Bool {
        guard let successor else { return false }
        let isMarker = command.channel == successor.marker
        guard answering === successor.connection || isMarker else { return false }
        if answering === successor.connection {
            if command.serial != nil { successor.owed -= 1 }
            if let error, isMarker || error.isFatal {
                successor.connection.finish()
                successorFailed(error.message)
                return true
            }
        } else if isMarker {
            successor.isAwaited = true
        }
        if successor.owed == 0, successor.isAwaited, successor.deadline == .max {
            successor.deadline = worker.loop.nowMicros + 5_000_000
            successor.connection.notify(successor.marker)
        }
        return true
    }

    /// What may be delivered at once while there are two connections.
    func sort(_ notices: [Notice], _ hearing: ListenConnection) -> [Notice] {
        guard let successor else { return notices }
        if hearing === successor.connection {
            for notice in notices {
                if notice.channel == successor.marker {
                    successor.isPastMarker = true
                } else if successor.isPastMarker {
                    successor.held.append(notice)
                }
            }
            return []
        }
        guard let end = notices.firstIndex(where: { $0.channel == successor.marker }) else { return notices }
        deliver(Array(notices[..<end]))
        switchOver(atMarker: true)
        return []
    }

    /// What comes behind the marker, where the old connection was faster in hearing it than the new one.
    func afterMarker(_ notices: [Notice]) -> [Notice] {
        guard let marker = skipsUntil else { return notices }
        guard let found = notices.firstIndex(where: { $0.channel == marker }) else { return [] }
        skipsUntil = nil
        return Array(notices[(found + 1)...])
    }

    private func switchOver(atMarker: Bool) {
        guard let successor else { return }
        let old = connection
        self.successor = nil
        skipsUntil = atMarker && !successor.isPastMarker ? successor.marker : nil
        connection = successor.connection
        successor.connection.unlisten(successor.marker)
        old?.finish()
        Log.info("listen_replaced", "a new connection listens", ["database": database])
        deliver(successor.held)
    }

    /// Takes over what a new configuration says.
    func reconfigure(_ new: Snapshot) {
        for name in askers.keys {
            askers[name] = new.users[name] ?? (askers[name]?.lookedUpAt == nil ? nil : askers[name])
        }
        guard let settings = new.configuration.database(database), new.configuration.clusters[settings.cluster] != nil
        else { return letGo() }
        if let mine = askers[user] {
            let isSame = new.isRenewal || mine.isSameAtServer(as: record)
            record = mine
            if !isSame { replace() }
        } else if let other = askers.first {
            (user, record) = other
            replace()
        } else {
            return letGo()
        }
        let key = PoolKey(database: database, user: user)
        if let target, let pool = worker.pool(key, settings, record), ListenTarget(pool) != target { replace() }
    }

    /// The name of its server means other addresses now.
    func addressesChanged(of host: String, to addresses: Set<String>) {
        guard let connection, case .ip(let address) = connection.address, let target,
            target.servers.contains(where: { $0.host == host }), !addresses.contains(address.host),
            !target.servers.contains(where: { $0.host == address.host })
        else { return }
        replace()
    }
}
