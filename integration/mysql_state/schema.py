"""What the kinds of state need to be there: tables, procedures, a sequence, a role."""

from __future__ import annotations

from support.mariadb import MariaDBServer
from support.mysql_wire import WireError

TABLES = {
    "state_scratch": "(v INT)",
    "state_empty": "(v INT)",
    "state_counter": "(v BIGINT)",
    "state_locked": "(v INT)",
    "state_shadow": "(v VARCHAR(9))",
    "state_ten": "(n INT PRIMARY KEY)",
    "state_numbered": "(id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(9))",
}
ROUTINES = {
    "state_sets": "PROCEDURE app.state_sets(tz VARCHAR(9)) SET time_zone = tz, group_concat_max_len = 4321",
    "state_sets_too": "FUNCTION app.state_sets_too(tz VARCHAR(9)) RETURNS INT DETERMINISTIC BEGIN SET time_zone = tz; RETURN 1; END",
    "state_assigns": "PROCEDURE app.state_assigns() SET @mine = 41",
    "state_out": "PROCEDURE app.state_out(OUT v INT) SET v = 41",
    "state_makes_table": "PROCEDURE app.state_makes_table() CREATE TEMPORARY TABLE app.state_made SELECT 41 AS v",
    "state_locks": "PROCEDURE app.state_locks(name VARCHAR(20)) DO GET_LOCK(name, 5)",
    "state_inserts": "PROCEDURE app.state_inserts() INSERT INTO app.state_numbered (v) VALUES ('proc')",
}


def create(server: MariaDBServer) -> None:
    for schema in ("app", "other", "test1"):
        server.execute(
            f"DROP TABLE IF EXISTS {schema}.state_where",
            f"CREATE TABLE {schema}.state_where SELECT '{schema}' AS v",
        )
    for name, columns in TABLES.items():
        server.execute(f"DROP TABLE IF EXISTS app.{name}", f"CREATE TABLE app.{name} {columns}")
    server.execute(
        "INSERT INTO app.state_ten VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10)",
        "INSERT INTO app.state_counter VALUES (1)",
        "INSERT INTO app.state_shadow VALUES ('all')",
    )
    for name, text in ROUTINES.items():
        server.execute(f"DROP {text.split()[0]} IF EXISTS app.{name}", f"CREATE {text}")
    if server.family == "mariadb":
        server.execute("CREATE OR REPLACE SEQUENCE app.state_sequence")
    try:
        server.execute("CREATE ROLE state_role")
    except WireError:
        pass  # of an earlier module
    server.execute("GRANT state_role TO app@'127.0.0.1', bob@'127.0.0.1'")
