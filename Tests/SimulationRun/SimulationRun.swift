import Glibc
import Simulation

/// `SimulationRun [--runs N] [--first SEED] | --seed SEED`: runs of the simulation on all cores. Ends with status 1 if
/// one failed; each failure prints its seed and how to play it alone.
@main
struct SimulationRun {
    static func main() async {
        guard let options = Options(CommandLine.arguments.dropFirst()) else {
            print("usage: SimulationRun [--runs N] [--first SEED] | --seed SEED")
            exit(2)
        }
        let seeds = options.first..<(options.first + options.runs)
        print("simulation: seeds \(seeds.lowerBound) to \(seeds.upperBound - 1)")
        let clock = ContinuousClock()
        let start = clock.now
        let failures = await play(seeds)
        for failure in failures.prefix(5) { print("\(Simulation.again(seed: failure.seed)): \(failure.what)\n") }
        print("simulation: \(seeds.count) runs, \(failures.count) failed, \(clock.now - start)")
        if !failures.isEmpty {
            print("failed seeds: \(failures.map { String($0.seed) }.joined(separator: " "))")
            exit(1)
        }
    }

    private static func play(_ seeds: Range<UInt64>) async -> [(seed: UInt64, what: String)] {
        let cores = UInt64(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        return await withTaskGroup(of: [(UInt64, String)].self) { group in
            for core in 0..<cores {
                group.addTask {
                    var failed: [(UInt64, String)] = []
                    var seed = seeds.lowerBound + core
                    while seed < seeds.upperBound, failed.count < 100 {
                        if let what = Simulation.run(seed: seed) { failed.append((seed, what)) }
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
    var runs: UInt64 = 10_000
    var first: UInt64 = 1

    init?(_ arguments: ArraySlice<String>) {
        var rest = arguments
        while let name = rest.popFirst() {
            guard let value = rest.popFirst().flatMap({ UInt64($0) }) else { return nil }
            switch name {
            case "--runs": runs = value
            case "--first": first = value
            case "--seed": (first, runs) = (value, 1)
            default: return nil
            }
        }
    }
}
