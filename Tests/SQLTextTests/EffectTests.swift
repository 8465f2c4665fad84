import Testing

@testable import SQLText

@Suite struct EffectTests {
    @Test func settings() {
        let cases: [(String, [SessionEffect])] = [
            ("SET search_path TO a, 'b'", [.set("search_path", "SET search_path TO a, 'b'")]),
            ("set work_mem = '64MB' ; ", [.set("work_mem", "set work_mem = '64MB'")]),
            ("SET SESSION DateStyle = ISO, MDY", [.set("datestyle", "SET SESSION DateStyle = ISO, MDY")]),
            ("SET DateStyle = ISO", [.setComputed(name: "datestyle")]),
            ("SELECT set_config('DateStyle', 'ISO', false)", [.setComputed(name: "datestyle")]),
            ("SET TIME ZONE 'UTC'", [.set("timezone", "SET TIME ZONE 'UTC'")]),
            ("SET TIME ZONE LOCAL", [.reset(name: "timezone")]),
            ("SET NAMES 'utf8'", [.set("client_encoding", "SET NAMES 'utf8'")]),
            ("SET ROLE foo", [.set("role", "SET ROLE foo")]),
            ("SET LOCAL ROLE foo", [.setLocal(name: "role")]),
            ("RESET ROLE", [.reset(name: "role")]),
            ("SET SESSION AUTHORIZATION bob", [.set("session_authorization", "SET SESSION AUTHORIZATION bob")]),
            ("SET SESSION AUTHORIZATION DEFAULT", [.reset(name: "session_authorization")]),
            ("RESET SESSION AUTHORIZATION", [.reset(name: "session_authorization")]),
            ("RESET TIME ZONE", [.reset(name: "timezone")]),
            ("SET x.y TO DEFAULT", [.reset(name: "x.y")]),
            ("RESET ALL", [.resetAll]),
            ("SET LOCAL statement_timeout = 5", [.setLocal(name: "statement_timeout")]),
            ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", []),
            ("SET transaction_read_only = on", []),
            ("BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY", []),
            ("SET CONSTRAINTS ALL DEFERRED", []),
            (
                "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY",
                [
                    .set("default_transaction_isolation", "SET default_transaction_isolation = 'serializable'"),
                    .set("default_transaction_read_only", "SET default_transaction_read_only = 'on'"),
                ]
            ),
            (
                "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE, NOT DEFERRABLE",
                [
                    .set("default_transaction_read_only", "SET default_transaction_read_only = 'off'"),
                    .set("default_transaction_deferrable", "SET default_transaction_deferrable = 'off'"),
                ]
            ),
            ("ALTER ROLE bob SET work_mem = '1MB'", []),
            ("ALTER DATABASE d SET work_mem = '1MB'", []),
            ("CREATE FUNCTION f() RETURNS int SET work_mem = 5 LANGUAGE sql AS 'select set_config(1,2,false)'", []),
            ("-- note\n/* more */ SET a.b = 1 -- end", [.set("a.b", "SET a.b = 1")]),
        ]
        for (text, expected) in cases { #expect(effects(text) == expected, "\(text)") }
    }

    @Test func setConfig() {
        let replay = "SELECT pg_catalog.set_config('search_path', '', false)"
        let cases: [(String, [SessionEffect])] = [
            ("SELECT pg_catalog.set_config('search_path', '', false)", [.set("search_path", replay)]),
            (
                "SELECT set_config('My.Var', 'it''s \\x', 'f')",
                [.set("my.var", "SELECT pg_catalog.set_config('My.Var', E'it''s \\\\x', false)")]
            ),
            ("SELECT set_config('a.b', 'x', true)", [.setLocal(name: "a.b")]),
            ("SELECT set_config('a.b', NULL, false)", [.reset(name: "a.b")]),
            ("SELECT set_config('a.b', $1, false)", [.setComputed(name: "a.b")]),
            ("SELECT set_config(name, 'x', false) FROM t", [.mayCreate(.unknown)]),
            ("SELECT 'set_config(''a'', ''b'', false)'", []),
            (
                "SELECT set_config('a.b', 'x', false) WHERE false",
                [.set("a.b", "SELECT pg_catalog.set_config('a.b', 'x', false)"), .mayCreate(.unknown)]
            ),
            (
                "SELECT set_config('a.b'::text, 'x'::text, false)",
                [.set("a.b", "SELECT pg_catalog.set_config('a.b', 'x', false)")]
            ),
            (
                "SELECT set_config('search_path', 'pg_temp', false)",
                [
                    .set("search_path", "SELECT pg_catalog.set_config('search_path', 'pg_temp', false)"),
                    .mayCreate(.temporaryTables),
                ]
            ),
            ("SELECT my.set_config('a.b', 'x', false)", []),
        ]
        for (text, expected) in cases { #expect(effects(text) == expected, "\(text)") }
        // Two calls that differ in a value only have one fingerprint, and effects of their own.
        let cache = StatementCache()
        for value in ["x", "y"] {
            let text = "SELECT set_config('a.b', '\(value)', false)"
            let found = with(text) { cache.entry(text: $0, types: RawSpan()).facts.statements[0].effects }
            #expect(found == [.set("a.b", "SELECT pg_catalog.set_config('a.b', '\(value)', false)")])
        }
    }

    @Test func stateThatPins() {
        let cases: [(String, [SessionEffect])] = [
            ("CREATE TEMP TABLE t (a int)", [.mayCreate(.temporaryTables)]),
            ("CREATE TEMPORARY TABLE t (a int) ON COMMIT DROP", []),
            ("CREATE TEMP TABLE t (a int) ON COMMIT DELETE ROWS", [.mayCreate(.temporaryTables)]),
            ("CREATE TABLE pg_temp.t (a int)", [.mayCreate(.temporaryTables)]),
            ("CREATE TEMP VIEW v AS SELECT 1", [.mayCreate(.temporaryTables)]),
            ("CREATE TEMP SEQUENCE s", [.mayCreate(.temporaryTables)]),
            ("CREATE TEMP TABLE t AS SELECT 1", [.mayCreate(.temporaryTables)]),
            ("SELECT 1 INTO TEMP t", [.mayCreate(.temporaryTables)]),
            ("SELECT 1 INTO t", []),
            ("CREATE TABLE t (a int)", []),
            ("CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'select 1'", [.mayCreate(.temporaryTables)]),
            ("DROP TABLE t", [.mayRelease(.temporaryTables)]),
            ("DROP SCHEMA s CASCADE", [.mayRelease(.temporaryTables)]),
            ("DROP INDEX i", []),
            ("SELECT pg_advisory_lock(1)", [.mayCreate(.advisoryLocks)]),
            ("SELECT pg_catalog.pg_try_advisory_lock_shared(1, 2)", [.mayCreate(.advisoryLocks)]),
            ("WITH x AS (SELECT pg_advisory_lock(id) FROM t) SELECT * FROM x", [.mayCreate(.advisoryLocks)]),
            ("UPDATE t SET a = (SELECT 1 WHERE pg_try_advisory_lock(1))", [.mayCreate(.advisoryLocks)]),
            ("SELECT pg_advisory_xact_lock(1), pg_try_advisory_xact_lock(2)", []),
            ("SELECT 'pg_advisory_lock(1)', $$pg_advisory_lock(1)$$ /* pg_advisory_lock(1) */", []),
            ("SELECT pg_advisory_unlock_all()", [.mayRelease(.advisoryLocks)]),
            ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", [.mayCreate(.holdCursors)]),
            ("DECLARE c CURSOR FOR SELECT 1", []),
            ("CLOSE c", [.mayRelease(.holdCursors)]),
            ("LOAD 'auto_explain'", [.mayCreate(.loadedLibrary)]),
            (
                "DO $$ begin end $$",
                [.mayCreate(.unknown), .mayRelease([.temporaryTables, .advisoryLocks, .holdCursors])]
            ),
            ("CALL p(1)", [.mayCreate(.unknown), .mayRelease([.temporaryTables, .advisoryLocks, .holdCursors])]),
            ("EXPLAIN ANALYZE SELECT pg_advisory_lock(1)", [.mayCreate(.advisoryLocks)]),
            ("EXPLAIN (ANALYZE off) SELECT pg_advisory_lock(1)", []),
            ("EXPLAIN SELECT pg_advisory_lock(1)", []),
            ("DISCARD ALL", [.discardAll, .mayRelease([.temporaryTables, .advisoryLocks, .holdCursors])]),
            ("DISCARD PLANS", [.discardPlans]), ("DISCARD SEQUENCES", [.discardSequences]),
            ("DISCARD TEMP", [.discardTemporary, .mayRelease(.temporaryTables)]),
            (
                "SET search_path = pg_temp, public",
                [.set("search_path", "SET search_path = pg_temp, public"), .mayCreate(.temporaryTables)]
            ),
        ]
        for (text, expected) in cases { #expect(effects(text) == expected, "\(text)") }
    }

    @Test func preparedStatements() {
        func slice(_ text: String, _ range: Range<Int>) -> String {
            String(decoding: Array(text.utf8)[range], as: UTF8.self)
        }
        let cases: [(String, String, String)] = [
            ("PREPARE Foo AS SELECT 1", "foo", "Foo"),
            ("/* c */ PREPARE \"Foo\"\"x\" (int) AS SELECT $1", "Foo\"x", "\"Foo\"\"x\""),
            ("PREPARE U&\"d!0061t\" UESCAPE '!' AS SELECT 1", "dat", "U&\"d!0061t\" UESCAPE '!'"),
            ("EXECUTE execute(1)", "execute", "execute"),
            ("EXPLAIN (ANALYZE, VERBOSE) EXECUTE foo (1)", "foo", "foo"),
            ("EXPLAIN EXECUTE foo", "foo", "foo"),
            ("CREATE TABLE execute AS EXECUTE Bar(1)", "bar", "Bar"),
            ("DEALLOCATE foo", "foo", "foo"),
            ("DEALLOCATE PREPARE foo", "foo", "foo"),
            ("DEALLOCATE prepare", "prepare", "prepare"),
        ]
        for (text, name, written) in cases {
            switch effects(text).first {
            case .prepare(let found, let range), .execute(let found, let range), .deallocate(let found, let range):
                #expect(found == name, "\(text)")
                #expect(slice(text, range) == written, "\(text)")
            case let other: Issue.record("\(text): \(String(describing: other))")
            }
        }
        #expect(effects("DEALLOCATE ALL") == [.deallocateAll])
        #expect(effects("DEALLOCATE PREPARE ALL") == [.deallocateAll])
        #expect(effects("PREPARE p AS SELECT pg_advisory_lock($1)").last == .mayCreate(.unknown))
        #expect(facts("PREPARE p AS SELECT 1").flags.contains(.writes) == false)
        #expect(facts("PREPARE p AS DELETE FROM t").flags.contains(.writes))
    }

    @Test func listenAndSavepoints() {
        let cases: [(String, [SessionEffect])] = [
            ("LISTEN Chan", [.listen(channel: "chan")]), ("UNLISTEN \"C\"", [.unlisten(channel: "C")]),
            ("UNLISTEN *", [.unlistenAll]), ("NOTIFY c, 'x'", []), ("SAVEPOINT a", [.savepoint("a")]),
            ("ROLLBACK TO SAVEPOINT A", [.rollbackToSavepoint("a")]), ("RELEASE a", [.releaseSavepoint("a")]),
        ]
        for (text, expected) in cases { #expect(effects(text) == expected, "\(text)") }
    }
}
