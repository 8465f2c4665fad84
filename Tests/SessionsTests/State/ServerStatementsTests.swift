import Testing

@testable import Sessions

@Suite("Statements a server holds")
struct ServerStatementsTests {
    private func evicted(_ held: inout ServerStatements) -> UInt64? { held.evictIfFull() }

    private func has(_ held: inout ServerStatements, _ serials: UInt64...) -> [Bool] { serials.map { held.touch($0) } }

    @Test("the one not used for longest makes way")
    func leastRecentlyUsed() {
        var held = ServerStatements(limit: 3)
        for serial: UInt64 in 1...3 { held.insert(serial) }
        let first = has(&held, 1)
        #expect(first == [true])
        let second = evicted(&held)
        #expect(second == 2)
        held.insert(4)
        let third = evicted(&held)
        #expect(third == 3)
        let left = has(&held, 2, 1, 4)
        #expect(left == [false, true, true] && held.count == 2)
        let none = evicted(&held)
        #expect(none == nil)
    }

    @Test("removing and forgetting")
    func removes() {
        var held = ServerStatements(limit: 2)
        held.insert(1)
        held.insert(1)
        held.insert(2)
        held.remove(1)
        held.remove(7)
        let none = evicted(&held)
        #expect(held.count == 1 && none == nil)
        held.removeAll()
        let left = has(&held, 2)
        #expect(held.count == 0 && left == [false])
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
                let isHeld = held.touch(serial)
                #expect(isHeld == was)
                if was { model = model.filter { $0 != serial } + [serial] }
            case 1:
                held.remove(serial)
                model.removeAll { $0 == serial }
            default:
                if model.count >= 8 {
                    let oldest = model.removeFirst()
                    let evicted = evicted(&held)
                    #expect(evicted == oldest)
                }
                held.insert(serial)
                model = model.filter { $0 != serial } + [serial]
            }
            #expect(held.count == model.count)
        }
    }
}
