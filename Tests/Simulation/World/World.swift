/// Random numbers that are the same for the same seed (SplitMix64).
struct Random {
    private var state: UInt64

    init(seed: UInt64) {
        // Neighbouring seeds must not be one stream a few numbers apart.
        state = seed &* 0xD134_2543_DE82_EF95 &+ 0x1234_5678_9ABC_DEF1
        state = next() ^ seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(max(1, limit))) }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
    mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }
}

/// A clock and what happens at its times, in an order that depends on the seed alone.
final class World {
    private struct Event {
        let time: Int64
        let serial: Int
        let action: () -> Void
    }

    var random: Random
    private(set) var now: Int64 = 1_000_000
    private var heap: [Event] = []
    private var serial = 0

    init(seed: UInt64) { random = Random(seed: seed) }

    /// Does `action` after `delay` microseconds.
    func after(_ delay: Int, _ action: @escaping () -> Void) { at(now + Int64(delay), action) }

    func at(_ time: Int64, _ action: @escaping () -> Void) {
        serial += 1
        heap.append(Event(time: time, serial: serial, action: action))
        var child = heap.count - 1
        while child > 0, isBefore(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Runs until nothing is left to happen; false if that takes more than `limit` events.
    func run(limit: Int) -> Bool {
        var count = 0
        while let first = heap.first {
            count += 1
            if count > limit { return false }
            removeFirst()
            now = max(now, first.time)
            first.action()
        }
        return true
    }

    private func isBefore(_ a: Int, _ b: Int) -> Bool {
        (heap[a].time, heap[a].serial) < (heap[b].time, heap[b].serial)
    }

    private func removeFirst() {
        let last = heap.removeLast()
        if heap.isEmpty { return }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && isBefore(child, least) {
                least = child
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}

/// One direction of a connection: bytes arrive in order, late, and cut anywhere.
final class Wire {
    private let world: World
    private var lastArrival: Int64 = 0
    private var isClosed = false
    var deliver: ([UInt8]) -> Void = { _ in }

    init(_ world: World) { self.world = world }

    func send(_ bytes: [UInt8]) {
        if isClosed || bytes.isEmpty { return }
        var start = 0
        while start < bytes.count {
            let style = world.random.below(10)
            let size = style < 6 ? bytes.count : style < 9 ? 1 + world.random.below(40) : 1
            let end = min(bytes.count, start + size)
            let segment = Array(bytes[start..<end])
            start = end
            lastArrival = max(lastArrival, world.now + Int64(1 + world.random.below(200)))
            world.at(lastArrival) { [self] in if !isClosed { deliver(segment) } }
        }
    }

    /// Nothing arrives any more.
    func close() { isClosed = true }
}
