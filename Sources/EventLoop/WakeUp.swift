import CLibev

/// Who is called when a `WakeUp` was signalled.
protocol WakeUpReceiver: AnyObject {
    func wokenUp()
    func loopIsGoing()
}

/// An `ev_async` in memory of its own. `signal` may be called on any thread while the caller knows the watcher to be
/// started (the mailbox's lock sees to that); everything else belongs to the loop's thread.
@safe final class WakeUp: LoopBound {
    private let watcher: UnsafeMutablePointer<ev_async>
    private let raw: OpaquePointer
    // Not weak, which would slow every retain of the loop for good. Used only while started, and the loop stops what is
    // started before it goes.
    private let loop: Unmanaged<Loop>
    private var receiver: (any WakeUpReceiver)?

    /// A started watcher; the loop keeps it, and it keeps `receiver`, until `stop`.
    init(loop: Loop) {
        unsafe self.loop = Unmanaged.passUnretained(loop)
        unsafe raw = loop.raw
        unsafe watcher = .allocate(capacity: 1)
        unsafe watcher.initialize(to: ev_async())
        unsafe headgate_ev_async_init(watcher, wakeUpSignalled)
        unsafe watcher.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit { unsafe watcher.deallocate() }

    func start(_ receiver: any WakeUpReceiver) {
        self.receiver = receiver
        unsafe ev_async_start(raw, watcher)
        unsafe loop._withUnsafeGuaranteedRef { $0.adopt(self) }
    }

    func stop() {
        guard receiver != nil else { return }
        unsafe ev_async_stop(raw, watcher)
        receiver = nil
        unsafe loop._withUnsafeGuaranteedRef { $0.disown(self) }
    }

    func signal() { unsafe ev_async_send(raw, watcher) }

    func loopIsGoing() { receiver?.loopIsGoing() }

    fileprivate func fire() { receiver?.wokenUp() }
}

private func wakeUpSignalled(_: OpaquePointer?, _ watcher: UnsafeMutablePointer<ev_async>?, _: CInt) {
    guard let data = unsafe watcher?.pointee.data else { return }
    // Retained for the call: the receiver may close its mailbox.
    let wakeUp = unsafe Unmanaged<WakeUp>.fromOpaque(data).takeUnretainedValue()
    wakeUp.fire()
}
