import ByteKit
import EventLoop
import Pooling
import Sessions
import Settings

/// Counts of one application in one worker. Single writer.
struct AppCounters {
    /// How often a connection or statement was refused for one of its limits.
    var refused: UInt64 = 0
    /// How often a statement had to wait for one of its limits.
    var throttled: UInt64 = 0
}

/// One worker's part of one application: its limits in force, who waits here for them, and what this worker has counted.
final class App {
    let share: AppShare
    let line: AppLine
    /// What its statements are checked against, for the sessions of its clients.
    let rules = StatementRules()
    private(set) var settings: AppSettings
    var counters = AppCounters()
    /// It is among those the worker looks after at the end of the turn.
    var isListed = false
    private unowned(unsafe) let owner: Worker
    /// Whose part it is; it outlives it.
    private var worker: Worker { unsafe owner }
    /// Who waits for the moment at which the rate allows it, soonest first.
    private var timed = Ring<TimedWait>()
    private var lastTicket: UInt64 = 0
    private lazy var timer = LoopTimer(loop: worker.loop) { [unowned self] in self.goOn() }

    init(share: AppShare, worker: Worker, settings: AppSettings) {
        self.share = share
        self.settings = settings
        unsafe owner = worker
        line = AppLine(share: share, worker: worker.index)
        take(settings, now: worker.loop.nowMicros)
    }

    /// From now on these limits hold.
    func take(_ new: AppSettings, now: Int64) {
        settings = new
        share.set(new.limits, now: now)
        isRated = new.statementsPerSecond > 0 || limitsBytes
        rules.app = new.name
        rules.needsPermit = new.maxConcurrentStatements > 0 || isRated
        rules.longest = new.maxStatementBytes.bytes
        rules.mostRows = new.maxResultRows
        rules.mostBytes = new.maxResultBytes.bytes
        rules.isReadOnly = new.readOnly
    }

    /// It may start only so many statements, or be sent so many bytes, a second.
    private(set) var isRated = false

    /// It may be sent only so many bytes a second.
    var limitsBytes: Bool { settings.bytesPerSecond.bytes > 0 }

    /// What sessions of its clients are told; nil if there is nothing to check.
    var rulesIfAny: StatementRules? { rules.isEmpty ? nil : rules }

    /// The shortest of its timeouts, in microseconds; nil if it has none.
    var shortestTimeout: Int64? {
        [settings.statementTimeout, settings.transactionTimeout, settings.idleTransactionTimeout]
            .filter { !$0.isZero }.map(\.microseconds).min()
    }

    /// A client's connection begins to count; answers why it is refused.
    func admit() -> Refusal? {
        let limit = settings.maxClientConnections
        if share.clients.reserve(limit: limit) { return nil }
        return refusal(
            .tooManyConnections, "has \(share.clients.inUse) clients", "max_client_connections", limit,
            "Close connections that are no longer used")
    }

    /// Why something is refused that goes beyond a limit; counts it.
    func refusal(
        _ reason: Refusal.Reason, _ use: String, _ key: String, _ limit: some CustomStringConvertible, _ advice: String,
        isFatal: Bool = true
    ) -> Refusal {
        counters.refused &+= 1
        return Refusal(
            reason, "app \"\(settings.name)\" \(use), its \(key) is \(limit)",
            hint: "\(advice), or raise \(key) of [[app]] \"\(settings.name)\".", isFatal: isFatal)
    }

    /// What is in the way of one of its clients that waits for a server, if it is the application's own limit.
    var obstacle: String? {
        let limit = settings.maxServerConnections
        guard limit > 0, share.servers.inUse >= limit else { return nil }
        return "App \"\(settings.name)\" has \(share.servers.inUse) servers, its max_server_connections is \(limit)."
    }

    /// A client's connection no longer counts.
    func leave() { _ = share.clients.release() }

    /// Places are free again.
    func giveBack(_ places: AppPlaces, _ worker: Worker) {
        if places.isEmpty { return }
        if share.release(places) { worker.look(after: self) }
    }

    // MARK: Rates

    /// Who goes on at `due`.
    struct TimedWait {
        enum Who {
            /// A client that waits under this ticket.
            case client(UInt32, ticket: UInt64)
            /// A server that is not read until then.
            case server(UInt32, connectedAt: Int64)
        }

        let who: Who
        let due: Int64
    }

    /// The ticket of one that waits here.
    func nextTicket() -> UInt64 {
        lastTicket &+= 1
        return lastTicket
    }

    /// It goes on after `wait` microseconds, behind all others. Waits grow, so that those that end first come first; one
    /// that ends a little before the one in front of it waits for that.
    func enter(_ who: TimedWait.Who, after wait: Int64) {
        timed.append(TimedWait(who: who, due: worker.loop.nowMicros + wait))
        if timed.count == 1 { timer.start(after: wait) }
    }

    private func goOn() {
        let now = worker.loop.nowMicros
        while let first = timed.first, first.due <= now {
            timed.popFirst()
            goesOn(first.who)
        }
        if let next = timed.first { timer.start(after: max(1, next.due - now)) }
    }

    /// Limits have changed: all who wait for a moment ask again.
    func goOnAll() {
        timer.stop()
        for _ in 0..<timed.count {
            guard let first = timed.popFirst() else { return }
            goesOn(first.who, isPaid: false)
        }
    }

    private func goesOn(_ who: TimedWait.Who, isPaid: Bool = true) {
        switch who {
        case .client(let slot, let ticket):
            guard let client = worker.clients[slot], client.app === self, client.line == .rate, client.ticket == ticket
            else { return }
            client.rateAllows(isPaid: isPaid)
        case .server(let slot, let connectedAt):
            guard let server = worker.servers[slot], server.connectedAt == connectedAt else { return }
            server.setThrottled(false)
        }
    }
}

extension AppSettings {
    /// What is counted over all workers.
    var limits: AppLimits {
        var limits = AppLimits()
        limits.servers = maxServerConnections
        limits.statements = maxConcurrentStatements
        limits.waiting = maxWaiting
        limits.statementsPerSecond = statementsPerSecond
        limits.burst = burst
        limits.bytesPerSecond = bytesPerSecond.bytes
        limits.weight = weight
        return limits
    }
}
