public import AuditTrail
import EventLoop
import Glibc
public import Settings
import Synchronization
import Telemetry

/// The audit trail of the proxy with the threads that keep it: the writer's, and one for each sink.
public final class AuditService: Sendable {
    private struct Sink {
        let settings: AuditSinkSettings
        let shipper: SinkShipper
        let thread: LoopThread
        let done: DoneFlag
    }

    /// Where records go.
    public let trail: AuditTrail
    /// As the proxy was started with: directories and keys stay until it is started again.
    private let running: AuditOptions
    private let sinks = Mutex<[Sink]>([])
    private let writer = DoneFlag()
    private let isStopping = Mutex(false)
    private let thread = Mutex<LoopThread?>(nil)

    /// Set when a thread has come to its end.
    private final class DoneFlag: Sendable {
        private let isDone = Atomic<Bool>(false)
        func set() { isDone.store(true, ordering: .releasing) }
        /// Waits, but not longer than so many milliseconds.
        func wait(_ milliseconds: Int) {
            for _ in 0..<(milliseconds / 5) where !isDone.load(ordering: .acquiring) { usleep(5000) }
        }
    }

    private init(_ trail: AuditTrail, _ running: AuditOptions) {
        self.trail = trail
        self.running = running
    }

    /// The trail `configuration` asks for, being written when this returns; nil if it asks for none.
    static func start(_ configuration: Configuration, version: String) -> Result<AuditService?, AuditProblem> {
        guard configuration.audit.enabled else { return .success(nil) }
        let options = AuditOptions(
            settings: configuration.audit, node: configuration.general.nodeID,
            stateDirectory: configuration.general.stateDirectory, version: version)
        let opened = AuditTrail.open(
            options,
            lifecycle: [AuditField("process.pid", .number(Int64(getpid())))],
            notice: { notice in
                switch notice.level {
                case .info: Log.info("audit", notice.text)
                case .warning: Log.warn("audit", notice.text)
                case .error: Log.error("audit", notice.text)
                }
            },
            fatal: { text in
                Log.fatal("audit", text)
                _exit(1)
            })
        switch opened {
        case .failure(let problem): return .failure(problem)
        case .success(let trail):
            let service = AuditService(trail, options)
            let done = service.writer
            let spawned = LoopThread.spawn(name: "audit") {
                trail.run()
                done.set()
            }
            guard case .success(let thread) = spawned else {
                return .failure(AuditProblem("cannot start the thread of the audit trail"))
            }
            service.thread.withLock { $0 = thread }
            service.adoptSinks(configuration.audit.sinks)
            return .success(service)
        }
    }

    /// A reload: other limits, other sinks. Whether anything is recorded, and where, takes a restart.
    public func adopt(_ configuration: Configuration) {
        var renewed = running
        renewed.settings = configuration.audit
        trail.adopt(renewed)
        adoptSinks(configuration.audit.sinks)
    }

    /// HUP: the file ends and another begins; a new key takes over.
    public func rotate() { trail.rotate() }

    private func adoptSinks(_ all: [AuditSinkSettings]) {
        let wanted = all.filter { $0.kind != .kafka }
        let options = running
        sinks.withLock { sinks in
            for sink in sinks where !wanted.contains(sink.settings) { sink.shipper.stop() }
            sinks.removeAll { !wanted.contains($0.settings) }
            for settings in wanted where !sinks.contains(where: { $0.settings == settings }) {
                if let sink = start(settings, options) { sinks.append(sink) }
            }
        }
    }

    private func start(_ settings: AuditSinkSettings, _ options: AuditOptions) -> Sink? {
        let name = settings.kind.rawValue + (settings.address.map { ":\($0)" } ?? "")
        let shipper = SinkShipper(trail, settings, name: name, options: options) { AuditChannels.connect(settings) }
        let done = DoneFlag()
        let spawned = LoopThread.spawn(name: "audit-sink") {
            shipper.run()
            done.set()
        }
        guard case .success(let thread) = spawned else {
            Log.error("audit", "cannot start the thread of a sink", ["sink": name])
            return nil
        }
        return Sink(settings: settings, shipper: shipper, thread: thread, done: done)
    }

    /// Writes what there is, ends the file, and lets the sinks have it; waits for that, a few seconds at most. Any thread;
    /// who comes second waits too.
    public func stop() {
        let isFirst = isStopping.withLock { stopping in
            defer { stopping = true }
            return !stopping
        }
        if isFirst { trail.stop() }
        writer.wait(5000)
        let all = sinks.withLock { $0 }
        for sink in all { sink.shipper.stop() }
        for sink in all { sink.done.wait(1000) }
    }
}
