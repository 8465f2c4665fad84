import CLinux
import Glibc

/// Where to listen.
public enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// A host (numeric, `*` for every address of both families, or a name that is resolved once) and a port; port 0
    /// lets the system choose.
    case tcp(host: String, port: UInt16)
    /// The path of a unix socket.
    case unix(path: String)

    /// `host:port`, `[v6]:port` or the path.
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        }
    }
}

/// Why a listener could not be opened, in words that say what to do.
public struct ListenError: Error, Equatable, CustomStringConvertible {
    /// Where it should have listened.
    public let address: ListenAddress
    /// What the system said; nil if the host name did not resolve.
    public let errno: Errno?
    /// What went wrong and what to do, without the address.
    public let reason: String

    /// "cannot listen on …: …".
    public var description: String { "cannot listen on \(address): \(reason)" }

    @inline(never)
    static func system(_ address: ListenAddress, _ errno: Errno) -> ListenError {
        ListenError(address: address, errno: errno, reason: advice(address, errno))
    }

    @inline(never)
    static func unresolved(_ address: ListenAddress, _ why: String) -> ListenError {
        ListenError(
            address: address, errno: nil,
            reason: "the host name does not resolve (\(why)); use a numeric address, * or a name of this machine")
    }

    private static func advice(_ address: ListenAddress, _ errno: Errno) -> String {
        switch (address, errno.rawValue) {
        case (.tcp(_, let port), EADDRINUSE):
            "the address is in use; stop the program that holds it (ss -ltnp 'sport = :\(port)') or choose another port"
        case (.unix, EADDRINUSE):
            "another process listens on this socket; stop it or choose another path"
        case (.tcp(_, let port), EACCES) where port < 1024:
            "ports below 1024 need the capability CAP_NET_BIND_SERVICE; grant it or choose a higher port"
        case (.unix, EACCES), (.unix, EPERM), (.unix, EROFS):
            "no permission; the user Headgate runs as must be able to write the directory"
        case (.unix, ENOENT), (.unix, ENOTDIR):
            "the directory does not exist; create it, owned by the user Headgate runs as"
        case (.unix, EEXIST):
            "a file that is not a socket is in the way; move it or choose another path"
        case (.unix, ENAMETOOLONG):
            "the path is longer than the 107 bytes a unix socket may have; choose a shorter one"
        case (.tcp, EADDRNOTAVAIL):
            "no interface of this machine has this address; use one that exists, or *"
        case (_, EMFILE), (_, ENFILE):
            "no file descriptor is left; raise LimitNOFILE"
        default:
            errno.description
        }
    }
}

/// Opening the sockets that listen. Any thread; blocks only if a host name must be resolved.
public enum ListenerSocket {
    /// Opens one listening socket: non-blocking, close-on-exec, owned by the caller.
    ///
    /// A unix socket file left behind by a dead process is removed first; one that somebody listens on is not.
    public static func open(
        _ address: ListenAddress, backlog: Int = 4096, reusePort: Bool = false, unixMode: UInt32 = 0o777
    ) -> Result<Int32, ListenError> {
        let backlog = Int32(clamping: max(backlog, 1))
        switch address {
        case .unix(let path):
            let fd = unsafe headgate_listen_unix(path, backlog, unixMode)
            return fd >= 0 ? .success(fd) : .failure(.system(address, Errno(negated: fd)))
        case .tcp("*", let port):
            let fd = tcp("::", port, backlog, reusePort, dualStack: true)
            // A kernel without IPv6 knows neither the family nor the address.
            guard fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL else { return result(fd, address) }
            return result(tcp("0.0.0.0", port, backlog, reusePort, dualStack: false), address)
        case .tcp(let host, let port):
            let fd = tcp(host, port, backlog, reusePort, dualStack: false)
            guard fd == -EINVAL else { return result(fd, address) }
            return named(host, port, backlog, reusePort, address)
        }
    }

    /// Opens one socket per worker: for TCP `count` sockets that share the port (SO_REUSEPORT), for a unix socket
    /// `count` descriptors of one. Fails if another process already listens on the port, which SO_REUSEPORT alone
    /// would let pass; `exclusive: false` skips that test, for a process that takes over from another.
    public static func openGroup(
        _ address: ListenAddress, count: Int, backlog: Int = 4096, unixMode: UInt32 = 0o777, exclusive: Bool = true
    ) -> Result<[Int32], ListenError> {
        var opened: [Int32] = []
        var next = address
        if exclusive, case .tcp(_, let port) = address, port != 0 {
            switch open(address, backlog: 1) {
            case .success(let fd): Sockets.close(fd)
            case .failure(let error): return .failure(error)
            }
        }
        while opened.count < max(count, 1) {
            let result: Result<Int32, ListenError>
            if case .unix = address, let first = opened.first {
                let copy = headgate_duplicate(first)
                result = copy >= 0 ? .success(copy) : .failure(.system(address, Errno(negated: copy)))
            } else {
                result = open(next, backlog: backlog, reusePort: true, unixMode: unixMode)
            }
            switch result {
            case .success(let fd):
                opened.append(fd)
                if case .tcp(let host, 0) = next, let bound = Sockets.localAddress(fd) {
                    next = .tcp(host: host, port: bound.port)
                }
            case .failure(let error):
                for fd in opened { Sockets.close(fd) }
                return .failure(error)
            }
        }
        return .success(opened)
    }

    /// Removes the file of a unix socket this process listened on, when it stops.
    public static func removeFile(of address: ListenAddress) {
        if case .unix(let path) = address { _ = unsafe unlink(path) }
    }

    /// The descriptor, or -errno; -EINVAL if `host` is not numeric.
    private static func tcp(
        _ host: String, _ port: UInt16, _ backlog: Int32, _ reusePort: Bool, dualStack: Bool
    ) -> Int32 {
        guard let address = PeerAddress(numeric: host, port: port) else { return -EINVAL }
        return listen(address, backlog, reusePort, dualStack)
    }

    private static func listen(
        _ address: PeerAddress, _ backlog: Int32, _ reusePort: Bool, _ dualStack: Bool
    ) -> Int32 {
        var raw = address.raw
        return unsafe headgate_listen(&raw, backlog, reusePort ? 1 : 0, dualStack ? 1 : 0)
    }

    private static func named(
        _ host: String, _ port: UInt16, _ backlog: Int32, _ reusePort: Bool, _ address: ListenAddress
    ) -> Result<Int32, ListenError> {
        switch NameLookup.system(host) {
        case .failure(let error): return .failure(.unresolved(address, error.reason))
        case .success(let found):
            guard let first = found.first else { return .failure(.unresolved(address, "no address")) }
            return result(listen(first.with(port: port), backlog, reusePort, false), address)
        }
    }

    private static func result(_ fd: Int32, _ address: ListenAddress) -> Result<Int32, ListenError> {
        fd >= 0 ? .success(fd) : .failure(.system(address, Errno(negated: fd)))
    }
}
