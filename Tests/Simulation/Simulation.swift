import Glibc
import Pooling
import Sessions
import Settings

/// Clients with random scripts share a few servers through the real session and pool engines, on a simulated network and
/// clock. Every client must get what a server of its own would have said to it.
///
/// One run; everything about it follows from its seed.
package enum Simulation {
    /// What went wrong; nil if nothing did.
    package static func run(seed: UInt64) -> String? { play(seed).problem }

    /// What every client got.
    package static func trace(seed: UInt64) -> [[UInt8]] { play(seed).got }

    /// How to play one run again, alone.
    package static func again(seed: UInt64) -> String { "make simulation SIMULATION_SEED=\(seed)" }

    private static func play(_ seed: UInt64) -> (problem: String?, got: [[UInt8]]) {
        let world = World(seed: seed)
        let workerCount = 1 + world.random.below(2)
        let size = 1 + world.random.below(3)
        let share = PoolShare(workers: workerCount, database: CapacityCounter(), user: CapacityCounter())
        let census = Census(countsStatements: unsafe getenv("SIMULATION_STRICT") != nil)
        let statementLimit = world.random.pick([1, 2, 3, 100])
        let workers = (0..<workerCount).map {
            SimWorker(
                world, index: $0, share: share, limits: PoolLimits(size: size), statementLimit: statementLimit,
                census: census)
        }
        for worker in workers { worker.others = workers.filter { $0 !== worker } }
        let mode = world.random.chance(10) ? PoolMode.session : .transaction
        let actors = (0..<(2 + world.random.below(4))).map {
            Actor($0 + 1, world.random.pick(workers), mode: mode, world)
        }
        let settled = world.run(limit: 200_000)
        defer {
            for worker in workers {
                worker.others = []
                worker.clients = [:]
            }
        }
        let got = actors.map(\.got)
        if !settled { return ("it does not come to rest", got) }
        let servers = workers.flatMap { $0.servers.values.map(\.summary) }.sorted().joined(separator: "\n ")
        let stories = "\n " + servers + "\n" + actors.map { $0.story([]) }.joined(separator: "\n")
        if let problem = census.problems.first { return (problem + stories, got) }
        for actor in actors { if let what = actor.verdict() { return (what + "\n " + servers, got) } }
        if census.most > size { return ("\(census.most) servers where \(size) may be", got) }
        let idle = workers.reduce(0) { $0 + $1.machine.idleCount }
        let waiting = workers.reduce(0) { $0 + $1.machine.waiting }
        if waiting != 0 { return ("\(waiting) clients still wait", got) }
        if idle != census.open || share.servers.inUse != idle {
            return ("\(idle) servers idle of \(census.open) open and \(share.servers.inUse) counted\(stories)", got)
        }
        return (nil, got)
    }
}

/// With `SIMULATION_TRACE` set, what every server is sent and answers is printed.
enum Trace {
    static let isOn = unsafe getenv("SIMULATION_TRACE") != nil

    /// What can be read of `bytes`, which are cut anywhere.
    static func print(_ what: String, _ bytes: [UInt8]) {
        let words = bytes.split { $0 < 0x20 || $0 > 0x7E }.map { String(decoding: $0, as: UTF8.self) }
        Swift.print(what, words.joined(separator: " "))
    }
}
