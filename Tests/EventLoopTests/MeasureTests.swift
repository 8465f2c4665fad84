import EventLoop
import Glibc
import Telemetry
import Testing

/// What things cost; prints, checks nothing. `HEADGATE_MEASURE=1 swift test -c release --filter Measure`.
@Suite(.serialized, .enabled(if: unsafe getenv("HEADGATE_MEASURE") != nil)) struct MeasureTests {
    private func measure(_ what: String, count: Int, _ body: () -> Void) {
        var best = Int64.max
        for _ in 0..<5 {
            let start = Clock.monotonicMicros()
            body()
            best = min(best, Clock.monotonicMicros() - start)
        }
        print("measure: \(what): \(best * 1000 / Int64(count)) ns")
    }

    @Test func costs() throws {
        let loop = try newLoop()
        let pair = try SocketPair()
        final class Counter: IOObject {
            var calls = 0
            override func ready(_ events: Int32) { calls += 1 }
        }
        let object = Counter()
        object.attach(fd: pair.near, loop: loop, reading: true, writing: false)
        measure("empty turn", count: 10_000) { for _ in 0..<10_000 { loop.turn(blocking: false) } }
        sendText(pair.far, "x")
        measure("turn with one ready callback", count: 10_000) {
            for _ in 0..<10_000 { loop.turn(blocking: false) }
        }
        measure("interest off and on", count: 100_000) {
            for _ in 0..<100_000 {
                object.setInterest(reading: false, writing: false)
                object.setInterest(reading: true, writing: false)
            }
        }
        measure("interest unchanged", count: 1_000_000) {
            for _ in 0..<1_000_000 { object.setInterest(reading: true, writing: false) }
        }
        object.detach()
        var wheel = TimerWheel(now: 0)
        let handles = (0..<20_000).map { wheel.add(deadline: 30_000_000 + Int64($0), token: UInt32($0)) }
        measure("wheel reschedule", count: 20_000) {
            for (index, handle) in handles.enumerated() {
                wheel.reschedule(handle, deadline: 31_000_000 + Int64(index) * 100)
            }
        }
        measure("wheel add and cancel", count: 100_000) {
            for _ in 0..<100_000 { wheel.cancel(wheel.add(deadline: 5_000_000, token: 1)) }
        }
        var got = 0
        let mailbox = Mailbox<Int>(loop: loop) { got += $0 }
        measure("mailbox post and handle", count: 100_000) {
            for _ in 0..<100_000 { mailbox.post(1) }
            while got < 100_000 { loop.turn(blocking: false) }
            got = 0
        }
        mailbox.close()
        let guarded = Guarded(0)
        measure("uncontended lock", count: 1_000_000) { for _ in 0..<1_000_000 { guarded.withLock { $0 += 1 } } }
        let histogram = LatencyHistogram()
        measure("histogram record", count: 1_000_000) { for value in 0..<1_000_000 { histogram.record(Int64(value)) } }
        measure("disabled log line", count: 1_000_000) { for _ in 0..<1_000_000 { Log.debug("e", "x", ["n": got]) } }
    }
}
