import EventLoop
import Testing

/// What the wheel should do, written so plainly that it cannot be wrong.
private struct NaiveWheel {
    let tick: Int64
    var cursor: Int64
    var armed: [UInt32: Int64] = [:]

    mutating func add(_ deadline: Int64, _ token: UInt32) {
        let own = deadline % tick > 0 ? deadline / tick + 1 : deadline / tick
        armed[token] = max(own, cursor + 1)
    }

    mutating func advance(_ now: Int64) -> Set<UInt32> {
        cursor = max(cursor, now / tick)
        let due = Set(armed.filter { $0.value <= cursor }.keys)
        for token in due { armed[token] = nil }
        return due
    }
}

@Suite struct TimerWheelTests {
    @Test(arguments: [UInt64(1), 2, 3, 4, 5, 6, 7, 8])
    func agreesWithTheNaiveModel(seed: UInt64) {
        var random = SplitMix(state: seed)
        let tick: Int64 = [1, 10, 25_000][Int(seed % 3)]
        var now: Int64 = Int64(seed) * 1_000_003
        var wheel = TimerWheel(now: now, tick: tick)
        var naive = NaiveWheel(tick: tick, cursor: now / tick)
        var handles: [UInt32: Int32] = [:]
        var dead: [Int32] = []
        var token: UInt32 = 0
        for _ in 0..<20_000 {
            // Mostly near, sometimes rotations away, sometimes past.
            let reach = tick * [3, 100, 1023, 1024, 1025, 5000][Int(random.next() % 6)]
            let deadline = now + Int64(random.next() % UInt64(reach * 2)) - reach / 4
            switch random.next() % 8 {
            case 0...3:
                token += 1
                handles[token] = wheel.add(deadline: deadline, token: token)
                naive.add(deadline, token)
            case 4:
                guard let (victim, handle) = handles.randomElement(using: &random) else { continue }
                #expect(wheel.cancel(handle) == true)
                naive.armed[victim] = nil
                handles[victim] = nil
                dead.append(handle)
            case 5:
                guard let (moved, handle) = handles.randomElement(using: &random) else { continue }
                #expect(wheel.reschedule(handle, deadline: deadline) == true)
                naive.add(deadline, moved)
            default:
                now += Int64(random.next() % UInt64(tick * [1, 2, 40, 3000][Int(random.next() % 4)]))
                var fired: Set<UInt32> = []
                wheel.advance(to: now) { fired.insert($0) }
                #expect(fired == naive.advance(now))
                for token in fired {
                    if let handle = handles.removeValue(forKey: token) { dead.append(handle) }
                }
            }
            #expect(wheel.count == handles.count)
            // A handle that is over stays over, until its slot was reused 512 times.
            if let stale = dead.suffix(32).randomElement(using: &random) { #expect(wheel.cancel(stale) == false) }
        }
    }

    @Test func neverEarlyAndAtMostATickLate() {
        for deadline in stride(from: Int64(1), to: 2_000, by: 7) {
            var wheel = TimerWheel(now: 0, tick: 100)
            _ = wheel.add(deadline: deadline, token: 1)
            var firedAt: Int64?
            for now in 0...3_000 where firedAt == nil {
                wheel.advance(to: Int64(now)) { _ in firedAt = Int64(now) }
            }
            #expect((firedAt ?? 0) >= deadline)
            #expect((firedAt ?? .max) < deadline + 100)
        }
    }

    @Test func mayBeChangedBetweenPops() {
        var wheel = TimerWheel(now: 0, tick: 10)
        let handles = (1...3).map { wheel.add(deadline: 15, token: $0) }
        wheel.advance(to: 20)
        let first = wheel.popDue()
        #expect(first != nil)
        // One that is due but not popped can still be moved or cancelled.
        let others = (1...3).filter { UInt32($0) != first }
        #expect(wheel.cancel(handles[others[0] - 1]) == true)
        #expect(wheel.reschedule(handles[others[1] - 1], deadline: 100) == true)
        let rearmed = wheel.add(deadline: 30, token: 9)
        #expect(wheel.popDue() == nil)
        wheel.advance(to: 30)
        #expect(wheel.popDue() == 9)
        #expect(wheel.cancel(rearmed) == false)
        wheel.advance(to: 100)
        #expect(wheel.popDue() == UInt32(others[1]))
        #expect(wheel.isEmpty)
    }

    @Test func olderDeadlinesComeFirst() {
        var wheel = TimerWheel(now: 0, tick: 10)
        for token in (1...50).reversed() { _ = wheel.add(deadline: Int64(token) * 10, token: UInt32(token)) }
        var order: [UInt32] = []
        wheel.advance(to: 1_000) { order.append($0) }
        #expect(order == Array(1...50))
    }

    @Test func forgedHandlesAreIgnored() {
        var wheel = TimerWheel(now: 0)
        _ = wheel.add(deadline: 1, token: 1)
        for handle: Int32 in [-1, .min, .max, 1, 1 << 22] {
            #expect(wheel.cancel(handle) == false)
            #expect(wheel.reschedule(handle, deadline: 5) == false)
        }
        #expect(wheel.count == 1)
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
