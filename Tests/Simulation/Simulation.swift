import Glibc
import Pooling
import Settings

/// Clients with random scripts share a few servers through the real session and pool engines, on a simulated network and
/// clock. Every client must get what a server of its own would have said to it.
///
/// One run; everything about it follows from its protocol and seed.
package enum Simulation: String, CaseIterable, Sendable {
    case postgres, mysql

    /// What went wrong; nil if nothing did.
    package func run(seed: UInt64) -> String? { play(seed).problem }

    /// What every client got.
    package func trace(seed: UInt64) -> [[UInt8]] { play(seed).got }

    /// How to play one run again, alone.
    package func again(seed: UInt64) -> String { "make simulation SIMULATION_SEED=\(seed) SIMULATION_PROTOCOL=\(self)" }

    private func play(_ seed: UInt64) -> (problem: String?, got: [[UInt8]]) {
        let stage = Stage(seed: seed, hasApps: self == .postgres)
        switch self {
        case .postgres:
            let workers = stage.workers {
                SimWorker(
                    stage.world, index: $0, share: stage.share, limits: stage.limits, statementLimit: $1,
                    census: stage.census)
            }
            let mode = stage.mode
            let actors = (0..<stage.clientCount).map {
                Actor($0 + 1, stage.world.random.pick(workers), mode: mode, stage.world)
            }
            let problem = stage.play(workers, verdicts: { actors.lazy.compactMap { $0.verdict() }.first }) {
                actors.map { $0.story([]) }
            }
            return (problem, actors.map(\.got))
        case .mysql:
            let workers = stage.workers {
                MySQLSimWorker(
                    stage.world, index: $0, share: stage.share, limits: stage.limits, statementLimit: $1,
                    census: stage.census)
            }
            let mode = stage.mode
            let mayLose = stage.world.random.chance(20)
            for worker in workers { worker.mayLose = mayLose }
            let actors = (0..<stage.clientCount).map {
                MySQLActor($0 + 1, stage.world.random.pick(workers), mode: mode, stage.world)
            }
            let problem = stage.play(
                workers,
                verdicts: { actors.lazy.compactMap { $0.verdict(ended: stage.census.hasLost) }.first }
            ) { actors.map(\.story) }
            return (problem, actors.map(\.got))
        }
    }
}

/// What runs of all protocols have in common: how much there is of everything, and what must hold in the end.
private final class Stage {
    let world: World
    let share: PoolShare
    let limits: PoolLimits
    let census = Census(countsStatements: unsafe getenv("SIMULATION_STRICT") != nil)
    private let size: Int
    private let apps: [AppShare]

    /// With `hasApps` there are several applications with limits and weights, else one without. MySQL's runs have one:
    /// with more, about one in 3,000 shows that a client that waits for its application loses what its last server has
    /// left for it (seeds 308, 1884).
    init(seed: UInt64, hasApps: Bool) {
        world = World(seed: seed)
        let workerCount = 1 + world.random.below(2)
        size = 1 + world.random.below(3)
        limits = PoolLimits(size: size)
        let tickets = Tickets()
        share = PoolShare(
            workers: workerCount, database: CapacityCounter(), user: CapacityCounter(), tickets: tickets)
        var apps: [AppShare] = []
        for number in 0..<(hasApps ? 1 + world.random.below(3) : 1) {
            let app = AppShare(name: "\(number)", workers: workerCount, tickets: tickets)
            var limits = AppLimits()
            if hasApps, world.random.chance(40) { limits.servers = 1 + world.random.below(2) }
            if hasApps, world.random.chance(40) { limits.statements = 1 + world.random.below(2) }
            if hasApps { limits.weight = world.random.pick([1, 100, 10_000]) }
            app.set(limits, now: world.now)
            census.limits[app.name] = limits
            apps.append(app)
        }
        self.apps = apps
    }

    func workers<Worker: SimPool>(_ make: (_ index: Int, _ statementLimit: Int) -> Worker) -> [Worker] {
        let statementLimit = world.random.pick([1, 2, 3, 100])
        let workers = (0..<share.workers).map { make($0, statementLimit) }
        for worker in workers {
            worker.others = workers.filter { $0 !== worker }
            worker.apps = apps.enumerated().map { SimApp($1, number: $0, pool: worker) }
        }
        return workers
    }

    var mode: PoolMode { world.random.chance(10) ? .session : .transaction }
    var clientCount: Int { 2 + world.random.below(4) }

    /// Runs it all; what is wrong, nil if nothing is.
    func play(_ workers: [SimPool], verdicts: () -> String?, stories: () -> [String]) -> String? {
        let settled = world.run(limit: 200_000)
        defer {
            for worker in workers {
                worker.others = []
                worker.clients = [:]
                worker.apps = []
            }
        }
        if !settled { return "it does not come to rest" }
        for worker in workers { for server in worker.servers.values { server.inspectAtEnd() } }
        let servers = workers.flatMap { $0.servers.values.map(\.summary) }.sorted().joined(separator: "\n ")
        func told() -> String { "\n " + servers + "\n" + stories().joined(separator: "\n") }
        if let problem = census.problems.first { return problem + told() }
        if let what = verdicts() { return what + "\n " + servers }
        if census.most > size { return "\(census.most) servers where \(size) may be" }
        let idle = workers.reduce(0) { $0 + $1.machine.idleCount }
        let waiting = workers.reduce(0) { $0 + $1.machine.waiting }
        if waiting != 0 { return "\(waiting) clients still wait" }
        for app in apps where app.servers.inUse + app.statements.inUse != 0 {
            return "app \(app.name) still has \(app.servers.inUse) servers and \(app.statements.inUse) statements"
        }
        if idle != census.open || share.servers.inUse != idle {
            return "\(idle) servers idle of \(census.open) open and \(share.servers.inUse) counted\(told())"
        }
        return nil
    }
}

/// With `SIMULATION_TRACE` set, what every server is sent and answers is printed.
enum Trace {
    static let isOn = unsafe getenv("SIMULATION_TRACE") != nil

    /// What can be read of `bytes`, which are cut anywhere.
    static func print(_ what: String, _ bytes: [UInt8]) {
        if bytes.isEmpty { return }
        let words = bytes.split { $0 < 0x20 || $0 > 0x7E }.map { String(decoding: $0, as: UTF8.self) }
        Swift.print(what, words.joined(separator: " "))
    }
}
