"""What the conversations find in their databases."""

from __future__ import annotations

from support.mariadb import MariaDBServer
from support.mysql_wire import Connection

CLIENTS = 6

#: Made once for each database; nobody changes them.
ROUTINES = [
    "CREATE PROCEDURE p_out(OUT a INT, INOUT b INT) BEGIN SET a = 7; SET b = b + 1; END",
    "CREATE PROCEDURE p_several() BEGIN SELECT 1, 'one'; SELECT i FROM shared WHERE i < 4 ORDER BY i; SELECT 2; END",
    "CREATE PROCEDURE p_error(n INT) BEGIN SELECT n; IF n = 1 THEN SIGNAL SQLSTATE '45001' SET MESSAGE_TEXT = 'from inside'; END IF; "
    "SELECT 10 / n; SELECT (SELECT i FROM shared WHERE i <= n + 1); END",
    "CREATE PROCEDURE p_warning() BEGIN SELECT CAST('abc' AS SIGNED); END",
    "CREATE PROCEDURE p_setting(n INT) BEGIN SET SESSION div_precision_increment = n; END",
    "CREATE PROCEDURE p_variable(v VARCHAR(50)) BEGIN SET @inside = v; END",
    "CREATE PROCEDURE p_insert(v INT) BEGIN INSERT INTO made_by_procedures (n) VALUES (v); END",
    "CREATE PROCEDURE p_nothing() BEGIN END",
    "CREATE PROCEDURE p_nested() BEGIN CALL p_several(); CALL p_nothing(); SELECT 'outer'; END",
    "CREATE PROCEDURE p_transaction(n INT) BEGIN START TRANSACTION; INSERT INTO made_by_procedures (n) VALUES (n); IF n = 0 THEN COMMIT; END IF; END",
    "CREATE PROCEDURE p_temporary() BEGIN CREATE TEMPORARY TABLE IF NOT EXISTS made_inside (i INT); INSERT INTO made_inside VALUES (5); END",
    "CREATE PROCEDURE p_mode() BEGIN SET sql_mode = 'ANSI_QUOTES'; SELECT 1; END",
    "CREATE PROCEDURE p_use_prepare() BEGIN PREPARE inner_q FROM 'SELECT 4'; EXECUTE inner_q; DEALLOCATE PREPARE inner_q; END",
    "CREATE FUNCTION f_double(n INT) RETURNS INT DETERMINISTIC RETURN n * 2",
    "CREATE FUNCTION f_counts(n INT) RETURNS INT NO SQL BEGIN SET @counted = COALESCE(@counted, 0) + n; RETURN @counted; END",
]

TYPES = {
    "ti": ("TINYINT UNSIGNED", "255"), "bi": ("BIGINT", "-9223372036854775808"),
    "ub": ("BIGINT UNSIGNED", "18446744073709551615"), "d": ("DECIMAL(20,6)", "-12345.678900"),
    "f": ("FLOAT", "1.25"), "db": ("DOUBLE", "-2.5e-10"), "dt": ("DATE", "'2026-02-01'"), "t": ("TIME(3)", "'-12:30:05.125'"),
    "ts": ("DATETIME(6)", "'2026-02-01 10:11:12.000013'"),
    "y": ("YEAR", "2026"), "b": ("BIT(12)", "b'101010101010'"), "e": ("ENUM('a','ü')", "'ü'"), "st": ("SET('x','y')", "'x,y'"),
    "bl": ("BLOB", "X'00FF10'"), "tx": ("TEXT", "'täxt'"),
    "vb": ("VARBINARY(10)", "'bin'"), "la": ("VARCHAR(20) CHARACTER SET latin1", "'lätin'"), "js": ("JSON", "'{\"a\": 1}'"),
    "z": ("INT ZEROFILL", "42"),
}  # fmt: skip


def statements(connection: Connection, texts: list[str]) -> None:
    for text in texts:
        connection.query(text)


def create(server: MariaDBServer, database: str) -> None:
    """The two databases of a worker."""
    admin = server.admin()
    try:
        for name in (database, database + "b"):
            statements(admin,
                [f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} CHARACTER SET utf8mb4", f"USE {name}",
                    "SET NAMES utf8mb4"])
            columns = ", ".join(f"{column} {kind}" for column, (kind, _) in TYPES.items())
            values = ", ".join(value for _, value in TYPES.values())
            statements(
                admin,
                [
                    "CREATE TABLE shared (i INT PRIMARY KEY, s VARCHAR(50))",
                    "CREATE TABLE made_by_procedures (i INT AUTO_INCREMENT PRIMARY KEY, n INT)",
                    f"CREATE TABLE types (i INT PRIMARY KEY, {columns})", f"INSERT INTO types VALUES (1, {values})",
                    f"INSERT INTO types (i) VALUES (2)", *ROUTINES,
                ],
            )  # fmt: skip
    finally:
        admin.close()


def renew(admin: Connection, family: str, database: str, clients: int) -> None:
    """Tables as every conversation finds them. Waits for transactions that are still being rolled back."""
    texts = ["SET lock_wait_timeout = 30, innodb_lock_wait_timeout = 30, foreign_key_checks = 0"]
    for name in (database + "b", database):
        texts += [
            f"USE {name}", "DELETE FROM shared",
            "INSERT INTO shared VALUES " + ", ".join(f"({n}, 'row {n}')" for n in range(1, 21)),
            "DELETE FROM made_by_procedures",
            "ALTER TABLE made_by_procedures AUTO_INCREMENT = 1",
        ]  # fmt: skip
    for client in range(clients):
        t = f"t{client}"
        texts += [
            f"DROP VIEW IF EXISTS {t}_v", f"DROP TABLE IF EXISTS {t}, {t}_0, {t}_1, {t}_2", f"DROP PROCEDURE IF EXISTS {t}_p",
            f"CREATE TABLE {t} (i INT AUTO_INCREMENT PRIMARY KEY, s VARCHAR(200), n INT)",
            f"INSERT INTO {t} (s, n) VALUES ('first', 1), ('second', 2), ('third', NULL)",
        ]  # fmt: skip
        if family == "mariadb":
            texts += [f"CREATE OR REPLACE SEQUENCE numbers_{t}"]
    statements(admin, texts)
