"""Files from the client, attributes, what the two families have alone. 4.5 and 4.6 of the checklist."""

from __future__ import annotations

from support import mysql_wire as w

from .commands import Query, Raw, ping, statistics
from .script import S, X, only, run, text

LOAD = "LOAD DATA LOCAL INFILE 'a file' INTO TABLE t0 (n, s)"
ROWS = (b"1\tone\n2\ttwo\n", b"3\tthr", b"ee\n")
EXTENDED = w.MARIADB_EXTENDED_METADATA | w.MARIADB_CACHE_METADATA | w.MARIADB_BULK

SCRIPTS = {
    "load_data": S(
        X(Query(LOAD, ROWS), "SELECT COUNT(*) FROM t0", "SHOW WARNINGS"), X(Query(LOAD), "SELECT 1"),
        X(Query(LOAD, (b"x\ty\n",)), "SHOW WARNINGS"), X(Query(LOAD + "; SELECT 'then'", ROWS)),
        X("BEGIN", Query(LOAD, ROWS), "ROLLBACK", "SELECT COUNT(*) FROM t0"),
        X(Query("LOAD DATA LOCAL INFILE 'a' INTO TABLE nowhere", ROWS), "SELECT 2"),
        X(Query(LOAD, tuple(b"%d\trow\n" % n for n in range(700))), "SELECT COUNT(*) FROM t0"),
        X(Query(LOAD, (b"9\t" + b"x" * 17_000_000 + b"\n",)), "SELECT COUNT(*) FROM t0"),
        X(Query("LOAD DATA LOCAL INFILE 'a' IGNORE INTO TABLE t0 (i, s)", (b"1\ta\n2\tb\n",)), "SHOW WARNINGS"),
    ),
    "load_data_on_the_server": S(X("LOAD DATA INFILE '/nowhere/at/all' INTO TABLE t0", "SELECT 1")),
    "load_data_without_the_capability": S(X(Query(LOAD, ROWS), "SELECT 1"), without=w.LOCAL_FILES),
    "load_data_prepared": S(X(*run(0, LOAD)), X("SELECT 1")),
    "other_commands": S(X(ping(), statistics(), ping()), X("SELECT 1", ping(), "SELECT ROW_COUNT()"),
        X("SELECT * FROM nowhere", ping(), "SHOW WARNINGS"), X("SELECT * FROM nowhere", statistics(), "SHOW WARNINGS"),
        X("INSERT INTO t0 (s) VALUES ('x')", Raw(b"\2diff_none"), "SELECT LAST_INSERT_ID()")),
    "unknown_in_a_transaction": S(X("BEGIN", "INSERT INTO t0 (s) VALUES ('x')"), X(Raw(b"\x7f"), Raw(b""), ping()),
        X("ROLLBACK"), X("SELECT COUNT(*) FROM t0")),
    "found_rows_capability": S(X("UPDATE shared SET s = s", "UPDATE shared SET s = 'row 1' WHERE i = 1"),
        X("SELECT ROW_COUNT()"), X("UPDATE shared SET s = s", client=1), X("UPDATE shared SET s = s"),
        X("UPDATE shared SET s = s", client=1), X("INSERT INTO t0 (i) VALUES (1) ON DUPLICATE KEY UPDATE i = 1"),
        X("INSERT INTO t0 (i) VALUES (1) ON DUPLICATE KEY UPDATE i = 1", client=1), clients=[w.FOUND_ROWS, 0]),
    "ignore_space_capability": S(X("SELECT COUNT (*) FROM shared"), X("SELECT COUNT (*) FROM shared", client=1),
        X("SELECT @@sql_mode"), X("SELECT @@sql_mode", client=1), X("SELECT COUNT (*) FROM shared"),
        X("SET sql_mode = ''", "SELECT COUNT (*) FROM shared"), clients=[w.IGNORE_SPACE, 0]),
    "interactive_capability": S(X("SELECT @@wait_timeout, @@interactive_timeout"), X("SELECT @@wait_timeout", client=1),
        X("SET wait_timeout = 50"), X("SELECT @@wait_timeout", client=1), X("SELECT @@wait_timeout"),
        clients=[w.INTERACTIVE, 0]),
    "old_and_new": S(X("SELECT * FROM shared ORDER BY i"), X("SELECT * FROM shared ORDER BY i", client=1),
        X("SELECT CAST('x' AS SIGNED)"), X("SHOW WARNINGS", client=1), X("CALL p_several()"), X("CALL p_several()", client=1),
        X(*run(0, "SELECT * FROM types ORDER BY i")), X(*run(0, "SELECT * FROM types ORDER BY i"), client=1),
        X("SET time_zone = '+01:00'"), X("SET time_zone = '+01:00'", client=1), clients=[w.DEPRECATE_EOF | w.SESSION_TRACK, 0],
        without=0),
    "extended_metadata": only("mariadb",
        X("SELECT js FROM types ORDER BY i",
            "SELECT CAST('6ccd780c-baba-1026-9564-5b8c656024db' AS UUID), CAST('::1' AS INET6), ST_GeomFromText('POINT(1 1)')"),
        X("SELECT js FROM types", client=1), X(*run(0, "SELECT * FROM types ORDER BY i")),
        X(*run(0, "SELECT * FROM types ORDER BY i"), client=1), clients=[EXTENDED, 0]),
    "returning": only("mariadb",
        X("INSERT INTO t0 (s) VALUES ('r'), ('q') RETURNING i, s", "SELECT ROW_COUNT(), LAST_INSERT_ID()",
            "DELETE FROM t0 WHERE i < 3 RETURNING *", "REPLACE INTO t0 (i, s) VALUES (3, 'x') RETURNING s")),
    "progress": only("mariadb", X("ALTER TABLE t0 ADD COLUMN p INT, ALGORITHM = COPY"), X("SELECT 1"),
        more={"mariadb": w.MARIADB_PROGRESS}),
    "query_attributes": only(
        "mysql", X(Query("SELECT 1", attributes=(("name", "value"),))), X(Query("SELECT 2")),
        X(Query("INSERT INTO t0 (s) VALUES ('x')", attributes=(("a", "b"), ("", "c")))),
        X(Query("SET time_zone = '+01:00'", attributes=(("a", "b"),))), X("SELECT @@time_zone"), X("SELECT 3", client=1),
        X(*run(0, "SELECT ?", text("v"))), X(*run(0, "SELECT ?", text("v")), client=1), clients=[w.QUERY_ATTRIBUTES, 0],
    ),
    "optional_metadata": only("mysql", X("SELECT * FROM shared ORDER BY i"), X("SET resultset_metadata = 'NONE'"),
        X("SELECT * FROM shared ORDER BY i"), X("SELECT * FROM shared ORDER BY i", client=1), X(*run(0, "SELECT ?", text("v"))),
        X("SET resultset_metadata = 'FULL'", "SELECT 1"), clients=[w.OPTIONAL_METADATA, 0]),
    "gtids": only("mysql", X("SET session_track_gtids = 'OFF'"), X("INSERT INTO t0 (s) VALUES ('x')")),
    "statement_timeout": only("mariadb", X("SET max_statement_time = 0.01"), X("SELECT SLEEP(5)"),
        X("SET max_statement_time = 0"), X("SELECT SLEEP(0)")),
}  # fmt: skip
