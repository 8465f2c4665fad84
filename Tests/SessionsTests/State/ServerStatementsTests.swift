import Testing

@testable import Sessions

@Suite("Statements a server holds")
struct ServerStatementsTests {
    @Test("the one not used for longest makes way")
    func leastRecentlyUsed() {
        var held = ServerStatements(limit: 3)
        for serial: UInt64 in 1...3 { held.insert(serial) }
        #expect(held.touch(1))
        #expect(held.evictIfFull() == 2)
        held.insert(4)
        #expect(held.evictIfFull() == 3)
        #expect(!held.touch(2) && held.touch(1) && held.touch(4) && held.count == 2)
        #expect(held.evictIfFull() == nil)
    }

    @Test("removing and forgetting")
    func removes() {
        var held = ServerStatements(limit: 2)
        held.insert(1)
        held.insert(1)
        held.insert(2)
        held.remove(1)
        held.remove(7)
        #expect(held.count == 1 && held.evictIfFull() == nil)
        held.removeAll()
        #expect(held.count == 0 && !held.touch(2))
    }

    @Test("against a list that is kept in order", arguments: 1...4 as ClosedRange<UInt64>)
    func againstAModel(_ seed: UInt64) {
        var state = seed
        var held = ServerStatements(limit: 8)
        var model: [UInt64] = []
        for _ in 0..<5000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let serial = (state >> 33) % 16
            switch (state >> 60) % 4 {
            case 0:
                let was = model.contains(serial)
                #expect(held.touch(serial) == was)
                if was { model = model.filter { $0 != serial } + [serial] }
            case 1:
                held.remove(serial)
                model.removeAll { $0 == serial }
            default:
                if model.count >= 8 { #expect(held.evictIfFull() == model.removeFirst()) }
                held.insert(serial)
                model = model.filter { $0 != serial } + [serial]
            }
            #expect(held.count == model.count)
        }
    }
}
