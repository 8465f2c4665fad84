/// Keeps a fault that repeats thousands of times a second from flooding the log: per key a few lines a second, then
/// one that says how many were left out. Any thread.
public final class LogLimiter: Sendable {
    /// Whether a line may be written.
    public enum Verdict: Equatable, Sendable {
        /// Write it; so many lines of the key were left out since the last summary.
        case write(leftOut: Int)
        /// Leave it out.
        case leaveOut
    }

    private struct Window: Sendable {
        var start: Int64
        var written = 0
        var leftOut = 0
    }

    private static let second: Int64 = 1_000_000
    private static let keyLimit = 1024

    private let windows = Guarded<[String: Window]>([:])
    private let perSecond: Int

    /// A limiter that lets `perSecond` lines of each key through.
    public init(perSecond: Int = 1) { self.perSecond = max(perSecond, 1) }

    /// Asks for a line. `now` is `Clock.monotonicMicros`. Beyond 1024 keys in one second the rest share one.
    public func admit(_ key: String, now: Int64 = Clock.monotonicMicros()) -> Verdict {
        windows.withLock { windows in
            var key = key
            if windows[key] == nil, windows.count >= Self.keyLimit {
                windows = windows.filter { now - $0.value.start < Self.second || $0.value.leftOut > 0 }
                if windows.count >= Self.keyLimit { key = "" }
            }
            var window = windows[key] ?? Window(start: now)
            defer { windows[key] = window }
            var leftOut = 0
            if now - window.start >= Self.second {
                leftOut = window.leftOut
                window = Window(start: now)
            }
            guard window.written < perSecond else {
                window.leftOut += 1
                return .leaveOut
            }
            window.written += 1
            return .write(leftOut: leftOut)
        }
    }

    /// Writes the line if the key has not had its share; `key` defaults to the event.
    public func log(
        _ level: LogLevel, _ event: StaticString, key: String? = nil, _ message: @autoclosure () -> String = "",
        _ fields: @autoclosure () -> LogFields = [:]
    ) {
        guard Log.isEnabled(level) else { return }
        let key = key ?? event.description
        guard case .write(let leftOut) = admit(key) else { return }
        if leftOut > 0 { Self.summary(key, leftOut) }
        Log.write(level, event, message(), fields())
    }

    /// Writes the summaries of keys that have fallen silent. Call it about once a second.
    public func flush(now: Int64 = Clock.monotonicMicros()) {
        for (key, leftOut) in takeSummaries(now: now) { Self.summary(key, leftOut) }
    }

    /// The keys whose second is over, with how many lines were left out; they are forgotten.
    func takeSummaries(now: Int64) -> [(key: String, leftOut: Int)] {
        windows.withLock { windows in
            let over = windows.filter { now - $0.value.start >= Self.second }
            for key in over.keys { windows[key] = nil }
            return over.filter { $0.value.leftOut > 0 }.map { ($0.key, $0.value.leftOut) }.sorted { $0.0 < $1.0 }
        }
    }

    private static func summary(_ key: String, _ leftOut: Int) {
        Log.warn("log_limited", "lines left out, they repeated too fast", ["about": key, "lines": leftOut])
    }
}
