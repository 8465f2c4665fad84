import EventLoop
import Telemetry
import Testing

@Suite struct LoopTests {
    @Test func timeIsMonotonicAndMoves() throws {
        let loop = try newLoop()
        let start = loop.nowMicros
        #expect(abs(start - Clock.monotonicMicros()) < 1_000_000)
        let timer = LoopTimer(loop: loop) {}
        timer.start(after: 20_000)
        #expect(turn(loop) { !timer.isActive })
        #expect(loop.nowMicros - start >= 19_000)
        #expect(loop.now > 1_700_000_000)
    }

    @Test func timersTickUntilStopped() throws {
        let loop = try newLoop()
        var ticks = 0
        let timer = LoopTimer(loop: loop) { ticks += 1 }
        timer.start(every: 2_000)
        #expect(turn(loop) { ticks >= 5 })
        timer.stop()
        let before = ticks
        for _ in 0..<20 { loop.turn(blocking: false) }
        #expect(ticks == before)
        #expect(!timer.isActive)
    }

    @Test func aTimerMayBeReleasedByItsAction() throws {
        let loop = try newLoop()
        var timer: LoopTimer?
        var fired = 0
        timer = LoopTimer(loop: loop) {
            fired += 1
            timer = nil
        }
        timer?.start(every: 1_000)
        #expect(turn(loop) { fired > 0 })
        for _ in 0..<10 { loop.turn(blocking: false) }
        #expect(fired == 1)
    }

    @Test func runEndsWithStopEvenIfStoppedBefore() throws {
        let loop = try newLoop()
        loop.stop()
        loop.run()
        let timer = LoopTimer(loop: loop) { loop.stop() }
        timer.start(after: 1_000)
        loop.run()
        #expect(!timer.isActive)
    }

    @Test func theTurnHandlerIsCalledOncePerTurn() throws {
        final class Handler: LoopTurnHandler {
            var calls = 0
            override func loopWillBlock() { calls += 1 }
        }
        let loop = try newLoop()
        let handler = Handler()
        loop.turnHandler = handler
        #expect(loop.turnHandler === handler)
        for _ in 0..<7 { loop.turn(blocking: false) }
        #expect(handler.calls == 7)
        loop.turnHandler = nil
        loop.turn(blocking: false)
        #expect(handler.calls == 7)
    }

    @Test func retiredObjectsLiveUntilTheTurnEnds() throws {
        final class Mortal {
            let onDeath: () -> Void
            init(_ onDeath: @escaping () -> Void) { self.onDeath = onDeath }
            deinit { onDeath() }
        }
        let loop = try newLoop()
        var deaths = 0
        // One whose end retires another: that one must not be lost or freed twice.
        loop.retire(Mortal { loop.retire(Mortal { deaths += 1 }) })
        loop.retire(Mortal { deaths += 1 })
        #expect(deaths == 0)
        loop.turn(blocking: false)
        #expect(deaths == 1)
        loop.turn(blocking: false)
        #expect(deaths == 2)
    }
}

@Suite struct IOObjectTests {
    @Test func readyTellsWhatIsReady() throws {
        let loop = try newLoop()
        let pair = try SocketPair()
        let object = Recorder()
        object.attach(fd: pair.near, loop: loop, reading: true, writing: false)
        loop.turn(blocking: false)
        #expect(object.events.isEmpty)
        sendText(pair.far, "x")
        loop.turn(blocking: true)
        #expect(object.events == [IOEvent.readable])
        object.setInterest(reading: true, writing: true)
        loop.turn(blocking: true)
        #expect(object.events.last == IOEvent.readable | IOEvent.writable)
        object.detach()
    }

    @Test func withoutInterestNothingComesAndNothingIsLost() throws {
        let loop = try newLoop()
        let pair = try SocketPair()
        let object = Recorder()
        object.attach(fd: pair.near, loop: loop, reading: true, writing: false)
        #expect(object.isReading)
        sendText(pair.far, "x")
        object.setInterest(reading: false, writing: false)
        #expect(!object.isReading && object.isAttached)
        for _ in 0..<5 { loop.turn(blocking: false) }
        #expect(object.events.isEmpty)
        object.setInterest(reading: true, writing: false)
        loop.turn(blocking: true)
        #expect(object.events == [IOEvent.readable])
        object.detach()
        #expect(!object.isAttached && object.fd == -1)
        loop.turn(blocking: false)
        #expect(object.events.count == 1)
    }

    @Test func attachedWithoutInterestItCanBeTurnedOnLater() throws {
        let loop = try newLoop()
        let pair = try SocketPair()
        let object = Recorder()
        object.attach(fd: pair.near, loop: loop, reading: false, writing: false)
        sendText(pair.far, "x")
        loop.turn(blocking: false)
        object.setInterest(reading: true, writing: false)
        loop.turn(blocking: true)
        #expect(object.events == [IOEvent.readable])
        object.detach()
    }

    @Test func anEventPendingForSomeoneDetachedIsDropped() throws {
        let loop = try newLoop()
        let (a, b) = (try SocketPair(), try SocketPair())
        let (first, second) = (Recorder(), Recorder())
        first.attach(fd: a.near, loop: loop, reading: true, writing: false)
        second.attach(fd: b.near, loop: loop, reading: true, writing: false)
        sendText(a.far, "x")
        sendText(b.far, "x")
        first.onReady = { second.detach() }
        second.onReady = { first.detach() }
        loop.turn(blocking: true)
        #expect(first.events.count + second.events.count == 1)
        for object in [first, second] {
            object.detach()
            object.onReady = {}
        }
    }

    @Test func aReusedDescriptorNumberIsWatchedAnew() throws {
        let loop = try newLoop()
        let object = Recorder()
        var numbers: Set<Int32> = []
        // Closed and opened within one turn, so that the loop never sees the number unused.
        for _ in 0..<50 {
            let pair = try SocketPair()
            numbers.insert(pair.near)
            object.attach(fd: pair.near, loop: loop, reading: true, writing: false)
            loop.turn(blocking: false)
            sendText(pair.far, "x")
            object.events = []
            #expect(turn(loop, seconds: 2) { object.events == [IOEvent.readable] })
            object.detach()
        }
        #expect(numbers.count < 50)
    }

    @Test func aDescriptorMovesBetweenLoops() throws {
        let (home, away) = (try newLoop(), try newLoop())
        let pair = try SocketPair()
        let (lender, borrower) = (Recorder(), Recorder())
        for _ in 0..<5 {
            lender.attach(fd: pair.near, loop: home, reading: true, writing: false)
            home.turn(blocking: false)
            lender.detach()
            borrower.attach(fd: pair.near, loop: away, reading: true, writing: false)
            sendText(pair.far, "x")
            away.turn(blocking: true)
            home.turn(blocking: false)
            #expect(borrower.events.count == 1 && lender.events.isEmpty)
            #expect(receiveText(pair.near) == "x")
            borrower.detach()
            borrower.events = []
        }
        lender.attach(fd: pair.near, loop: home, reading: true, writing: false)
        sendText(pair.far, "y")
        home.turn(blocking: true)
        #expect(lender.events == [IOEvent.readable])
        lender.detach()
    }

    @Test func hangUpShowsAsReadable() throws {
        let loop = try newLoop()
        let pair = try SocketPair()
        let object = Recorder()
        object.attach(fd: pair.near, loop: loop, reading: true, writing: false)
        Sockets.shutdownWrite(pair.far)
        loop.turn(blocking: true)
        #expect(object.events.first == IOEvent.readable)
        #expect(receive(pair.near) == .eof)
        object.detach()
    }
}
