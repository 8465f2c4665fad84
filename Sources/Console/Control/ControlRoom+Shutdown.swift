import EventLoop
import Glibc
import Proxy
import Settings
import Telemetry

extension ControlRoom {
    /// Begins to end the process; a second time, or at once, ends it.
    func shutDown(_ mode: ShutdownMode) -> Outcome? {
        ServiceManager.stopping()
        guard shutdown == nil, mode != .immediate else {
            leave()
            return nil
        }
        Log.info("shutdown", "shutting down", ["mode": "\(mode)", "clients": proxy.clientCount])
        shutdown = mode
        if admin.isSuspended {
            admin.isSuspended = false
            proxy.apply(admin)
        }
        let limit = snapshot.configuration.general.shutdownTimeout
        if !limit.isZero { shutdownDeadline = loop.nowMicros + limit.microseconds }
        let post = self.post
        proxy.stopAccepting { post { $0.wait(for: mode) } }
        return .done(tag: "SHUTDOWN")
    }

    /// Nobody new can come any more: has those who are there finish.
    private func wait(for mode: ShutdownMode) {
        let post = self.post
        switch mode {
        case .waitForServers:
            admin.setPaused(true, .all)
            proxy.apply(admin) { post { $0.startLooking() } }
        case .finishTransactions: proxy.dismissClients { post { $0.startLooking() } }
        case .waitForClients, .immediate: startLooking()
        }
    }

    /// Looks whether what the shutdown waits for has come.
    func lookForEnd() {
        let isOver: Bool
        switch shutdown {
        case .waitForServers?: isOver = proxy.serverCount(.all) == 0
        case .waitForClients?, .finishTransactions?: isOver = proxy.clientCount <= sessions.count
        case .immediate?: isOver = true
        case nil: return
        }
        if isOver && sawEnd { return leave() }
        sawEnd = isOver
        if loop.nowMicros >= shutdownDeadline {
            Log.warn("shutdown", "shutdown_timeout is over", ["clients": proxy.clientCount])
            leave()
        }
    }

    /// Tells every client that is left, and ends the process.
    private func leave() {
        proxy.removeSocketFiles()
        Log.info("shutdown", "stopped")
        let audit = proxy.audit
        proxy.cutClients {
            audit?.stop()
            ControlRoom.end()
        }
        // A worker that does not answer must not keep the process.
        _ = usleep(500_000)
        audit?.stop()
        ControlRoom.end()
    }

    /// Ends the process without running the exit handlers of libraries other threads are still using.
    static func end() { _exit(0) }
}
