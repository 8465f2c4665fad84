import CLinux

/// The signals Headgate acts on.
public enum Signal: Int32, Sendable, CaseIterable {
    /// SIGHUP: read the configuration again.
    case hangUp = 1
    /// SIGINT
    case interrupt = 2
    /// SIGQUIT
    case quit = 3
    /// SIGUSR1
    case user1 = 10
    /// SIGUSR2
    case user2 = 12
    /// SIGTERM
    case terminate = 15
}

/// Signals as calls on a thread of their own, where anything may be done, and not in a signal handler.
public enum Signals {
    /// Blocks the signals of `Signal` in the calling thread and in all it starts from now on, and ignores SIGPIPE. On
    /// the main thread, before any other is started.
    public static func block() { _ = headgate_signals_block() }

    /// Starts the thread that waits for signals and calls `handler` with each; it runs as long as the process. After
    /// `block()`.
    public static func deliver(to handler: @escaping @Sendable (Signal) -> Void) -> Result<Void, Errno> {
        LoopThread.spawn(name: "signals") {
            while let signal = wait() { handler(signal) }
        }.map { _ in }
    }

    /// Waits for one signal on this thread; nil if that is impossible.
    static func wait() -> Signal? { Signal(rawValue: headgate_signals_wait()) }
}
