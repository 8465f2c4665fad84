import Synchronization

/// Numbers for sessions: an address may be another session's tomorrow.
enum SessionSerial {
    private static let last = Atomic<UInt64>(0)

    /// Never the same twice, and never 0.
    static func next() -> UInt64 { last.add(1, ordering: .relaxed).newValue }
}
