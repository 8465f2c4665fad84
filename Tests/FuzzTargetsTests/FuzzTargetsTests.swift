import FuzzTargets
import Testing

/// What fuzzing found, and what it starts from.
@Suite struct FuzzTargetsTests {
    @Test(arguments: FuzzTarget.allCases)
    func seedsHold(_ target: FuzzTarget) {
        for seed in target.seeds { #expect(target.run(seed) == nil, "\(seed)") }
        #expect(target.run([]) == nil)
    }

    /// Every seed, cut off at each byte.
    @Test(arguments: FuzzTarget.allCases)
    func partsOfSeedsHold(_ target: FuzzTarget) {
        for seed in target.seeds {
            for end in stride(from: 0, to: seed.count, by: max(1, seed.count / 64)) {
                #expect(target.run(Array(seed[..<end])) == nil, "\(seed[..<end])")
            }
        }
    }
}
