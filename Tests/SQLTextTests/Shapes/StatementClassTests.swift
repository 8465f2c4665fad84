import ByteKit
import Testing

@testable import SQLText

@Suite struct StatementClassTests {
    private func parts(_ text: String, _ dialect: SQLDialect) -> [StatementShape.Part] {
        let cache = StatementCache(dialect: dialect)
        return with(text) { cache.shape(of: $0, LexerOptions(), in: ShapeTable(dialect: dialect)).parts }
    }

    @Test(arguments: [
        ("SELECT 1", StatementClass.read, "SELECT"), ("(SELECT 1) UNION SELECT 2", .read, "SELECT"),
        ("TABLE t", .read, "TABLE"), ("VALUES (1)", .read, "VALUES"), ("SHOW server_version", .read, "SHOW"),
        ("SELECT a INTO b FROM c", .write, "SELECT"), ("SELECT * FROM t FOR UPDATE", .read, "SELECT"),
        ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", .write, "WITH"),
        ("EXPLAIN SELECT 1", .read, "EXPLAIN"), ("EXPLAIN ANALYZE DELETE FROM t", .write, "EXPLAIN"),
        ("INSERT INTO t VALUES (1)", .write, "INSERT"), ("UPDATE t SET a = 1", .write, "UPDATE"),
        ("DELETE FROM t", .write, "DELETE"), ("TRUNCATE t", .write, "TRUNCATE"),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE", .write, "MERGE"),
        ("COPY t TO STDOUT", .read, "COPY"), ("COPY t FROM STDIN", .write, "COPY"),
        ("COPY (SELECT a FROM t) TO STDOUT", .read, "COPY"),
        ("CREATE TABLE t (a int)", .ddl, "CREATE TABLE"), ("CREATE TEMP TABLE t (a int)", .ddl, "CREATE TABLE"),
        ("CREATE UNIQUE INDEX i ON t (a)", .ddl, "CREATE INDEX"), ("DROP VIEW v", .ddl, "DROP VIEW"),
        ("ALTER TABLE t ADD b int", .ddl, "ALTER TABLE"), ("COMMENT ON TABLE t IS 'x'", .ddl, "COMMENT TABLE"),
        ("CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", .ddl, "CREATE FUNCTION"),
        ("GRANT SELECT ON t TO u", .role, "GRANT"), ("REVOKE ALL ON t FROM u", .role, "REVOKE"),
        ("CREATE ROLE r", .role, "CREATE ROLE"), ("ALTER USER u PASSWORD 'x'", .role, "ALTER USER"),
        ("DROP ROLE r", .role, "DROP ROLE"), ("REASSIGN OWNED BY a TO b", .role, "REASSIGN"),
        ("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO u", .role, "ALTER DEFAULT PRIVILEGES"),
        ("CREATE USER MAPPING FOR u SERVER s", .role, "CREATE USER MAPPING"),
        ("ALTER SYSTEM SET work_mem = '1MB'", .admin, "ALTER SYSTEM"),
        ("BEGIN", .tcl, "BEGIN"), ("COMMIT", .tcl, "COMMIT"), ("SAVEPOINT a", .tcl, "SAVEPOINT"),
        ("PREPARE TRANSACTION 'x'", .tcl, "PREPARE"), ("START TRANSACTION", .tcl, "START TRANSACTION"),
        ("CALL p()", .function, "CALL"), ("DO $$BEGIN END$$", .function, "DO"),
        ("SET work_mem = '1MB'", .miscSet, "SET"), ("RESET ALL", .miscSet, "RESET"),
        ("SET ROLE u", .miscSet, "SET ROLE"), ("DISCARD ALL", .misc, "DISCARD"), ("VACUUM", .misc, "VACUUM"),
        ("LISTEN c", .misc, "LISTEN"), ("PREPARE p AS SELECT 1", .misc, "PREPARE"), ("EXECUTE p", .misc, "EXECUTE"),
        ("LOCK TABLE t", .misc, "LOCK"), ("nonsense here", .unknown, "NONSENSE"), ("", .misc, ""),
    ])
    func postgres(_ text: String, _ expected: StatementClass, _ operation: String) {
        let found = parts(text, .postgres)
        #expect(found.count == 1)
        #expect(found.first?.statementClass == expected, "\(text)")
        #expect(found.first?.operation == operation, "\(text)")
    }

    @Test(arguments: [
        ("SELECT 1", StatementClass.read, "SELECT"), ("SELECT a FROM t INTO OUTFILE 'x'", .write, "SELECT"),
        ("SELECT a FROM t INTO @b", .read, "SELECT"), ("SHOW TABLES", .read, "SHOW"),
        ("REPLACE INTO t VALUES (1)", .write, "REPLACE"),
        ("LOAD DATA LOCAL INFILE 'x' INTO TABLE t", .write, "LOAD DATA"),
        ("UPDATE mysql.user SET a = 1", .role, "UPDATE"), ("UPDATE t SET a = 1", .write, "UPDATE"),
        ("CREATE TABLE t (a int)", .ddl, "CREATE TABLE"), ("RENAME TABLE a TO b", .ddl, "RENAME TABLE"),
        ("CREATE USER u IDENTIFIED BY 'x'", .role, "CREATE USER"), ("SET PASSWORD = 'x'", .role, "SET PASSWORD"),
        ("GRANT ALL ON *.* TO u", .role, "GRANT"), ("SET GLOBAL max_connections = 1", .admin, "SET"),
        ("SET @@global.max_connections = 1", .admin, "SET"), ("SET NAMES utf8mb4", .miscSet, "SET"),
        ("KILL 4", .admin, "KILL"), ("FLUSH TABLES", .admin, "FLUSH"), ("XA START 'x'", .tcl, "XA"),
        ("CALL p()", .function, "CALL"), ("USE d", .miscSet, "USE"), ("TRUNCATE TABLE t", .write, "TRUNCATE"),
    ])
    func mysql(_ text: String, _ expected: StatementClass, _ operation: String) {
        let found = parts(text, .mysql)
        #expect(found.first?.statementClass == expected, "\(text)")
        #expect(found.first?.operation == operation, "\(text)")
    }

    @Test func everyStatementOfATextIsAPart() {
        let found = parts("BEGIN; INSERT INTO t VALUES ('canary'); COMMIT", .postgres)
        #expect(found.map(\.statementClass) == [.tcl, .write, .tcl])
        #expect(
            found.map { String(decoding: $0.text, as: UTF8.self) } == ["BEGIN", "INSERT INTO t VALUES (?)", "COMMIT"])
        #expect(found[1].tables == ["t"])
    }
}
