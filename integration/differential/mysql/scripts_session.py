"""Transactions, settings, what a session remembers, what keeps a server. 4.3 and 4.6 of the checklist."""

from __future__ import annotations

from .commands import ChangeUser, Raw, ResetConnection, init_db
from .script import S, X, only

SHOWN = "SELECT @@sql_mode, @@time_zone, @@autocommit, @@div_precision_increment, @@character_set_client, @@collation_connection"

SCRIPTS = {
    "set_and_show": S(X("SET sql_mode = 'ANSI_QUOTES'"), SHOWN, X("SET SESSION time_zone = '+02:00', @@div_precision_increment := 7"), SHOWN, X("SELECT 1/3"), X("SET sql_mode = DEFAULT"), SHOWN),
    "set_fails": S(X("SET sql_mode = 'RUBBISH'"), X("SET time_zone = '+03:00', nonsense = 1"), SHOWN, X("SET div_precision_increment = 5, time_zone = 'Nowhere/X'"), SHOWN, X("SET nonsense = 1", "SET version = 1")),
    "set_computed": S(X("SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')"), SHOWN, X("SET div_precision_increment = (SELECT MAX(i) FROM shared WHERE i < 7)"), SHOWN, X("SET @x = 8", "SET div_precision_increment = @x"), SHOWN),
    "set_in_several": S(X("SET div_precision_increment = 6; SELECT 1/3"), SHOWN, X("SELECT 1; SET time_zone = '+05:00'; SELEC"), SHOWN, X("SET div_precision_increment = 3; SET nonsense = 1; SET time_zone = '+06:00'"), SHOWN),
    "set_is_not_taken_back": S(X("BEGIN", "SET div_precision_increment = 6", "ROLLBACK"), SHOWN),
    "set_once": S(
        X("SET insert_id = 500"), X("INSERT INTO t0 (s) VALUES ('x')", "SELECT LAST_INSERT_ID()"), X("INSERT INTO t0 (s) VALUES ('y')", "SELECT LAST_INSERT_ID()"), X("SET timestamp = 1700000000"), X("SELECT NOW(), UNIX_TIMESTAMP()"),
        X("SET timestamp = 1600000000.5", "SELECT NOW(6)"), X("SELECT NOW(6)"), X("SET last_insert_id = 9"), X("SELECT LAST_INSERT_ID(), @@last_insert_id, @@identity"),
    ),
    "set_names": S(X("SET NAMES latin1"), SHOWN, X("SET NAMES utf8mb4 COLLATE utf8mb4_bin"), SHOWN, X("SELECT COLLATION('x')"), X("SET CHARACTER SET latin1"), SHOWN, X("SET NAMES nonsense"), SHOWN, X("SET NAMES DEFAULT"), SHOWN),
    "set_for_one_statement": only("mariadb", X("SET STATEMENT div_precision_increment = 9 FOR SELECT 1/3"), SHOWN, X("SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SELECT nonsense"), SHOWN, X("SET STATEMENT max_statement_time = 5, div_precision_increment = 1 FOR SELECT 1/3")),
    "set_in_a_procedure": S(X("CALL p_setting(7)"), SHOWN, X("CALL p_mode()"), SHOWN, X("CALL p_variable('v')"), X("SELECT @inside"), X("SELECT f_counts(3)"), X("SELECT f_counts(4), @counted")),
    "set_versioned": S(X("/*!40101 SET sql_mode = 'ANSI_QUOTES' */"), SHOWN, X("/*!40101 SET @OLD = @@sql_mode, sql_mode = 'NO_AUTO_VALUE_ON_ZERO' */"), SHOWN, X("/*!40101 SET sql_mode = @OLD */"), SHOWN, X("/*!80000 SET time_zone = '+01:00' */"), SHOWN, X("/*M!100000 SET time_zone = '+02:00' */"), SHOWN),
    "dump_preamble": S(
        X("/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */", "/*!40101 SET NAMES utf8mb4 */", "/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */", "/*!40103 SET TIME_ZONE='+00:00' */"),
        X("/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */", "/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */", "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */"),
        X("LOCK TABLES t0 WRITE", "/*!40000 ALTER TABLE t0 DISABLE KEYS */", "INSERT INTO t0 (s) VALUES ('d')", "/*!40000 ALTER TABLE t0 ENABLE KEYS */", "UNLOCK TABLES"), SHOWN,
        X("/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */", "/*!40101 SET SQL_MODE=@OLD_SQL_MODE */", "/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */"), SHOWN,
    ),
    "tracked": S(
        X("SET session_track_system_variables = '*'"), X("SET time_zone = '+01:00'", "SET sql_mode = ''"), X("SET session_track_system_variables = 'sql_mode'"), X("SET time_zone = '+02:00'", "SET sql_mode = 'ANSI_QUOTES'"), X("SET session_track_schema = 0"), X("USE nowhere", "SET session_track_schema = 1"),
        X("SET session_track_state_change = 1"), X("SET @a = 1", "SELECT 1", "SET time_zone = '+03:00'"), X("SET session_track_system_variables = ''"), X("SET autocommit = 0", "SET autocommit = 1"), X("SET NAMES latin1"),
    ),
    "tracked_transactions": S(
        X("SET session_track_transaction_info = 'CHARACTERISTICS'"), X("BEGIN", "SELECT i FROM shared WHERE i = 1", "INSERT INTO t0 (s) VALUES ('x')", "COMMIT"), X("SET SESSION TRANSACTION READ ONLY"), X("START TRANSACTION READ WRITE", "ROLLBACK"), X("SET session_track_transaction_info = 'STATE'"),
        X("SET autocommit = 0"), X("SELECT i FROM shared WHERE i = 1"), X("COMMIT", "SET autocommit = 1"),
    ),
    "user_variables": S(
        X("SET @a = 1, @b = 'x', @c = 1.50, @d = NULL"), X("SELECT @a, @b, @c, @d, @never"), X("SELECT @a := @a + 1"), X("SELECT @A"), X("SELECT 3, 'four' INTO @a, @b"), X("SELECT @a, @b"), X("SET @e = @a + 1"), X("SELECT @e"), X("SET @f = X'4142', @g = 1e3, @h = _latin1 X'E4', @i = DATE '2026-02-01', @j = TRUE, @k = -5"),
        X("SELECT @f, @g, @h, @i, @j, @k"), X("SELECT CHARSET(@h), COLLATION(@b), CHARSET(@f)"), X("SET @`odd ``name` = 'it''s', @\"dq\" = 2, @'sq' = 3"), X("SELECT @`odd ``name`, @dq, @sq"), X("SET @big = 18446744073709551615, @neg = -9223372036854775808, @dec = 123456789012345678901234567890.5"), X("SELECT @big, @neg, @dec"),
    ),
    "user_variables_of_others": S(X("SET @a = 'mine'"), X("SELECT @a", client=1), X("SET @a = 'other'", client=1), X("SELECT @a"), X("SELECT @a", client=1), X(ResetConnection(), "SELECT @a"), X("SELECT @a", client=1), clients=2),
    "settings_of_others": S(X("SET time_zone = '+01:00', sql_mode = ''"), X(SHOWN, client=1), X("SET NAMES latin1", client=1), X(SHOWN), X(SHOWN, client=1), X("USE nowhere", "SELECT DATABASE()"), X("SELECT DATABASE()", client=1), clients=2),
    "schemas": S(X("SELECT DATABASE()"), X("CREATE DATABASE IF NOT EXISTS diff_s"), X("USE diff_s", "SELECT DATABASE()"), X("SELECT DATABASE()"), X(init_db("diff_s"), "CREATE TABLE IF NOT EXISTS there (i INT)"), X("SELECT COUNT(*) FROM there"), X("DROP DATABASE diff_s"), X("SELECT DATABASE()"), X("SHOW TABLES"), X(init_db("diff_s")), X("USE `nowhere`", Raw(b"\2"))),
    "transactions": S(
        X("BEGIN", "INSERT INTO t0 (s) VALUES ('a')", "SAVEPOINT one", "INSERT INTO t0 (s) VALUES ('b')", "ROLLBACK TO one", "RELEASE SAVEPOINT one", "COMMIT"), X("SELECT COUNT(*) FROM t0"), X("BEGIN", "SELECT 1", "COMMIT AND CHAIN", "INSERT INTO t0 (s) VALUES ('c')"), X("ROLLBACK AND CHAIN"), X("SELECT 1"), X("COMMIT"),
        X("BEGIN"), X("CREATE TABLE t0_0 (i INT)"), X("ROLLBACK"), X("SELECT COUNT(*) FROM t0_0"), X("BEGIN", "INSERT INTO t0 (i) VALUES (1)", "SELECT 1"), X("ROLLBACK TO nobody", "COMMIT"), X("BEGIN"), X("BEGIN", "ROLLBACK"), X("SET completion_type = 1", "BEGIN", "COMMIT"), X("SELECT 1"), X("SET completion_type = 0", "COMMIT"),
    ),
    "commit_release": S(X("BEGIN", "COMMIT RELEASE", fatal=True), X("SELECT 'a new connection'")),
    "autocommit_off": S(X("SET autocommit = 0"), X("SELECT i FROM shared WHERE i = 1"), X("INSERT INTO t0 (s) VALUES ('a')"), X("SELECT COUNT(*) FROM t0"), X("ROLLBACK"), X("SELECT COUNT(*) FROM t0"), X("COMMIT"), X("SET autocommit = 1"), X("SELECT @@autocommit"), X("SET autocommit = 0", "INSERT INTO t0 (s) VALUES ('b')", "SET autocommit = 1"), X("SELECT COUNT(*) FROM t0")),
    "autocommit_of_others": S(X("SET autocommit = 0"), X("INSERT INTO t1 (s) VALUES ('a')", client=1), X("INSERT INTO t0 (s) VALUES ('b')"), X("SELECT COUNT(*) FROM t0", client=1), X("SELECT @@autocommit", client=1), X("COMMIT"), X("SELECT COUNT(*) FROM t0", client=1), clients=2),
    "set_transaction": S(
        X("SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED"), X("BEGIN", "INSERT INTO t1 (s) VALUES ('u')", client=1), X("SELECT COUNT(*) FROM t1"), X("SELECT COUNT(*) FROM t1"), X("ROLLBACK", client=1), X("SET TRANSACTION READ ONLY"), X("INSERT INTO t0 (s) VALUES ('no')"), X("INSERT INTO t0 (s) VALUES ('yes')"),
        X("SET SESSION TRANSACTION READ ONLY"), X("INSERT INTO t0 (s) VALUES ('no')"), X("SET SESSION TRANSACTION READ WRITE"), X("BEGIN", "SET TRANSACTION READ ONLY", "COMMIT"), X("SELECT @@tx_isolation, @@tx_read_only"), clients=2,
    ),
    "snapshots": S(X("START TRANSACTION WITH CONSISTENT SNAPSHOT"), X("UPDATE shared SET s = 'changed' WHERE i = 2", client=1), X("SELECT s FROM shared WHERE i = 2"), X("COMMIT"), X("SELECT s FROM shared WHERE i = 2"), clients=2),
    "locked_rows": S(X("BEGIN", "UPDATE shared SET s = 'mine' WHERE i = 5"), X("UPDATE shared SET s = 'yours' WHERE i = 5", client=1), X("SELECT s FROM shared WHERE i = 5 FOR UPDATE", client=1), X("ROLLBACK"), X("UPDATE shared SET s = 'yours' WHERE i = 5", client=1), clients=2),
    "last_insert_id": S(
        X("SELECT LAST_INSERT_ID()"), X("INSERT INTO t0 (s) VALUES ('a')"), X("SELECT LAST_INSERT_ID()"), X("SELECT LAST_INSERT_ID() FROM DUAL"), X("SELECT last_insert_id() AS id, @@identity"), X("INSERT INTO t0 (s) VALUES ('b'), ('c')"), X("SELECT 1"), X("SELECT LAST_INSERT_ID()"), X("INSERT INTO t1 (s) VALUES ('x')", client=1), X("SELECT LAST_INSERT_ID()"),
        X("SELECT LAST_INSERT_ID()", client=1), X("UPDATE t0 SET n = LAST_INSERT_ID(99) WHERE i = 1"), X("SELECT LAST_INSERT_ID()"), X("INSERT INTO t0 (s) SELECT s FROM shared WHERE i < 3"), X("SELECT LAST_INSERT_ID()"), X("CALL p_insert(1)"), X("SELECT LAST_INSERT_ID()"), X("INSERT INTO t0 (i, s) VALUES (LAST_INSERT_ID() + 1000, 'used')"), X("SELECT MAX(i) FROM t0"),
        X("INSERT INTO t0 (i, s) VALUES (1, 'fails')"), X("SELECT LAST_INSERT_ID()"), X("INSERT INTO t0 (i, s) VALUES (1, 'x') ON DUPLICATE KEY UPDATE i = LAST_INSERT_ID(i)"), X("SELECT LAST_INSERT_ID()"), clients=2,
    ),
    "row_count": S(X("UPDATE shared SET s = 'r' WHERE i < 5"), X("SELECT ROW_COUNT()"), X("SELECT ROW_COUNT()"), X("DELETE FROM shared WHERE i = 20"), X("SELECT 1", client=1), X("SELECT ROW_COUNT()"), X("SELEC"), X("SELECT ROW_COUNT()"), X("INSERT INTO t0 (s) VALUES ('a'), ('b')"), X("SELECT ROW_COUNT(), LAST_INSERT_ID()"), X("CREATE TABLE t0_0 (i INT)"), X("SELECT ROW_COUNT()"), clients=2),
    "found_rows": S(X("SELECT SQL_CALC_FOUND_ROWS i FROM shared LIMIT 3"), X("SELECT FOUND_ROWS()"), X("SELECT FOUND_ROWS()"), X("SELECT i FROM shared LIMIT 4"), X("SELECT 1", client=1), X("SELECT FOUND_ROWS()"), X("SELECT SQL_CALC_FOUND_ROWS i FROM shared WHERE i > 5 LIMIT 1"), X("UPDATE t0 SET n = 1"), X("SELECT FOUND_ROWS()"), clients=2),
    "warnings": S(
        X("SELECT CAST('abc' AS SIGNED), CAST('1x' AS SIGNED)"), X("SHOW WARNINGS"), X("SHOW COUNT(*) WARNINGS"), X("SELECT @@warning_count, @@error_count"), X("SHOW WARNINGS"), X("SELECT * FROM nowhere"), X("SHOW ERRORS"), X("SHOW COUNT(*) ERRORS"), X("SELECT 1", client=1), X("SHOW WARNINGS LIMIT 1"), X("INSERT IGNORE INTO t0 (i, n) VALUES (1, 'x'), (2, 'y')"), X("SHOW WARNINGS"),
        X("DROP TABLE IF EXISTS nowhere, nowhere2"), X("SHOW WARNINGS"), X("GET DIAGNOSTICS @n = NUMBER", "GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT, @e = MYSQL_ERRNO, @s = RETURNED_SQLSTATE"), X("SELECT @n, @m, @e, @s"), X("SELECT 1"), X("SHOW WARNINGS"), X("SET sql_notes = 0", "DROP TABLE IF EXISTS nowhere"), X("SHOW WARNINGS"), clients=2,
    ),
    "temporary_tables": S(
        X("CREATE TEMPORARY TABLE tmp (i INT)"), X("INSERT INTO tmp VALUES (1), (2)"), X("SELECT * FROM tmp ORDER BY i"), X("SELECT * FROM tmp", client=1), X("CREATE TEMPORARY TABLE shared AS SELECT 5 AS i"), X("SELECT * FROM shared"), X("SELECT COUNT(*) FROM shared", client=1), X("DROP TABLE shared"), X("SELECT COUNT(*) FROM shared"), X("ALTER TABLE tmp RENAME TO tmp3"), X("SELECT COUNT(*) FROM tmp3"),
        X("DROP TEMPORARY TABLE tmp3"), X("SELECT * FROM tmp3"), X("CALL p_temporary()"), X("SELECT * FROM made_inside"), X("DROP TABLE made_inside"), X("CREATE TEMPORARY TABLE tmp (i INT)", ResetConnection(), "SELECT * FROM tmp"), clients=2,
    ),
    "named_locks": S(X("SELECT GET_LOCK('diff l', 0)"), X("SELECT GET_LOCK('diff l', 0), IS_FREE_LOCK('diff l')", client=1), X("SELECT IS_USED_LOCK('diff l') = CONNECTION_ID()"), X("SELECT RELEASE_LOCK('diff l')", client=1), X("SELECT RELEASE_LOCK('diff l')"), X("SELECT GET_LOCK('diff l', 0)", client=1), X("DO GET_LOCK('diff m', 0)"), X(ResetConnection()), X("SELECT IS_FREE_LOCK('diff m')", client=1), X("SELECT RELEASE_ALL_LOCKS()", client=1), clients=2),
    "table_locks": S(X("LOCK TABLES t0 WRITE, shared READ"), X("INSERT INTO t0 (s) VALUES ('l')"), X("SELECT COUNT(*) FROM shared"), X("SELECT COUNT(*) FROM types"), X("UPDATE shared SET s = 'no'"), X("SELECT COUNT(*) FROM shared", client=1), X("UNLOCK TABLES"), X("SELECT COUNT(*) FROM types"), X("LOCK TABLES t0 READ", "BEGIN"), X("SELECT COUNT(*) FROM types"), X("COMMIT"), clients=2),
    "global_read_lock": S(X("FLUSH TABLES WITH READ LOCK"), X("SELECT COUNT(*) FROM shared"), X("INSERT INTO t0 (s) VALUES ('no')"), X("SELECT 1", client=1), X("UNLOCK TABLES"), X("INSERT INTO t0 (s) VALUES ('yes')"), clients=2),
    "handlers": S(X("HANDLER shared OPEN"), X("HANDLER shared READ FIRST"), X("HANDLER shared READ NEXT"), X("HANDLER shared READ `PRIMARY` >= (5) LIMIT 2"), X("HANDLER shared READ NEXT", client=1), X("HANDLER shared CLOSE"), X("HANDLER shared READ NEXT"), clients=2),
    "xa": S(
        X("XA START 'diff1'"), X("INSERT INTO t0 (s) VALUES ('xa')"), X("COMMIT"), X("XA END 'diff1'"), X("SELECT 1"), X("XA PREPARE 'diff1'"), X("SELECT 2"), X("XA RECOVER", client=1), X("XA COMMIT 'diff1'"), X("SELECT COUNT(*) FROM t0"), X("XA START 'diff2'", "XA END 'diff2'", "XA COMMIT 'diff2' ONE PHASE"), X("XA COMMIT 'nobody'"), X("XA START 'diff3'"), X("XA END 'diff3'", "XA ROLLBACK 'diff3'"), X("XA BEGIN 'a', 'b', 5", "XA END 'a', 'b', 5", "XA ROLLBACK 'a', 'b', 5"), clients=2,
    ),
    "sql_prepared": S(
        X("PREPARE q FROM 'SELECT ? + 1'"), X("SET @p = 4"), X("EXECUTE q USING @p"), X("EXECUTE q USING @p", client=1), X("PREPARE q FROM 'SELECT 2'", client=1), X("EXECUTE q USING @p"), X("DEALLOCATE PREPARE q"), X("EXECUTE q"), X("EXECUTE q", client=1), X("PREPARE r FROM 'SELEC'"), X("PREPARE w FROM 'SET time_zone = \"+04:00\"'", "EXECUTE w"), X("SELECT @@time_zone"),
        X("PREPARE t FROM 'CREATE TEMPORARY TABLE pt (i INT)'", "EXECUTE t"), X("SELECT COUNT(*) FROM pt"), X("DROP TABLE pt"), X(ResetConnection(), "EXECUTE w"), clients=2,
    ),
    "sequences": only("mariadb", X("SELECT NEXTVAL(numbers_t0), NEXTVAL(numbers_t0)"), X("SELECT LASTVAL(numbers_t0)"), X("SELECT LASTVAL(numbers_t0)", client=1), X("SELECT NEXT VALUE FOR numbers_t0", client=1), X("SELECT PREVIOUS VALUE FOR numbers_t0"), clients=2),
    "blocks": only("mariadb", X("BEGIN NOT ATOMIC DECLARE v INT DEFAULT 3; SET @block = v; SELECT v; SELECT v + 1; END"), X("SELECT @block"), X("EXECUTE IMMEDIATE 'SET time_zone = ''+07:00'''"), X("SELECT @@time_zone"), X("IF 1 THEN SELECT 'yes'; END IF")),
    "random_numbers": S(X("SET rand_seed1 = 10, rand_seed2 = 20"), X("SELECT RAND()"), X("SELECT RAND()"), X("SELECT RAND(3)")),
    "reset_connection": S(
        X("SET sql_mode = '', @a = 1, time_zone = '+01:00'", "USE diff0b", "INSERT INTO t0 (s) VALUES ('x')", "BEGIN"), X(ResetConnection()), X("SELECT @@sql_mode, @@time_zone, @a, DATABASE(), LAST_INSERT_ID()"), X("CREATE TEMPORARY TABLE tmp (i INT)", "SELECT GET_LOCK('diff r', 0)", "SET autocommit = 0", ResetConnection()), X("SELECT @@autocommit, IS_FREE_LOCK('diff r')"), X("SELECT COUNT(*) FROM tmp"), X("SET NAMES latin1", ResetConnection(), "SELECT @@character_set_client, @@collation_connection"),
    ),
    "change_user": S(
        X("SET @a = 1, time_zone = '+01:00'", "BEGIN"), X(ChangeUser("app", "app secret", "app")), X("SELECT @a, @@time_zone, DATABASE(), CURRENT_USER()"), X(ChangeUser("bob", "bob'ß\\secret", "app", 8)), X("SELECT CURRENT_USER(), USER(), DATABASE(), @@collation_connection"), X(ChangeUser("bob", "bob'ß\\secret", "")), X("SELECT CURRENT_USER(), DATABASE()"), X(ChangeUser("app", "app secret", "app", attributes=(("program_name", "x"),))), X("SELECT 1"),
    ),
    "change_user_refused": S(X("SELECT 1"), X(ChangeUser("app", "wrong", "app")), X("SELECT 2")),
    "change_user_to_nowhere": S(X("SELECT 1"), X(ChangeUser("app", "app secret", "nowhere")), X("SELECT 2")),
    # MySQL pretends another plugin on each server.
    "change_user_unknown": only("mariadb", X("SELECT 1"), X(ChangeUser("stranger", "x", "app")), X("SELECT 2")),
}  # fmt: skip
