import ByteKit
import EventLoop
import MySQLWire
import SQLText
import Sessions
import Settings

/// Whose connections, or statements, a KILL is to end.
struct MySQLKill: Sendable {
    enum Target: Sendable {
        /// The client that was told this number.
        case client(UInt32)
        /// All clients of a user that come from this host, or from any.
        case user(String, host: String?)
    }

    let target: Target
    let isQueryOnly: Bool
    /// Who asks: nobody else's are ended.
    let user: String
    /// The number of the client that asks, and its place if it is of this worker.
    let asker: UInt32
}

/// What came of a KILL in one worker.
enum MySQLKillOutcome: Sendable {
    /// So many were told.
    case ended(Int)
    case unknown
    /// It is somebody else's.
    case denied

    /// What came of it in two workers.
    func and(_ other: MySQLKillOutcome) -> MySQLKillOutcome {
        if case .ended(let mine) = self, case .ended(let others) = other { return .ended(mine + others) }
        if case .ended = self { return other }
        return self
    }
}

/// KILLs whose answers other workers owe.
final class MySQLKills {
    struct Pending {
        let connectedAt: Int64
        var missing: Int
        var outcome: MySQLKillOutcome
        let deadline: Int64
    }

    fileprivate var pending: [UInt32: Pending] = [:]

    /// Longer than this no client waits to hear what came of it.
    fileprivate static let patience: Int64 = 2_000_000
}

extension MySQLClient {
    /// The KILL in front, of one of our own connections, which are all a client knows of. True if it is answered now.
    func kill(_ id: UInt64, queryOnly: Bool) -> Bool {
        let own = connectionID
        if id == UInt64(own) {
            killOneself(queryOnly: queryOnly)
            return true
        }
        guard let number = UInt32(exactly: id), number & 0xFF_FFFF != 0 else {
            killAnswer = unknownThread(id)
            return true
        }
        let wish = MySQLKill(
            target: .client(number), isQueryOnly: queryOnly, user: pool?.global.key.user ?? "",
            asker: own)
        killedID = id
        return begin(wish, at: [Int(number >> 24)])
    }

    /// MariaDB's `KILL USER`. True if it is answered now.
    func kill(user: String, host: String?, queryOnly: Bool) -> Bool {
        let own = connectionID
        guard let me = pool?.global.key.user, user == me else {
            killAnswer = .refused(MySQLError(1095, "HY000", "You are not owner of thread \(own)"))
            return true
        }
        killedID = UInt64(own)
        let wish = MySQLKill(target: .user(user, host: host), isQueryOnly: queryOnly, user: me, asker: own)
        return begin(wish, at: Array(0..<worker.shared.workerCount))
    }

    /// What the client is told.
    enum KillAnswer {
        case refused(MySQLError)
        case done(affected: Int)
        /// It is closed with this.
        case closed(MySQLError)
    }

    private func unknownThread(_ id: UInt64) -> KillAnswer {
        .refused(MySQLError(1094, "HY000", "Unknown thread id: \(id)"))
    }

    private func killOneself(queryOnly: Bool) {
        let interrupted = MySQLError(1317, "70100", "Query execution was interrupted")
        let isMariaDB = pool?.global.mysqlFacts?.version?.isMariaDB == true
        if queryOnly {
            killAnswer = .refused(interrupted)
        } else {
            killAnswer = .closed(isMariaDB ? MySQLError(1927, "70100", "Connection was killed") : interrupted)
        }
    }

    private func begin(_ wish: MySQLKill, at workers: [Int]) -> Bool {
        var outcome = MySQLKillOutcome.unknown
        if case .user = wish.target { outcome = .ended(0) }
        var missing = 0
        for index in workers {
            if index == worker.index {
                let here = worker.end(wish)
                outcome = workers.count == 1 ? here : outcome.and(here)
            } else if let other = worker.shared.worker(index) {
                let (home, slot, connectedAt) = (worker.shared.worker(worker.index), self.slot, self.connectedAt)
                missing += 1
                _ = other.post(
                    .job { worker in
                        let there = worker.end(wish)
                        _ = home?.post(.job { $0.killAnswered(slot, connectedAt, there) })
                    })
            }
        }
        if missing == 0 {
            take(outcome)
            return true
        }
        if workers.count == 1 { outcome = .ended(0) }
        waitsForServer = true
        worker.kills.pending[slot] = MySQLKills.Pending(
            connectedAt: connectedAt, missing: missing, outcome: outcome,
            deadline: worker.loop.nowMicros + MySQLKills.patience)
        return false
    }

    private func take(_ outcome: MySQLKillOutcome) {
        switch outcome {
        case .ended(let count): killAnswer = .done(affected: count)
        case .unknown: killAnswer = unknownThread(killedID)
        case .denied:
            killAnswer = .refused(MySQLError(1095, "HY000", "You are not owner of thread \(killedID)"))
        }
    }

    /// All workers have answered, or have had the time.
    fileprivate func killOver(_ outcome: MySQLKillOutcome) {
        guard waitsForServer, phase == .idle || phase == .active else { return }
        waitsForServer = false
        take(outcome)
        let bytes = carried.take()
        unsafe bytes.withBytes { all in
            let used = unsafe answerKill(all.bytes)
            if isAttached, used < all.count {
                unsafe carried.append(UnsafeRawBufferPointer(rebasing: all[used...]))
            }
        }
        resume()
        leaveIfAnswered()
    }

    /// Answers the KILL in front; says how many bytes that deals with.
    func answerKill(_ bytes: RawSpan) -> Int {
        guard let session, let answer = killAnswer else { return 0 }
        killAnswer = nil
        let environment = worker.mysql
        var used = 0
        switch answer {
        case .refused(let error): used = environment.conclude(bytes, error, session)
        case .done(let affected):
            let isByUser = killedID == UInt64(connectionID)
            used = environment.conclude(bytes, nil, session, affected: isByUser ? UInt64(affected) : 0)
        case .closed(let error):
            fail(error)
            return bytes.byteCount
        }
        unsafe send(environment.toClient, from: UnsafeRawBufferPointer(start: nil, count: 0))
        if isEndedByItself {
            close("KILL USER")
            return bytes.byteCount
        }
        return used
    }
}

extension Worker {
    /// The number a MySQL client is told, and KILL means: the worker in the high bits, and one that is not used again for
    /// sixteen million connections in the low ones, lest a KILL that comes late ends somebody else.
    func nextConnectionID() -> UInt32 {
        lastConnectionID = lastConnectionID >= 0xFF_FFFF ? 1 : lastConnectionID &+ 1
        return UInt32(truncatingIfNeeded: index) << 24 | lastConnectionID
    }

    private func client(_ number: UInt32) -> MySQLClient? {
        var found: MySQLClient?
        clients.forEach { if let client = $0 as? MySQLClient, client.connectionID == number { found = client } }
        return found
    }

    /// Ends what of a KILL's is here.
    func end(_ wish: MySQLKill) -> MySQLKillOutcome {
        switch wish.target {
        case .client(let number):
            guard let target = client(number), let user = target.pool?.global.key.user else {
                return .unknown
            }
            guard user == wish.user else { return .denied }
            target.killed(queryOnly: wish.isQueryOnly)
            return .ended(1)
        case .user(let name, let host):
            var count = 0
            clients.forEach { client in
                guard let client = client as? MySQLClient, client.pool?.global.key.user == name else { return }
                if let host, host != "%", host != client.peer.host { return }
                count += 1
                if client.connectionID == wish.asker {
                    // It is told first.
                    client.isEndedByItself = !wish.isQueryOnly
                } else {
                    client.killed(queryOnly: wish.isQueryOnly)
                }
            }
            return .ended(count)
        }
    }

    fileprivate func killAnswered(_ slot: UInt32, _ connectedAt: Int64, _ outcome: MySQLKillOutcome) {
        guard var found = kills.pending[slot], found.connectedAt == connectedAt else { return }
        found.outcome = found.outcome.and(outcome)
        found.missing -= 1
        kills.pending[slot] = found
        if found.missing == 0 { killOver(slot, found) }
    }

    private func killOver(_ slot: UInt32, _ found: MySQLKills.Pending) {
        kills.pending[slot] = nil
        guard let client = clients[slot] as? MySQLClient, client.connectedAt == found.connectedAt else { return }
        client.killOver(found.outcome)
    }

    /// Whoever has waited long enough is answered with what is known.
    func maintainKills(_ now: Int64) {
        for (slot, found) in kills.pending where now >= found.deadline { killOver(slot, found) }
    }
}
