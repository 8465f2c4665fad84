import Pooling
import Settings
import Testing

/// What failed logins cost, and who goes when too many log in.
@Suite struct FrontDoorTests {
    private func address(_ number: UInt64) -> ClientSource { ClientSource(prefix: number << 32, isV6: false) }

    private func fail(_ logins: inout FailedLogins, _ source: ClientSource, at seconds: Double) -> Int64 {
        logins.failed(
            source, at: Int64(seconds * 1e6), first: .milliseconds(100), most: .seconds(3),
            random: { Int.random(in: 0..<$0) }) / 1000
    }

    @Test func eachFailureCostsTwiceTheOneBefore() {
        var logins = FailedLogins()
        let one = (0..<8).map { fail(&logins, address(1), at: Double($0) / 10) }
        #expect(one == [100, 200, 400, 800, 1_600, 3_000, 3_000, 3_000])
        #expect(fail(&logins, address(2), at: 1) == 100)
        #expect(fail(&logins, .unix, at: 1) == 100)
        #expect(logins.records(at: 1_000_000).map(\.record.total) == [8, 1, 1])
    }

    @Test func failuresAreForgotten() {
        var logins = FailedLogins()
        for _ in 0..<1_000 { _ = fail(&logins, address(1), at: 0) }
        #expect(fail(&logins, address(1), at: 10) == 3_000)
        #expect(fail(&logins, address(1), at: 30) == 1_600)
        #expect(fail(&logins, address(1), at: 1_000) == 100)
        #expect(logins.records(at: 1_011_000_000).isEmpty)
        // Clocks do not run backwards, but nothing is lost if one does.
        #expect(fail(&logins, address(1), at: -1_000_000) > 0)
    }

    @Test func noDelayAndStrangeDelays() {
        func delay(_ first: TimeSpan, _ most: TimeSpan) -> Int64 {
            var logins = FailedLogins()
            var last: Int64 = 0
            for _ in 0..<100 { last = logins.failed(.unix, at: 0, first: first, most: most, random: { _ in 0 }) }
            return last
        }
        #expect(delay(.zero, .seconds(3)) == 0)
        #expect(delay(.seconds(5), .seconds(3)) == 5_000_000)
        #expect(delay(.seconds(86_400), .seconds(86_400)) == 86_400_000_000)
        #expect(delay(.seconds(1), .zero) == 1_000_000)
    }

    @Test func theTableIsBoundedAndKeepsTheWorst() {
        var logins = FailedLogins()
        for number in 1...20 as ClosedRange<UInt64> {
            for _ in 0..<10 { _ = fail(&logins, address(number), at: 0) }
        }
        for number in 100..<60_000 as Range<UInt64> { _ = fail(&logins, address(number), at: 1) }
        #expect(logins.count == FailedLogins.capacity)
        let kept = (1...20 as ClosedRange<UInt64>).filter { fail(&logins, address($0), at: 2) == 3_000 }
        #expect(kept.count == 20)
    }

    @Test func whoCrowdsTheDoorMakesRoom() {
        var crowd = LoginCrowd()
        #expect(crowd.victim(random: { _ in 0 }) == nil)
        for slot in 0..<1_000 as Range<UInt32> { crowd.add(slot, from: address(1)) }
        for slot in 1_000..<1_010 as Range<UInt32> { crowd.add(slot, from: address(UInt64(slot))) }
        for _ in 0..<500 {
            let victim = crowd.victim(random: { Int.random(in: 0..<$0) })
            #expect(victim.map { $0 < 1_000 } == true)
            let isGone = victim.map { crowd.remove($0) }
            #expect(isGone == true)
        }
        #expect(crowd.count == 510)
    }

    @Test func whoHasFailedGoesFirst() {
        var crowd = LoginCrowd()
        for slot in 0..<10 as Range<UInt32> { crowd.add(slot, from: address(1)) }
        crowd.add(10, from: address(2))
        crowd.fail(10)
        crowd.fail(10)
        crowd.fail(99)
        #expect(crowd.failed == 1)
        var next = -1
        #expect(
            crowd.victim(random: {
                next += 1; return next % $0
            }) == 10)
        let gone = [crowd.remove(10), crowd.remove(10)]
        #expect(gone == [true, false])
        #expect(crowd.failed == 0)
        #expect(crowd.count == 10)
        for slot in 0..<10 as Range<UInt32> { _ = crowd.remove(slot) }
        #expect(crowd.count == 0)
        #expect(crowd.victim(random: { _ in 0 }) == nil)
    }
}
