import AuditTrail
import CLinux
import EventLoop
import Settings

/// Ways to the receivers of audit records. Each belongs to the thread of its sink, and waits there: never longer than
/// `patience` without a byte getting through.
enum AuditChannels {
    static let patience: Int32 = 30_000

    /// A connection to what a sink's settings name.
    static func connect(_ settings: AuditSinkSettings) -> Result<any AuditChannel, AuditProblem> {
        if settings.kind == .stdout { return .success(StreamChannel(fd: 1, ownsDescriptor: false)) }
        guard let address = settings.address else { return .failure(AuditProblem("address is missing")) }
        switch address {
        case .unix(let path): return unix(path, isSyslog: settings.kind == .syslog)
        case .tcp(let host, let port):
            let socket = tcp(host, port)
            guard case .success(let fd) = socket, settings.tls.mode != .disable else {
                return socket.map { StreamChannel(fd: $0, ownsDescriptor: true) }
            }
            return TLSStreamChannel.open(fd, host: host, settings.tls).map { $0 }
        }
    }

    private static func unix(_ path: String, isSyslog: Bool) -> Result<any AuditChannel, AuditProblem> {
        var fd: Int32 = -1
        let result = unsafe headgate_connect_unix(path, &fd)
        if result == 0 { return .success(StreamChannel(fd: fd, ownsDescriptor: true)) }
        // /dev/log is a datagram socket.
        if isSyslog, result != -2 {
            let datagram = unsafe headgate_connect_datagram(path)
            if datagram >= 0 { return .success(StreamChannel(fd: datagram, ownsDescriptor: true, isDatagram: true)) }
        }
        return .failure(AuditProblem("cannot connect to \(path): \(Errno(rawValue: -result))"))
    }

    private static func tcp(_ host: String, _ port: UInt16) -> Result<Int32, AuditProblem> {
        var failure: Int32 = 0
        var addresses = [headgate_address](repeating: headgate_address(), count: 8)
        let count = unsafe headgate_resolve(host, port, &addresses, 8, &failure)
        var reason = "the name has no address"
        for index in 0..<max(0, Int(count)) {
            var fd: Int32 = -1
            var result = unsafe headgate_connect(&addresses[index], &fd)
            if fd >= 0, result != 0 {
                result = headgate_wait(fd, 1, 10_000) == 1 ? headgate_take_error(fd) : -110
            }
            if result == 0, fd >= 0 {
                _ = headgate_set_keepalive(fd, 60, 10, 5)
                return .success(fd)
            }
            if fd >= 0 { _ = headgate_close(fd) }
            reason = "\(Errno(rawValue: -result))"
        }
        return .failure(AuditProblem("cannot connect to \(host):\(port): \(reason)"))
    }

    /// Sends all of it; nil, or why not.
    static func send(_ fd: Int32, _ bytes: UnsafeRawBufferPointer, isSocket: Bool = true) -> String? {
        var done = 0
        while done < bytes.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
            // Output that is no socket may block in the middle of a write: it is given what a pipe takes at once.
            let count = isSocket ? rest.count : min(rest.count, 4096)
            if !isSocket, headgate_wait(fd, 1, patience) != 1 { return "the reader has not taken anything for 30 s" }
            let sent =
                unsafe isSocket
                ? headgate_send(fd, rest.baseAddress, count) : headgate_file_write(fd, rest.baseAddress, count)
            if sent > 0 {
                done += sent
            } else if sent == -11 {
                if headgate_wait(fd, 1, patience) != 1 { return "the receiver has not taken anything for 30 s" }
            } else {
                return "\(Errno(rawValue: Int32(clamping: -sent)))"
            }
        }
        return nil
    }
}

/// Bytes straight into a descriptor.
final class StreamChannel: AuditChannel {
    private let fd: Int32
    private let ownsDescriptor: Bool
    let isDatagram: Bool

    init(fd: Int32, ownsDescriptor: Bool, isDatagram: Bool = false) {
        self.fd = fd
        self.ownsDescriptor = ownsDescriptor
        self.isDatagram = isDatagram
    }

    func send(_ bytes: [UInt8]) -> String? {
        if ownsDescriptor, !isDatagram, let failure = Self.lookForEnd(fd) { return failure }
        return unsafe bytes.withUnsafeBytes { unsafe AuditChannels.send(fd, $0, isSocket: ownsDescriptor) }
    }

    /// A receiver that has gone away takes bytes all the same, for a while.
    static func lookForEnd(_ fd: Int32) -> String? {
        headgate_peek(fd) == 0 ? "the receiver has closed the connection" : nil
    }

    func isSettled() -> Bool { Self.isSettled(fd, ownsDescriptor) }

    /// Whether the other machine has everything; waits up to a fifth of a second.
    static func isSettled(_ fd: Int32, _ isSocket: Bool) -> Bool {
        guard isSocket else { return true }
        for _ in 0..<20 {
            if headgate_unsent(fd) <= 0 { return lookForEnd(fd) == nil }
            _ = headgate_wait(fd, 0, 10)
        }
        return false
    }

    func close() { if ownsDescriptor { _ = headgate_close(fd) } }
}

/// The same through TLS (RFC 5425).
@safe final class TLSStreamChannel: AuditChannel {
    private let fd: Int32
    private let tls: TLSChannel
    private let port: TLSPort
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 << 10, alignment: 16)
    let isDatagram = false

    private init(_ fd: Int32, _ tls: TLSChannel, _ port: TLSPort) {
        self.fd = fd
        self.tls = tls
        self.port = port
    }

    deinit { unsafe scratch.deallocate() }

    static func open(_ fd: Int32, host: String, _ settings: TLSSettings) -> Result<any AuditChannel, AuditProblem> {
        func fail(_ why: String) -> Result<any AuditChannel, AuditProblem> {
            _ = headgate_close(fd)
            return .failure(AuditProblem("TLS to \(host): \(why)"))
        }
        let context: TLSContext
        do throws(TLSFiles.Problem) { context = try TLSDirectory.client(settings) } catch { return fail("\(error)") }
        let port = TLSPort()
        guard let tls = TLSChannel(context, port, connectingTo: host) else { return fail("no memory") }
        let channel = TLSStreamChannel(fd, tls, port)
        while true {
            let progress = tls.handshake()
            if let failure = channel.flush() { return fail(failure) }
            switch progress {
            case .opened: return .success(channel)
            case .needsMore: if let failure = channel.receive() { return fail(failure) }
            case .failed(let failure): return fail("\(failure)")
            case .bytes, .ended: return fail("the receiver has ended the handshake")
            }
        }
    }

    /// What TLS has to say goes out.
    private func flush() -> String? {
        var failure: String?
        unsafe port.takeSealed { unsafe failure = AuditChannels.send(fd, $0) }
        return failure
    }

    /// Waits for bytes of the handshake.
    private func receive() -> String? {
        guard headgate_wait(fd, 0, 10_000) == 1 else { return "the receiver does not answer" }
        let count = unsafe headgate_recv(fd, scratch.baseAddress, scratch.count)
        guard count > 0 else { return "the receiver has closed the connection" }
        unsafe port.feed(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
        return nil
    }

    func send(_ bytes: [UInt8]) -> String? {
        if let failure = lookForEnd() { return failure }
        let isSealed = unsafe bytes.withUnsafeBytes { unsafe tls.seal($0) }
        guard isSealed else { return "the connection is over" }
        return flush()
    }

    /// Takes what the receiver sends (tickets, alerts), and finds out whether it has gone.
    private func lookForEnd() -> String? {
        while headgate_wait(fd, 0, 0) == 1 {
            let count = unsafe headgate_recv(fd, scratch.baseAddress, scratch.count)
            if count == -11 { return nil }
            guard count > 0 else { return "the receiver has closed the connection" }
            unsafe port.feed(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
            switch unsafe tls.open(into: port.plain) {
            case .ended, .failed: return "the receiver has ended the connection"
            case .bytes, .opened, .needsMore: break
            }
        }
        return flush()
    }

    func isSettled() -> Bool {
        for _ in 0..<20 {
            if headgate_unsent(fd) <= 0 { return lookForEnd() == nil }
            _ = headgate_wait(fd, 0, 10)
        }
        return false
    }

    func close() {
        tls.end()
        _ = flush()
        _ = headgate_close(fd)
    }
}
