import ByteKit
import Credentials
import Testing

@testable import AuditTrail

@Suite("Audit lines") struct EncoderTests {
    @Test("a statement, byte for byte")
    func statement() throws {
        let desk = try Desk()
        desk.producer.defineSamples()
        desk.producer.record(AuditStatement.sample(0x12f))
        let line = try #require(desk.drain().first)
        let (head, tail) = try #require(line.cut(at: #","id":""#, last: true))
        #expect(
            head
                == #"{"@timestamp":"2025-11-20T20:41:00.123456789Z","user":{"name":"billing_rw"},"#
                + #""service":{"name":"billing"},"source":{"ip":"10.2.3.4","port":51544,"bytes":45},"#
                + #""destination":{"bytes":120},"server":{"address":"pg-a","port":5432},"#
                + #""db":{"system":{"name":"postgresql"},"namespace":"shop","operation":{"name":"UPDATE"},"#
                + #""query":{"summary":"UPDATE invoices","text":"UPDATE invoices SET paid = $1 WHERE id = $2"},"#
                + #""response":{"status_code":"00000"}},"headgate":{"schema_version":"1.0","#
                + #""stream":{"id":"px-1/0001"},"boot_id":"b007","client":{"application_name":"invoices"},"#
                + #""session":{"id":"01JD","client_conn_id":17,"server_pid":41221},"#
                + #""statement":{"id":"000000000000012f","class":"WRITE","fingerprint":"8c1e55aa90b1f3d2","#
                + #""length":61,"protocol":"extended"},"#
                + #""objects":[{"type":"table","schema":"public","name":"invoices","access":"write"}],"#
                + #""rows_affected":1,"route":{"wait":400},"#
                + #""chain":{"prev":"sha256:"# + String(repeating: "0", count: 64) + #""}},"#
                + #""event":{"kind":"event","action":"statement","category":["database"],"type":["change"],"#
                + #""outcome":"success","severity":2,"duration":1834112,"dataset":"headgate.audit""#)
        #expect(tail.hasPrefix("019aa"))
        #expect(tail.contains(#","sequence":1,"hash":"sha256:"#))
        #expect(tail.hasSuffix(#""}}"#))
    }

    @Test("parameters")
    func parameters() throws {
        let desk = try Desk()
        desk.producer.defineSamples()
        let parameters = AuditParameters.render([
            [AuditField("i", .number(1)), AuditField("null", .flag(true))],
            [AuditField("i", .number(2)), AuditField("value", .bytes([0xFF]))],
        ])
        _ = parameters.withSpan { parameters in
            [].withSpan { desk.producer.record(.sample(1), error: $0, parameters: parameters) }
        }
        let line = try #require(desk.drain().first)
        #expect(line.contains(#""parameters":[{"i":1,"null":true},{"i":2,"value_b64":"/w=="}]"#))
    }

    @Test("the hash is that of the label, the hash before and the line up to itself")
    func hash() throws {
        let desk = try Desk()
        desk.producer.defineSamples()
        for id in UInt64(1)...3 { desk.producer.record(AuditStatement.sample(id)) }
        var previous = ChainHash()
        for line in desk.drain() {
            let (head, tail) = try #require(line.cut(at: #","hash":"sha256:"#, last: true))
            #expect(head.contains(#""prev":"sha256:\#(previous.hexadecimal)""#))
            let whole = Array("headgate.audit.v1".utf8) + previous.bytes + Array(head.utf8)
            previous = whole.withSpan { ChainHash(of: $0) }
            #expect(tail == previous.hexadecimal + #""}}"#)
        }
        #expect(desk.state == ChainState(sequence: 3, hash: previous))
    }

    @Test("what came from outside is escaped, and kept whole where it is no UTF-8")
    func hostile() throws {
        let desk = try Desk()
        var session = AuditSession.sample
        session.user = "a\"b\\c\nd\u{0}"
        desk.producer.define(session: 0, session)
        var shape = AuditShape.sample
        shape.text = [0x53, 0xFF, 0x22]
        desk.producer.define(shape: 0, shape)
        desk.producer.record(AuditStatement.sample(), error: "bad \"thing\"\n")
        let line = try #require(desk.drain().first)
        #expect(line.contains(#""user":{"name":"a\"b\\c\nd\u0000"}"#))
        #expect(line.contains(#""text_b64":"U/8i""#))
        #expect(line.contains(#""error":{"message":"bad \"thing\"\n"}"#))
    }

    @Test("an event's paths become objects, and never stand beside the session's own")
    func event() throws {
        let desk = try Desk()
        desk.producer.defineSamples()
        var event = AuditEvent(
            .authFailure, session: 0,
            [
                AuditField("headgate.auth.method", .text("md5")), AuditField("user.target.name", .text("bob")),
                AuditField("headgate.x.y", .number(-1)), AuditField("error.message", .text("no")),
                AuditField("headgate.x.z", .list([.flag(true), .object([AuditField("a.b", .unsigned(1))])])),
            ])
        event.outcome = .failure
        event.reason = .badPassword
        _ = desk.producer.record(event)
        let line = try #require(desk.drain().first)
        #expect(line.contains(#""headgate":{"schema_version":"1.0","stream":{"id":"px-1/0001"},"boot_id":"b007","#))
        #expect(line.contains(#""error":{"message":"no"}"#))
        #expect(line.contains(#""x":{"y":-1,"z":[true,{"a":{"b":1}}]}"#))
        #expect(line.contains(#""detail":{"user":{"target":{"name":"bob"}},"auth":{"method":"md5"}}"#))
        #expect(line.contains(#""action":"auth.failure""#))
        #expect(line.contains(#""outcome":"failure","severity":5,"reason":"bad_password""#))
    }

    @Test("chained again, a batch is the same records behind another state")
    func again() throws {
        let desk = try Desk()
        desk.producer.defineSamples()
        for id in UInt64(1)...12 { desk.producer.record(AuditStatement.sample(id)) }
        var batch = Batch()
        var encoder = desk.encoder
        var state = ChainState()
        _ = unsafe desk.ring.take { head, payload in
            _ = unsafe encoder.encode(head, payload, desk.tables, now: 1, into: &batch, &state)
            return true
        }
        let before = batch.lines.array()
        var elsewhere = ChainState(sequence: 998, hash: ChainHash())
        let kept = batch.takeAll()
        batch.append(kept, &elsewhere)
        #expect(elsewhere.sequence == 1010)
        #expect(Lines.split(batch.lines.array()).count == 12)
        var back = ChainState()
        let again = batch.takeAll()
        batch.append(again, &back)
        #expect(batch.lines.array() == before)
        #expect(back == state)
    }

    @Test(
        "times",
        arguments: [(0, "1970-01-01T00:00:00.000000000Z"), (951_782_400_000_000_001, "2000-02-29T00:00:00.000000001Z")])
    func time(nanoseconds: UInt64, text: String) {
        var line = LineBuffer()
        var clock = TimeText()
        clock.append(nanoseconds, to: &line)
        #expect(String(decoding: line.array(), as: UTF8.self) == text)
    }

    @Test("names of kinds, reasons and paths are all different")
    func names() {
        #expect(Set(AuditEventKind.allCases.map { "\($0.name)" }).count == AuditEventKind.allCases.count)
        #expect(Set(AuditReason.allCases.map { "\($0.name)" }).count == AuditReason.allCases.count)
        #expect(Set(ProtocolPath.allCases.map { "\($0.name)" }).count == ProtocolPath.allCases.count)
    }
}

extension String {
    /// What stands before and behind a mark.
    func cut(at mark: String, last: Bool) -> (String, String)? {
        let whole = Array(utf8)
        let sign = Array(mark.utf8)
        let places = whole.indices.filter {
            $0 + sign.count <= whole.count && Array(whole[$0..<$0 + sign.count]) == sign
        }
        guard let place = last ? places.last : places.first else { return nil }
        return (
            String(decoding: whole[..<place], as: UTF8.self),
            String(decoding: whole[(place + sign.count)...], as: UTF8.self)
        )
    }
}
