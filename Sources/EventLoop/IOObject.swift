import CLibev

/// The bits of `IOObject.ready(_:)`. An error or hang-up shows as both: the next call on the socket says which.
public enum IOEvent {
    /// `recv` will not block.
    public static let readable: Int32 = 1
    /// `send` will not block, or a connect has ended.
    public static let writable: Int32 = 2
}

/// A descriptor watched by a loop: the base class of listeners and connections.
///
/// Lives on its loop's thread. It does not own the descriptor. Whoever owns the object keeps it alive while it is
/// attached: the loop holds no reference, and an object freed inside its own `ready` goes through `Loop.retire`.
/// Idle cost: two words here and one 48-byte `ev_io`.
@safe open class IOObject {
    private let watcher: UnsafeMutablePointer<ev_io>
    private var raw: OpaquePointer?

    /// An object that watches nothing yet.
    public init() {
        unsafe watcher = .allocate(capacity: 1)
        unsafe watcher.initialize(to: ev_io())
        unsafe headgate_ev_io_init(watcher, ioReady, -1, 0)
        unsafe watcher.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit {
        assert(!isAttached, "an IOObject was released while its loop still watches it")
        detach()
        unsafe watcher.deallocate()
    }

    /// Called on the loop's thread when the descriptor is ready for what was asked: `IOEvent` bits.
    open func ready(_ events: Int32) {}

    /// The watched descriptor, or -1.
    public final var fd: Int32 { unsafe watcher.pointee.fd }

    /// Whether a loop knows of this object (even if it waits for nothing just now).
    public final var isAttached: Bool { unsafe raw != nil }

    /// Whether `ready` will be called when bytes arrive.
    public final var isReading: Bool { unsafe headgate_ev_io_interest(watcher) & IOEvent.readable != 0 }

    /// Whether `ready` will be called when bytes can be sent.
    public final var isWriting: Bool { unsafe headgate_ev_io_interest(watcher) & IOEvent.writable != 0 }

    /// Watches `fd`, after letting go of whatever was watched before.
    public final func attach(fd: Int32, loop: Loop, reading: Bool, writing: Bool) {
        detach()
        unsafe raw = loop.raw
        unsafe headgate_ev_io_set(watcher, fd, 0)
        setInterest(reading: reading, writing: writing)
    }

    /// Changes what is waited for. Nothing happens if it is that already; off and on again within a turn costs no
    /// system call. Ignored while detached.
    public final func setInterest(reading: Bool, writing: Bool) {
        guard let raw = unsafe raw else { return }
        let events = (reading ? IOEvent.readable : 0) | (writing ? IOEvent.writable : 0)
        unsafe headgate_ev_io_set_interest(raw, watcher, events)
    }

    /// Stops watching and forgets the descriptor, without closing it. No `ready` comes afterwards, not even one that
    /// was already pending. A descriptor that moves on to another loop may wake this one once more, harmlessly.
    public final func detach() {
        guard let raw = unsafe raw else { return }
        unsafe ev_io_stop(raw, watcher)
        unsafe headgate_ev_io_set(watcher, -1, 0)
        unsafe self.raw = nil
    }
}

private func ioReady(_: OpaquePointer?, _ watcher: UnsafeMutablePointer<ev_io>?, _ events: CInt) {
    guard let data = unsafe watcher?.pointee.data else { return }
    unsafe Unmanaged<IOObject>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.ready(events) }
}
