import ByteKit
import Testing

@testable import MySQLWire

/// What of a server's changes a client is told.
@Suite struct SessionTrackingTests {
    /// Changes as MySQL writes them: type, length, what it is.
    private static func block(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
        payload { out in
            out.u8(type)
            out.lengthEncoded(body)
        }
    }

    private static func text(_ text: String) -> [UInt8] { payload { $0.lengthEncoded(text) } }

    private static func variable(_ name: String, _ value: String) -> [UInt8] { block(0, text(name) + text(value)) }

    private static let schema = block(1, text("app"))
    private static let gtids = block(3, [0] + text(String(repeating: "g", count: 300)))
    /// What servers tell only those who have asked.
    private static let asked = gtids + block(4, text("START TRANSACTION;")) + block(5, text("T_______"))
    private static let changes =
        variable("autocommit", "OFF") + variable("sql_mode", "ANSI") + variable("redirect_url", "mariadb://x") + schema
        + block(2, [0x31]) + asked + block(77, [1, 2])

    private func told(_ tracking: SessionTracking, _ state: [UInt8] = changes) -> [UInt8] {
        let written = state.withSpan { span in payload { tracking.write(span, to: &$0) } }
        #expect(state.withSpan { tracking.length(of: $0) } == written.count)
        return written
    }

    private func tracking(_ settings: (String, String)...) -> SessionTracking {
        var tracking = SessionTracking()
        for (name, value) in settings {
            #expect(ascii(name).withSpan { name in ascii(value).withSpan { tracking.set(name, $0) } })
        }
        return tracking
    }

    @Test func asInstalled() {
        #expect(told(SessionTracking()) == Self.variable("autocommit", "OFF") + Self.schema + Self.asked)
    }

    @Test func asAskedFor() {
        let all = tracking(
            ("session_track_system_variables", "*"), ("SESSION_TRACK_STATE_CHANGE", "on"),
            ("session_track_transaction_info", "CHARACTERISTICS"))
        let redirect = Self.variable("redirect_url", "mariadb://x")
        var expected = Self.changes
        if let at = expected.firstRange(of: redirect) { expected.removeSubrange(at) }
        #expect(told(all) == Array(expected.dropLast(4)))
        #expect(
            told(
                tracking(
                    ("session_track_system_variables", " SQL_mode , redirect_url"), ("session_track_schema", "OFF")))
                == Self.variable("sql_mode", "ANSI") + Self.asked)
        #expect(told(tracking(("session_track_system_variables", ""))) == Self.schema + Self.asked)
        let state = tracking(("session_track_transaction_info", "STATE"), ("session_track_schema", "0"))
        #expect(told(state) == Self.variable("autocommit", "OFF") + Self.asked)
        var other = SessionTracking()
        #expect(!ascii("sql_mode").withSpan { name in ascii("x").withSpan { other.set(name, $0) } })
        #expect(other == SessionTracking())
    }

    /// MariaDB puts several variables into one block; each gets its own.
    @Test func severalInOneBlock() {
        let together = Self.block(
            0,
            ["autocommit", "ON", "time_zone", "SYSTEM", "redirect_url", ""].flatMap { Self.text($0) })
        #expect(
            told(SessionTracking(), together)
                == Self.variable("autocommit", "ON") + Self.variable("time_zone", "SYSTEM"))
    }

    @Test func packetsAreWrittenAnew() throws {
        let capabilities: MySQLCapabilities = [.protocol41, .sessionTrack]
        func packet(_ state: [UInt8], _ status: MySQLStatus = [.autocommit, .sessionStateChanged]) -> [UInt8] {
            let source = ascii("Rows matched: 1") + state
            let packet = OKPacket(
                affectedRows: 300, lastInsertID: 7, status: status, warnings: 2, info: 0..<15,
                sessionState: 15..<source.count)
            return source.withSpan { span in payload { packet.write(to: &$0, capabilities, source: span) } }
        }
        func rewritten(_ bytes: [UInt8], _ client: MySQLCapabilities, _ tracking: SessionTracking) throws -> [UInt8] {
            try bytes.withSpan { span in
                let packet = try OKPacket(parsing: span, capabilities)
                return payload { packet.write(to: &$0, client, source: span, telling: tracking) }
            }
        }
        let bytes = packet(Self.changes)
        #expect(
            try rewritten(bytes, capabilities, SessionTracking())
                == packet(Self.variable("autocommit", "OFF") + Self.schema + Self.asked))
        // Nothing left, nothing announced.
        let silent = tracking(("session_track_schema", "OFF"), ("session_track_system_variables", ""))
        let few = packet(Self.variable("autocommit", "OFF") + Self.schema)
        #expect(try rewritten(few, capabilities, silent) == packet([], .autocommit))
        let plain = try rewritten(bytes, .protocol41, SessionTracking())
        #expect(try plain.withSpan { try OKPacket(parsing: $0, .protocol41).status } == .autocommit)
        #expect(plain.suffix(15) == ascii("Rows matched: 1")[...])
    }

    /// What cannot be read is left out, from there on.
    @Test func hostileChanges() {
        for part in prefixes(Self.changes) { _ = told(SessionTracking(), part) }
        #expect(told(SessionTracking(), Self.schema + [1, 200, 1] + Self.schema) == Self.schema)
    }
}
