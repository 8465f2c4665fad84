public import PostgresWire
import SQLText
import Settings

/// What one client listens to, where its servers are lent per transaction: `LISTEN` runs on the server it has, for its
/// errors, and the hub's connection hears for it afterwards.
///
/// ```
///  wanted ─► held (the hub hears it) ─► LISTEN completed ─► committed: delivered from now on
///                     └──────────────── rolled back: released again
/// ```
final class Listening {
    /// A statement that completed in the open transaction.
    enum Change: Equatable {
        case listen(String)
        case unlisten(String)
        case unlistenAll
    }

    /// Channels the hub hears on this client's behalf; at least `channels`, unless the client is pinned instead.
    var held: Set<String> = []
    /// Channels whose LISTEN is committed.
    private(set) var channels: Set<String> = []
    /// What the open transaction changes, in order.
    private(set) var changes: [Change] = []
    /// Why the hub cannot listen: answers the statement that asks for it.
    var failure: PostgresError?
    /// Notification messages that wait for a moment when they may come.
    private(set) var queue: [UInt8] = []
    /// Notifications that came while a LISTEN was on its way: whether they are the client's shows when it commits.
    private var early: [(channel: String, message: [UInt8])] = []
    private var earlyBytes = 0

    /// The longest queue: a client that does not read notifications is not waited for for ever.
    static let longestQueue = 1 << 20
    /// The most channels one client may listen to.
    static let mostChannels = 10_000

    /// How many changes are pending, to come back to at ROLLBACK TO.
    var mark: Int { changes.count }

    func add(_ change: Change) {
        if changes.last != change { changes.append(change) }
    }

    /// ROLLBACK TO SAVEPOINT: what came after the savepoint was never done.
    func rollBack(to mark: Int) {
        if mark < changes.count { changes.removeSubrange(max(0, mark)...) }
    }

    func rollBack() { changes.removeAll() }

    /// The transaction is committed: its statements hold now.
    func commit() {
        if changes.isEmpty { return }
        let before = channels
        for change in changes {
            switch change {
            case .listen(let channel): channels.insert(channel)
            case .unlisten(let channel): channels.remove(channel)
            case .unlistenAll: channels.removeAll()
            }
        }
        changes.removeAll()
        if !queue.isEmpty, !before.isSubset(of: channels) { dropUnwanted() }
        let candidates = early
        forgetEarly()
        for (channel, message) in candidates { _ = take(channel, message, mayBeEarly: true) }
    }

    /// What was heard and not yet delivered on channels that are listened to no more: PostgreSQL, too, looks whether a
    /// session listens when it delivers.
    private func dropUnwanted() {
        let bytes = takeQueue()
        var position = 0
        // NotificationResponse: type, length, process id, channel, payload.
        while position + 9 <= bytes.count {
            let length = bytes[(position + 1)..<(position + 5)].reduce(0) { $0 << 8 | Int($1) }
            let end = min(bytes.count, position + 1 + max(4, length))
            let name = bytes[(position + 9)..<max(position + 9, end)].prefix { $0 != 0 }
            if channels.contains(String(decoding: name, as: UTF8.self)) {
                queue.append(contentsOf: bytes[position..<end])
            }
            position = end
        }
    }

    /// A notification for this client; false if more wait than may.
    func take(_ channel: String, _ message: [UInt8], mayBeEarly: Bool) -> Bool {
        if channels.contains(channel) {
            guard queue.count + message.count <= Self.longestQueue else { return false }
            queue.append(contentsOf: message)
        } else if mayBeEarly && held.contains(channel) {
            guard earlyBytes + message.count <= Self.longestQueue else { return false }
            early.append((channel, message))
            earlyBytes += message.count
        }
        return true
    }

    /// Nothing is on its way that could commit a LISTEN: what came before is not the client's.
    func forgetEarly() {
        if early.isEmpty { return }
        early.removeAll()
        earlyBytes = 0
    }

    func takeQueue() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &queue)
        return taken
    }

    /// Channels the hub need no longer hear for this client; only when nothing is on its way.
    func takeReleased() -> [String] {
        forgetEarly()
        guard held.count > channels.count || !held.isSubset(of: channels) else { return [] }
        let released = held.subtracting(channels)
        held.subtract(released)
        return Array(released)
    }
}

/// Channel names as servers know them.
enum ChannelName {
    /// What PostgreSQL makes of a longer identifier: 63 bytes, cut between characters.
    static func canonical(_ name: String) -> String {
        guard name.utf8.count > 63 else { return name }
        var kept = ""
        for scalar in name.unicodeScalars {
            if kept.utf8.count + UTF8.width(scalar) > 63 { break }
            kept.unicodeScalars.append(scalar)
        }
        return kept
    }
}

extension ClientSession {
    /// The hub hears `channel` for this client from now on.
    public func channelIsReady(_ channel: String) { more().channels().held.insert(channel) }

    /// The hub cannot listen: the statement that waits for it is answered with `error`.
    public func channelsFailed(_ error: PostgresError) { more().channels().failure = error }

    /// A notification has come for a channel the hub hears for this client; `server` is the one it has. False if the
    /// client has left so many unread that it must go.
    public func notified(_ channel: String, _ message: [UInt8], having server: ServerSession?) -> Bool {
        guard let listening = extra?.listening else { return true }
        // An idle client cannot be committing a LISTEN, so what comes then was committed before it.
        let isBusy = server.map { !$0.expected.isEmpty } ?? false
        return listening.take(channel, message, mayBeEarly: isBusy)
    }

    /// Whether notifications wait.
    public var hasNotifications: Bool { extra?.listening.map { !$0.queue.isEmpty } ?? false }

    /// The notifications that wait, if they may be sent now: between messages, and unless very many wait, outside a
    /// transaction and with no reply owed, as PostgreSQL does it.
    public func takeNotifications(having server: ServerSession?) -> [UInt8] {
        guard let listening = extra?.listening, !listening.queue.isEmpty else { return [] }
        if let server {
            if server.passThrough > 0 && !server.passHidden { return [] }
            let isQuiet = server.expected.isEmpty && server.transaction == .idle && !server.hasOpenBatch
            if !isQuiet && listening.queue.count < Listening.longestQueue / 4 { return [] }
        }
        return listening.takeQueue()
    }

    /// A message to the client has been sent in part.
    public func isMidMessage(having server: ServerSession?) -> Bool {
        server.map { $0.passThrough > 0 && !$0.passHidden } ?? false
    }

    /// Whether it listens, or has begun to.
    public var isListening: Bool { extra?.listening != nil }

    /// Channels the hub need no longer hear for it. Called when nothing is owed and no transaction is open.
    public func takeReleasedChannels() -> [String] { extra?.listening?.takeReleased() ?? [] }

    /// Every channel the hub hears for it.
    public var heldChannels: [String] { extra?.listening.map { Array($0.held) } ?? [] }
}

extension ClientExtra {
    /// Made when it is first needed.
    func channels() -> Listening {
        if let listening { return listening }
        let made = Listening()
        listening = made
        return made
    }

    /// The open transaction is committed: with `session_state = "pin"` the client keeps its server as long as it
    /// listens.
    func commitChannels(policy: SessionStatePolicy) {
        guard let listening else { return }
        listening.commit()
        guard policy == .pin else { return }
        if listening.channels.isEmpty { pins.remove(.channels) } else { pins.insert(.channels) }
    }
}
