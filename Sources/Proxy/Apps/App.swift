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

    init(share: AppShare, worker: Worker, settings: AppSettings) {
        self.share = share
        self.settings = settings
        line = AppLine(share: share, worker: worker.index)
        take(settings, now: worker.loop.nowMicros)
    }

    /// From now on these limits hold.
    func take(_ new: AppSettings, now: Int64) {
        settings = new
        share.set(new.limits, now: now)
        rules.app = new.name
        rules.needsPermit = new.maxConcurrentStatements > 0
    }

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
}

extension AppSettings {
    /// What is counted over all workers.
    var limits: AppLimits {
        var limits = AppLimits()
        limits.servers = maxServerConnections
        limits.statements = maxConcurrentStatements
        limits.waiting = maxWaiting
        limits.weight = weight
        return limits
    }
}
