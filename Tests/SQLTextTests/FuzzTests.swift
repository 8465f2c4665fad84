import ByteKit
import Testing

@testable import SQLText

/// Texts nobody would write. Each failure names its seed.
@Suite struct FuzzTests {
    static let seeds: [UInt64] = Array(1...8)

    private let fragments: [String] = [
        "select", "insert into t", "values", "in", "(", ")", "(", ")", "[", "]", ",", ",", ";", "'", "\"", "`", "$$",
        "$a$", "$", "$1", "?", "/*", "*/", "/*!50000", "--", "#", "\n", " ", "\\", "E'", "U&'", "U&\"", "b'", "x'", "1",
        "1.5e", "0x", ".", "..", "::", ":", ":=", "@", "@@", "-", "+", "*", "/", "=", "<>", "||", "set", "local",
        "reset",
        "a", "é", "\u{0}", "null", "default", "prepare", "execute", "deallocate", "as", "explain", "analyze", "union",
        "begin", "atomic", "end", "create", "function", "temp", "table", "set_config", "pg_advisory_lock", "discard",
        "/*!", "/*M!100100", "/*!99999", "_utf8", "set statement", "for", "!=", "prepare p from", "sql_calc_found_rows",
        "all", "case", "when", "then", "with", "from", "where", "and", "declare", "with hold", "to", "savepoint", "😀",
        "uescape", "time zone", "session", "transaction", "use", "lock tables", "do", "copy", "stdin", "listen", "drop",
    ]

    private func soup(_ random: inout SplitMix) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0...30, using: &random) {
            if Int.random(in: 0..<12, using: &random) == 0 {
                bytes.append(UInt8.random(in: 0...255, using: &random))
            } else {
                bytes += Array(fragments.randomElement(using: &random)?.utf8 ?? "".utf8)
                if Bool.random(using: &random) { bytes.append(0x20) }
            }
        }
        return bytes
    }

    private static let allOptions: [LexerOptions] = [
        LexerOptions(), LexerOptions(standardConformingStrings: false), LexerOptions(dialect: .mysql),
        LexerOptions(dialect: .mysql, ansiQuotes: true), LexerOptions(dialect: .mysql, noBackslashEscapes: true),
        LexerOptions(dialect: .mysql, server: MySQLServerVersion(isMariaDB: true, number: 101_119), charset: .sjis),
        LexerOptions(dialect: .mysql, server: MySQLServerVersion(isMariaDB: false, number: 80_036), charset: .gb18030),
    ]

    @Test(arguments: seeds) func anyBytes(_ seed: UInt64) {
        var random = SplitMix(seed)
        let caches = [StatementCache(maxEntries: 64), StatementCache(maxEntries: 64, dialect: .mysql)]
        for _ in 0..<300 {
            let bytes = soup(&random)
            let text = unsafe bytes.span.bytes
            for options in Self.allOptions { check(text, options, seed) }
            for cache in caches {
                let facts = cache.entry(text: text, types: RawSpan()).facts
                for statement in facts.statements { check(statement, bytes.count, seed) }
            }
        }
    }

    /// Tokens follow one another and cover everything but blanks and comments; normal forms are stable.
    private func check(_ text: RawSpan, _ options: LexerOptions, _ seed: UInt64) {
        var lexer = Lexer(options)
        var end = 0
        while let token = lexer.next(in: text) {
            #expect(Int(token.start) >= end && token.end > token.start && Int(token.end) <= text.byteCount, "\(seed)")
            end = Int(token.end)
        }
        _ = Redactor(options).redact(text)
        let form = Fingerprint.normalized(text, options)
        let again = unsafe Fingerprint.normalized(form.span.bytes, options)
        let shown = text.string(0..<text.byteCount)
        let (first, second) = (String(decoding: form, as: UTF8.self), String(decoding: again, as: UTF8.self))
        #expect(first == second, "seed \(seed): \(shown)")
    }

    private func check(_ statement: Statement, _ count: Int, _ seed: UInt64) {
        #expect(statement.range.lowerBound >= 0 && statement.range.upperBound <= count, "\(seed)")
        #expect(!statement.range.isEmpty, "\(seed)")
        for effect in statement.effects {
            switch effect {
            case .prepare(_, let range), .execute(_, let range), .deallocate(_, let range):
                #expect(statement.range.lowerBound <= range.lowerBound, "\(seed)")
                #expect(range.upperBound <= statement.range.upperBound && !range.isEmpty, "\(seed)")
            default: break
            }
        }
    }

    @Test func randomBytes() {
        var random = SplitMix(99)
        let cache = StatementCache(maxEntries: 64)
        for _ in 0..<1000 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let text = unsafe bytes.span.bytes
            for options in Self.allOptions { check(text, options, 99) }
            _ = cache.entry(text: text, types: text)
        }
    }

    /// What would exhaust the stack of libpg_query is never given to it.
    @Test func depthDoesNotKill() {
        func times(_ count: Int, _ text: String) -> String { String(repeating: text, count: count) }
        let deep = 60_000
        let texts = [
            "SELECT 1" + times(deep, "+1"), "SELECT 1" + times(deep, " UNION SELECT 1"),
            "SELECT 1,2" + times(deep, " UNION SELECT 1,2"), "SELECT " + times(deep, "(") + "1" + times(deep, ")"),
            "SELECT * FROM a" + times(deep, " JOIN b ON x AND y"), "SELECT " + times(deep, "NOT ") + "true",
            "SELECT " + times(deep, "f(") + times(deep, ")"), "SELECT 1" + times(deep, "::int"),
            "SELECT " + times(deep, "CASE WHEN a AND b THEN ") + "1" + times(deep, " END"),
            "SELECT 1" + times(2000, " BETWEEN 1 AND NOT 1"),
            times(400, "SELECT - - - CASE WHEN a AND b THEN - - - ") + "1" + times(400, " END"),
            "SELECT " + times(3000, "- - - CASE WHEN a AND b THEN ") + "1" + times(3000, " END"),
            "SELECT a" + times(deep, " IS NULL"), "SELECT " + times(deep, "- ") + "1", times(deep, "["),
            "SELECT " + times(deep, "ARRAY[") + times(deep, "]"), times(deep, "SELECT ("), times(deep, ";"),
            "SELECT 1" + times(deep, " AND 1 OR 2"), "SELECT a" + times(deep, " COLLATE x"), times(deep, "/*"),
            times(deep, "EXPLAIN "), "WITH " + times(deep, "a AS (WITH "),
        ]
        for text in texts { #expect(facts(text).fingerprint != 0) }
        // What only is long is still parsed.
        let long = "SELECT * FROM t WHERE " + (0..<3000).map { "a = \($0)" }.joined(separator: " OR ")
        #expect(!facts(long).flags.contains(.unparsed))
        #expect(!facts("SELECT " + times(20_000, "a,") + "b").flags.contains(.unparsed))
        let join = "SELECT * FROM t" + (0..<200).map { " JOIN t\($0) ON t.id = t\($0).id" }.joined()
        #expect(!facts(join).flags.contains(.unparsed))
    }
}
