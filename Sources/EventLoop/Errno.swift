import CLinux
import Glibc

/// A number a system call failed with. An open set, hence a struct.
public struct Errno: RawRepresentable, Hashable, Sendable, Error, CustomStringConvertible {
    /// The value of `errno`.
    public let rawValue: Int32

    /// The error with that number.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// From a shim's return value, which is `-errno`.
    init(negated value: Int) { rawValue = Int32(truncatingIfNeeded: 0 &- value) }
    init(negated value: Int32) { rawValue = 0 &- value }

    /// `ECONNREFUSED`
    public static let connectionRefused = Errno(rawValue: ECONNREFUSED)
    /// `ECONNRESET`
    public static let connectionReset = Errno(rawValue: ECONNRESET)
    /// `EPIPE`
    public static let brokenPipe = Errno(rawValue: EPIPE)
    /// `ETIMEDOUT`
    public static let timedOut = Errno(rawValue: ETIMEDOUT)
    /// `EADDRINUSE`
    public static let addressInUse = Errno(rawValue: EADDRINUSE)
    /// `EACCES`
    public static let permissionDenied = Errno(rawValue: EACCES)
    /// `ENOENT`
    public static let noSuchFile = Errno(rawValue: ENOENT)
    /// `EMFILE`
    public static let tooManyOpenFiles = Errno(rawValue: EMFILE)
    /// `EBADF`
    public static let badDescriptor = Errno(rawValue: EBADF)
    /// `EAGAIN`
    public static let wouldBlock = Errno(rawValue: EAGAIN)

    /// The symbol, such as `ECONNRESET`.
    public var name: String {
        guard let text = unsafe headgate_errno_name(rawValue) else { return "errno \(rawValue)" }
        return unsafe String(cString: text)
    }

    /// The system's words for it, such as "Connection reset by peer".
    public var text: String {
        guard let text = unsafe headgate_errno_text(rawValue) else { return "unknown error" }
        return unsafe String(cString: text)
    }

    /// Text and symbol: "Connection reset by peer (ECONNRESET)".
    public var description: String { "\(text) (\(name))" }
}
