"""What generated conversations have found, as short as they could be made."""

from __future__ import annotations

from support.mysql_wire import IGNORE_SPACE

from .commands import ChangeUser, Raw
from .script import S, X, only, run

#: Another client on the same server, so that the first one's is not as it was.
BETWEEN = X("SELECT i FROM shared WHERE i < 3 ORDER BY i", client=1)

SCRIPTS = {
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
    "change_user_ignores_space": only(
        "mariadb", X("SELECT @@sql_mode"), X(ChangeUser("app", "app secret", "")), X("SELECT @@sql_mode"),
        clients=[IGNORE_SPACE]),
}
