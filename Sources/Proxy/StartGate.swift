import Glibc
import Synchronization

/// Lets the starting thread wait until a worker's thread is up.
final class StartGate: Sendable {
    private let state = Atomic<Int>(0)

    func open(_ good: Bool) { state.store(good ? 1 : 2, ordering: .releasing) }

    /// Waits; false if the other side said it could not.
    func wait() -> Bool {
        while true {
            let now = state.load(ordering: .acquiring)
            if now != 0 { return now == 1 }
            _ = usleep(200)
        }
    }
}
