import Synchronization
import Telemetry
import Testing

@testable import EventLoop

/// A name server made of a closure that counts its questions.
private final class Names: Sendable {
    private let questions = Guarded<[String: Int]>([:])
    private let isDown = Atomic(false)

    func asked(_ host: String) -> Int { questions.withLock { $0[host] ?? 0 } }
    func set(down: Bool) { isDown.store(down, ordering: .relaxed) }

    func look(_ host: String) -> Result<[PeerAddress], ResolveError> {
        let count = questions.withLock { questions in
            questions[host, default: 0] += 1
            return questions[host, default: 0]
        }
        if isDown.load(ordering: .relaxed) {
            return .failure(ResolveError(host: host, reason: "no answer", isTemporary: true))
        }
        if host == "unknown" { return .failure(ResolveError(host: host, reason: "no such name", isTemporary: false)) }
        return .success([PeerAddress(v4: 0x0a00_0000 + UInt32(count), port: 0)])
    }
}

@Suite struct ResolverTests {
    private func ask(_ resolver: Resolver, _ host: String, port: UInt16 = 5432) throws -> Resolver.Answer {
        let loop = try newLoop()
        var answer: Resolver.Answer?
        let mailbox = Mailbox<Resolver.Answer>(loop: loop) { answer = $0 }
        resolver.resolve(host: host, port: port) { mailbox.post($0) }
        #expect(turn(loop) { answer != nil })
        mailbox.close()
        return try #require(answer)
    }

    @Test func numericHostsAndPathsNeedNoThread() throws {
        let names = Names()
        let resolver = Resolver(timeToLive: 1, maximumThreads: 1, look: names.look)
        let v4 = try #require(PeerAddress(numeric: "10.0.0.1", port: 1))
        #expect(resolver.immediate(host: "10.0.0.1", port: 1) == .success([.ip(v4)]))
        #expect(resolver.immediate(host: "/run/s.5432", port: 1) == .success([.unix("/run/s.5432")]))
        #expect(resolver.immediate(host: "db", port: 1) == nil)
    }

    @Test func answersAreKeptForTheirTime() throws {
        let names = Names()
        let resolver = Resolver(timeToLive: 60_000_000, maximumThreads: 2, look: names.look)
        let first = PeerAddress(v4: 0x0a00_0001, port: 5432)
        #expect(try ask(resolver, "db") == .success([.ip(first)]))
        #expect(try ask(resolver, "db") == .success([.ip(first)]))
        // The port is the asker's, not the cache's.
        #expect(resolver.immediate(host: "db", port: 1) == .success([.ip(first.with(port: 1))]))
        #expect(names.asked("db") == 1)
        resolver.flush()
        #expect(try ask(resolver, "db") == .success([.ip(PeerAddress(v4: 0x0a00_0002, port: 5432))]))
    }

    @Test func staleAnswersOutliveTheNameServer() throws {
        let names = Names()
        let resolver = Resolver(timeToLive: 0, maximumThreads: 2, look: names.look)
        let first = try ask(resolver, "db")
        names.set(down: true)
        #expect(try ask(resolver, "db") == first)
        #expect(names.asked("db") == 2)
        guard case .failure(let error) = try ask(resolver, "other") else {
            Issue.record("nothing known about it")
            return
        }
        #expect(error.isTemporary && error.description == "cannot resolve other: no answer")
    }

    @Test func timesToLiveAreThoseSetLast() throws {
        let names = Names()
        let resolver = Resolver(timeToLive: 0, maximumThreads: 2, look: names.look)
        resolver.setTimesToLive(answer: 60_000_000, failure: 0)
        _ = try ask(resolver, "db")
        _ = try ask(resolver, "db")
        #expect(names.asked("db") == 1)
        _ = try ask(resolver, "unknown")
        _ = try ask(resolver, "unknown")
        #expect(names.asked("unknown") == 2)
        resolver.setTimesToLive(answer: 0, failure: 60_000_000)
        _ = try ask(resolver, "unknown")
        _ = try ask(resolver, "unknown")
        #expect(names.asked("unknown") == 3)
    }

    @Test func changesAreToldOfNamesThatHadAddresses() throws {
        let names = Names()
        let resolver = Resolver(timeToLive: 0, maximumThreads: 2, look: names.look)
        let told = Guarded<[String]>([])
        resolver.onChange { host, addresses in told.withLock { $0.append("\(host) \(addresses.sorted())") } }
        resolver.refresh("db")  // nobody has asked for it
        _ = try ask(resolver, "db")
        #expect(told.withLock { $0 } == [])
        names.set(down: true)
        _ = try ask(resolver, "db")
        #expect(told.withLock { $0 } == [], "the old address is believed on")
        names.set(down: false)
        _ = try ask(resolver, "db")
        #expect(told.withLock { $0 } == ["db [\"10.0.0.3\"]"])
    }

    @Test func knownNamesAreShown() throws {
        let names = Names()
        let resolver = Resolver(timeToLive: 60_000_000, maximumThreads: 2, look: names.look)
        _ = try ask(resolver, "db")
        _ = try ask(resolver, "unknown")
        let known = resolver.known
        #expect(known.map(\.host) == ["db", "unknown"])
        #expect(known.map(\.addresses) == [["10.0.0.1"], []])
        #expect(known.allSatisfy { $0.timeToLive > 0 && !$0.isBeingAsked })
    }

    @Test func manyQuestionsAtOnceAreAllAnswered() throws {
        let names = Names()
        let resolver = Resolver(timeToLive: 60_000_000, maximumThreads: 3, look: names.look)
        let loop = try newLoop()
        var answers = 0
        var failures = 0
        let mailbox = Mailbox<Resolver.Answer>(loop: loop) {
            answers += 1
            if case .failure = $0 { failures += 1 }
        }
        for number in 0..<200 {
            resolver.resolve(host: number % 10 == 0 ? "unknown" : "db\(number % 20)", port: 1) { mailbox.post($0) }
        }
        #expect(turn(loop) { answers == 200 })
        #expect(failures == 20)
        mailbox.close()
        #expect(names.asked("db1") == 1)
    }

    @Test func theSystemKnowsLocalhost() throws {
        let addresses = try ask(Resolver(), "localhost", port: 77).get()
        let isLoopback = addresses.allSatisfy { ["127.0.0.1:77", "[::1]:77"].contains($0.description) }
        #expect(!addresses.isEmpty && isLoopback)
        guard case .failure(let error) = try ask(Resolver(), "no.such.host.invalid") else {
            Issue.record("the name does not exist")
            return
        }
        #expect(error.host == "no.such.host.invalid")
    }
}
