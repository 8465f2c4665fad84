import Synchronization

/// Where a sink stands: written by its thread, read by anyone.
public final class AuditSinkStatus: Sendable {
    /// As the configuration makes it: `syslog:10.0.0.1:6514`.
    public let name: String
    /// The last record it has taken, and the last one sent.
    let taken = Atomic<UInt64>(0), sent = Atomic<UInt64>(0)
    let isUp = Atomic<Bool>(false)
    let failures = Atomic<UInt64>(0), shortened = Atomic<UInt64>(0)
    /// The time of the last record taken (Unix nanoseconds).
    let takenTime = Atomic<UInt64>(0)
    private let failure = Mutex<String>("")

    /// A sink that has taken nothing.
    public init(name: String) { self.name = name }

    /// The last record it has taken.
    public var sequence: UInt64 { taken.load(ordering: .relaxed) }
    /// How long ago it has last taken something; 0 before it has.
    public var secondsBehind: UInt64 {
        let time = takenTime.load(ordering: .relaxed)
        let now = UnixTime.now()
        return time == 0 || now < time ? 0 : (now &- time) / 1_000_000_000
    }
    /// Whether it is connected.
    public var isConnected: Bool { isUp.load(ordering: .relaxed) }
    /// How often a connection could not be made, or was lost.
    public var failureCount: UInt64 { failures.load(ordering: .relaxed) }
    /// How many messages were too long for the receiver, and shortened.
    public var shortenedCount: UInt64 { shortened.load(ordering: .relaxed) }
    /// Why it is not connected; empty while it is.
    public var lastFailure: String { failure.withLock { $0 } }

    func fail(_ text: String) {
        isUp.store(false, ordering: .relaxed)
        failures.add(1, ordering: .relaxed)
        failure.withLock { $0 = text }
    }

    func note(_ text: String) { failure.withLock { $0 = text } }

    func connected() {
        isUp.store(true, ordering: .relaxed)
        failure.withLock { $0 = "" }
    }
}
