"""Statements in the binary protocol. 4.4 of the checklist."""

from __future__ import annotations

from support import mysql_wire as w

from . import commands as c
from .commands import LAST, OMITTED, Bulk, ChangeUser, CloseStatement, Execute, Fetch, Indicator, LongData, Prepare, Raw, ResetConnection, ResetStatement
from .script import S, X, integer, only, run, text

BULK = {"mariadb": w.MARIADB_BULK}
CACHED = {"mariadb": w.MARIADB_CACHE_METADATA, "mysql": w.OPTIONAL_METADATA}
INSERT = "INSERT INTO t0 (s, n) VALUES (?, ?)"
BLOB = (c.BLOB, 0, OMITTED)

SCRIPTS = {
    "prepare_and_execute": S(X(*run(0, "SELECT ?, ? + 1", text("a"), integer(2))), X(Execute(0, (text(None), integer(None)))), X(Prepare(1, "SELECT 1"), Execute(1), Execute(1)), X(CloseStatement(0), CloseStatement(1), "SELECT 'after'")),
    "prepare_twice": S(X(Prepare(0, "SELECT ?"), Prepare(1, "SELECT ?")), X(CloseStatement(0), Execute(1, (integer(1),))), X(Execute(0, (integer(1),))), X(Prepare(0, "SELECT ?"), Execute(0, (integer(5),)), Execute(1, (integer(6),)))),
    "ids_that_are_not": S(X(Execute(7), ResetStatement(7), Fetch(7), CloseStatement(7), LongData(7, 0, b"x"), "SHOW WARNINGS"), X(Raw(b"\x17\0\0\0\0\0\1\0\0\0", "result"), Raw(b"\x1a\0\0\0\0"), Raw(b"\x1c\0\0\0\0\1\0\0\0", "fetch"))),
    "of_another_client": S(X(Prepare(0, "SELECT 'mine'")), X(Execute(0), client=1), X(Prepare(0, "SELECT 'other'"), client=1), X(Execute(0)), X(Execute(0), client=1), X(CloseStatement(0), client=1), X(Execute(0)), clients=2),
    "types_sent_once": S(
        X(*run(0, "SELECT ?, ?, ?", integer(1), text("x"), (c.DOUBLE, 0, 1.5))), X("SELECT 1", client=1), X(Execute(0, (integer(2), text("y"), (c.DOUBLE, 0, 2.5)), send_types=False)), X(Execute(0, (integer(None), text("z"), (c.DOUBLE, 0, None)), send_types=False)),
        X(Execute(0, (text("now text"), integer(4), text("5")))), X(Execute(0, (text("again"), integer(5), text("6")), send_types=False)), X(Prepare(1, "SELECT ?"), Execute(1, (integer(1),), send_types=False)), clients=2,
    ),
    "first_with_null": S(X(Prepare(0, "SELECT ?, ?"), Execute(0, ((c.NULL, 0, None), (c.NULL, 0, None)))), X("SELECT 1", client=1), X(Execute(0, ((c.NULL, 0, None), (c.NULL, 0, None)), send_types=False)), X(Execute(0, (integer(1), text("b")))), X(Execute(0, (integer(None), text("b")), send_types=False)), clients=2),
    "many_parameters": S(X(*run(0, "SELECT " + ", ".join(["?"] * 20), *[integer(n if n % 3 else None) for n in range(20)])), X(Prepare(1, "SELECT " + ", ".join(["?"] * 4000))), X(Prepare(2, "SELECT 1 FROM DUAL WHERE 1 IN (" + ", ".join(["?"] * 65535) + ")")), X(Prepare(3, "SELECT 1 FROM DUAL WHERE 1 IN (" + ", ".join(["?"] * 65536) + ")"), "SELECT 'after'")),
    "moments": S(
        X(*run(0, "SELECT CAST(? AS DATETIME(6))", (c.DATETIME, 0, b"\0"))), *[X(Execute(0, (moment,))) for moment in [(c.DATE, 0, (2026, 2, 1)), (c.DATETIME, 0, (2026, 2, 1, 1, 2, 3)), (c.DATETIME, 0, (2026, 2, 1, 1, 2, 3, 4)), (c.TIMESTAMP, 0, (2026, 2, 1))]],
        X(*run(1, "SELECT CAST(? AS TIME(6))", (c.TIME, 0, b"\0"))), *[X(Execute(1, ((c.TIME, 0, moment),))) for moment in [(0, 0, 1, 2, 3), (1, 3, 1, 2, 3), (0, 0, 1, 2, 3, 400)]],
    ),
    "all_types_back": S(X(*run(0, "SELECT * FROM types ORDER BY i")), X(Execute(0)), X(*run(1, "SELECT ti, ub, f FROM types WHERE i = ?", integer(1)))),
    "cannot_be_prepared": S(X(Prepare(0, "SELEC"), Prepare(0, ""), Prepare(0, "SELECT 1; SELECT 2"), Prepare(0, "SELECT * FROM nowhere"), Prepare(0, "SELECT ? FROM"), Execute(0)), X(Prepare(0, "SELECT 1;"), Execute(0)), X(Prepare(1, "LOCK TABLES shared READ"), Execute(1), "UNLOCK TABLES"), X(Prepare(2, "PREPARE x FROM 'SELECT 1'"))),
    "long_texts": S(X(Prepare(0, "SELECT '" + "x" * 70000 + "'"), Execute(0)), X(Prepare(1, "SELECT LENGTH('" + "y" * 17_000_000 + "')"), Execute(1)), X("SELECT 1", client=1), X(Execute(0), Execute(1)), clients=2),
    "execute_cut_short": S(X(Prepare(0, "SELECT ?, ?")), X(Execute(0, tail=b"")), X(Execute(0, tail=b"\0")), X(Execute(0, tail=b"\0\1\x08")), X(Execute(0, tail=b"\0\1\x08\0\x08\0\1\2")), X(Execute(0, tail=b"\0\1\xfd\0\xfd\0\xfe\xff\xff\xff\xff\xff\xff\xff\x7f")), X(Execute(0, (integer(1), integer(2))))),
    "state_through_statements": S(
        X(*run(0, "SET time_zone = '+03:00'"), "SELECT @@time_zone"), X("SELECT @@time_zone"), X(*run(1, "SET @v = ?", text("through"))), X("SELECT @v"), X(*run(2, "USE diff_none")), X(*run(3, "BEGIN")), X(*run(4, INSERT, text("t"), integer(1))), X(*run(5, "ROLLBACK")), X("SELECT COUNT(*) FROM t0"),
        X(*run(6, "CREATE TEMPORARY TABLE pst (i INT)")), X("SELECT COUNT(*) FROM pst"), X(*run(7, "DROP TABLE pst")), X(*run(8, "SET NAMES latin1"), "SELECT @@character_set_client"), X(*run(9, "SELECT GET_LOCK('diff p', 0)")), X("SELECT IS_USED_LOCK('diff p') = CONNECTION_ID()", "SELECT RELEASE_LOCK('diff p')"),
    ),
    "diagnostics_through_statements": S(X(*run(0, INSERT, text("a"), integer(1))), X(*run(1, "SELECT LAST_INSERT_ID(), ROW_COUNT()")), X("SELECT LAST_INSERT_ID()"), X("SELECT 2", client=1), X(Execute(0, (text("b"), integer(2)))), X(Execute(1)), X(*run(2, "SELECT CAST('abc' AS SIGNED)")), X("SHOW WARNINGS"), X(*run(3, "SHOW WARNINGS")), clients=2),
    "calls": S(X(*run(0, "CALL p_out(?, ?)", integer(1), integer(2))), X(*run(1, "CALL p_several()")), X(*run(2, "CALL p_error(?)", integer(1))), X(Execute(2, (integer(0),))), X(Execute(2, (integer(4),)), "SELECT 1"), X(*run(3, "CALL p_nothing()"))),
    "table_changed": S(X(*run(0, "SELECT * FROM t0 ORDER BY i")), X("ALTER TABLE t0 ADD COLUMN more INT DEFAULT 4"), X(Execute(0)), X("ALTER TABLE t0 DROP COLUMN more, DROP COLUMN n"), X(Execute(0)), X("DROP TABLE t0"), X(Execute(0)), X("CREATE TABLE t0 (i INT)"), X(Execute(0))),
    "table_changed_metadata_cached": S(X(*run(0, "SELECT * FROM t0 ORDER BY i")), X(Execute(0)), X("SELECT 1", client=1), X(Execute(0)), X("ALTER TABLE t0 ADD COLUMN more INT DEFAULT 4"), X(Execute(0)), X(Execute(0)), X(*run(1, "SELECT 1, ?", integer(1))), X(Execute(1, (text("other type"),))), X(Execute(1, (text("again"),), send_types=False)), clients=2, more=CACHED),
    "sql_mode_of_preparing": S(X("SET sql_mode = 'ANSI_QUOTES'", Prepare(0, 'SELECT "i" FROM shared WHERE i = 1')), X("SET sql_mode = ''"), X(Execute(0)), X(Prepare(1, 'SELECT "i"')), X("SET sql_mode = 'ANSI_QUOTES'"), X(Execute(1))),
    "schema_of_preparing": S(X(Prepare(0, "SELECT COUNT(*) FROM shared")), X("CREATE DATABASE IF NOT EXISTS diff_p", "USE diff_p"), X(Execute(0)), X("DROP DATABASE diff_p"), X(Execute(0))),
    "cursors": S(
        X(Prepare(0, "SELECT i, s FROM shared ORDER BY i"), Execute(0, flags=1)), X(Fetch(0, 3)), X(Fetch(0, 3)), X("SELECT 'between'"), X(Fetch(0, 100)), X(Fetch(0, 1)), X(Execute(0, flags=1), Fetch(0, 1), ResetStatement(0), Fetch(0, 1)), X(Execute(0, flags=1), Fetch(0, 2), CloseStatement(0), Fetch(0, 1)),
        X(*run(1, "SELECT 1", flags=1), Fetch(1, 5), Fetch(1, 5)), X(*run(2, "SELECT i FROM shared WHERE 0", flags=1), Fetch(2, 5)), X(*run(3, INSERT, text("c"), integer(1), flags=1)), X(Fetch(3, 1)), X(Prepare(0, "SELECT i FROM shared ORDER BY i"), Execute(0, flags=1), "COMMIT", Fetch(0, 2)), X("BEGIN", "COMMIT", Fetch(0, 2)),
        X(*run(4, "SELECT 10 / (i - 3), (SELECT i FROM shared b WHERE b.i <= a.i - 4) FROM shared a ORDER BY i", flags=1), Fetch(4, 10)), X(*run(5, "CALL p_several()", flags=1)), X(*run(6, "SELECT 1", flags=2)), X(*run(6, "SELECT 1", flags=4)), X(*run(6, "SELECT 1", flags=0x10)),
    ),
    # MySQL 9 answers an EXECUTE without a cursor, behind one with, with half a result.
    "cursor_and_then_none": only("mariadb", X(Prepare(0, "SELECT i FROM shared ORDER BY i"), Execute(0, flags=1), Fetch(0, 2)), X(Execute(0), Fetch(0, 2))),
    "two_cursors": S(X(Prepare(0, "SELECT i FROM shared ORDER BY i"), Prepare(1, "SELECT s FROM shared ORDER BY i DESC")), X(Execute(0, flags=1), Execute(1, flags=1)), X(Fetch(0, 2), Fetch(1, 2), Fetch(0, 2), Fetch(1, 2)), X("SELECT 'other'", client=1), X(Fetch(0, 2)), X(ResetConnection(), Fetch(0, 1)), clients=2),
    "long_data": S(
        X(Prepare(0, "SELECT LENGTH(?), HEX(LEFT(?, 4))"), LongData(0, 0, b"abc"), LongData(0, 0, b"def"), LongData(0, 1, b"\0\xff"), Execute(0, (BLOB, BLOB))), X(LongData(0, 0, b"only"), Execute(0, (BLOB, text("given")))), X(LongData(0, 0, b"forgotten"), ResetStatement(0), Execute(0, (text("x"), text("y")))), X(LongData(0, 9, b"no such parameter")), X(Execute(0, (text("x"), text("y")))),
        X(Execute(0, (text("x"), text("y")))), X(LongData(0, 0, b"")), X("SELECT 'between'"), X(Execute(0, (BLOB, text("y")))), X(LongData(0, 0, b"z" * 200_000), LongData(0, 0, b"z" * 17_000_000), Execute(0, (BLOB, text("y")))), X(LongData(0, 0, b"x"), CloseStatement(0), "SELECT 1"),
    ),
    "close_and_go_on": S(X(Prepare(0, "SELECT 1"), CloseStatement(0), CloseStatement(0), "SELECT 2"), X(Prepare(0, "SELECT 3"), Execute(0), CloseStatement(0), Prepare(0, "SELECT 4"), Execute(0)), X(CloseStatement(0), "SELECT 5", CloseStatement(9), "SELECT 6", pipelined=True)),
    "gone_with_the_session": S(X(Prepare(0, "SELECT 1")), X(ResetConnection()), X(Execute(0), CloseStatement(0), "SELECT 2"), X(Prepare(0, "SELECT 1")), X(ChangeUser("app", "app secret", "app")), X(Execute(0), CloseStatement(0), "SELECT 3")),
    "reset_statement": S(X(Prepare(0, "SELECT ?"), ResetStatement(0), Execute(0, (integer(1),)), ResetStatement(0), Execute(0, (integer(2),), send_types=False))),
    "last_prepared": only(
        "mariadb", X(Prepare(0, "SELECT ?"), Execute(LAST, (integer(1),)), pipelined=True), X(Execute(LAST, (integer(2),))), X("SELECT 1", client=1), X(Execute(LAST, (integer(3),), send_types=False)), X(Prepare(1, "SELEC"), Execute(LAST), pipelined=True), X(Execute(LAST)), X(Prepare(2, "SELECT 5"), Execute(LAST), CloseStatement(LAST), "SELECT 6", pipelined=True), X(Execute(LAST), Execute(2)),
        X(Prepare(3, "SELECT 7"), ResetStatement(LAST), Execute(LAST), pipelined=True), X(Prepare(4, "INSERT INTO t0 (s) VALUES (?)"), Execute(LAST, (text("l"),)), Execute(LAST, (text("m"),), send_types=False), "SELECT LAST_INSERT_ID()", pipelined=True), X(Prepare(5, "SELECT i FROM shared ORDER BY i"), Execute(LAST, flags=1), Fetch(5, 2), CloseStatement(5)), clients=2,
    ),
    "last_of_nothing": only("mariadb", X(Execute(LAST)), X(CloseStatement(LAST), ResetStatement(LAST), Execute(LAST)), X(Prepare(0, "SELECT 1"), CloseStatement(0), Execute(LAST)), X(Execute(LAST), client=1), clients=2),
    "bulk": only(
        "mariadb", X(Prepare(0, INSERT), Bulk(0, tuple((text(f"b{n}"), (c.LONG, 0, n)) for n in range(3)))), X("SELECT * FROM t0 ORDER BY i"), X(Bulk(0, ((text(None), (c.LONG, 0, Indicator(2))), (text("x"), (c.LONG, 0, None))))), X("SELECT 1", client=1), X(Bulk(0, ((text("without types"), (c.LONG, 0, 4)),), flags=0)), X("SELECT * FROM t0 ORDER BY i", "SELECT LAST_INSERT_ID(), ROW_COUNT()"),
        X(Bulk(0, ((text("u"), (c.LONG, 0, 1)), (text("v"), (c.LONG, 0, 2))), flags=128 | 64)), X(Prepare(1, "UPDATE t0 SET n = ? WHERE i = ?"), Bulk(1, tuple(((c.LONG, 0, n), (c.LONG, 0, n)) for n in range(5)))), X(Prepare(2, "SELECT ?"), Bulk(2, ((integer(1),), (integer(2),)))), X(Bulk(9, ((integer(1),),))), X(Prepare(3, "SELECT 1"), Bulk(3, tail=b"")), X(Bulk(0, tail=b"\1")), X("SELECT COUNT(*) FROM t0"),
        X(Prepare(4, "INSERT INTO t0 (i, s) VALUES (?, ?)"), Bulk(4, tuple(((c.LONG, 0, 500), text("dup")) for _ in range(2)))), X("SELECT COUNT(*) FROM t0 WHERE i = 500"), X(Prepare(5, INSERT), Bulk(LAST, ((text("last"), (c.LONG, 0, 1)),)), pipelined=True), X(Prepare(6, "INSERT INTO t0 (s) VALUES (?)"), Bulk(6, tuple((text("y" * 1000),) for _ in range(3000)))), clients=2, more=BULK,
    ),
    "bulk_without_the_capability": only("mariadb", X(Prepare(0, INSERT), Bulk(0, ((text("b"), (c.LONG, 0, 1)),)), "SELECT 1"), without=w.MARIADB_BULK),
    "sql_and_binary": S(X("PREPARE s1 FROM 'SELECT 1'", *run(0, "SELECT 2")), X("EXECUTE s1", Execute(0)), X("DEALLOCATE PREPARE s1", Execute(0)), X(*run(1, "EXECUTE s1"))),
}  # fmt: skip
