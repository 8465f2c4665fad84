import EventLoop
import PostgresWire
import Proxy
public import Settings
import Telemetry

/// Where a new configuration comes from: reads the file again and validates the whole of it.
public struct ReloadSource: Sendable {
    /// Reads it.
    public let load: @Sendable () -> LoadResult
    /// Finds a secret.
    public let resolve: @Sendable (SecretSource) -> Result<[UInt8], SecretProblem>

    /// A source made of these.
    public init(
        load: @escaping @Sendable () -> LoadResult,
        resolve: @escaping @Sendable (SecretSource) -> Result<[UInt8], SecretProblem>
    ) {
        self.load = load
        self.resolve = resolve
    }
}

extension ControlRoom {
    /// Reads the configuration again. All or nothing: with any problem the old one stays in force.
    func reload(_ id: SocketID?) {
        ServiceManager.reloading()
        let loaded = reload.load()
        for problem in loaded.problems {
            if problem.severity == .error {
                Log.error("reload", problem.description)
            } else {
                Log.warn("reload", problem.description)
            }
        }
        guard let configuration = loaded.configuration else {
            return reloadFailed(id, loaded.errors.map(\.description))
        }
        let (new, problems) = Snapshot.make(configuration, previous: snapshot, resolve: reload.resolve)
        for problem in problems { Log.error("reload", problem) }
        guard problems.isEmpty else { return reloadFailed(id, problems) }
        let post = self.post
        proxy.audit?.rotate()
        activate(new) { post { $0.finish(id, .done(tag: "RELOAD")) } }
    }

    private func reloadFailed(_ id: SocketID?, _ problems: [String]) {
        Log.error("reload", "the configuration was not changed", ["problems": problems.count])
        ServiceManager.ready(status: "the last reload failed; see the log")
        finish(
            id,
            .failed(
                PostgresError(
                    .error, "F0000", "RELOAD failed, see logs for additional details",
                    detail: problems.prefix(20).joined(separator: "\n"),
                    hint: "Nothing was changed. \"headgate check\" reads the file without using it.")))
    }

    /// Makes a configuration the one in force.
    private func activate(_ new: Snapshot, then: @escaping @Sendable () -> Void) {
        let diff = ConfigurationDiff(from: snapshot.configuration, to: new.configuration)
        for change in diff.needingRestart {
            Log.warn(
                "reload", "this change takes effect when headgate starts again",
                ["section": change.section, "key": change.key])
        }
        let live = diff.changes.count - diff.needingRestart.count
        snapshot = new
        adoptLogLevel(new.configuration)
        if diff.changes.contains(where: { ["stats_period", "dns_max_ttl"].contains($0.key) }) { startPeriod() }
        scheduleSecrets()
        proxy.apply(new) {
            Log.info("reload", "the configuration is in force", ["changes": live])
            ServiceManager.ready(status: "serving")
            then()
        }
    }

    /// `SET key = value`: until the next reload or restart.
    func set(_ key: String, _ value: String) -> Outcome? {
        switch snapshot.configuration.setting(key, to: value) {
        case .failure(let problem):
            return .failed(PostgresError(.error, "08P01", problem.message))
        case .success(let configuration):
            activate(snapshot.with(configuration)) {}
            return .done(tag: "SET")
        }
    }
}
