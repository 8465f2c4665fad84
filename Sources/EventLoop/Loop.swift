import CLibev
import CLinux

/// What a worker does at the end of every turn of its loop: flush connections that were written to, free what was
/// closed. A base class and not a protocol, so that the call is one virtual call without a retain.
open class LoopTurnHandler {
    /// A handler that does nothing.
    public init() {}

    /// Called on the loop's thread before it blocks, once per turn. It may change watchers.
    open func loopWillBlock() {}
}

/// Something that must let go of the loop before the loop is destroyed.
protocol LoopBound: AnyObject {
    func loopIsGoing()
}

/// One libev loop: the world of one thread.
///
/// Created, used and released on one thread; the compiler keeps it there because it is not `Sendable`. Other threads
/// reach it through a `Mailbox` only. It owns the `ev_loop` and the receive scratch.
@safe public final class Loop {
    /// The size of `scratch`.
    public static let scratchSize = 256 << 10

    /// 256 KiB to receive into: valid until the callback that filled it returns. One per loop, so that no connection
    /// needs a buffer while it is idle.
    public let scratch: UnsafeMutableRawBufferPointer

    /// CLOCK_MONOTONIC in microseconds, read once per turn, after polling.
    public private(set) var nowMicros: Int64

    let raw: OpaquePointer
    private let prepare: UnsafeMutablePointer<ev_prepare>
    private let check: UnsafeMutablePointer<ev_check>
    private var handler: Unmanaged<LoopTurnHandler>?
    private var retired: [AnyObject] = []
    private var bound: [ObjectIdentifier: any LoopBound] = [:]
    private var isStopping = false

    /// A new loop (epoll), or nil if the process is out of descriptors or memory. Call it on the thread that will run
    /// it.
    public init?() {
        guard let raw = unsafe headgate_ev_loop_new() else { return nil }
        unsafe self.raw = raw
        unsafe scratch = .allocate(byteCount: Self.scratchSize, alignment: 4096)
        unsafe prepare = .allocate(capacity: 1)
        unsafe check = .allocate(capacity: 1)
        unsafe prepare.initialize(to: ev_prepare())
        unsafe check.initialize(to: ev_check())
        nowMicros = headgate_monotonic_micros()
        unsafe headgate_ev_prepare_init(prepare, loopPrepare)
        unsafe headgate_ev_check_init(check, loopCheck)
        let me = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe prepare.pointee.data = me
        unsafe check.pointee.data = me
        unsafe ev_prepare_start(raw, prepare)
        unsafe ev_check_start(raw, check)
    }

    deinit {
        for member in bound.values { member.loopIsGoing() }
        unsafe ev_prepare_stop(raw, prepare)
        unsafe ev_check_stop(raw, check)
        unsafe ev_loop_destroy(raw)
        unsafe prepare.deallocate()
        unsafe check.deallocate()
        unsafe scratch.deallocate()
    }

    /// Runs until `stop()`. If `stop()` was called before, returns at once.
    public func run() {
        if !isStopping { unsafe headgate_ev_run(raw) }
        isStopping = false
        endTurn()
    }

    /// One turn: handles what is ready, and waits for something first if `blocking`.
    public func turn(blocking: Bool) {
        unsafe headgate_ev_turn(raw, blocking ? 1 : 0)
    }

    /// Makes `run()` return when the callbacks of this turn are done. From another thread: post to a mailbox whose
    /// handler calls this.
    public func stop() {
        isStopping = true
        unsafe headgate_ev_break(raw)
    }

    /// The wall clock in seconds since 1970, as of the start of this turn.
    public var now: Double { unsafe ev_now(raw) }

    /// Reads the clocks again, after work long enough to make the turn's time wrong.
    public func updateNow() {
        unsafe ev_now_update(raw)
        nowMicros = headgate_monotonic_micros()
    }

    /// Who is told before the loop blocks. Not retained: the owner clears it (or outlives the loop).
    public var turnHandler: LoopTurnHandler? {
        get { unsafe handler?.takeUnretainedValue() }
        set { unsafe handler = newValue.map { unsafe Unmanaged.passUnretained($0) } }
    }

    /// Keeps `object` alive until the end of this turn. For what is closed inside its own callback: the callback was
    /// entered without a retain.
    public func retire(_ object: AnyObject) {
        retired.append(object)
    }

    func adopt(_ member: any LoopBound) { bound[ObjectIdentifier(member)] = member }
    func disown(_ member: any LoopBound) { bound[ObjectIdentifier(member)] = nil }

    fileprivate func willBlock() {
        unsafe handler?._withUnsafeGuaranteedRef { $0.loopWillBlock() }
        if !retired.isEmpty { endTurn() }
    }

    fileprivate func didPoll() {
        nowMicros = headgate_monotonic_micros()
    }

    private func endTurn() {
        // A deinit may retire something else, so the list is emptied before it is destroyed.
        var dying: [AnyObject] = []
        swap(&dying, &retired)
        dying.removeAll(keepingCapacity: dying.capacity <= 4096)
        if retired.isEmpty { swap(&dying, &retired) }
    }
}

private func loopPrepare(_: OpaquePointer?, _ watcher: UnsafeMutablePointer<ev_prepare>?, _: CInt) {
    guard let data = unsafe watcher?.pointee.data else { return }
    unsafe Unmanaged<Loop>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.willBlock() }
}

private func loopCheck(_: OpaquePointer?, _ watcher: UnsafeMutablePointer<ev_check>?, _: CInt) {
    guard let data = unsafe watcher?.pointee.data else { return }
    unsafe Unmanaged<Loop>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.didPoll() }
}
