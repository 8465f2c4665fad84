import Testing

@testable import SQLText

@Suite struct FingerprintTests {
    @Test func normalForms() {
        let cases = [
            ("SELECT 1", "select ?"),
            ("select  /* c */ 1 -- x", "select ?"),
            ("SELECT * FROM T WHERE id = $1", "select * from t where id = ?"),
            ("SELECT * FROM t WHERE id IN (1, 2,3)", "select * from t where id in (?)"),
            ("SELECT * FROM t WHERE id IN (1)", "select * from t where id in (?)"),
            ("SELECT * FROM t WHERE id IN ($1, -2, NULL)", "select * from t where id in (?)"),
            ("SELECT * FROM t WHERE (a,b) IN ((1,2),(3,4))", "select * from t where (a, b) in ((?))"),
            ("SELECT * FROM t WHERE id IN (1, a)", "select * from t where id in (?, a)"),
            ("INSERT INTO t VALUES (1, 'a'), (2, 'b')", "insert into t values (?)"),
            (
                "INSERT INTO t(a,b) VALUES (1, now()), (2, now()) RETURNING a",
                "insert into t(a, b) values (?, now()) returning a"
            ),
            ("SELECT a FROM t WHERE b = -5", "select a from t where b = ?"),
            ("SELECT a - 5", "select a - ?"),
            ("SELECT f(1, 2), count(*)", "select f(?, ?), count(*)"),
            ("SELECT ARRAY[1,2,3]", "select array[?]"),
            ("SELECT x::int, \"Foo\".b", "select x::int, \"Foo\".b"),
            ("SELECT NULL, TRUE", "select null, true"),
            ("SELECT 1;; ; SELECT 2 ;", "select ?; select ?"),
            ("a b IS NULL", "a b is null"),
        ]
        for (text, form) in cases { #expect(normalized(text) == form) }
        #expect(
            normalized("SELECT a FROM Tbl WHERE x IN (1,2) AND y=\"s\"", LexerOptions(dialect: .mysql))
                == "select a from Tbl where x in (?) and y = ?")
    }

    @Test func sameShapeSameNumber() {
        func number(_ text: String) -> UInt64 { with(text) { Fingerprint.of($0) } }
        #expect(number("SELECT a FROM t WHERE b IN (1,2,3)") == number("select a\nfrom T where B in ($1)"))
        #expect(number("SELECT a FROM t") != number("SELECT b FROM t"))
        #expect(number("SELECT \"A\" FROM t") != number("SELECT \"a\" FROM t"))
    }

    @Test func normalFormIsStable() {
        for text in Corpus.all {
            let once = normalized(text)
            #expect(normalized(once) == once, "\(text)")
        }
    }
}
