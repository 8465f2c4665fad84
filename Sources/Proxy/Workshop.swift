import EventLoop
import Synchronization

/// A thread for work too slow for an event loop and too rare for many threads: deriving keys from passwords.
final class Workshop: Sendable {
    private struct Bench {
        var box: Mailbox<@Sendable () -> Void>?
        /// Queued before the thread was up.
        var early: [@Sendable () -> Void] = []
        var waiting = 0
    }

    /// More jobs than this and new ones are turned away, so that a storm of logins cannot use up the memory.
    static let limit = 10_000

    private let bench = Mutex(Bench())

    /// Starts the thread.
    static func start() -> Result<Workshop, Errno> {
        let workshop = Workshop()
        let spawned = LoopThread.spawn(name: "workshop") {
            guard let loop = Loop() else { return }
            let box = Mailbox<@Sendable () -> Void>(loop: loop) { job in
                job()
                workshop.bench.withLock { $0.waiting -= 1 }
            }
            workshop.bench.withLock { bench in
                bench.box = box
                for job in bench.early { _ = box.post(job) }
                bench.early = []
            }
            loop.run()
        }
        switch spawned {
        case .success: return .success(workshop)
        case .failure(let errno): return .failure(errno)
        }
    }

    /// Queues a job behind all others; false if too many wait already.
    func run(_ job: @escaping @Sendable () -> Void) -> Bool {
        bench.withLock { bench in
            guard bench.waiting < Self.limit else { return false }
            bench.waiting += 1
            guard let box = bench.box else {
                bench.early.append(job)
                return true
            }
            return box.post(job)
        }
    }
}
