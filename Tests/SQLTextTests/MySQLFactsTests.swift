import Testing

@testable import SQLText

@Suite struct MySQLFactsTests {
    @Test func readsAndWrites() {
        let reads = [
            "SELECT 1", "select a, count(*) from t where b in (1,2) group by a", "(SELECT 1) UNION (SELECT 2)",
            "WITH x AS (SELECT 1) SELECT * FROM x", "TABLE t", "VALUES ROW(1,2)", "SHOW TABLES", "DESCRIBE t",
            "EXPLAIN SELECT sleep(1)", "EXPLAIN DELETE FROM t", "SELECT `update` FROM `insert`", "SELECT 'for update'",
            "SELECT /* for update */ 1", "SELECT insert('a', 1, 1, 'b'), replace(a, 'b', 'c') FROM t",
            "SELECT if(a, 1, 2), now(), concat(a, b) FROM db.t AS x JOIN u USING (id)", "BEGIN", "COMMIT",
            "EXPLAIN ANALYZE SELECT 1",
        ]
        for text in reads { #expect(!facts(text, .mysql).flags.contains(.writes), "\(text)") }
        let writes = [
            "INSERT INTO t VALUES (1)", "REPLACE INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t",
            "SELECT * FROM t FOR UPDATE", "SELECT * FROM (SELECT * FROM t FOR SHARE) x", "SELECT a INTO @v FROM t",
            "SELECT * FROM t LOCK IN SHARE MODE", "SELECT @a := 1", "SELECT 1 INTO OUTFILE '/x'",
            "SELECT 1 /*!80000 INTO OUTFILE '/x' */", "SELECT 1 /*M! INTO OUTFILE '/x' */", "SELECT my_function(1)",
            "SELECT db.concat(1)", "SELECT last_insert_id()", "SELECT nextval(s)", "SELECT NEXT VALUE FOR s",
            "SELECT get_lock('a', 1)", "WITH x AS (SELECT 1) UPDATE t SET a = 1", "WITH x AS (SELECT 1) DELETE FROM t",
            "CALL p()", "DO sleep(1)", "ANALYZE FORMAT=JSON UPDATE t SET a = 1", "EXPLAIN ANALYZE DELETE FROM t",
            "CREATE TABLE t (a int)", "LOAD DATA INFILE 'x' INTO TABLE t", "SET GLOBAL a = 1", "XA START 'x'",
            "HANDLER t OPEN", "KILL 1", "FLUSH TABLES", "SET PASSWORD = 'x'", "nonsense", "EXECUTE p",
            "SELECT SQL_CALC_FOUND_ROWS * FROM t", "SELECT sleep(5)", "BEGIN NOT ATOMIC SELECT 1; END",
        ]
        for text in writes { #expect(facts(text, .mysql).flags.contains(.writes), "\(text)") }
    }

    @Test func bothReadingsOfVersionComments() {
        let read = facts("SELECT /*!40001 SQL_NO_CACHE */ * FROM t", .mysql)
        #expect(!read.flags.contains(.writes) && read.statements.count == 1)
        // A server that skips the comment sees the end of it inside what another takes for a string.
        let texts = [
            "SELECT 1 /*!99999 + ' */ ; DELETE FROM t -- '", "SELECT 1 /*! FROM t */ FOR UPDATE",
            "/*!50000 DELETE FROM t */", "SELECT 1 /*!99999 ; */ INTO OUTFILE 'x'",
        ]
        for text in texts { #expect(facts(text, .mysql).flags.contains(.writes), "\(text)") }
    }

    @Test func effects() {
        func effects(_ text: String) -> [SessionEffect] { facts(text, .mysql).statements.flatMap(\.effects) }
        let cases: [(String, [SessionEffect])] = [
            // Assignments have a fixture of their own: MySQLReplayTests.
            ("SET GLOBAL a = 1, b = 2", []), ("SET @@global.a = 1, b = 2", [.set("b", "SET b = 2")]),
            ("SET @a = ?", [.setComputed(name: "@a"), .mayCreate(.userVariables)]),
            ("SET sql_mode = ?", [.setComputed(name: "sql_mode")]),
            ("SET insert_id = 5", [.setComputed(name: "insert_id")]),
            ("SET a", [.mayCreate(.unknown)]), ("SET = 5", [.mayCreate(.unknown)]), ("SET @", [.mayCreate(.unknown)]),
            ("SET PASSWORD = 'x'", []), ("SET DEFAULT ROLE ALL TO u", []),
            ("SET SESSION AUTHORIZATION bob@localhost", [.mayCreate(.unknown)]),
            ("CREATE TABLE t AS SELECT GET_LOCK('x', 1)", [.mayCreate(.advisoryLocks)]),
            ("CREATE VIEW v AS SELECT GET_LOCK('x', 1)", []),
            ("PREPARE p FROM @a", [.prepare(name: "p", nameRange: 8..<9), .mayCreate(.unknown)]),
            ("PREPARE p FROM 'SET @x = 1'", [.prepare(name: "p", nameRange: 8..<9), .mayCreate(.unknown)]),
            ("SET STATEMENT max_statement_time = 1 FOR SELECT GET_LOCK('x', 1)", [.mayCreate(.advisoryLocks)]),
            ("SET STATEMENT max_statement_time = 1 FOR SELECT 1", []),
            ("SELECT GET_LOCK('x', 1)", [.mayCreate(.advisoryLocks)]),
            ("DO RELEASE_LOCK('x')", [.mayRelease(.advisoryLocks)]), ("DO RELEASE_LOCK(?)", []),
            ("SELECT GET_LOCK(?, 1), RELEASE_LOCK(?)", [.mayCreate(.advisoryLocks)]),
            ("SELECT a INTO @v FROM t", [.setComputed(name: "@v"), .mayCreate(.userVariables)]),
            (
                "SELECT a, b INTO @v, @`W x`",
                [.setComputed(name: "@v"), .setComputed(name: "@w x"), .mayCreate(.userVariables)]
            ),
            ("SELECT @a := @b := 1", [.setComputed(name: "@a"), .setComputed(name: "@b"), .mayCreate(.userVariables)]),
            ("UPDATE t SET a = (@n := @n + 1)", [.setComputed(name: "@n"), .mayCreate(.userVariables)]),
            ("LOAD DATA INFILE 'x' INTO TABLE t (a, @b) SET c = @b", [.mayCreate(.userVariables)]),
            ("GET DIAGNOSTICS @a = NUMBER", [.mayCreate(.userVariables)]),
            ("DROP DATABASE d", [.setComputed(name: "database")]),
            ("LOCK TABLES t READ", [.mayCreate(.tableLocks)]),
            ("UNLOCK TABLES", [.mayRelease([.tableLocks, .globalReadLock])]),
            ("FLUSH TABLES WITH READ LOCK", [.mayCreate(.globalReadLock)]), ("FLUSH TABLES", []), ("FLUSH LOGS", []),
            ("FLUSH LOCAL TABLES a, b WITH READ LOCK", [.mayCreate(.tableLocks)]),
            ("FLUSH TABLES a FOR EXPORT", [.mayCreate(.tableLocks)]),
            ("LOCK INSTANCE FOR BACKUP", [.mayCreate(.backupLocks)]),
            ("UNLOCK INSTANCE", [.mayRelease(.backupLocks)]), ("BACKUP STAGE START", [.mayCreate(.backupLocks)]),
            ("BACKUP STAGE END", [.mayRelease(.backupLocks)]), ("BACKUP LOCK t", [.mayCreate(.backupLocks)]),
            ("BACKUP UNLOCK", [.mayRelease(.backupLocks)]), ("XA START 'x'", [.mayCreate(.xa)]), ("XA END 'x'", []),
            ("XA PREPARE 'x'", []), ("XA RECOVER", []), ("XA COMMIT 'x' ONE PHASE", [.mayRelease(.xa)]),
            ("XA ROLLBACK 'x'", [.mayRelease(.xa)]), ("HANDLER t OPEN", [.mayCreate(.handlers)]),
            ("HANDLER t READ FIRST", []), ("HANDLER t CLOSE", [.mayRelease(.handlers)]),
            ("CREATE TEMPORARY TABLE t (a int)", [.mayCreate(.temporaryTables)]),
            ("DROP TABLE t", [.mayRelease(.temporaryTables)]),
            ("PREPARE p FROM 'SELECT 1'", [.prepare(name: "p", nameRange: 8..<9)]),
            ("EXECUTE p USING @a", [.execute(name: "p", nameRange: 8..<9)]),
            ("DEALLOCATE PREPARE p", [.deallocate(name: "p", nameRange: 19..<20)]),
            ("DROP PREPARE p", [.deallocate(name: "p", nameRange: 13..<14)]),
            ("SAVEPOINT a", [.savepoint("a")]), ("SELECT 'GET_LOCK(1)'", []),
        ]
        for (text, expected) in cases { #expect(effects(text) == expected, "\(text)") }
    }

    /// What is made and ended by name.
    @Test func names() {
        func named(_ text: String) -> [String] {
            facts(text, .mysql).statements.flatMap(\.named).map { state in
                "\(state.isReleased ? "-" : "+")\(state.kind.rawValue) \(state.name ?? "?")"
                    + (state.renamedFrom.map { " was " + $0 } ?? "")
            }
        }
        let cases: [(String, [String])] = [
            ("SELECT GET_LOCK('A', 1), RELEASE_LOCK(\"b\")", ["+2 a", "-2 b"]), ("DO RELEASE_ALL_LOCKS()", ["-2 ?"]),
            ("SELECT GET_LOCK(CONCAT('a', 'b'), 1)", ["+2 ?"]), ("SELECT GET_LOCK('a' 'b', 1)", ["+2 ?"]),
            ("SELECT GET_LOCK(?, 1)", ["+2 ?"]), ("SELECT service_get_write_locks('a', 'b', 1)", ["+2 ?"]),
            ("EXPLAIN SELECT GET_LOCK('a', 1)", []), ("SELECT 'GET_LOCK(1)'", []),
            ("SET STATEMENT max_statement_time = 1 FOR SELECT GET_LOCK('a', 1)", ["+2 a"]),
            ("CREATE TEMPORARY TABLE IF NOT EXISTS `T`.u (a INT)", ["+1 T.u"]),
            ("CREATE OR REPLACE TEMPORARY TABLE t AS SELECT 1", ["+1 t"]), ("CREATE TABLE temporary (a INT)", []),
            ("DROP TEMPORARY TABLE IF EXISTS a, b.c RESTRICT", ["-1 a", "-1 b.c"]),
            ("DROP TABLES a, b", ["-1 a", "-1 b"]),
            ("DO RELEASE_LOCK(?)", []), ("DO RELEASE_LOCK('a'), RELEASE_LOCK(?)", ["-2 a"]), ("DROP TABLE", []),
            ("RENAME TABLE a TO b, `c`.d TO e", ["+1 b was a", "+1 e was c.d"]),
            ("ALTER TABLE a ADD COLUMN b INT, RENAME TO c", ["+1 c was a"]),
            ("ALTER TABLE a RENAME = b", ["+1 b was a"]),
            ("ALTER TABLE a RENAME b, RENAME COLUMN c TO d", ["+1 b was a"]),
            ("ALTER TABLE a RENAME COLUMN b TO c", []),
            ("ALTER TABLE a RENAME INDEX b TO c", []), ("ALTER TABLE IF EXISTS x.a RENAME AS b", ["+1 b was x.a"]),
            ("DROP INDEX a ON b", []), ("HANDLER db.t OPEN AS h", ["+512 h"]), ("HANDLER t OPEN", ["+512 t"]),
            ("HANDLER t OPEN h", ["+512 h"]), ("HANDLER h CLOSE", ["-512 h"]),
            ("XA START 'a','b',1", ["+256 'a','b',1"]), ("XA COMMIT X'61' ONE PHASE", ["-256 X'61'"]),
        ]
        for (text, expected) in cases { #expect(named(text) == expected, "\(text)") }
    }

    @Test func statementsAndTables() {
        let body = "CREATE PROCEDURE p() BEGIN IF a THEN SELECT 1; END IF; CASE x WHEN 1 THEN SELECT 2; END CASE; END"
        #expect(facts("SELECT 1; " + body + "; SELECT 3", .mysql).statements.count == 3)
        let tables = facts("SELECT * FROM Db.T1 a, `t 2` JOIN t3 ON 1 WHERE x IN (SELECT 1 FROM t4)", .mysql)
        #expect(tables.statements[0].tables == ["Db.T1", "t 2", "t3", "t4"])
        #expect(facts("INSERT IGNORE INTO t (a) VALUES (1)", .mysql).statements[0].tables == ["t"])
        #expect(facts("INSERT INTO t (a) VALUES (1)", .mysql).statements[0].functions.isEmpty)
        #expect(!facts("SELECT 1", .mysql).flags.contains(.unparsed))
    }
}
