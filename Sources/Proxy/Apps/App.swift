import Pooling
import Settings

/// Counts of one application in one worker. Single writer.
struct AppCounters {
    /// How often a connection or statement was refused for one of its limits.
    var refused: UInt64 = 0
    /// How often a statement had to wait for one of its limits.
    var throttled: UInt64 = 0
}

/// One worker's part of one application: its limits in force, and what this worker has counted.
final class App {
    let share: AppShare
    private(set) var settings: AppSettings
    var counters = AppCounters()

    init(share: AppShare, settings: AppSettings) {
        self.share = share
        self.settings = settings
    }

    /// From now on these limits hold.
    func take(_ new: AppSettings) { settings = new }

    /// A client's connection begins to count; answers why it is refused.
    func admit() -> Refusal? {
        let limit = settings.maxClientConnections
        if share.clients.reserve(limit: limit) { return nil }
        counters.refused &+= 1
        return Refusal(
            .tooManyConnections,
            "app \"\(settings.name)\" has \(share.clients.inUse) clients, its max_client_connections is \(limit)",
            hint: "Close connections that are no longer used, or raise max_client_connections of [[app]] "
                + "\"\(settings.name)\".")
    }

    /// A client's connection no longer counts.
    func leave() { _ = share.clients.release() }
}
