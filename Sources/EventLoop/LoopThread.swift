import CLinux
import Telemetry

/// A thread of the operating system, with 8 MiB of stack.
public final class LoopThread: Sendable {
    private static let stackSize = 8 << 20
    private let id: Guarded<UInt?>

    private init(id: UInt) { self.id = Guarded(id) }

    deinit {
        if let id = id.withLock({ $0 }) { headgate_thread_detach(id) }
    }

    /// How many processors this process may use, container limits on CPU sets included: the natural number of workers.
    public static var processorCount: Int { Int(max(headgate_processor_count(), 1)) }

    /// Starts a thread that runs `body` and ends. `name` is what `top -H` shows (15 bytes). Fails if the machine has
    /// no room for another thread. A thread nobody joins is detached when its object is released.
    public static func spawn(name: String, body: @escaping @Sendable () -> Void) -> Result<LoopThread, Errno> {
        var id: UInt = 0
        let carried = unsafe Unmanaged.passRetained(ThreadBody(name, body))
        let result = unsafe headgate_thread_start(stackSize, threadEntry, carried.toOpaque(), &id)
        guard result == 0 else {
            unsafe carried.release()
            return .failure(Errno(negated: result))
        }
        return .success(LoopThread(id: id))
    }

    /// Waits until the thread has ended. Not from the thread itself; the first call waits, any other returns at once.
    public func join() {
        let waiting = id.withLock { id in
            defer { id = nil }
            return id
        }
        if let waiting { _ = headgate_thread_join(waiting) }
    }
}

private final class ThreadBody: Sendable {
    let name: String
    let body: @Sendable () -> Void
    init(_ name: String, _ body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

private func threadEntry(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument = unsafe argument else { return nil }
    let carried = unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
    // The thread names itself: named by its starter, the body might run before it has a name.
    unsafe headgate_thread_name_self(carried.name)
    carried.body()
    return nil
}
