"""What generated conversations have found, as short as they could be made."""

from __future__ import annotations

from support.mysql_wire import IGNORE_SPACE, LOCAL_FILES

from .commands import (
    DOUBLE, NEWDECIMAL, TINY, ChangeUser, Execute, Fetch, LongData, Prepare, Raw, ResetConnection, ResetStatement, field_list, ping,
    set_option,
)  # fmt: skip
from .script import S, X, integer, only, run, text

#: Another client on the same server, so that the first one's is not as it was.
BETWEEN = X("SELECT i FROM shared WHERE i < 3 ORDER BY i", client=1)

SCRIPTS = {
    # What ends a transaction of ours begins none, though `completion_type` is the client's.
    "completion_type_of_others": S(
        X("SET completion_type = CHAIN", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SELECT i FROM shared WHERE i = 1", "DO 1"),
        BETWEEN, X("INSERT INTO t0 (s) VALUES ('a')", "SELECT 'outside'"), clients=2),
    # What a function has set keeps its server, though what is told with it is what `SET STATEMENT` has set back.
    "functions_set": only(
        "mariadb", X("SET STATEMENT sql_select_limit = 18446744073709551615 FOR SELECT 1/3", "SELECT f_counts(3)"), BETWEEN,
        X("SELECT @counted", client=1), X("SELECT @counted"), X("SET @b = f_counts(3)"), X("SELECT @counted", client=1), X("SELECT @counted"),
        clients=2),
    # Prepared in one schema and executed in another, it is taken back.
    "prepared_use": only(
        "mariadb", X(Prepare(0, "USE scripts")), X(Raw(b"\2scriptsb"), Execute(0), "SELECT DATABASE()"), BETWEEN, X("SELECT DATABASE()"),
        X("SELECT DATABASE()", client=1), clients=2),
    "found_rows_of_updates": S(
        X("SELECT i FROM shared WHERE i < 6 ORDER BY i"), X("UPDATE t0 a JOIN shared b ON b.i = a.i SET a.s = b.s", "SELECT FOUND_ROWS()"),
        clients=2),
    # Strings in what is prepared have the collation of then, on every server.
    "prepared_under_other_names": S(
        X(Prepare(0, "SELECT 'a' = 'A', 'q'"), Execute(0)), X("SET NAMES utf8mb4", "SELECT 'a' = 'A'"), BETWEEN, X(Execute(0)),
        X("SELECT 'a' = 'A', @@collation_connection, @@character_set_results"), clients=2, collation=46),
    # Headgate asks its servers to tell everything; a client sees what it has set itself, and goes on to be told.
    "tracking_shown": only(
        "mariadb", X("SHOW VARIABLES LIKE 'session_track_s%'"), X("SELECT @@session_track_schema, @@session_track_state_change"),
        X("SET session_track_state_change = ON, session_track_system_variables = 'time_zone'"), X("SHOW VARIABLES LIKE 'session_track_s%'"),
        X("CALL p_mode()", "SELECT @@sql_mode"), BETWEEN, X("SELECT @@session_track_system_variables"), clients=2),
    # SHOW VARIABLES uses up no SET TRANSACTION, and nobody else gets it.
    "set_transaction_and_show": S(
        X("SET TRANSACTION READ ONLY", "SHOW VARIABLES LIKE 'sql_mode'"), X("START TRANSACTION", "ROLLBACK", client=1),
        X("START TRANSACTION", "UPDATE shared SET s = 'no' WHERE i = 1", "ROLLBACK"),
        X("SET TRANSACTION READ ONLY", "SELECT i FROM shared WHERE i = 1"), X("START TRANSACTION", "ROLLBACK", client=1),
        X("START TRANSACTION", "ROLLBACK"), clients=2),
    "found_rows_of_others": only(
        "mariadb", X("SELECT i FROM shared WHERE i < 6 ORDER BY i"), BETWEEN, X("SELECT FOUND_ROWS()"),
        X("SELECT SQL_CALC_FOUND_ROWS i FROM shared LIMIT 2", "SHOW ERRORS", "SELECT FOUND_ROWS()"),
        X("INSERT INTO t0 (s) SELECT s FROM shared WHERE i < 4"), BETWEEN, X("SELECT FOUND_ROWS()"),
        X("SELECT 1, 2"), X("DELETE FROM t0 WHERE i = 1 RETURNING i"), BETWEEN, X("SELECT FOUND_ROWS()"),
        X("CALL p_several()", "SELECT FOUND_ROWS()"), clients=2),
    "found_rows_behind_an_error": only(
        "mariadb", X("SELECT i FROM shared WHERE i < 6 ORDER BY i"), X("SELECT 1 FROM shared WHERE i = (SELECT 1 UNION SELECT 2)", "SELECT FOUND_ROWS()"),
        X("SELECT 1 FROM shared WHERE i = (SELECT 1 UNION SELECT 2)"), BETWEEN, X("SELECT FOUND_ROWS()"), X("SELECT POW(2, 5000)"), BETWEEN,
        X("SELECT FOUND_ROWS()"), clients=2),
    "several_statements_ask": S(
        X("SELECT i FROM shared WHERE i < 6 ORDER BY i"), BETWEEN, X("SELECT FOUND_ROWS(), ROW_COUNT(); SELECT ROW_COUNT()"),
        X("INSERT INTO t0 (s) VALUES ('a')"), X("INSERT INTO t1 (s) VALUES ('a')", client=1),
        X("SELECT ROW_COUNT(); SELECT LAST_INSERT_ID()"), clients=2),
    # A replay of a string with the collation `binary`, which is a word of the language.
    "variable_of_binary": S(
        X("SET @b = 'text'", "SELECT @b, COLLATION(@b)"), X("SET @b = 'other'", "SELECT @b", client=1), X("SELECT @b, COLLATION(@b)"),
        clients=2, collation=63),
    "prepare_fails_for_others": only(
        "mariadb", X(*run(0, "SELEC")), X("SHOW WARNINGS", client=1), X("SHOW WARNINGS"), X(Raw(b"\2nowhere")), X("SHOW ERRORS", client=1), clients=2),
    # MySQL makes what is bound later what was bound first: with another client's number, a string would be read as 0.
    "types_of_others": S(
        X(*run(0, "SELECT ?", (DOUBLE, 0, 1.5))), X(*run(0, "SELECT ?", text("abc")), client=1), X(*run(1, "SELECT ?, CONCAT(?, 'x')", integer(1), integer(2))),
        X(*run(1, "SELECT ?, CONCAT(?, 'x')", text("a"), text("b")), client=1), X(Execute(1, (integer(3), integer(4)))),
        X(Execute(1, (text("d"), text("e"))), client=1), clients=2),
    # MySQL adds what is wrong with a packet to what the statement before has left.
    "several_errors_of_ours": only(
        "mysql", X(Raw(b"\x7f"), Raw(b"\x1a"), Execute(7), "SHOW WARNINGS", ping(), "SHOW COUNT(*) ERRORS"), BETWEEN,
        X("SELECT CAST('abc' AS SIGNED)", Raw(b"\x7f"), Raw(b"\2nowhere"), ping(), "SHOW WARNINGS LIMIT 2", "SHOW COUNT(*) WARNINGS",
            "GET DIAGNOSTICS CONDITION 2 @m = MESSAGE_TEXT", "SELECT @m"), X(*run(0, "BEGIN"), ping(), "SHOW WARNINGS"), BETWEEN,
        X("SELECT CAST('abc' AS SIGNED)", Execute(7), ping(), "SELECT @@warning_count, @@error_count", "SHOW WARNINGS", ping()), clients=2),
    # SIGNAL takes 128 characters.
    "long_messages": only(
        "mysql", X("SELECT something that MySQL does not understand at all, and answers with a message longer than SIGNAL takes"), BETWEEN,
        X("SHOW WARNINGS LIMIT 1", "SHOW ERRORS", "SHOW WARNINGS"), clients=2),
    # Not every statement makes an id: nobody else gets it.
    "insert_id_unused": S(
        X("SET insert_id = 900", "SELECT 1"), X("INSERT INTO t1 (s) VALUES ('x')", client=1), X("INSERT INTO t0 (i, s) VALUES (5000, 'given')"),
        X("INSERT INTO t1 (s) VALUES ('x')", client=1), X("INSERT INTO t0 (s) VALUES ('made')", "SELECT LAST_INSERT_ID(), @@insert_id"),
        X("INSERT INTO t1 (s) VALUES ('x')", client=1), X("INSERT INTO t0 (s) VALUES ('later')"), clients=2),
    # What the server is asked after a SET that failed is not to take its error away.
    "set_computed_fails": S(
        X(*run(0, "SET div_precision_increment = ?", (DOUBLE, 0, 1.5))), X("SHOW WARNINGS"), X(*run(0, "SET autocommit = ?", (DOUBLE, 0, 0.25))),
        X("SELECT @@error_count"), BETWEEN, X("SELECT @@autocommit"), clients=2),
    "use_fails_behind_a_routine": S(X("CALL p_several(); USE nowhere"), X(ResetConnection(), "SELECT DATABASE()"), BETWEEN, X("SELECT DATABASE()"),
        clients=2),
    # UPDATE, DO and VALUES are counted too.
    "found_rows_of_mysql": only(
        "mysql", X("UPDATE shared SET s = s WHERE i < 5"), BETWEEN, X("SELECT FOUND_ROWS()"), X("UPDATE shared SET s = s WHERE i = -1"), BETWEEN,
        X("SELECT FOUND_ROWS()"), X("VALUES ROW(1, 'x'), ROW(2, 'y')"), BETWEEN, X("SELECT FOUND_ROWS()"), X("DO 1, 2"), BETWEEN,
        X("SELECT FOUND_ROWS()"), X("SELECT i FROM shared WHERE i < 8"), X("SELECT (SELECT i FROM shared)"), BETWEEN, X("SELECT FOUND_ROWS()"),
        X("SELECT i FROM shared WHERE i < 8"), X(ResetConnection()), BETWEEN, X("SELECT FOUND_ROWS()"),
        X("SELECT SQL_CALC_FOUND_ROWS i FROM shared LIMIT 2", "SELECT ROW_COUNT(), FOUND_ROWS(), LAST_INSERT_ID()"), clients=2),
    # What a function has set is its client's alone, and is gone with it.
    "functions_of_others": S(
        X("SELECT f_counts(1)"), X("SELECT @counted", client=1), X("SELECT @counted"), X(ResetConnection()), X("SELECT @counted", client=1),
        X("SELECT @counted"), X("SELECT f_counts(2)", Raw(b"\1"), fatal=True), X("SELECT @counted", client=1), X("SELECT @counted", client=2),
        clients=3),
    # A routine's sql_mode ends with it, though MySQL tells only of its beginning.
    "mode_of_a_routine": S(
        X(Prepare(0, "SELECT @@sql_mode"), "BEGIN", "CALL p_mode()"), X("SELECT @@sql_mode"), X("SELECT 1", client=1), X(Execute(0)), X("COMMIT"),
        X(Execute(0)), X("SELECT @@sql_mode"), X("SELECT @@sql_mode", client=1), clients=2),
    "no_file_and_why": S(
        X("CALL p_several()", "EXECUTE nobody"), X("LOAD DATA LOCAL INFILE 'some file' IGNORE INTO TABLE t0 (n, s)"), X("SHOW WARNINGS"),
        X("SET autocommit = 0", ""), X("SHOW WARNINGS"), without=LOCAL_FILES),
    "no_file_without_a_schema": S(X("LOAD DATA LOCAL INFILE 'a file' INTO TABLE t0 (n, s)"), without=LOCAL_FILES, database=""),
    "change_user_ignores_space": only(
        "mariadb", X("SELECT @@sql_mode"), X(ChangeUser("app", "app secret", "")), X("SELECT @@sql_mode"),
        clients=[IGNORE_SPACE]),
    # To MariaDB's servers what names no table keeps the messages, and a routine keeps them if what it runs does.
    "routines_and_messages": only(
        "mariadb", X(Execute(7), "CALL p_mode()", "SELECT @@error_count", "SHOW WARNINGS"), X(ResetConnection()), X(Execute(7)),
        X("CALL p_several()", "SHOW WARNINGS"), X(ResetConnection(), "SELECT CAST('abc' AS SIGNED)"), BETWEEN,
        X("CALL p_out(@o, @io)", "SHOW WARNINGS"), X("SELECT CAST('abc' AS SIGNED)"), X(Prepare(0, "CALL p_out(?, ?)"), "SELECT @@warning_count"),
        X(ResetConnection(), "SET GLOBAL nonsense = 1"), X("DO 1; TRUNCATE TABLE t0; SELECT @@error_count"), X("SHOW COUNT(*) WARNINGS"),
        X("SELECT CAST('abc' AS SIGNED) FROM shared LIMIT 1; DO 1"), BETWEEN, X("SHOW COUNT(*) WARNINGS", "SHOW WARNINGS"),
        X(Execute(7), "SELECT LASTVAL(numbers_t0)", "SHOW ERRORS"), clients=2),
    "no_table_but_dual": S(
        X("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'signalled'"), X("SELECT 1 FROM DUAL WHERE 0"), X("SHOW WARNINGS", client=1),
        X("GET DIAGNOSTICS CONDITION 1 @dm = MESSAGE_TEXT", client=1), X("SHOW WARNINGS"), clients=2),
    # An INSERT that fails behind its first row has made that row's id, which is nobody else's.
    "ids_of_what_failed": S(
        X("INSERT INTO t0 (s, n) VALUES ('a', 1), ('b', 'no number')"), X("SELECT LAST_INSERT_ID()", client=1), X("SELECT LAST_INSERT_ID()"),
        X("INSERT INTO t0 (s, n) VALUES ('a', 1), ('b', 'no number')"), X("SELECT 1; SELECT LAST_INSERT_ID()", client=1),
        X("SELECT LAST_INSERT_ID()"), clients=2),
    # What neither reads nor writes tables is not the transaction that SET TRANSACTION means.
    "next_transaction_not_yet": S(
        X("SET SESSION TRANSACTION READ ONLY", "SET TRANSACTION READ WRITE"), X("DROP TEMPORARY TABLE IF EXISTS tmp"), X("SHOW COLUMNS FROM t0"),
        X("DESCRIBE t0"), X("UPDATE t0 SET s = 'written' WHERE i = 1"), X("UPDATE t0 SET s = 'again' WHERE i = 1"), BETWEEN, clients=2),
    # Types that a server has forgotten it is not given by us, as long as it is the same one.
    "types_after_a_routine": only(
        "mariadb", X(Prepare(0, "CALL p_out(?, ?)"), Execute(0, ((TINY, 0, 0), (NEWDECIMAL, 0, "10.25")))),
        X(Execute(0, ((TINY, 0, 2), (NEWDECIMAL, 0, "391.5")), send_types=False)),
        X(Execute(0, ((TINY, 0, 22), (NEWDECIMAL, 0, "100.5")), send_types=False))),
    # Long data stays with an execution that could not be read.
    "long_data_not_read": only(
        "mysql", X(Prepare(0, "SELECT ?"), LongData(0, 0, b"long ")), X(Execute(0, (integer(10),)), Execute(0, (integer(1),))), BETWEEN,
        X(ResetStatement(0), Execute(0, (integer(2),))), clients=2),
    "errors_of_cursors": only(
        "mysql", X(Prepare(0, "SELECT 1"), Fetch(0, 1), Fetch(0, 5)), X("SELECT @@error_count; SELECT 1"), X(Fetch(0, 1), Fetch(0, 5)), BETWEEN,
        X("SHOW COUNT(*) ERRORS", "SHOW WARNINGS"), X("DROP TEMPORARY TABLE nowhere", Fetch(0, 1), "SHOW WARNINGS"), clients=2),
    "row_counts_of_others": S(
        X("DELETE FROM t0 WHERE i = 5"), X(*run(0, "SELECT ROW_COUNT()"), client=1), X(set_option(1), client=1), X("DELETE FROM t0 WHERE i = 5"),
        X("SELECT ROW_COUNT()", client=1), clients=2),
    # The schema is told again with the next reply that tells of something.
    "prepared_anew_and_failed": S(
        X(Prepare(0, "SET autocommit = ?"), Raw(b"\2scriptsb"), Execute(0, ((DOUBLE, 0, 1.5),)), "SET NAMES DEFAULT", "SELECT DATABASE()")),
    "null_of_no_collation": S(X("SET @a = NULL", *run(0, "SELECT @a, @b"), "SELECT @a"), BETWEEN, X(Execute(0), "SELECT @a"), clients=2),
    # On MySQL the one would take the other away.
    "messages_and_an_id": S(
        X("INSERT INTO t0 (s) VALUES ('a')", "SELECT LAST_INSERT_ID()"), BETWEEN, X(Execute(7), Execute(7)),
        X("SHOW COUNT(*) WARNINGS; SELECT LAST_INSERT_ID()"), clients=2),
    "warnings_of_listing": only("mysql", X("SELECT * FROM nowhere"), X(field_list("t0"), set_option(1), ping())),
    # What fails holds no server: of two, the one has a client of its own already.
    "failing_isolation": S(
        X("CALL p_none()"), X("SET tx_isolation = 'NEVER', SESSION transaction_isolation := 'NEVER'", client=1),
        X("SET SESSION tx_isolation = 'NEVER'", client=2), X("SET SESSION transaction_isolation = 'NEVER'", client=3), X("SELECT 1", client=4),
        clients=5),
    # An id that is 0 on MySQL is one that is still to be used, though it reads like none.
    "insert_id_of_zero": S(
        X("BEGIN", "SET insert_id = 0", "COMMIT"), X("INSERT INTO t1 (s) VALUES ('a')", "SELECT LAST_INSERT_ID()", client=1),
        X(ResetConnection()), X("INSERT INTO t0 (s) VALUES ('a')", client=1), X("INSERT INTO t0 (s) VALUES ('b')"), clients=2),
    "rows_behind_get_diagnostics": S(
        X("UPDATE t0 SET s = 'q' WHERE i < 3", "GET DIAGNOSTICS @dn = NUMBER"), BETWEEN, X("SELECT ROW_COUNT()"), X("SELECT 1"),
        X("GET DIAGNOSTICS @dn = NUMBER"), BETWEEN, X("SELECT ROW_COUNT()"), X("GET DIAGNOSTICS @dn = NUMBER; SELECT ROW_COUNT()"),
        X(ResetConnection(), "UPDATE t0 SET s = 'r' WHERE i < 3"), X("GET DIAGNOSTICS @dn = NUMBER", "SELECT ROW_COUNT()", client=1), clients=2),
    "nothing_and_messages": S(X("SELECT nonsense", "-- nothing", "SELECT @@warning_count"), X(Execute(7), "-- nothing"), BETWEEN,
        X("SELECT @@warning_count"), clients=2),
    "locks_and_handlers_are_tables": only(
        "mariadb", X(Execute(7)), X("HANDLER shared OPEN AS h", "SHOW WARNINGS", "HANDLER h CLOSE"), X(Execute(7), "LOCK TABLES shared READ"),
        X("SHOW WARNINGS", "UNLOCK TABLES")),
    # Types of an execution that could not be read are none.
    "types_not_read": only(
        "mysql", X(Prepare(0, "SELECT ?"), LongData(0, 0, b"long ")), X(Execute(0, (integer(10),)), ResetStatement(0)),
        X(Execute(0, ((DOUBLE, 0, 2.5),), send_types=False)), clients=1),
    "found_rows_behind_out_parameters": S(BETWEEN, X(*run(0, "CALL p_out(?, ?)", integer(1), integer(2)), "SELECT FOUND_ROWS()"), clients=2),
    # An error of ours comes behind the server's, whatever else the server has.
    "errors_and_found_rows": only(
        "mysql", X("CALL p_several()", "SELECT * FROM nowhere", Execute(7), "SHOW WARNINGS"), X("SELECT FOUND_ROWS()")),
    "cursors_count_rows": S(
        X(Prepare(0, "SELECT i FROM shared ORDER BY i"), Execute(0, (), 1), Fetch(0, 100), Fetch(0, 1), ResetStatement(0)),
        X("SELECT @@version_comment LIKE 'no'; SHOW COUNT(*) WARNINGS")),
    # Switching for a statement of another schema is not the client's.
    "schema_told_once": only(
        "mariadb", X(Prepare(0, "INSERT INTO t0 (s) VALUES (?)"), "USE scriptsb"), BETWEEN, X(Execute(0, (text("z" * 300),)), "SET server_id = 1"),
        X("SET time_zone = '+01:00'", "USE scriptsb"), clients=2),
    # A routine is in its own schema, and tells of it between its results; it is back in its caller's, also where it fails.
    "schema_of_a_routine": S(
        X("USE scriptsb"), X("CALL scripts.p_error(1)"), X("SELECT DATABASE()"), X("SELECT DATABASE()", client=1), X(ResetConnection()),
        X("SELECT DATABASE()", client=1), X("SELECT DATABASE()"), X(Raw(b"\2scripts"), *run(0, "CALL p_error(?)", integer(1)), "USE scriptsb"),
        X(Execute(0, (integer(1),))), X("SELECT DATABASE()"), X("SELECT DATABASE()", client=1), X(ResetConnection(), "SELECT DATABASE()"),
        X("SELECT DATABASE()", client=1), clients=2),
    "types_of_a_limit": only(
        "mysql", X(Prepare(0, "SELECT ? FROM shared ORDER BY i LIMIT ?"), Execute(0, (text("a"), (TINY, 0, 2)))),
        X(Execute(0, (text("b"), (NEWDECIMAL, 0, "5.25"))), Execute(0, (text("c"), (NEWDECIMAL, 0, "5.5")), send_types=False))),
    "executed_text_and_messages": only(
        "mariadb", X(*run(0, "SELECT COUNT(*) FROM nowhere")), X("PREPARE r FROM 'INSERT INTO t0 (n) VALUES (1)'"), X("EXECUTE r", "SHOW WARNINGS")),
    "message_made_again_long": only(
        "mariadb", X("SELECT something that MariaDB does not understand at all, and answers with a message longer than SIGNAL takes"), BETWEEN,
        X("SHOW WARNINGS; SELECT 1; SELECT @@error_count"), clients=2),
}  # fmt: skip
