import Glibc
import Synchronization

/// Writes whole lines to a descriptor without ever waiting for its reader.
///
/// The descriptor is shared with other processes (a terminal, a pipe), so it is not made non-blocking: it is polled
/// first, and a pipe that polls writable has room for 4096 bytes, which is what a line is bounded to.
final class LogSink: Sendable {
    private struct State: Sendable {
        var descriptor: Int32 = 2
        /// Dropped since the last line that got through.
        var unreported: UInt64 = 0
    }

    private let state = Guarded(State())
    private let total = Atomic<UInt64>(0)

    var descriptor: Int32 {
        get { state.withLock { $0.descriptor } }
        set { state.withLock { $0.descriptor = newValue } }
    }

    var dropped: UInt64 { total.load(ordering: .relaxed) }

    func write(_ line: [UInt8]) {
        state.withLock { state in
            if state.unreported > 0 {
                var note = LogLine(micros: Clock.wallMicros(), level: .warn, event: "log_dropped")
                note.add(key: "msg", "dropped \(state.unreported) lines: the reader of the log was too slow")
                note.add(key: "lines", state.unreported.description)
                note.finish()
                if Self.put(note.bytes, on: state.descriptor) { state.unreported = 0 }
            }
            guard state.unreported > 0 || !Self.put(line, on: state.descriptor) else { return }
            state.unreported &+= 1
            total.add(1, ordering: .relaxed)
        }
    }

    /// Whether the line was written. A reader that is gone counts as not.
    @inline(never)
    private static func put(_ line: [UInt8], on descriptor: Int32) -> Bool {
        var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard unsafe Glibc.poll(&poll, 1, 0) == 1, poll.revents & Int16(POLLOUT) != 0 else { return false }
        return unsafe line.withUnsafeBytes { bytes in
            while true {
                let written = unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
                if written >= 0 { return true }
                if errno != EINTR { return false }
            }
        }
    }
}
