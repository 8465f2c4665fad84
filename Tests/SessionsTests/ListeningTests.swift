import Testing

@testable import Sessions

@Suite("What a client listens to")
struct ListeningTests {
    private let message: [UInt8] = [0x41, 0, 0, 0, 4]

    private func listening(to channels: String...) -> Listening {
        let listening = Listening()
        for channel in channels {
            listening.held.insert(channel)
            listening.add(.listen(channel))
        }
        listening.commit()
        return listening
    }

    @Test("LISTEN holds when its transaction commits, not before")
    func commits() {
        let listening = Listening()
        listening.held.insert("a")
        listening.add(.listen("a"))
        #expect(listening.channels.isEmpty)
        listening.commit()
        #expect(listening.channels == ["a"])
        #expect(listening.takeReleased().isEmpty)
    }

    @Test("what rolls back was never done, and the hub need not hear it")
    func rollsBack() {
        let listening = listening(to: "kept")
        listening.held.insert("gone")
        listening.add(.listen("gone"))
        listening.add(.unlisten("kept"))
        listening.rollBack()
        listening.commit()
        #expect(listening.channels == ["kept"])
        #expect(listening.takeReleased() == ["gone"])
        #expect(listening.held == ["kept"])
    }

    @Test("ROLLBACK TO takes back what came after the savepoint")
    func savepoints() {
        let listening = Listening()
        listening.add(.listen("before"))
        let mark = listening.mark
        listening.add(.listen("after"))
        listening.rollBack(to: mark)
        listening.add(.listen("later"))
        listening.commit()
        #expect(listening.channels == ["before", "later"])
    }

    @Test("what was heard and not delivered when UNLISTEN commits is not delivered")
    func unlistenDropsWhatWaits() {
        func notification(_ channel: String) -> [UInt8] {
            let body = [0, 0, 0, 1] + Array(channel.utf8) + [0, 0]
            return [0x41, 0, 0, 0, UInt8(body.count + 4)] + body
        }
        let listening = listening(to: "a", "b")
        for channel in ["a", "b", "a"] { #expect(listening.take(channel, notification(channel), mayBeEarly: false)) }
        listening.add(.unlisten("a"))
        listening.commit()
        #expect(listening.takeQueue() == notification("b"))
    }

    @Test("UNLISTEN * undoes what came before it in the same transaction")
    func unlistenAll() {
        let listening = listening(to: "a", "b")
        listening.add(.unlistenAll)
        listening.add(.listen("b"))
        listening.commit()
        #expect(listening.channels == ["b"])
        #expect(listening.takeReleased() == ["a"])
    }

    @Test("a notification that comes while LISTEN is on its way is the client's if it commits")
    func early() {
        let listening = Listening()
        listening.held.insert("a")
        #expect(listening.take("a", message, mayBeEarly: true))
        #expect(listening.takeQueue().isEmpty)
        listening.add(.listen("a"))
        listening.commit()
        #expect(listening.takeQueue() == message)
    }

    @Test("one that came before LISTEN was sent is not")
    func tooEarly() {
        let listening = Listening()
        listening.held.insert("a")
        #expect(listening.take("a", message, mayBeEarly: false))
        #expect(listening.take("a", message, mayBeEarly: true))
        listening.forgetEarly()
        listening.add(.listen("a"))
        listening.commit()
        #expect(listening.takeQueue().isEmpty)
    }

    @Test("channels that are not the client's are ignored, and a full queue says so")
    func bounds() {
        let listening = listening(to: "a")
        #expect(listening.take("other", message, mayBeEarly: true))
        let large = [UInt8](repeating: 0x41, count: Listening.longestQueue)
        #expect(listening.take("a", large, mayBeEarly: false))
        #expect(!listening.take("a", message, mayBeEarly: false))
        #expect(listening.takeQueue().count == large.count)
    }

    @Test(
        "names are cut as PostgreSQL cuts them",
        arguments: [
            ("short", "short"),
            (String(repeating: "n", count: 70), String(repeating: "n", count: 63)),
            (String(repeating: "é", count: 40), String(repeating: "é", count: 31)),
        ])
    func names(given: String, known: String) {
        #expect(ChannelName.canonical(given) == known)
    }
}
