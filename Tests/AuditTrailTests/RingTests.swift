import Settings
import Synchronization
import Testing

@testable import AuditTrail

@Suite("Audit ring") struct RingTests {
    @Test("records come out in order and whole, over many turns of the block")
    func order() throws {
        let desk = try Desk(capacity: 4096)
        desk.producer.defineSamples()
        _ = desk.drain()
        var seen: [String] = []
        for id in UInt64(1)...200 {
            let ticket = desk.producer.record(AuditStatement.sample(id))
            #expect(ticket != nil)
            if id % 3 == 0 { seen += desk.drain() }
        }
        seen += desk.drain()
        #expect(seen.count == 200)
        for (index, line) in seen.enumerated() {
            let id = String(UInt64(index + 1), radix: 16)
            #expect(line.contains("\"id\":\"" + String(repeating: "0", count: 16 - id.count) + id + "\""))
        }
    }

    @Test("tickets rise, and a full ring loses and counts")
    func full() throws {
        let desk = try Desk(capacity: 4096)
        desk.producer.defineSamples()
        var last = AuditTicket(position: 0)
        var kept = 0
        while let ticket = desk.producer.record(AuditStatement.sample()) {
            #expect(ticket > last)
            last = ticket
            kept += 1
        }
        #expect(kept > 5)
        #expect(desk.producer.record(AuditStatement.sample()) == nil)
        let lost = desk.ring.lost.take()
        #expect(lost[Int(StatementClass.write.rawValue)] == 2)
        let since = desk.ring.lostSince.load(ordering: .relaxed)
        #expect(since > 0)
        #expect(desk.drain().count == kept)
        #expect(desk.producer.record(AuditStatement.sample()) != nil)
    }

    @Test("relaxed records leave the last quarter to others")
    func relaxed() throws {
        let desk = try Desk(capacity: 4096)
        desk.producer.defineSamples()
        while desk.producer.record(AuditStatement.sample(mode: .relaxed)) != nil {}
        #expect(!desk.producer.hasRoom)
        let wantsRoom = desk.ring.wantsRoom.load(ordering: .relaxed)
        #expect(wantsRoom)
        #expect(desk.producer.record(AuditStatement.sample(mode: .buffered)) != nil)
    }

    @Test("a definition that would never fit is cut, and holds nothing up")
    func hugeDefinition() throws {
        let desk = try Desk(capacity: 1 << 16)
        desk.producer.defineSamples()
        var shape = AuditShape.sample
        shape.text = [UInt8](repeating: 1, count: 1 << 16)
        desk.producer.define(shape: 0, shape)
        var session = AuditSession.sample
        session.user = String(repeating: "u", count: 1 << 16)
        desk.producer.define(session: 0, session)
        #expect(desk.producer.record(AuditStatement.sample(1)) != nil)
        let line = try #require(desk.drain().first)
        #expect(line.contains(#""truncated":true,"sha256":""#))
        #expect(line.contains(#""user":{"name":"uuuu"#))
    }

    @Test("a definition that found no room goes in before any record behind it")
    func waitingDefinition() throws {
        let desk = try Desk(capacity: 4096)
        desk.producer.defineSamples()
        while desk.producer.record(AuditStatement.sample()) != nil {}
        var other = AuditSession.sample
        other.user = "somebody_else"
        desk.producer.define(session: 0, other)
        #expect(desk.producer.record(AuditStatement.sample()) == nil)
        #expect(desk.drain().allSatisfy { $0.contains("billing_rw") })
        #expect(desk.producer.record(AuditStatement.sample()) != nil)
        #expect(desk.drain().allSatisfy { $0.contains("somebody_else") })
    }
}
