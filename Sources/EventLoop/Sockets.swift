public import CLinux
import Glibc

/// One run of bytes for `Sockets.sendv` (an `iovec`). The bytes stay the caller's.
public typealias SendPiece = headgate_piece

extension SendPiece {
    /// The bytes of `buffer`.
    @inlinable public init(_ buffer: UnsafeRawBufferPointer) {
        unsafe self.init(base: buffer.baseAddress, count: buffer.count)
    }
}

/// How a receive or send went.
@frozen public enum IOResult: Equatable, Sendable {
    /// So many bytes (at least one; fewer than offered is normal).
    case bytes(Int)
    /// Nothing now: wait for the loop.
    case wouldBlock
    /// The peer has ended its side. Only from a receive.
    case eof
    /// The connection is gone.
    case failed(Errno)
}

/// How an accept went.
public enum AcceptResult: Equatable, Sendable {
    /// A connection: non-blocking, close-on-exec; the caller owns the descriptor.
    case accepted(Int32, PeerAddress)
    /// The backlog is empty.
    case wouldBlock
    /// The peer left before it was accepted: try the next one.
    case aborted
    /// No descriptor (or no memory) left, in the process or the machine.
    case tooManyFiles(Errno)
    /// The listener is broken.
    case failed(Errno)
}

/// How starting a connect went.
public enum ConnectResult: Equatable, Sendable {
    /// Connected already (unix sockets, sometimes loopback); the caller owns the descriptor.
    case connected(Int32)
    /// Under way: writable means ended, and `Sockets.takeError` says how. The caller owns the descriptor.
    case inProgress(Int32)
    /// It did not start; no descriptor is left open.
    case failed(Errno)
}

/// Who a process at the other end of a unix socket is, as the kernel recorded it when it connected.
public struct PeerCredentials: Equatable, Sendable {
    /// Process id.
    public let pid: Int32
    /// Effective user id.
    public let uid: UInt32
    /// Effective group id.
    public let gid: UInt32
}

/// System calls on socket descriptors: none blocks, none raises SIGPIPE, EINTR is retried inside. Any thread.
public enum Sockets {
    /// Receives into `buffer`, which must not be empty. The C function is `recv`.
    public static func recv(_ fd: Int32, into buffer: UnsafeMutableRawBufferPointer) -> IOResult {
        let count = unsafe headgate_recv(fd, buffer.baseAddress, buffer.count)
        if count > 0 { return .bytes(count) }
        return count == 0 ? .eof : failure(count)
    }

    /// Looks whether there is something to receive, without receiving it: `.bytes(1)`, `.eof`, or `.wouldBlock` for nothing.
    /// The C function is `recv` with `MSG_PEEK`.
    public static func peek(_ fd: Int32) -> IOResult {
        let count = headgate_peek(fd)
        if count > 0 { return .bytes(1) }
        return count == 0 ? .eof : failure(count)
    }

    /// Sends from `buffer`; an empty one is zero bytes. The C function is `send`.
    public static func send(_ fd: Int32, _ buffer: UnsafeRawBufferPointer) -> IOResult {
        let count = unsafe headgate_send(fd, buffer.baseAddress, buffer.count)
        return count >= 0 ? .bytes(count) : failure(count)
    }

    /// Sends pieces in one call, at most the first 1024. The C function is `sendmsg`.
    public static func sendv(_ fd: Int32, _ pieces: UnsafeBufferPointer<SendPiece>) -> IOResult {
        let count = unsafe headgate_sendv(fd, pieces.baseAddress, pieces.count)
        return count >= 0 ? .bytes(count) : failure(count)
    }

    @inline(never)
    private static func failure(_ value: Int) -> IOResult {
        let errno = Errno(negated: value)
        return errno == .wouldBlock ? .wouldBlock : .failed(errno)
    }

    /// Takes one connection from a listener's backlog. The C function is `accept4`.
    public static func accept(_ listener: Int32) -> AcceptResult {
        var peer = headgate_address()
        let fd = unsafe headgate_accept(listener, &peer)
        if fd >= 0 { return .accepted(fd, PeerAddress(peer)) }
        let errno = Errno(negated: fd)
        switch errno.rawValue {
        case EAGAIN: return .wouldBlock
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .tooManyFiles(errno)
        // accept(2): errors of the new connection, not of the listener.
        case ECONNABORTED, EPERM, ENETDOWN, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
            ENETUNREACH, ETIMEDOUT:
            return .aborted
        default: return .failed(errno)
        }
    }

    /// Starts a connect. The C functions are `socket` and `connect`.
    public static func connect(to address: SocketAddress) -> ConnectResult {
        var fd: Int32 = -1
        let result: Int32
        switch address {
        case .ip(let address):
            var raw = address.raw
            result = unsafe headgate_connect(&raw, &fd)
        case .unix(let path):
            result = unsafe headgate_connect_unix(path, &fd)
        }
        if result == 0 { return .connected(fd) }
        let errno = Errno(negated: result)
        return errno.rawValue == EINPROGRESS && fd >= 0 ? .inProgress(fd) : .failed(errno)
    }

    /// The error of a connect that has ended (nil: it succeeded), or one waiting on a connection; taking it clears it.
    public static func takeError(_ fd: Int32) -> Errno? { check(headgate_take_error(fd)) }

    /// Sends small segments at once instead of gathering them (TCP_NODELAY).
    @discardableResult
    public static func setNoDelay(_ fd: Int32, _ on: Bool = true) -> Errno? {
        check(headgate_set_no_delay(fd, on ? 1 : 0))
    }

    /// Probes an idle TCP connection: after `idle` seconds, every `interval` seconds, given up after `count` losses. A
    /// zero leaves the system's value.
    @discardableResult
    public static func setKeepAlive(_ fd: Int32, idle: Int, interval: Int, count: Int) -> Errno? {
        check(headgate_set_keepalive(fd, Int32(clamping: idle), Int32(clamping: interval), Int32(clamping: count)))
    }

    /// How many milliseconds sent bytes may stay unacknowledged before the connection fails (TCP_USER_TIMEOUT).
    @discardableResult
    public static func setUserTimeout(_ fd: Int32, milliseconds: Int) -> Errno? {
        check(headgate_set_user_timeout(fd, UInt32(clamping: milliseconds)))
    }

    /// The kernel's buffer sizes in bytes; a zero leaves the system's value (and its auto-tuning).
    @discardableResult
    public static func setBuffers(_ fd: Int32, receive: Int = 0, send: Int = 0) -> Errno? {
        check(headgate_set_buffers(fd, Int32(clamping: receive), Int32(clamping: send)))
    }

    /// Closes a descriptor; it is gone even if an error comes back.
    @discardableResult
    public static func close(_ fd: Int32) -> Errno? { check(headgate_close(fd)) }

    /// Ends our side: the peer reads to the end of what was sent, then sees the end. The C function is `shutdown`.
    @discardableResult
    public static func shutdownWrite(_ fd: Int32) -> Errno? { check(headgate_shutdown_write(fd)) }

    /// The address a socket is bound to.
    public static func localAddress(_ fd: Int32) -> PeerAddress? {
        var address = headgate_address()
        return unsafe headgate_local_address(fd, &address) == 0 ? PeerAddress(address) : nil
    }

    /// The address a socket is connected to.
    public static func peerAddress(_ fd: Int32) -> PeerAddress? {
        var address = headgate_address()
        return unsafe headgate_peer_address(fd, &address) == 0 ? PeerAddress(address) : nil
    }

    /// Who connected a unix socket (SO_PEERCRED).
    public static func peerCredentials(_ fd: Int32) -> PeerCredentials? {
        var pid: Int32 = 0
        var uid: UInt32 = 0
        var gid: UInt32 = 0
        guard unsafe headgate_peer_credentials(fd, &pid, &uid, &gid) == 0 else { return nil }
        return PeerCredentials(pid: pid, uid: uid, gid: gid)
    }

    private static func check(_ result: Int32) -> Errno? { result == 0 ? nil : Errno(negated: result) }
}
