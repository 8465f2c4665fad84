import CLibev

/// A timer of the loop itself, for the few things that tick. Connections use a `TimerWheel`, which costs no
/// allocation and no heap operation per arm.
///
/// Lives on its loop's thread; releasing it stops it.
@safe public final class LoopTimer {
    private let watcher: UnsafeMutablePointer<ev_timer>
    private let loop: Loop
    private let action: () -> Void

    /// A stopped timer that will call `action` on the loop's thread. The closure is kept as long as the timer: let it
    /// hold its owner `unowned`, or the two keep each other.
    public init(loop: Loop, action: @escaping () -> Void) {
        self.loop = loop
        self.action = action
        unsafe watcher = .allocate(capacity: 1)
        unsafe watcher.initialize(to: ev_timer())
        unsafe headgate_ev_timer_init(watcher, timerFired, 0, 0)
        unsafe watcher.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit {
        stop()
        unsafe watcher.deallocate()
    }

    /// Whether it will fire.
    public var isActive: Bool { unsafe headgate_ev_timer_is_active(watcher) != 0 }

    /// Starts (or restarts) it: fires after `micros`, and then every `every` microseconds unless that is zero.
    public func start(after micros: Int64, every: Int64 = 0) {
        stop()
        unsafe headgate_ev_timer_set(watcher, Double(micros) / 1e6, Double(every) / 1e6)
        unsafe ev_timer_start(loop.raw, watcher)
    }

    /// Starts it ticking: first after one interval, then every interval.
    public func start(every micros: Int64) { start(after: micros, every: micros) }

    /// Stops it; a firing already pending is dropped.
    public func stop() { unsafe ev_timer_stop(loop.raw, watcher) }

    fileprivate func fire() { action() }
}

private func timerFired(_: OpaquePointer?, _ watcher: UnsafeMutablePointer<ev_timer>?, _: CInt) {
    guard let data = unsafe watcher?.pointee.data else { return }
    // Retained for the call: the action may release the timer.
    let timer = unsafe Unmanaged<LoopTimer>.fromOpaque(data).takeUnretainedValue()
    timer.fire()
}
