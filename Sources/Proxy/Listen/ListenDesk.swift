import EventLoop
import PostgresWire
import Sessions
import Settings
import Telemetry

/// What one worker's clients listen to, and the hubs whose home this worker is.
final class ListenDesk {
    /// A channel of a database that clients of this worker want heard.
    private final class Topic {
        /// The hub hears it.
        var isListening = false
        /// Clients that get its notifications, by number.
        var clients: Set<UInt32> = []
        /// Those of them whose LISTEN waits for the hub.
        var waiting: Set<UInt32> = []
    }

    private unowned(unsafe) let owner: Worker
    private var worker: Worker { unsafe owner }
    private var topics: [String: [String: Topic]] = [:]
    private var hubs: [String: ListenHub] = [:]
    /// What last kept the hub of a database from connecting.
    private var troubles: [String: String] = [:]
    /// Clients that wait, and until when.
    private var deadlines: [UInt32: Int64] = [:]

    init(worker: Worker) { unsafe owner = worker }

    // MARK: Clients of this worker

    /// A client wants `channel` heard; true if it is already, otherwise it is told.
    func subscribe(_ client: PostgresClient, _ channel: String, _ pool: Pool) -> Bool {
        let database = pool.global.key.database
        let known = topics[database]?[channel]
        let topic = known ?? Topic()
        topic.clients.insert(client.slot)
        if topic.isListening { return true }
        topic.waiting.insert(client.slot)
        let patience = pool.settings.serverConnectTimeout.microseconds
        deadlines[client.slot] = worker.loop.nowMicros + (patience > 0 ? patience : 15_000_000)
        if known == nil {
            topics[database, default: [:]][channel] = topic
            let index = worker.index
            let user = pool.global.key.user
            let record = pool.user
            tellHome(of: database) { $0.want(database, channel, from: index, user, record) }
        }
        return false
    }

    /// A client no longer wants `channel` heard.
    func unsubscribe(_ slot: UInt32, _ database: String, _ channel: String) {
        guard let topic = topics[database]?[channel] else { return }
        topic.clients.remove(slot)
        topic.waiting.remove(slot)
        guard topic.clients.isEmpty else { return }
        topics[database]?[channel] = nil
        if topics[database]?.isEmpty == true {
            topics[database] = nil
            troubles[database] = nil
        }
        let index = worker.index
        tellHome(of: database) { $0.drop(database, channel, from: index) }
    }

    /// A client waits no longer, whatever for.
    func stopWaiting(_ slot: UInt32, _ database: String) {
        guard deadlines.removeValue(forKey: slot) != nil, let mine = topics[database] else { return }
        for (channel, topic) in mine where topic.waiting.contains(slot) { unsubscribe(slot, database, channel) }
    }

    // MARK: From the hub

    /// The hub hears `channel`.
    func listening(_ database: String, _ channel: String) {
        guard let topic = topics[database]?[channel] else { return }
        topic.isListening = true
        troubles[database] = nil
        let waiting = topic.waiting
        topic.waiting = []
        for slot in waiting { client(slot)?.channelIsReady(channel) }
    }

    /// The hub's connection is lost; it will listen again.
    func lost(_ database: String) {
        for topic in (topics[database] ?? [:]).values { topic.isListening = false }
    }

    /// The hub cannot connect; `isFinal` if it does not try again for what it was asked.
    func trouble(_ database: String, _ why: String, isFinal: Bool) {
        troubles[database] = why
        guard isFinal, let mine = topics[database] else { return }
        var waiting: Set<UInt32> = []
        for topic in mine.values { waiting.formUnion(topic.waiting) }
        for slot in waiting { giveUp(slot, database) }
    }

    /// The server does not let the hub listen to this channel.
    func refused(_ database: String, _ channel: String, _ why: String) {
        troubles[database] = why
        for slot in topics[database]?[channel]?.waiting ?? [] { giveUp(slot, database) }
    }

    /// Notifications of a database.
    func heard(_ database: String, _ notices: [Notice]) {
        for notice in notices {
            guard let topic = topics[database]?[notice.channel] else { continue }
            for slot in topic.clients { client(slot)?.notified(notice) }
        }
    }

    private func client(_ slot: UInt32) -> PostgresClient? { worker.clients[slot] as? PostgresClient }

    private func giveUp(_ slot: UInt32, _ database: String) {
        let why = troubles[database] ?? "the server does not answer"
        client(slot)?.channelsFailed(
            PostgresError(
                .error, "08001", "LISTEN is not possible now: the pooler cannot connect in order to listen",
                detail: why, hint: "Try again; the pooler's log says more."))
    }

    // MARK: Hubs at home here

    /// The worker that listens for a database: the same for all workers.
    private func tellHome(of database: String, _ what: @escaping @Sendable (ListenDesk) -> Void) {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in database.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let home = Int(truncatingIfNeeded: (hash >> 32) % UInt64(max(1, worker.shared.workerCount)))
        _ = worker.shared.worker(home)?.post(.job { what($0.desk) })
    }

    private func want(_ database: String, _ channel: String, from index: Int, _ user: String, _ record: UserRecord) {
        let hub = hubs[database] ?? ListenHub(database: database, worker: worker, user: user, record: record)
        hubs[database] = hub
        hub.want(channel, for: index, user: user, record)
    }

    private func drop(_ database: String, _ channel: String, from index: Int) {
        hubs[database]?.drop(channel, for: index)
    }

    /// RECONNECT.
    func reconnect(_ scope: PoolScope) { for (database, hub) in hubs where scope.covers(database) { hub.replace() } }

    /// PAUSE, or its end.
    func pausedOrNot() { for hub in hubs.values { hub.maintain(worker.loop.nowMicros) } }

    /// A new configuration is in force.
    func reconfigure(_ new: Snapshot) { for hub in hubs.values { hub.reconfigure(new) } }

    /// The name of a server means other addresses now.
    func addressesChanged(of host: String, to addresses: Set<String>) {
        for hub in hubs.values { hub.addressesChanged(of: host, to: addresses) }
    }

    // MARK: Time

    /// Several times a second.
    func maintain(_ now: Int64) {
        for (database, hub) in hubs {
            hub.maintain(now)
            if hub.isOver(now) { hubs[database] = nil }
        }
        if deadlines.isEmpty { return }
        for (slot, deadline) in deadlines where now >= deadline {
            guard let database = worker.clients[slot]?.pool?.global.key.database else {
                deadlines[slot] = nil
                continue
            }
            if worker.admin.isPaused(database) { continue }
            giveUp(slot, database)
        }
    }
}
