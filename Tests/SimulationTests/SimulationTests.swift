import Simulation
import Testing

/// A taste of what `make simulation` runs 10,000 times in a release build.
@Suite struct SimulationTests {
    @Test(arguments: Simulation.allCases)
    func everyClientGetsWhatItsOwnServerWouldSay(_ simulation: Simulation) {
        for seed: UInt64 in 1...150 {
            if let what = simulation.run(seed: seed) { Issue.record("\(simulation.again(seed: seed)): \(what)") }
        }
    }

    @Test(arguments: Simulation.allCases)
    func theSameSeedIsTheSameRun(_ simulation: Simulation) {
        for seed: UInt64 in 1...5 { #expect(simulation.trace(seed: seed) == simulation.trace(seed: seed)) }
    }
}
