import ByteKit
import Testing

@testable import SQLText

@Suite struct MySQLReadsTests {
    private func reads(_ text: String) -> SessionReads? { facts(text, .mysql).statements.last?.reads }

    private func shown(_ text: String) -> [String] {
        (reads(text)?.list ?? []).map { read in
            "\(read.kind) " + with(text) { $0.string(read.range) }
        }
    }

    @Test func places() {
        let cases: [(String, [String])] = [
            ("SELECT LAST_INSERT_ID()", ["lastInsertID LAST_INSERT_ID()"]),
            ("INSERT INTO t VALUES (LAST_INSERT_ID(), 1)", ["lastInsertID LAST_INSERT_ID()"]),
            (
                "SELECT row_count ( ), found_rows() + 1, @@warning_count",
                ["rowCount row_count ( )", "foundRows found_rows()", "warningCount @@warning_count"]
            ),
            (
                "SELECT @@session.error_count, @@LOCAL.identity",
                ["errorCount @@session.error_count", "lastInsertID @@LOCAL.identity"]
            ),
            ("SELECT `last_insert_id`()", ["lastInsertID `last_insert_id`()"]),
            ("UPDATE t SET a = CONNECTION_ID() WHERE b = 'LAST_INSERT_ID()'", ["connectionID CONNECTION_ID()"]),
            ("SELECT 'ROW_COUNT()' /* FOUND_ROWS() */, `ROW_COUNT()` -- LAST_INSERT_ID()", []),
            ("SELECT db.last_insert_id(), @@global.error_count, last_insert_id", []),
            ("SET last_insert_id = 5, @@identity = 6", []),
            ("SET @a = LAST_INSERT_ID()", ["lastInsertID LAST_INSERT_ID()"]),
            ("SELECT @@pseudo_thread_id", ["connectionID @@pseudo_thread_id"]),
            ("SELECT 1; SELECT ROW_COUNT()", ["rowCount ROW_COUNT()"]),
        ]
        for (text, expected) in cases { #expect(shown(text) == expected, "\(text)") }
    }

    @Test func theArgumentMakesItAWrite() {
        for text in ["UPDATE t SET a = LAST_INSERT_ID(a + 1)", "SELECT LAST_INSERT_ID(5), LAST_INSERT_ID()"] {
            #expect(reads(text)?.setsLastInsertID == true, "\(text)")
            #expect(with(text) { reads(text)?.replacing(in: $0) { _ in .unsigned(1) } } == nil, "\(text)")
        }
        // What else is read can be replaced all the same.
        let mixed = "UPDATE t SET a = LAST_INSERT_ID(a), b = CONNECTION_ID()"
        #expect(replaced(mixed) == "UPDATE t SET a = LAST_INSERT_ID(a), b = (9|0)")
    }

    @Test func statementsThatAreNothingElse() {
        func columns(_ text: String) -> [String] {
            (reads(text)?.columns ?? []).map { "\($0.kind) \(String(decoding: $0.name, as: UTF8.self))" }
        }
        #expect(columns("SELECT LAST_INSERT_ID()") == ["lastInsertID LAST_INSERT_ID()"])
        #expect(columns("select last_insert_id ( ) from dual limit 1;") == ["lastInsertID last_insert_id ( )"])
        #expect(
            columns("/* x */ SELECT ROW_COUNT() AS n, @@warning_count `w c`, FOUND_ROWS() 'f'")
                == ["rowCount n", "warningCount w c", "foundRows f"])
        #expect(columns("SELECT @@identity") == ["lastInsertID @@identity"])
        for text in [
            "SELECT LAST_INSERT_ID(), 1", "SELECT LAST_INSERT_ID() + 1", "SELECT LAST_INSERT_ID() FROM t",
            "SELECT DISTINCT LAST_INSERT_ID()", "SELECT LAST_INSERT_ID() LIMIT 0", "(SELECT LAST_INSERT_ID())",
            "SELECT LAST_INSERT_ID() INTO @a", "SELECT LAST_INSERT_ID() UNION SELECT 1", "SELECT LAST_INSERT_ID(),",
            "SELECT LAST_INSERT_ID() AS", "SELECT LAST_INSERT_ID( /* x */ )", "SELECT LAST_INSERT_ID() WHERE 0",
            "DO LAST_INSERT_ID()", "SELECT LAST_INSERT_ID() LIMIT 1, 1",
        ] { #expect(columns(text) == [], "\(text)") }
    }

    private func replaced(_ text: String) -> String? {
        with(text) { span in
            reads(text)?.replacing(in: span) { kind in
                switch kind {
                case .rowCount: .signed(-1)
                case .foundRows: nil
                case .lastInsertID: .unsigned(5)
                case .warningCount, .errorCount, .connectionID: .unsigned(9)
                }
            }
        }.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func replacing() {
        let cases: [(String, String?)] = [
            ("INSERT INTO t VALUES (LAST_INSERT_ID(), 1)", "INSERT INTO t VALUES ((5|0), 1)"),
            ("SELECT LAST_INSERT_ID()", "SELECT (5|0) AS `LAST_INSERT_ID()`"),
            ("SELECT ROW_COUNT() AS n, @@identity i", "SELECT CAST(-1|0 AS SIGNED) AS n, IF(1,(5|0),NULL) i"),
            (
                "SELECT LAST_INSERT_ID() + 1, a FROM t WHERE b = ROW_COUNT()",
                "SELECT (5|0) + 1 AS `LAST_INSERT_ID() + 1`, a FROM t WHERE b = CAST(-1|0 AS SIGNED)"
            ),
            (
                "SELECT IFNULL(LAST_INSERT_ID(), `a``b`(1)) FROM DUAL",
                "SELECT IFNULL((5|0), `a``b`(1)) AS `IFNULL(LAST_INSERT_ID(), ``a````b``(1))` FROM DUAL"
            ),
            (
                "SELECT (SELECT LAST_INSERT_ID())",
                "SELECT (SELECT (5|0) AS `LAST_INSERT_ID()`) AS `(SELECT LAST_INSERT_ID())`"
            ),
            (
                "SELECT * FROM t WHERE a = LAST_INSERT_ID() ORDER BY b",
                "SELECT * FROM t WHERE a = (5|0) ORDER BY b"
            ),
            (
                "INSERT INTO t SELECT LAST_INSERT_ID() ON DUPLICATE KEY UPDATE a = LAST_INSERT_ID()",
                "INSERT INTO t SELECT (5|0) AS `LAST_INSERT_ID()` "
                    + "ON DUPLICATE KEY UPDATE a = (5|0)"
            ),
            ("SELECT LAST_INSERT_ID() x", "SELECT (5|0) x"),
            ("SELECT LAST_INSERT_ID() + 1 x", "SELECT (5|0) + 1 x"),
            // A value that is not there, a name that cannot be told, what runs later.
            ("SELECT FOUND_ROWS()", nil), ("SELECT LAST_INSERT_ID() IS NULL", nil),
            ("SELECT CASE WHEN LAST_INSERT_ID() THEN 1 END", nil), ("SELECT LAST_INSERT_ID( /* x */ )", nil),
            ("SELECT LAST_INSERT_ID() COLLATE utf8mb4_bin", nil),
            ("CREATE VIEW v AS SELECT LAST_INSERT_ID()", nil), ("BEGIN NOT ATOMIC SELECT LAST_INSERT_ID(); END", nil),
            (
                "CREATE TABLE u AS SELECT LAST_INSERT_ID()",
                "CREATE TABLE u AS SELECT (5|0) AS `LAST_INSERT_ID()`"
            ),
            ("KILL CONNECTION_ID()", "KILL (9|0)"),
        ]
        for (text, expected) in cases { #expect(replaced(text) == expected, "\(text)") }
    }

    /// Texts of one shape have their reads in different places.
    @Test func placesAreNotShared() {
        let cache = StatementCache(dialect: .mysql)
        func range(_ text: String) -> Range<Int>? {
            with(text) { cache.entry(text: $0, types: RawSpan()).facts.statements[0].reads?.list[0].range }
        }
        #expect(range("INSERT INTO t VALUES (1, LAST_INSERT_ID())") == 25..<41)
        #expect(range("INSERT INTO t VALUES (12345, LAST_INSERT_ID())") == 29..<45)
    }

    /// A hundred thousand of them take no time that anyone would notice.
    @Test func many() {
        let text = "SELECT " + String(repeating: "LAST_INSERT_ID(), ", count: 20_000) + "1"
        #expect(reads(text)?.list.count == 20_000)
        let nested =
            "SELECT " + String(repeating: "(SELECT ", count: 5000) + "LAST_INSERT_ID()"
            + String(repeating: ")", count: 5000)
        #expect(reads(nested)?.list.count == 1)
    }
}
