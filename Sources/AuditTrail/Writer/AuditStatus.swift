import Synchronization

/// What the console shows of the trail. Written by the writer, read by anyone.
public final class AuditStatus: Sendable {
    /// Of the last record in the file, and of the last one known to be on disk.
    let sequence = Atomic<UInt64>(0), durable = Atomic<UInt64>(0)
    let records = Atomic<UInt64>(0), bytes = Atomic<UInt64>(0)
    let commits = Atomic<UInt64>(0), commitNanoseconds = Atomic<UInt64>(0)
    let gaps = Atomic<UInt64>(0), lost = Atomic<UInt64>(0), shed = Atomic<UInt64>(0)
    /// Since when a record waits for the disk (monotonic nanoseconds); 0: none does.
    let waitingSince = Atomic<UInt64>(0)
    let refusal = Atomic<UInt8>(0), rung = Atomic<UInt8>(0)
    let isEmergency = Atomic<Bool>(false)
    /// The segment being written, and up to where sinks may read it.
    let segment = Atomic<UInt64>(0), segmentBytes = Atomic<UInt64>(0)
    let segmentDurable = Atomic<UInt64>(0)
    let free = Atomic<Int64>(0)
    let checkpoint = Atomic<UInt64>(0)
    let segments = Atomic<UInt64>(0), directoryBytes = Atomic<UInt64>(0)
    let key = Mutex<String>("")

    init() {}

    /// All of it at one moment, nearly.
    public struct Values: Sendable {
        public var sequence: UInt64, durable: UInt64, records: UInt64, bytes: UInt64
        public var commits: UInt64, commitNanoseconds: UInt64
        /// Gaps recorded, records lost, and relaxed records dropped because the disk was short.
        public var gaps: UInt64, lost: UInt64, shed: UInt64
        /// How long the oldest record that is not on disk has waited; 0: none does.
        public var oldestWaitNanoseconds: UInt64
        public var refusal: AuditRefusal?
        public var rung: DiskRung
        public var isEmergency: Bool
        public var segment: UInt64, segmentBytes: UInt64, segments: UInt64, directoryBytes: UInt64
        public var free: Int64
        public var checkpoint: UInt64
        public var key: String
    }

    public var values: Values {
        let since = waitingSince.load(ordering: .relaxed)
        let now = UnixTime.monotonic()
        return Values(
            sequence: sequence.load(ordering: .relaxed), durable: durable.load(ordering: .relaxed),
            records: records.load(ordering: .relaxed), bytes: bytes.load(ordering: .relaxed),
            commits: commits.load(ordering: .relaxed),
            commitNanoseconds: commitNanoseconds.load(ordering: .relaxed), gaps: gaps.load(ordering: .relaxed),
            lost: lost.load(ordering: .relaxed), shed: shed.load(ordering: .relaxed),
            oldestWaitNanoseconds: since == 0 || now < since ? 0 : now - since,
            refusal: AuditRefusal(rawValue: refusal.load(ordering: .relaxed)),
            rung: DiskRung(rawValue: rung.load(ordering: .relaxed)) ?? .ample,
            isEmergency: isEmergency.load(ordering: .relaxed), segment: segment.load(ordering: .relaxed),
            segmentBytes: segmentBytes.load(ordering: .relaxed), segments: segments.load(ordering: .relaxed),
            directoryBytes: directoryBytes.load(ordering: .relaxed), free: free.load(ordering: .relaxed),
            checkpoint: checkpoint.load(ordering: .relaxed), key: key.withLock { $0 })
    }
}

/// How much room the disk has, in the steps of auditd.
public enum DiskRung: UInt8, Sendable, Comparable, CaseIterable {
    case ample
    /// Below `space_left`: a warning.
    case low
    /// Below `admin_space_left`: relaxed records are dropped, and counted.
    case critical
    /// Nothing can be written.
    case full

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

    /// As records have it.
    public var name: StaticString {
        switch self {
        case .ample: "ample"
        case .low: "space_left"
        case .critical: "admin_space_left"
        case .full: "disk_full"
        }
    }

    /// The rung for so many free bytes. A rung is left only with a tenth more than it takes to get there, so that a disk
    /// at the edge does not make a record a second.
    func next(free: Int64, low: Int64, critical: Int64) -> DiskRung {
        func below(_ limit: Int64, _ rung: DiskRung) -> Bool {
            limit > 0 && free < (self >= rung ? limit &+ limit / 10 : limit)
        }
        if below(critical, .critical) { return .critical }
        return below(low, .low) ? .low : .ample
    }
}
