import Testing

@testable import SQLText

@Suite struct WriteTests {
    @Test func readOnly() {
        let reads = [
            "SELECT 1", "SELECT count(*), lower(a) FROM t", "VALUES (1)", "TABLE t", "SHOW ALL", "BEGIN", "COMMIT",
            "SET a.b = 1", "EXPLAIN DELETE FROM t", "EXPLAIN SELECT nextval('s')", "DECLARE c CURSOR FOR SELECT 1",
            "COPY t TO STDOUT", "COPY (SELECT 1) TO STDOUT", "FETCH 1 FROM c", "DEALLOCATE p", "DISCARD ALL",
            "SELECT pg_is_in_recovery()", "SELECT current_user, now(), coalesce(a, b), extract(day FROM c) FROM t",
            "SELECT date_trunc('day', a), sum(b) OVER (PARTITION BY c) FROM generate_series(1, 5) g(a)",
            "SELECT pg_catalog.format_type(a.atttypid, 1) FROM pg_catalog.pg_attribute a", "PREPARE p AS SELECT 1", "",
            "SELECT 'insert into t' -- update", "SELECT \"update\" FROM \"delete\"",
        ]
        for text in reads { #expect(!facts(text).flags.contains(.writes), "\(text)") }
    }

    @Test func notReadOnly() {
        let writes = [
            "INSERT INTO t VALUES (1)", "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", "SELECT 1 INTO t",
            "SELECT * FROM t FOR UPDATE", "SELECT * FROM (SELECT * FROM t FOR KEY SHARE) x", "SELECT nextval('s')",
            "SELECT my_function(1)", "SELECT s.lower('x')", "EXPLAIN ANALYZE DELETE FROM t", "CREATE TABLE t()",
            "COPY t FROM STDIN", "COPY t TO PROGRAM 'x'", "COPY (DELETE FROM t RETURNING *) TO STDOUT", "LOCK t",
            "PREPARE p AS DELETE FROM t", "EXECUTE p", "CALL p()", "DO ''", "VACUUM", "NOTIFY c", "LISTEN c",
            "PREPARE TRANSACTION 'x'", "COMMIT PREPARED 'x'", "MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE",
            "SELECT pg_advisory_lock(1)", "CHECKPOINT", "not sql", "SELECT pg_notify('a', 'b')", "TRUNCATE t",
            "SELECT 1; DELETE FROM t", "SELECT lo_create(1)", "REFRESH MATERIALIZED VIEW v", "GRANT SELECT ON t TO u",
        ]
        for text in writes { #expect(facts(text).flags.contains(.writes), "\(text)") }
    }

    /// A gate that looked at how a text begins let the rest of it through.
    @Test func cve_2026_48774_severalStatements() {
        let begins = ["SELECT 1", "SHOW search_path", "BEGIN", "EXPLAIN SELECT 1", "/* SELECT */ SELECT 1 -- x\n"]
        let ends = [
            "RENAME TABLE a TO b", "DROP TABLE t", "dElEtE FROM t", "/*!50000 DROP TABLE t */",
            "SET GLOBAL read_only = 0",
            "CREATE TABLE t (a int)", "GRANT ALL ON t TO u", "LOAD DATA INFILE 'x' INTO TABLE t",
        ]
        for begin in begins {
            for end in ends {
                for text in ["\(begin);\(end)", "\(begin) ; ; \(end);", "\(begin);/**/\(end)"] {
                    #expect(facts(text, .mysql).flags.contains(.writes), "\(text)")
                    // To PostgreSQL a version comment is a comment, and GLOBAL an error.
                    guard !end.hasPrefix("/*!"), !end.hasPrefix("SET GLOBAL") else { continue }
                    #expect(facts(text).flags.contains(.writes), "\(text)")
                }
            }
        }
    }

    @Test func kinds() {
        let cases: [(String, StatementKind)] = [
            ("SELECT 1", .select), ("VALUES (1)", .values), ("TABLE t", .select), ("(SELECT 1)", .select),
            ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", .insert), ("UPDATE t SET a = 1", .update),
            ("DELETE FROM t", .delete), ("MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE", .merge),
            ("START TRANSACTION", .begin), ("END", .commit), ("ABORT", .rollback), ("COMMIT AND CHAIN", .commit),
            ("SAVEPOINT a", .savepoint), ("RELEASE SAVEPOINT a", .releaseSavepoint),
            ("ROLLBACK TO a", .rollbackToSavepoint), ("PREPARE TRANSACTION 'a'", .prepareTransaction),
            ("COMMIT PREPARED 'a'", .commitPrepared), ("ROLLBACK PREPARED 'a'", .rollbackPrepared),
            ("SET a.b = 1", .set), ("SET TRANSACTION READ ONLY", .setTransaction), ("RESET ALL", .reset),
            ("SHOW a", .show), ("DISCARD ALL", .discard), ("PREPARE p AS SELECT 1", .prepare),
            ("EXECUTE p", .execute), ("DEALLOCATE p", .deallocate), ("LISTEN c", .listen), ("UNLISTEN c", .unlisten),
            ("NOTIFY c", .notify), ("DECLARE c CURSOR FOR SELECT 1", .declareCursor), ("CLOSE ALL", .closeCursor),
            ("MOVE c", .fetch), ("COPY t TO STDOUT", .copy), ("LOCK TABLE t", .lock), ("CREATE TABLE t()", .ddl),
            ("CALL p()", .call), ("DO ''", .doBlock), ("EXPLAIN ANALYZE SELECT 1", .explain), ("ANALYZE", .vacuum),
            ("LOAD 'x'", .load), ("CHECKPOINT", .other), ("gibberish", .unknown),
        ]
        for (text, kind) in cases { #expect(facts(text).statements.map(\.kind) == [kind], "\(text)") }
    }

    @Test func flagsTablesAndRanges() {
        let found = facts(" /* a */ SELECT a FROM s.T x, \"U\" ; -- b\n BEGIN ; ; COPY t FROM STDIN ;")
        #expect(found.statements.map(\.range) == [9..<33, 42..<47, 52..<69])
        #expect(found.flags == [.multiple, .writes, .transactionControl, .copies])
        #expect(found.statements[0].tables == ["s.t", "U"])
        #expect(facts("").flags == .empty)
        #expect(facts(" ; -- x").flags == .empty)
        #expect(facts("WITH x AS (SELECT * FROM t) SELECT lower(a) FROM x").statements[0].tables == ["t"])
        #expect(facts("WITH x AS (SELECT * FROM t) SELECT lower(a) FROM x").statements[0].functions == ["lower"])
        #expect(facts("DROP TABLE a, b.c").statements[0].tables == ["a", "b.c"])
        #expect(facts("COPY t TO PROGRAM 'x'").flags == .writes)
        #expect(facts("SELECT FROM WHERE").flags.contains(.unparsed))
        #expect(facts("SELECT 1\u{0}; DELETE FROM t").flags.isSuperset(of: [.unparsed, .writes]))
    }
}
