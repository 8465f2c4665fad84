import Pooling
import Synchronization
import Testing

@Suite("Places counted by several threads")
struct CapacityCounterTests {
    private final class Seen: Sendable {
        let most = Atomic<Int>(0)
        let granted = Atomic<Int>(0)
    }

    @Test("never more than the limit, and none is lost")
    func limit() async {
        let counter = CapacityCounter()
        let seen = Seen()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<20_000 where counter.reserve(limit: 3) {
                        seen.granted.add(1, ordering: .relaxed)
                        seen.most.max(counter.inUse, ordering: .relaxed)
                        _ = counter.release()
                    }
                }
            }
        }
        #expect(seen.most.load(ordering: .relaxed) <= 3)
        #expect(seen.granted.load(ordering: .relaxed) > 0)
        #expect(counter.inUse == 0)
    }

    @Test("who was refused is told of by the next release, once")
    func wanted() {
        let counter = CapacityCounter()
        #expect(counter.reserve(limit: 1))
        #expect(!counter.reserve(limit: 1))
        #expect(counter.release())
        #expect(counter.reserve(limit: 1))
        #expect(!counter.release())
        #expect(counter.reserve(limit: 0) && counter.reserve(limit: 0))
        #expect(counter.inUse == 2)
    }
}
