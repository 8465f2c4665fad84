import Glibc
import Simulation

/// `SimulationRun [--protocol postgres|mysql] [--runs N] [--first SEED] | [--protocol …] --seed SEED`: so many runs of the
/// simulation of each protocol on all cores. Ends with status 1 if one failed; each failure prints its seed and how to play
/// it alone.
@main
struct SimulationRun {
    static func main() async {
        guard let options = Options(CommandLine.arguments.dropFirst()) else {
            print(
                "usage: SimulationRun [--protocol postgres|mysql] [--runs N] [--first SEED] | [--protocol …] --seed SEED"
            )
            exit(2)
        }
        var hasFailed = false
        for simulation in options.simulations where await !play(simulation, options) { hasFailed = true }
        if hasFailed { exit(1) }
    }

    /// Plays all runs of one protocol; true if all went well.
    private static func play(_ simulation: Simulation, _ options: Options) async -> Bool {
        let seeds = options.first..<(options.first + options.runs)
        print("simulation: \(simulation), seeds \(seeds.lowerBound) to \(seeds.upperBound - 1)")
        let clock = ContinuousClock()
        let start = clock.now
        let failures = await play(simulation, seeds)
        for failure in failures.prefix(5) { print("\(simulation.again(seed: failure.seed)): \(failure.what)\n") }
        print("simulation: \(simulation), \(seeds.count) runs, \(failures.count) failed, \(clock.now - start)")
        if failures.isEmpty { return true }
        print("failed seeds: \(failures.map { String($0.seed) }.joined(separator: " "))")
        return false
    }

    private static func play(
        _ simulation: Simulation, _ seeds: Range<UInt64>
    ) async -> [(seed: UInt64, what: String)] {
        let cores = UInt64(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        return await withTaskGroup(of: [(UInt64, String)].self) { group in
            for core in 0..<cores {
                group.addTask {
                    var failed: [(UInt64, String)] = []
                    var seed = seeds.lowerBound + core
                    while seed < seeds.upperBound, failed.count < 100 {
                        if let what = simulation.run(seed: seed) { failed.append((seed, what)) }
                        seed += cores
                    }
                    return failed
                }
            }
            var all: [(seed: UInt64, what: String)] = []
            for await failed in group { all += failed }
            return all.sorted { $0.seed < $1.seed }
        }
    }
}

private struct Options {
    var simulations = Simulation.allCases
    var runs: UInt64 = 10_000
    var first: UInt64 = 1

    init?(_ arguments: ArraySlice<String>) {
        var rest = arguments
        while let name = rest.popFirst() {
            guard let text = rest.popFirst() else { return nil }
            if name == "--protocol" {
                guard let simulation = Simulation(rawValue: text) else { return nil }
                simulations = [simulation]
                continue
            }
            guard let value = UInt64(text) else { return nil }
            switch name {
            case "--runs": runs = value
            case "--first": first = value
            case "--seed": (first, runs) = (value, 1)
            default: return nil
            }
        }
    }
}
