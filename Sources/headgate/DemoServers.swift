import Glibc

/// The programs a demo has running, and how those that only do a step are run.
struct DemoServers {
    let directory: DemoDirectory
    /// Who they run as; nil is who we are.
    let identity: DemoIdentity?
    private(set) var running: [DemoChild] = []

    init(_ directory: DemoDirectory, as identity: DemoIdentity?) {
        self.directory = directory
        self.identity = identity
    }

    /// Starts a program that is to run until the demo ends, or until `finish`.
    @discardableResult
    mutating func start(
        _ command: [String], output: String, environment: [String] = [], endsBy ending: DemoChild.Ending
    ) throws(DemoFailure) -> DemoChild {
        let child = try DemoChild.start(
            command, output: output, as: identity, environment: environment, endsBy: ending)
        running.append(child)
        return child
    }

    /// Waits for a program to end, which must be good and come within `seconds`.
    mutating func finish(_ child: DemoChild, within seconds: Int) throws(DemoFailure) {
        let end = try DemoClock.wait(seconds, for: "\(child.name) to finish", log: child.output) { child.ended() }
        forget(child)
        if case .status(0) = end { return }
        throw .failed("\(child.name) ended with \(end):", log: DemoDirectory.tail(child.output))
    }

    /// Runs a program to its end, which must be good and come within `seconds`.
    func run(
        _ command: [String], output: String, environment: [String] = [], within seconds: Int
    ) throws(DemoFailure) {
        try DemoChild.run(command, output: output, as: identity, environment: environment, within: seconds)
    }

    /// Whether a client's exit status says that what it was told worked. Never longer than a few seconds.
    func succeeds(_ command: [String], environment: [String] = []) -> Bool {
        let asked = Result { () throws(DemoFailure) in
            try run(command, output: directory.path + "/probe.log", environment: environment, within: 10)
        }
        if case .success = asked { return true }
        return false
    }

    /// Waits until something is true, or until the server it is asked of has ended.
    func wait(
        until what: String, log: String, server: DemoChild?, isTrue: (DemoServers) -> Bool
    ) throws(DemoFailure) {
        let _: Bool = try DemoClock.wait(60, for: what, log: log) { () throws(DemoFailure) in
            if isTrue(self) { return true }
            if let server, let end = server.ended() {
                throw .failed("\(server.name) ended with \(end):", log: DemoDirectory.tail(log))
            }
            return nil
        }
    }

    /// The first server that has ended by itself.
    func ended() -> (server: DemoChild, end: DemoEnd)? {
        for child in running {
            if let end = child.ended() { return (child, end) }
        }
        return nil
    }

    /// Forgets a program that has ended.
    mutating func forget(_ child: DemoChild) { running.removeAll { $0.pid == child.pid } }

    /// Stops everything: clients of servers are disconnected, and who does not stop in time is made to.
    mutating func stop() {
        for (force, seconds) in [(DemoChild.Force.kind, 10.0), (.hard, 5.0), (.kill, 5.0)] {
            // Who has ended already, its number may by now be somebody else's.
            running.removeAll { $0.ended() != nil }
            for child in running { child.end(force) }
            var turns = Int(seconds * 50)
            let requests = DemoClock.stopRequests
            while !running.isEmpty, turns > 0 {
                running.removeAll { $0.ended() != nil }
                // Who asks again is in a hurry.
                if force == .kind, DemoClock.stopRequests > requests { break }
                usleep(20_000)
                turns -= 1
            }
            if running.isEmpty { return }
        }
    }
}
