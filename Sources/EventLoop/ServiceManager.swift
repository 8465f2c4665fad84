import CLinux
import CSystemd

/// Telling systemd how we are. Without systemd (no NOTIFY_SOCKET) every call does nothing. Any thread.
public enum ServiceManager {
    /// Starting (or reloading) is done; `status` is what `systemctl status` shows.
    public static func ready(status: String) { notify("READY=1\n" + statusLine(status)) }

    /// A reload has begun; `ready` says when it is over.
    public static func reloading() {
        notify("RELOADING=1\nMONOTONIC_USEC=\(headgate_monotonic_micros())")
    }

    /// The process is on its way out.
    public static func stopping() { notify("STOPPING=1") }

    /// Changes what `systemctl status` shows.
    public static func status(_ text: String) { notify(statusLine(text)) }

    /// How often systemd wants `keepAlive`, in microseconds; nil if it does not. Call at half of it.
    public static var watchdogMicros: Int64? {
        var interval: UInt64 = 0
        guard unsafe sd_watchdog_enabled(0, &interval) > 0, interval > 0 else { return nil }
        return Int64(clamping: interval)
    }

    /// Feeds the watchdog.
    public static func keepAlive() { notify("WATCHDOG=1") }

    private static func statusLine(_ text: String) -> String {
        "STATUS=" + String(text.map { $0.isNewline ? " " : $0 })
    }

    private static func notify(_ state: String) { _ = unsafe sd_notify(0, state) }
}
