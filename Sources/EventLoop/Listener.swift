import CLinux

/// What can be wrong with a listener; reported at most once per second.
public enum ListenerTrouble: Equatable, Sendable {
    /// Descriptors ran out: so many connections were closed unserved since the last report, and the listener pauses.
    case exhausted(Errno, shed: Int)
    /// Accepting fails for another reason; it is tried again after a pause.
    case failed(Errno)
}

/// Accepts connections on one listening socket, on its loop's thread.
///
/// A burst is taken 64 at a time, so that a connection storm does not starve the connections there are. When
/// descriptors run out, a reserve descriptor is given up to accept one connection and close it, so that the peer sees
/// an end and not a hang; then the listener pauses, 100 ms at first and up to a second.
public final class Listener: IOObject {
    /// The most connections taken in one turn.
    public static let batch = 64
    private static let shortestPause: Int64 = 100_000
    private static let longestPause: Int64 = 1_000_000
    private static let reportInterval: Int64 = 1_000_000

    private let loop: Loop
    private let onAccept: (Int32, PeerAddress) -> Void
    private let onTrouble: (ListenerTrouble) -> Void
    private var reserve: Int32
    private var pauseLength = shortestPause
    private var resumeTimer: LoopTimer?
    private var reportedAt: Int64?
    private var shed = 0
    private var isPausedByOwner = false

    /// How many connections were accepted.
    public private(set) var accepted: UInt64 = 0

    /// A listener on a socket of `ListenerSocket`, which it owns from now on; it accepts at once. `onAccept` gets a
    /// non-blocking descriptor to own. The closures must not keep the listener.
    public init(
        fd: Int32, loop: Loop, onAccept: @escaping (Int32, PeerAddress) -> Void,
        onTrouble: @escaping (ListenerTrouble) -> Void
    ) {
        self.loop = loop
        self.onAccept = onAccept
        self.onTrouble = onTrouble
        reserve = headgate_open_null()
        super.init()
        attach(fd: fd, loop: loop, reading: true, writing: false)
    }

    /// Stops listening and closes the socket. Connections in the backlog are refused, unless another descriptor of the
    /// same socket is open.
    public func close() {
        guard isAttached else { return }
        let fd = self.fd
        detach()
        resumeTimer = nil
        Sockets.close(fd)
        if reserve >= 0 { Sockets.close(reserve) }
        reserve = -1
    }

    /// Leaves connections in the backlog until `resume`.
    public func pause() {
        isPausedByOwner = true
        setInterest(reading: false, writing: false)
    }

    /// Accepts again.
    public func resume() {
        isPausedByOwner = false
        if resumeTimer?.isActive != true { setInterest(reading: true, writing: false) }
    }

    /// Takes a batch from the backlog.
    public override func ready(_ events: Int32) {
        for _ in 0..<Self.batch {
            // The owner may have closed or paused it in the callback.
            guard isAttached, !isPausedByOwner else { return }
            switch Sockets.accept(fd) {
            case .accepted(let connection, let peer):
                pauseLength = Self.shortestPause
                accepted &+= 1
                onAccept(connection, peer)
            case .wouldBlock:
                return
            case .aborted:
                continue
            case .tooManyFiles(let errno):
                shedOne()
                report(.exhausted(errno, shed: shed))
                return backOff()
            case .failed(let errno):
                report(.failed(errno))
                return backOff()
            }
        }
        // The rest of the backlog makes the descriptor readable again in the next turn.
    }

    private func shedOne() {
        if reserve >= 0 { Sockets.close(reserve) }
        if case .accepted(let connection, _) = Sockets.accept(fd) {
            Sockets.close(connection)
            shed += 1
        }
        reserve = headgate_open_null()
    }

    private func report(_ trouble: ListenerTrouble) {
        let now = loop.nowMicros
        if let last = reportedAt, now - last < Self.reportInterval { return }
        reportedAt = now
        shed = 0
        onTrouble(trouble)
    }

    private func backOff() {
        guard isAttached else { return }
        setInterest(reading: false, writing: false)
        let timer = resumeTimer ?? LoopTimer(loop: loop) { [unowned self] in self.resumeAfterPause() }
        resumeTimer = timer
        timer.start(after: pauseLength)
        pauseLength = min(pauseLength * 2, Self.longestPause)
    }

    private func resumeAfterPause() {
        if reserve < 0 { reserve = headgate_open_null() }
        if !isPausedByOwner { setInterest(reading: true, writing: false) }
    }
}
