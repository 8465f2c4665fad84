"""Framing, results in all their shapes, status flags. 4.1 and 4.3 of the checklist."""

from __future__ import annotations

import struct

from support import mysql_wire as w
from support.mysql_reply import LONGEST

from .commands import Query, Raw, ResetConnection, ping, set_option
from .script import S, X, only


def letters(length: int) -> bytes:
    """A query whose payload has this length."""
    text = b"SELECT LENGTH('')"
    return b"SELECT LENGTH('" + b"x" * (length - 1 - len(text)) + b"')"


SCRIPTS = {
    "query_lengths": S(
        X(*(Query(letters(LONGEST + n)) for n in (-1, 0, 1))), X(Query(letters(2 * LONGEST))),
        X(Query(letters(2 * LONGEST + 1)), "SELECT 'after'"),
    ),
    "row_lengths": S(
        X(*(f"SELECT REPEAT('y', {LONGEST + n - 4})" for n in (-1, 0, 1))),
        X(f"SELECT REPEAT('y', {2 * LONGEST - 9})", "SELECT 'after'"),
        # A row that begins with 0xFE, as an EOF does.
        X(f"SELECT REPEAT('z', {LONGEST + 1})", f"SELECT REPEAT('z', {LONGEST + 70000}), 'end'", "SELECT 'after'"),
    ),
    "many_packets": only("mariadb", X("SELECT seq FROM seq_1_to_600"), X("SELECT seq, NULL FROM seq_1_to_70000"),
        X("SELECT seq FROM seq_1_to_249", "SELECT 1")),
    "null_first": S(X("SELECT NULL, 1", "SELECT NULL", "SELECT '', NULL"), X("SELECT NULL FROM shared")),
    "error_in_the_middle": S(
        X("SELECT i, (SELECT i FROM shared b WHERE b.i <= a.i - 4) FROM shared a ORDER BY i"), X("SELECT 'after'"),
        X("SELECT (SELECT i FROM shared) FROM shared", "SELECT 1"),
    ),
    "many_columns": S(
        X("SELECT " + ", ".join(map(str, range(300)))), X("SELECT " + ", ".join(["1"] * 4096)),
        X("SELECT " + ", ".join(["1"] * 4097), "SELECT 'after'"),
    ),
    "long_names": S(
        X(f"SELECT 1 AS `{'n' * 256}`"), X(f"SELECT 1 AS `{'n' * 250}`"), X(f"SELECT 1 AS `{'ä' * 64}`"),
        X(f"CREATE TABLE t0_0 (`{'ü' * 64}` INT)", "SELECT * FROM t0_0"),
        X(f"SELECT `{'x' * 200}` FROM shared"),
    ),
    "nothing_to_do": S(X("", ";", " ", "-- comment", "/* comment */", "# c"), X("SELECT 1;", ";SELECT 1", "; ;"),
        X("SELECT $$", "\0", "SELECT \0")),
    "odd_bytes": S(X(Query(b"SELECT '\xff\xfe'"), Query(b"SELECT 1 \xc3"), Query(b"\xff"), Query(b"SELECT 'a\0b'"),
        Query(b"SELECT '\xe4'")),
        X("SELECT 'after'")),
    "unknown_commands": S(X(Raw(b""), Raw(b"\0"), Raw(b"\5x"), Raw(b"\6x"), Raw(b"\x0b"), Raw(b"\x0f"), Raw(b"\x10"),
        Raw(b"\x21"), Raw(b"\x7f"), Raw(b"\xfe"), Raw(b"\xff")),
        X("SELECT 1")),
    "pipelined": S(
        X("SELECT 1", "SELECT 2", "SELEC", "SELECT 3", ping(), "SELECT 4", pipelined=True),
        X("SELECT * FROM shared ORDER BY i", "INSERT INTO t0 (s) VALUES ('p')", "SELECT LAST_INSERT_ID()", pipelined=True),
        X("BEGIN", "INSERT INTO t0 (s) VALUES ('q')", "ROLLBACK", "SELECT COUNT(*) FROM t0", pipelined=True),
        X(*[f"SELECT {n}, REPEAT('x', 5000)" for n in range(60)], pipelined=True),
        X("SET sql_mode = 'ANSI_QUOTES'", "SELECT @@sql_mode", "USE nowhere", "SELECT DATABASE()", pipelined=True),
        X(Raw(b"\2nowhere"), ping(), Raw(b"\x09", "text"), "SELECT 1", pipelined=True),
    ),
    "wrong_sequence": S(X(Raw(b"\3SELECT 1", "result", 1), fatal=True), X("SELECT 'a new connection'")),
    "wrong_sequence_of_ping": S(X("SELECT 1", Raw(b"\x0e", "one", 7), fatal=True)),
    "quit": S(X("SELECT 1", Raw(b"\1", "none"), fatal=True), X("SELECT 2")),
    "quit_behind_a_query": S(X("SELECT 1", Raw(b"\1", "none"), pipelined=True, fatal=True), X("SELECT 2")),
    "information": S(
        X("UPDATE shared SET s = 'x' WHERE i < 4", "INSERT INTO t0 (s) VALUES ('a'), ('b')", "ALTER TABLE t0 ADD COLUMN z INT",
            "DELETE FROM t0 WHERE i = 99", "UPDATE shared SET s = s"),
        X("INSERT IGNORE INTO t0 (i, s) VALUES (1, 'a'), (2, 'b')", "REPLACE INTO t0 (i, s) VALUES (1, 'c')",
            "CREATE TABLE t0_1 AS SELECT * FROM shared"),
    ),
    "several_results": S(
        X("SELECT 1; SELECT 2; SELECT 3"), X("SELECT 1; INSERT INTO t0 (s) VALUES ('m'); SELECT LAST_INSERT_ID()"),
        X("SELECT 1; SELEC; SELECT 2"), X("SELECT 1; SELECT * FROM nowhere; SELECT 2"),
        X("SET sql_mode = 'ANSI_QUOTES'; SELECT @@sql_mode"), X("SELECT @@sql_mode"), X("CALL p_several(); SELECT 'then'"),
        X("SELECT 1;"), X("SELECT ';'; SELECT '\\';'; SELECT \"a;b\"; /* ; */ SELECT 2 -- ;"),
        X("BEGIN; INSERT INTO t0 (s) VALUES ('t'); ROLLBACK; SELECT COUNT(*) FROM t0"), X("DO 1; DO 2; DO 3"),
    ),
    "several_without_the_capability": S(X("SELECT 1; SELECT 2", "SELECT 1;", "SELECT ';'"),
        X(set_option(0), "SELECT 1; SELECT 2"), X(set_option(1), "SELECT 1; SELECT 2"), X("SELECT 3"),
        without=w.MULTI_STATEMENTS),
    "multi_statements_switched": S(
        X("SELECT 1; SELECT 2", set_option(1), "SELECT 3; SELECT 4", set_option(0)), X("SELECT 5; SELECT 6", client=1),
        X("SELECT 7; SELECT 8"), X(set_option(2)),
        X(set_option(0), client=1), X("SELECT 9; SELECT 10", client=1), clients=2,
    ),
    "calls": S(
        X("CALL p_several()"), X("CALL p_nothing()"), X("CALL p_out(@o, @io)", "SELECT @o, @io"), X("CALL p_error(0)"),
        X("CALL p_error(1)"), X("CALL p_error(5)"), X("CALL p_nested()", "SHOW WARNINGS"),
        X("CALL p_none()", "SELECT 1"), X("CALL p_transaction(1)", "SELECT 1", "ROLLBACK"),
    ),
    "calls_without_several_results": S(X("CALL p_several()", "CALL p_nothing()", "SELECT 1"),
        without=w.MULTI_STATEMENTS | w.MULTI_RESULTS),
    "no_database_at_login": S(
        "SELECT DATABASE()", "SELECT * FROM shared", "SHOW TABLES", X(Raw(b"\2app"), "SELECT DATABASE()"), "SELECT DATABASE()",
        X(ResetConnection(), "SELECT DATABASE()"), database="",
    ),
    "no_database": S(X("SELECT DATABASE()"), X("SELECT * FROM shared"), X(Raw(b"\2nowhere"), "SELECT DATABASE()"),
        X("USE nowhere", "SELECT DATABASE()")),
    "flags": S(
        X("BEGIN", "SELECT 1", "COMMIT"),
        X("START TRANSACTION READ ONLY", "SELECT 1", "INSERT INTO t0 (s) VALUES ('no')", "COMMIT"),
        X("SET sql_mode = 'NO_BACKSLASH_ESCAPES'", "SELECT 'a\\'"), X("SELECT 'a\\', 1"),
        X("SET sql_mode = 'ANSI_QUOTES'"), X('SELECT "i" FROM shared WHERE i = 1'), X("SET autocommit = 0", "SELECT 1"),
        X("SELECT i FROM shared WHERE i = 1"), X("COMMIT"), X("SET autocommit = 1", "SELECT 1"),
        X("SELECT * FROM shared WHERE s = 'row 3'"),
        X("CREATE DATABASE gone_soon", "USE gone_soon", "DROP DATABASE gone_soon", "SELECT DATABASE()"), X("SELECT DATABASE()"),
    ),
    "types": S(X("SELECT * FROM types ORDER BY i"), X("SELECT ti + 1, d * 2, CONCAT(e, st), bl, js FROM types ORDER BY i"),
        X("SELECT MIN(ts), MAX(t), AVG(d), SUM(f) FROM types")),
    "character_sets": S(
        X(Query("SELECT 'ä', HEX('ä')".encode("latin1")), "SELECT s FROM shared WHERE i = 1"), X("SET NAMES utf8mb4"),
        X("SELECT 'ä', HEX('ä')", Query("SELECT HEX(_latin1'ä')".encode("latin1"))),
        X("SET NAMES gbk"), X(Query(b"SELECT HEX('\xd5\\'), 1")), X(Query(b"SELECT '\xbf\\' OR 1=1 -- '")),
        X("SET NAMES sjis", Query(b"SELECT HEX('\x83\x5c')")), X("SET NAMES DEFAULT"), collation=8,
    ),
    "collations_above_255": S(X("SELECT @@collation_connection"),
        X("SET NAMES utf8mb4 COLLATE utf8mb4_unicode_520_nopad_ci", "SELECT @@collation_connection"),
        X("SELECT COLLATION('x')"), families=("mariadb",)),
    "field_list": S(X(Raw(b"\4shared\0", "fields"), Raw(b"\4types\0t%", "fields"), Raw(b"\4shared\0nothing", "fields"),
        Raw(b"\4nowhere\0", "fields"), Raw(b"\4", "fields"), Raw(b"\4shared", "fields")),
        X("SELECT 1")),
    "kill_nobody": S(X("KILL 4294967290", "KILL QUERY 4294967290", "KILL CONNECTION 4294967290", "KILL 'x'", "KILL 0", "KILL"),
        X(Raw(b"\x0c" + struct.pack("<I", 4294967290)))),
    "kill_query_of_the_idle": S(X("SELECT 1", client=1), X("KILL QUERY $ID1"), X("SELECT 2", client=1), X("SELECT 3", client=1),
        clients=2),
    "kill_the_idle": S(X("SELECT 1", client=1), X("KILL $ID1"), X("SELECT 2"), clients=2),
    "kill_by_command": S(X("SELECT 1", client=1), X(Raw(b"\x0c\0\0\0\0"), "SELECT 2"), clients=2),
    "kill_oneself": S(X("KILL QUERY $ID0"), X("SELECT 1"), X("KILL CONNECTION $ID0", fatal=True),
        X("SELECT 'a new connection'")),
    "ids": S(X("SELECT CONNECTION_ID()", has_ids=True), X("SELECT CONNECTION_ID() = $ID0 AS same", has_ids=True),
        X("SELECT @@pseudo_thread_id = $ID0 AS same", has_ids=True)),
}  # fmt: skip
