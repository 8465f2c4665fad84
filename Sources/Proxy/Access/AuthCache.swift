import EventLoop
import Settings
import Synchronization

/// A user as it is looked up: where, and by which name.
struct AuthKey: Hashable, Sendable {
    let source: AuthSource
    let user: String
}

/// What is known of users that were looked up, for all workers.
final class AuthCache: Sendable {
    /// Whether a user has to be looked up.
    enum Known {
        /// What is known holds.
        case fresh(UserRecord?)
        /// It has to be asked for; what was known before, if it cannot be.
        case stale(UserRecord?)
    }

    private struct Entry {
        let record: UserRecord
        let askedAt: Int64
        var freshUntil: Int64
    }

    private struct State {
        var users: [AuthKey: Entry] = [:]
        /// Until when there is no such user. Apart, so that made-up names drive out no user.
        var strangers: [AuthKey: Int64] = [:]
    }

    private let state = Mutex(State())

    /// The most of either that are kept.
    private static let most = 10_000
    /// How long there is no such user, if it is not shorter.
    private static let strangerTTL: Int64 = 2_000_000
    /// A wrong password has the user asked for again, but not more often than this.
    private static let suspicionPause: Int64 = 1_000_000

    func look(_ key: AuthKey, _ now: Int64) -> Known {
        state.withLock { state in
            if let entry = state.users[key] {
                return now < entry.freshUntil ? .fresh(entry.record) : .stale(entry.record)
            }
            if let until = state.strangers[key], now < until { return .fresh(nil) }
            return .stale(nil)
        }
    }

    /// What was found last, however long ago.
    func record(_ key: AuthKey) -> UserRecord? { state.withLock { $0.users[key]?.record } }

    /// The server has answered with a user; the record for it is the one there was, if it is the same user still.
    func found(_ key: AuthKey, _ made: UserRecord, _ now: Int64, ttl: Int64) -> UserRecord {
        state.withLock { state in
            var record = made
            if let old = state.users[key]?.record, old.hasSameCredential(as: made), old.settings == made.settings {
                record = old
            }
            state.strangers[key] = nil
            if state.users[key] == nil, state.users.count >= Self.most {
                state.users = state.users.filter { now < $0.value.freshUntil }
                if state.users.count >= Self.most { state.users.removeAll() }
            }
            state.users[key] = Entry(record: record, askedAt: now, freshUntil: now + ttl)
            return record
        }
    }

    /// The server has answered that there is no such user.
    func foundNone(_ key: AuthKey, _ now: Int64, ttl: Int64) {
        state.withLock { state in
            state.users[key] = nil
            if state.strangers.count >= Self.most { state.strangers.removeAll() }
            state.strangers[key] = now + min(ttl, Self.strangerTTL)
        }
    }

    /// A client's password was not its secret, or a server did not take it: perhaps it has another now.
    func suspect(_ key: AuthKey, _ now: Int64) {
        state.withLock { state in
            guard let entry = state.users[key], now - entry.askedAt >= Self.suspicionPause else { return }
            state.users[key]?.freshUntil = 0
        }
    }

    /// Every user is asked for again when it next logs in.
    func expireAll() {
        state.withLock { state in
            for key in state.users.keys { state.users[key]?.freshUntil = 0 }
            state.strangers.removeAll()
        }
    }
}
