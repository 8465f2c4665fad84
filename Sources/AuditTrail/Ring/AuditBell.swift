import CLinux
import Synchronization

/// Wakes the writer, once however many ring.
///
/// A producer first publishes and then looks whether the writer sleeps; the writer first says that it sleeps and then
/// looks whether there is something. Both orders are sequentially consistent, so at least one of the two sees the other.
final class AuditBell: Sendable {
    /// How deep the writer sleeps.
    enum Sleep: UInt8 {
        case awake
        /// Until the commit interval is over: only strict records wake it.
        case gathering
        /// Until there is something.
        case idle
    }

    private let state = Atomic<UInt8>(0)
    private let descriptor: Int32

    init?() {
        descriptor = headgate_event_open()
        guard descriptor >= 0 else { return nil }
    }

    deinit { _ = headgate_close(descriptor) }

    /// Something was published.
    @inline(__always)
    func published(isUrgent: Bool) {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        let sleep = state.load(ordering: .relaxed)
        if sleep >= (isUrgent ? Sleep.gathering : .idle).rawValue { ring() }
    }

    /// Wakes the writer whatever it does.
    func ring() {
        state.store(Sleep.awake.rawValue, ordering: .sequentiallyConsistent)
        headgate_event_signal(descriptor)
    }

    /// Waits until somebody rings or the time is over; at once if `isNeeded` says so after the sleep was announced.
    func wait(_ sleep: Sleep, milliseconds: Int, unless isNeeded: () -> Bool) {
        state.store(sleep.rawValue, ordering: .sequentiallyConsistent)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if !isNeeded() { headgate_event_wait(descriptor, Int32(clamping: max(milliseconds, 0))) }
        state.store(Sleep.awake.rawValue, ordering: .sequentiallyConsistent)
    }
}
