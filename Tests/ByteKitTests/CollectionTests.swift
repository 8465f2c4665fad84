import Testing

@testable import ByteKit

/// The collections against the simplest thing that does the same.
@Suite struct CollectionTests {
    @Test func aRingIsAnArrayWhateverIsDoneToIt() {
        var ring = Ring<Int>()
        var model: [Int] = []
        var generator = Hash64(seed: 1)
        for step in 0..<20_000 {
            generator = Hash64(seed: generator.mix(UInt64(step), 7))
            switch generator.mix(3, UInt64(step)) % 8 {
            case 0...2:
                ring.append(step)
                model.append(step)
            case 3:
                ring.prepend(step)
                model.insert(step, at: 0)
            case 4, 5: #expect(ring.popFirst() == (model.isEmpty ? nil : model.removeFirst()))
            case 6: #expect(ring.popLast() == model.popLast())
            default:
                if model.count > 40 {
                    ring.removeAll { $0 % 3 == 0 }
                    model.removeAll { $0 % 3 == 0 }
                }
            }
            #expect(ring.count == model.count)
            #expect(ring.first == model.first)
            #expect(ring.last == model.last)
            #expect(ring[model.count / 2] == (model.isEmpty ? nil : model[model.count / 2]))
        }
    }

    @Test func aNameTableIsADictionaryWhateverIsDoneToIt() {
        var table = NameTable<Int>(hasher: Hash64(seed: 5))
        var model: [[UInt8]: Int] = [:]
        let mixer = Hash64(seed: 9)
        for step in 0..<20_000 {
            let number = mixer.mix(UInt64(step), 1)
            let name = Array("s\(number % 60)".utf8)
            switch (number >> 32) % 3 {
            case 0: #expect(table.set(name, step) == model.updateValue(step, forKey: name))
            case 1: #expect(table.remove(name) == model.removeValue(forKey: name))
            default: #expect(table.find(name) == model[name])
            }
            #expect(table.count == model.count)
        }
        table.forEach { name, value in #expect(model[name] == value) }
    }
}
