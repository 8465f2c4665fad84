import CLinux
import EventLoop
import Glibc
import Synchronization

/// Waiting, which ends early when a signal asks us to stop.
enum DemoClock {
    private static let signals = Atomic<Int>(0)

    /// How often we were asked to stop.
    static var stopRequests: Int { signals.load(ordering: .relaxed) }

    /// Starts listening to signals. After `Signals.block()`.
    static func listen() throws(DemoFailure) {
        let started = Signals.deliver { signal in
            switch signal {
            case .interrupt, .terminate, .quit, .hangUp: signals.add(1, ordering: .relaxed)
            case .user1, .user2: break
            }
        }
        if case .failure(let errno) = started { throw .failed("cannot wait for signals: \(errno)") }
    }

    /// Asks `answer` until there is one.
    static func wait<Answer>(
        _ seconds: Int, for what: String, log: String, answer: () throws(DemoFailure) -> Answer?
    ) throws(DemoFailure) -> Answer {
        let deadline = headgate_monotonic_micros() + Int64(seconds) * 1_000_000
        while true {
            if stopRequests > 0 { throw .interrupted }
            if let found = try answer() { return found }
            guard headgate_monotonic_micros() < deadline else {
                throw .failed("waited \(seconds) s in vain for \(what):", log: DemoDirectory.tail(log))
            }
            usleep(20_000)
        }
    }
}
