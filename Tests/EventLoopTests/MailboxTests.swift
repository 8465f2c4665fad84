import EventLoop
import Telemetry
import Testing

/// Not Sendable on purpose: messages are transferred.
private final class Parcel {
    var number: Int
    init(_ number: Int) { self.number = number }
}

@Suite struct MailboxTests {
    @Test func messagesOfManyThreadsArriveOnceAndInOrder() throws {
        let loop = try newLoop()
        let posters = 4
        let each = 20_000
        var received = [[Int]](repeating: [], count: posters)
        var total = 0
        let mailbox = Mailbox<(poster: Int, number: Int)>(loop: loop) { message in
            received[message.poster].append(message.number)
            total += 1
            if total == posters * each { loop.stop() }
        }
        let threads = try (0..<posters).map { poster in
            try LoopThread.spawn(name: "poster \(poster)") {
                for number in 0..<each { mailbox.post((poster, number)) }
            }.get()
        }
        loop.run()
        for thread in threads { thread.join() }
        mailbox.close()
        for numbers in received { #expect(numbers == Array(0..<each)) }
    }

    @Test func payloadsThatAreNotSendableAreHandedOver() throws {
        let loop = try newLoop()
        var sum = 0
        let mailbox = Mailbox<Parcel>(loop: loop) { parcel in
            parcel.number += 1
            sum += parcel.number
            if parcel.number == 100 { loop.stop() }
        }
        let thread = try LoopThread.spawn(name: "poster") {
            for number in 0..<100 { mailbox.post(Parcel(number)) }
        }.get()
        loop.run()
        thread.join()
        mailbox.close()
        #expect(sum == 5050)
    }

    @Test func twoLoopsPlayPingPong() throws {
        let rounds = 2_000
        let serverBox = Guarded<Mailbox<Int>?>(nil)
        let home = try newLoop()
        var last = 0
        let replies = Mailbox<Int>(loop: home) { number in
            last = number
            if number == rounds {
                home.stop()
            } else {
                serverBox.withLock { $0 }?.post(number)
            }
        }
        let thread = try LoopThread.spawn(name: "echo") {
            guard let loop = Loop() else { return }
            let requests = Mailbox<Int>(loop: loop) { number in
                if number < 0 { return loop.stop() }
                replies.post(number + 1)
            }
            serverBox.withLock { $0 = requests }
            replies.post(0)
            loop.run()
            requests.close()
        }.get()
        home.run()
        serverBox.withLock { $0 }?.post(-1)
        thread.join()
        replies.close()
        #expect(last == rounds)
    }

    @Test func closedMailboxesRefuseAndReturnWhatWasLeft() throws {
        let loop = try newLoop()
        var seen: [Int] = []
        let mailbox = Mailbox<Int>(loop: loop) { seen.append($0) }
        #expect(mailbox.post(1))
        #expect(mailbox.post(2))
        #expect(mailbox.close() == [1, 2])
        #expect(!mailbox.post(3))
        loop.turn(blocking: false)
        #expect(seen.isEmpty)
        #expect(mailbox.close().isEmpty)
    }

    @Test func theHandlerMayPostAndClose() throws {
        let loop = try newLoop()
        let mailboxBox = Guarded<Mailbox<Int>?>(nil)
        var seen: [Int] = []
        let mailbox = Mailbox<Int>(loop: loop) { number in
            seen.append(number)
            let own = mailboxBox.withLock { $0 }
            if number < 5 { own?.post(number + 1) } else { own?.close() }
        }
        mailboxBox.withLock { $0 = mailbox }
        mailbox.post(0)
        #expect(turn(loop) { seen.count == 6 })
        #expect(seen == [0, 1, 2, 3, 4, 5])
        #expect(!mailbox.post(9))
    }

    @Test func aLoopThatGoesClosesItsMailboxes() throws {
        var loop: Loop? = try newLoop()
        let mailbox = Mailbox<Int>(loop: try #require(loop)) { _ in }
        loop = nil
        #expect(!mailbox.post(1))
    }
}
