import ByteKit
import Testing

@testable import SQLText

@Suite struct MySQLKillTests {
    private func kill(_ text: String) -> KillStatement? { facts(text, .mysql).statements.first?.kill }

    @Test func targets() {
        let cases: [(String, KillStatement.Target, query: Bool, soft: Bool)] = [
            ("KILL 5", .connection(5, range: 5..<6), false, false),
            ("kill connection 12 ;", .connection(12, range: 16..<18), false, false),
            ("KILL QUERY 5", .connection(5, range: 11..<12), true, false),
            ("KILL /*QUERY*/ 1", .connection(1, range: 15..<16), false, false),
            ("KILL HARD QUERY 5", .connection(5, range: 16..<17), true, false),
            ("KILL SOFT CONNECTION 5", .connection(5, range: 21..<22), false, true),
            ("KILL QUERY ID 77", .query(77, range: 14..<16), true, false),
            ("KILL SOFT QUERY ID 77", .query(77, range: 19..<21), true, true),
            ("KILL '18446744073709551615'", .connection(.max, range: 5..<27), false, false),
            ("KILL USER bob", .user("bob", host: nil), false, false),
            ("KILL QUERY USER 'bob'@'10.%'", .user("bob", host: "10.%"), true, false),
            ("KILL CONNECTION USER `Bob`@localhost", .user("Bob", host: "localhost"), false, false),
            ("KILL CONNECTION_ID()", .own(range: 5..<20), false, false),
            ("KILL QUERY connection_id ( )", .own(range: 11..<28), true, false),
            ("KILL 18446744073709551616", .untold, false, false), ("KILL 5 + 1", .untold, false, false),
            ("KILL ?", .untold, false, false), ("KILL @a", .untold, false, false), ("KILL -5", .untold, false, false),
            ("KILL (SELECT 5)", .untold, false, false), ("KILL x'05'", .untold, false, false),
            ("KILL 5.0", .untold, false, false), ("KILL", .untold, false, false),
            ("KILL QUERY", .untold, false, false), ("KILL USER CURRENT_USER()", .untold, false, false),
            ("KILL USER 'a\\'b'", .untold, false, false),
        ]
        for (text, target, query, soft) in cases {
            let found = kill(text)
            #expect(found?.target == target, "\(text)")
            #expect(found?.isQueryOnly == query && found?.isSoft == soft, "\(text)")
            #expect(with(text) { KillStatement(parsing: $0) } == found, "\(text)")
        }
        #expect(with("KILL 5; KILL 6") { KillStatement(parsing: $0) } == nil)
        #expect(kill("SELECT 5") == nil && with("SELECT KILL") { KillStatement(parsing: $0) } == nil)
    }

    /// Two texts of one shape are two ids, and the second statement's id lies behind the first.
    @Test func idsAreNotShared() {
        let cache = StatementCache(dialect: .mysql)
        func targets(_ text: String) -> [KillStatement.Target?] {
            with(text) { cache.entry(text: $0, types: RawSpan()).facts.statements.map { $0.kill?.target } }
        }
        #expect(targets("KILL 5") == [.connection(5, range: 5..<6)])
        #expect(targets("KILL 678") == [.connection(678, range: 5..<8)])
        #expect(targets("DO 1; KILL 9") == [nil, .connection(9, range: 11..<12)])
    }

    @Test func rewriting() {
        func rewritten(_ text: String) -> String? {
            with(text) { KillStatement(parsing: $0)?.replacing(id: 4711, in: $0) }
                .map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(rewritten("KILL QUERY 5 -- x") == "KILL QUERY 4711 -- x")
        #expect(rewritten("KILL '5'") == "KILL 4711")
        #expect(rewritten("KILL CONNECTION_ID();") == "KILL 4711;")
        #expect(rewritten("KILL USER bob") == nil)
        #expect(rewritten("KILL 5 + 1") == nil)
    }
}
