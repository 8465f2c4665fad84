import Simulation
import Testing

/// A taste of what `make simulation` runs 10,000 times in a release build.
@Suite struct SimulationTests {
    @Test func everyClientGetsWhatItsOwnServerWouldSay() {
        for seed: UInt64 in 1...150 {
            if let what = Simulation.run(seed: seed) { Issue.record("\(Simulation.again(seed: seed)): \(what)") }
        }
    }

    @Test func theSameSeedIsTheSameRun() {
        for seed: UInt64 in 1...5 { #expect(Simulation.trace(seed: seed) == Simulation.trace(seed: seed)) }
    }
}
