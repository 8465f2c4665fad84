import ByteKit
import Credentials
import Settings
import Synchronization

/// Why the trail cannot be kept, for the operator.
public struct AuditProblem: Error, Sendable, CustomStringConvertible {
    /// The cause, and what to do.
    public let description: String

    /// A problem in these words.
    public init(_ description: String) { self.description = description }
}

/// The audit trail of the process: rings of its producers, and the writer that empties them into the files.
///
/// Any thread. Made when auditing is enabled; where it is nil, nothing is recorded and nothing costs anything.
public final class AuditTrail: Sendable {
    private struct Rings {
        var all: [AuditRing] = []
        var next = 0
    }

    private struct Control {
        var options: AuditOptions?
        var isRotationDue = false
        var isStopping = false
        var sinks: [AuditSinkStatus] = []
        var setup: Setup?
    }

    /// What the writer begins with.
    struct Setup: Sendable {
        var options: AuditOptions
        var recovered: Recovered
        var files: FileSystem
        var lock: Int32
        var lifecycle: [AuditField]
    }

    private let rings = Mutex(Rings())
    private let control = Mutex(Control())
    /// For threads without a producer.
    private let common = Mutex<AuditProducer?>(nil)
    let bell: AuditBell
    /// What the console shows.
    public let status = AuditStatus()
    private let notice: @Sendable (AuditNotice) -> Void
    /// Ends the process: `on_io_error = "exit"`.
    let fatal: @Sendable (String) -> Void

    init?(
        notice: @escaping @Sendable (AuditNotice) -> Void = { _ in },
        fatal: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        guard let bell = AuditBell() else { return nil }
        self.bell = bell
        self.notice = notice
        self.fatal = fatal
    }

    /// Takes the directory over: makes it if need be, finds the end of the chain there is and mends what a crash has left
    /// behind it. `lifecycle` is what the record of the start says besides. Then `run` is to be called, on a thread of its
    /// own.
    public static func open(
        _ options: AuditOptions, lifecycle: [AuditField] = [],
        notice: @escaping @Sendable (AuditNotice) -> Void, fatal: @escaping @Sendable (String) -> Void
    ) -> Result<AuditTrail, AuditProblem> {
        open(options, lifecycle: lifecycle, files: FileSystem(), notice: notice, fatal: fatal)
    }

    static func open(
        _ options: AuditOptions, lifecycle: [AuditField] = [], files: FileSystem,
        notice: @escaping @Sendable (AuditNotice) -> Void = { _ in },
        fatal: @escaping @Sendable (String) -> Void = { _ in }
    ) -> Result<AuditTrail, AuditProblem> {
        guard let trail = AuditTrail(notice: notice, fatal: fatal) else {
            return .failure(AuditProblem("the audit trail needs a file descriptor, and there is none left"))
        }
        let directory = options.settings.directory
        do throws(FileError) {
            try files.makeDirectory(directory)
            let lock = try files.open(directory + "/" + SegmentName.lock, .lock)
            guard files.lock(lock) else {
                files.close(lock)
                return .failure(
                    AuditProblem(
                        "another process writes its audit trail to \(directory): give each a [audit] directory of its own"
                    ))
            }
            let recovered = try SegmentRecovery.run(directory, files)
            trail.control.withLock {
                $0.setup = Setup(
                    options: options, recovered: recovered, files: files, lock: lock, lifecycle: lifecycle)
            }
        } catch { return .failure(AuditProblem("\(error); see directory of [audit]")) }
        do throws(AuditProblem) { _ = try AuditKeys.load(options.keyFile, files) } catch { return .failure(error) }
        return .success(trail)
    }

    /// A place for the calling thread to put records: one for each worker, and one for the control thread. `onDurable` is
    /// called on the writer's thread, after each commit while a strict record of this producer waits, and when there is
    /// room again after `hasRoom` was false, and when `refusal` has changed; it posts to the owner's mailbox and does
    /// nothing else.
    public func makeProducer(
        ringSize: Int = 4 << 20, onDurable: @escaping @Sendable () -> Void
    ) -> AuditProducer {
        let ring = rings.withLock { rings in
            let ring = AuditRing(
                index: UInt8(truncatingIfNeeded: rings.next), capacity: ringSize, onDurable: onDurable)
            rings.next += 1
            rings.all.append(ring)
            return ring
        }
        return AuditProducer(ring: ring, bell: bell)
    }

    /// Records something from any thread that has no producer: under a lock, so not for what every statement does. False
    /// if there was no room, which has been counted then.
    @discardableResult
    public func record(_ event: AuditEvent) -> Bool {
        common.withLock { producer in
            let used = producer ?? makeProducer(ringSize: 1 << 20) {}
            producer = used
            defer { used.endOfTurn() }
            return used.record(event) != nil
        }
    }

    /// Writes until `stop`. Blocks.
    public func run() {
        guard let setup = control.withLock({ $0.setup.take() }), let writer = makeWriter(setup) else { return }
        writer.begin(setup.lifecycle, setup.recovered)
        while !control.withLock({ $0.isStopping }) {
            let (sleep, milliseconds) = writer.turn()
            if sleep == .awake { continue }
            bell.wait(sleep, milliseconds: milliseconds) {
                control.withLock { $0.isStopping || $0.isRotationDue }
                    || (sleep == .idle ? writer.hasFrames() : writer.isUrgent)
            }
            // What woke it may be the first of many: it lets them gather.
            if sleep == .idle, writer.hasFrames() {
                bell.wait(.gathering, milliseconds: writer.options.commitMilliseconds) {
                    writer.isUrgent || control.withLock { $0.isStopping }
                }
            }
        }
        writer.end()
        setup.files.close(setup.lock)
    }

    func makeWriter(_ setup: Setup) -> AuditWriter? {
        guard let keys = try? AuditKeys.load(setup.options.keyFile, setup.files) else {
            fatal("the key of the audit trail cannot be read: \(setup.options.keyFile)")
            return nil
        }
        return AuditWriter(
            self, options: setup.options, files: setup.files, recovered: setup.recovered, key: keys.key,
            previousKey: keys.previous, notice: notice)
    }

    /// For tests, which turn the writer themselves.
    func takeSetup() -> Setup? { control.withLock { $0.setup.take() } }

    /// Makes `run` write what there is, end the segment and return.
    public func stop() {
        control.withLock { $0.isStopping = true }
        bell.ring()
    }

    /// Ends the segment; the next record begins another. For HUP.
    public func rotate() {
        control.withLock { $0.isRotationDue = true }
        bell.ring()
    }

    /// Goes by a renewed configuration.
    public func adopt(_ options: AuditOptions) {
        control.withLock { $0.options = options }
        bell.ring()
    }

    func takeRotation() -> Bool {
        control.withLock { control in
            defer { control.isRotationDue = false }
            return control.isRotationDue
        }
    }

    func takeOptions() -> AuditOptions? { control.withLock { $0.options.take() } }

    // MARK: Sinks

    /// A sink begins to read the files.
    public func add(_ sink: AuditSinkStatus) { control.withLock { $0.sinks.append(sink) } }

    /// The configuration has no such sink any more.
    public func remove(_ sink: AuditSinkStatus) { control.withLock { $0.sinks.removeAll { $0 === sink } } }

    /// Where the sinks stand.
    public var sinks: [AuditSinkStatus] { control.withLock { $0.sinks } }

    /// The last record every sink has taken.
    func takenBySinks() -> UInt64 { sinks.map { $0.taken.load(ordering: .relaxed) }.min() ?? .max }

    /// How full the rings are: number of the producer, bytes, capacity.
    public var fills: [(index: UInt8, bytes: Int, capacity: Int)] {
        ringsNow().map { ($0.index, $0.fill, $0.capacity) }
    }

    /// The rings there are now.
    func ringsNow() -> [AuditRing] { rings.withLock { $0.all } }

    /// A producer has gone and its ring is empty.
    func forget(_ ring: AuditRing) { rings.withLock { $0.all.removeAll { $0 === ring } } }
}
