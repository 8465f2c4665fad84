"""Statements in the text protocol. Left out, because two servers would differ: clocks, UUID(), RAND() without a seed, rows without
ORDER BY, costs and estimates, and what counts everybody (SHOW STATUS, SHOW PROCESSLIST, XA RECOVER)."""

from __future__ import annotations

import random

from .settings import Settings


class Texts:
    """Each method answers one statement or a few in a row, for client `c`; `t` is its own table."""

    def __init__(self, dice: random.Random, family: str, database: str):
        self.dice, self.family, self.database = dice, family, database
        self.settings = Settings(dice, family)
        self.serial = 0

    @property
    def is_mariadb(self) -> bool:
        return self.family == "mariadb"

    def number(self) -> int:
        return self.dice.choice([0, 1, 2, 5, 10, 100, self.dice.randrange(1000)])

    def read(self, t: str) -> str:
        n = self.number()
        found = [
            f"SELECT {n}", f"SELECT {n}, 'text {n}', NULL, TRUE, 1.50, 2e3, X'00FF', DATE '2026-02-01'",
            f"SELECT * FROM {t} ORDER BY i LIMIT {n % 20}",
            f"SELECT COUNT(*), SUM(n), MIN(s) FROM {t}", "SELECT * FROM shared ORDER BY i",
            f"SELECT s FROM shared WHERE i = {n}",
            f"SELECT REPEAT('r', {n * 20})",
            f"SELECT a.i, b.i FROM shared a JOIN shared b ON b.i = a.i + {n % 3} ORDER BY a.i LIMIT 5",
            f"SELECT 10 / {n % 3}", f"SELECT i AS `odd name`, s FROM {t} WHERE n > {n} ORDER BY i",
            "SELECT * FROM types ORDER BY i",
            f"SELECT i FROM shared WHERE i = {n % 20} FOR UPDATE", f"SELECT i FROM {t} WHERE i = {n} LOCK IN SHARE MODE",
            "SELECT 'a;b' /* ; */, \"q;\" -- ;",
            f"(SELECT i FROM shared WHERE i < 3) UNION ALL (SELECT {n}) ORDER BY 1",
            f"WITH w AS (SELECT i FROM shared WHERE i < 5) SELECT * FROM w ORDER BY i",
            "SELECT GROUP_CONCAT(s ORDER BY i) FROM shared", "SELECT CAST('abc' AS SIGNED)", "SELECT DATE('rubbish')",
            f"SELECT EXISTS (SELECT 1 FROM {t})",
            "SELECT 'ä', _latin1'x', N'y', 'ü' COLLATE utf8mb4_bin", f"SHOW COLUMNS FROM {t}", f"SHOW CREATE TABLE {t}",
            "SHOW TABLES LIKE 'shared'", "DO 1",
            f"DESCRIBE {t}", "SELECT RAND(5)", "SHOW DATABASES LIKE 'nowhere%'", "SELECT 1 FROM DUAL WHERE 0",
            "SELECT /*!40101 1, */ 2", "SELECT /*!80000 1, */ 2",
            "SELECT /*+ MAX_EXECUTION_TIME(1000) */ 5", "SELECT SLEEP(0)", "SELECT @@version_comment LIKE '%no such%'",
            f"CHECKSUM TABLE {t}", f"SELECT f_double({n})",
        ]  # fmt: skip
        if self.is_mariadb:
            found += ["SELECT /*M!100000 1, */ 2", self.settings.statement_setting(), "VALUES (1, 'x'), (2, 'y')",
                f"SELECT * FROM seq_1_to_{n % 40 + 1}", f"SELECT seq, REPEAT('z', seq) FROM seq_1_to_{n} "]
        else:
            found += ["VALUES ROW(1, 'x'), ROW(2, 'y')", "TABLE shared ORDER BY i LIMIT 3", "SELECT JSON_OBJECT('a', 1)"]
        return self.dice.choice(found)

    def write(self, t: str) -> str:
        n = self.number()
        found = [
            f"INSERT INTO {t} (s, n) VALUES ('n{n}', {n})", f"INSERT INTO {t} (s, n) VALUES ('a', 1), ('b', 2), ('c', NULL)",
            f"INSERT INTO {t} (i, s) VALUES ({n}, 'own')",
            f"INSERT IGNORE INTO {t} (i, s) VALUES ({n}, 'ignored'), ({n}, 'again')",
            f"REPLACE INTO {t} (i, s) VALUES ({n}, 'replaced')", f"UPDATE {t} SET s = 'u{n}' WHERE i = {n}",
            f"UPDATE {t} SET n = n + 1 WHERE n < {n}", f"DELETE FROM {t} WHERE i = {n}",
            f"INSERT INTO {t} (i, s) VALUES ({n}, 'dup') ON DUPLICATE KEY UPDATE s = 'updated', n = {n}",
            f"INSERT INTO {t} (s) SELECT s FROM shared WHERE i < 4", f"INSERT INTO {t} (s, n) VALUES ('{'x' * 300}', 1)",
            f"INSERT INTO {t} (n) VALUES ('not a number')",
            f"UPDATE {t} SET s = s", f"UPDATE shared SET s = 'by {t} {n}' WHERE i = {n % 20 + 1}",
            f"INSERT INTO {t} (i) VALUES (NULL)", f"DELETE FROM {t} WHERE n = {n} ORDER BY i LIMIT 1",
            f"UPDATE {t} SET n = LAST_INSERT_ID(n + 1) WHERE i = {n}", f"INSERT INTO {t} (s, n) VALUES ('ä€', {n})",
            f"TRUNCATE TABLE {t}", f"UPDATE {t} a JOIN shared b ON b.i = a.i SET a.s = b.s",
        ]  # fmt: skip
        if self.is_mariadb:
            found += [f"INSERT INTO {t} (s, n) VALUES ('ret', {n}) RETURNING i, s",
                f"DELETE FROM {t} WHERE i = {n} RETURNING *", f"REPLACE INTO {t} (i, s) VALUES ({n}, 'r') RETURNING i"]
        return self.dice.choice(found)

    def error(self, t: str) -> str:
        return self.dice.choice(
            [
                "SELEC", "SELECT nonsense", "SELECT * FROM nowhere", f"INSERT INTO {t} VALUES (1, 2, 3, 4, 5, 6)",
                "SELECT 1 FROM", "SELECT f_none()", "CALL p_none()", "SELECT 'open",
                f"INSERT INTO {t} (i, s) VALUES (1, 'a'), (1, 'b')", "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'signalled'",
                "SELECT (SELECT i FROM shared)", "USE nowhere", "DROP TABLE nowhere", "",
                ";", "-- nothing", "/* nothing */", "SELECT * FROM nodb.nowhere", "KILL 4294967290", "KILL QUERY 4294967290",
                "SELECT $$", "\\", "SELECT 1;;", "GRANT", "SELECT 1 FROM shared WHERE i = (SELECT 1 UNION SELECT 2)",
                "SELECT POW(2, 5000)", "SELECT CONVERT('x' USING nonsense)", "XA COMMIT 'nobody'", "EXECUTE nobody",
                "DEALLOCATE PREPARE nobody", "ROLLBACK TO SAVEPOINT nobody", "HANDLER nobody READ FIRST",
            ]
        )  # fmt: skip

    def transaction(self) -> str:
        found = [
            "BEGIN", "BEGIN", "BEGIN WORK", "START TRANSACTION", "START TRANSACTION READ ONLY",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT", "START TRANSACTION READ WRITE", "COMMIT", "COMMIT", "ROLLBACK",
            "COMMIT WORK", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN", "COMMIT AND NO CHAIN NO RELEASE", "SAVEPOINT a",
            "SAVEPOINT b", "ROLLBACK TO a", "ROLLBACK TO SAVEPOINT b", "RELEASE SAVEPOINT a", "SET autocommit = 0",
            "SET autocommit = 1", "SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "/* x */ begin",
            "start /* y */ transaction", "SET @@autocommit = 0", "SET SESSION autocommit = ON",
        ]  # fmt: skip
        return self.dice.choice(found)

    def diagnostics(self) -> str:
        found = [
            "SELECT LAST_INSERT_ID()", "SELECT ROW_COUNT()", "SELECT FOUND_ROWS()", "SHOW WARNINGS", "SHOW ERRORS",
            "SHOW COUNT(*) WARNINGS", "SHOW COUNT(*) ERRORS", "SELECT @@warning_count", "SELECT @@error_count",
            "SELECT @@last_insert_id, @@identity", "SELECT LAST_INSERT_ID() AS id FROM DUAL",
            "SELECT ROW_COUNT(), FOUND_ROWS(), LAST_INSERT_ID()", "SHOW WARNINGS LIMIT 1", "SELECT LAST_INSERT_ID(5)",
            "GET DIAGNOSTICS @dn = NUMBER, @dr = ROW_COUNT",
            "GET DIAGNOSTICS CONDITION 1 @dm = MESSAGE_TEXT, @ds = RETURNED_SQLSTATE", "SELECT @dn, @dr, @dm, @ds",
        ]  # fmt: skip
        return self.dice.choice(found)

    def variables(self) -> str:
        n = self.number()
        return self.dice.choice(
            [
                f"SET @a = {n}", f"SET @b = 'text {n}'", "SET @a = NULL", f"SET @a := {n}.5, @b = -{n}",
                "SET @`odd name` = 'q'", "SELECT @a, @b", "SELECT @a, @`odd name`", "SET @b = @a + 1", f"SELECT @a := {n}",
                "SELECT @a := @a + 1",
                "SELECT 5, 'six' INTO @a, @b", "SELECT COUNT(*) INTO @b FROM shared", "SET @c = X'4142', @d = b'101'",
                "SELECT @c, @d, @never", "SET @a = (SELECT MAX(i) FROM shared)", "SELECT @A, @B",
                "SET @e = _latin1'x' COLLATE latin1_bin",
                "SELECT CHARSET(@e), COLLATION(@b)", "SET @f = 1e10, @g = TRUE, @h = DATE '2026-01-01'", "SELECT @f, @g, @h",
                "SELECT @a IS NULL, @b = 'x'", "SET @a = @b", "SET @u = CONCAT('x', @a)", "SELECT @u",
                f"SELECT i FROM shared WHERE i = @a ORDER BY i", "SET @a = 'ä'", "SELECT HEX(@a), LENGTH(@a)",
                "SET @big = 18446744073709551615", "SELECT @big", "SET @dec = 1.10", "SELECT @dec + 1", "DO @a := 3",
            ]
        )  # fmt: skip

    def multi(self, t: str) -> str:
        """Several statements in one query; a client without the capability gets an error."""
        parts = []
        for _ in range(self.dice.choice([2, 2, 3, 5])):
            parts.append(
                self.dice.choice(
                    [lambda: self.read(t), lambda: self.write(t), lambda: self.error(t), self.settings.set, self.transaction,
                        self.diagnostics, lambda: "CALL p_several()", self.settings.show]
                )()
            )
        text = self.dice.choice(["; ", ";",
            " ; "]).join(p.split("-- ")[0].split("# ")[0].rstrip("; ") or "SELECT 0" for p in parts)
        return text + self.dice.choice(["", ";", " "])

    def ddl(self, t: str) -> list[str]:
        n = self.number() % 3
        mine = f"{t}_{n}"
        found = [
            [f"CREATE TABLE {mine} (x INT, y VARCHAR(20))", f"INSERT INTO {mine} VALUES (1, 'one')"],
            [f"DROP TABLE IF EXISTS {mine}"], [f"ALTER TABLE {t} ADD COLUMN extra{n} INT DEFAULT {n}"],
            [f"ALTER TABLE {t} DROP COLUMN extra{n}"],
            [f"CREATE INDEX x{n} ON {t} (s)"], [f"DROP INDEX x{n} ON {t}"], [f"RENAME TABLE {mine} TO {t}_{(n + 1) % 3}"],
            [f"CREATE OR REPLACE VIEW {t}_v AS SELECT i, s FROM {t}", f"SELECT * FROM {t}_v ORDER BY i LIMIT 3"],
            [f"DROP VIEW IF EXISTS {t}_v"], [f"CREATE TABLE IF NOT EXISTS {mine} LIKE shared"],
            [f"CREATE TABLE {mine} AS SELECT * FROM shared"], [f"ALTER TABLE {t} AUTO_INCREMENT = {n * 100 + 500}"],
            [f"ANALYZE TABLE {mine}"],
            [f"DROP TABLE IF EXISTS {mine}, {t}_none", "SHOW WARNINGS"], [f"CREATE DATABASE IF NOT EXISTS {self.database}"],
            [f"CREATE PROCEDURE {t}_p() SELECT {n}", f"CALL {t}_p()", f"DROP PROCEDURE {t}_p"],
        ]  # fmt: skip
        return self.dice.choice(found)

    def call(self, c: int) -> list[str]:
        n = self.number()
        return self.dice.choice(
            [
                ["CALL p_out(@o, @io)", "SELECT @o, @io"], ["SET @io = 5", "CALL p_out(@o, @io)", "SELECT @o, @io"],
                ["CALL p_several()"], [f"CALL p_error({n % 3})"], ["CALL p_warning()", "SHOW WARNINGS"],
                [f"CALL p_setting({n % 9 + 1})", "SELECT @@div_precision_increment, 1/3"],
                ["CALL p_variable('from inside')", "SELECT @inside"],
                ["CALL p_insert(%d)" % n, "SELECT LAST_INSERT_ID(), ROW_COUNT()"], ["CALL p_nothing()"], ["CALL p_nested()"],
                [f"CALL p_transaction({n % 2})", "ROLLBACK"], ["CALL p_several", "SELECT FOUND_ROWS()"],
                ["CALL p_temporary()", "SELECT * FROM made_inside", "DROP TEMPORARY TABLE IF EXISTS made_inside"],
                [f"SELECT f_counts({n})", "SELECT @counted"], ["CALL p_mode()", "SELECT @@sql_mode"], ["CALL p_use_prepare()"],
            ]
        )  # fmt: skip

    def sql_prepared(self, t: str) -> list[str]:
        n, name = self.number(), self.dice.choice(["q", "r", "`Q 1`"])
        return self.dice.choice(
            [
                [f"PREPARE {name} FROM 'SELECT {n}'", f"EXECUTE {name}"],
                [f"PREPARE {name} FROM 'SELECT ? + 1, ?'", "SET @p = 4", f"EXECUTE {name} USING @p, @p"], [f"EXECUTE {name}"],
                [f"DEALLOCATE PREPARE {name}"], [f"DROP PREPARE {name}"], [f"PREPARE {name} FROM 'SELEC'"],
                [f"PREPARE {name} FROM 'INSERT INTO {t} (n) VALUES (?)'", f"SET @p = {n}", f"EXECUTE {name} USING @p",
                    "SELECT LAST_INSERT_ID()"],
                ["SET @text = 'SELECT 8'", f"PREPARE {name} FROM @text", f"EXECUTE {name}"], [f"/* c */ EXECUTE {name};"],
                [f"PREPARE {name} FROM 'SELECT 1; SELECT 2'"], [f"EXECUTE {name} USING @p"],
                [f"PREPARE {name} FROM 'SET div_precision_increment = 6'", f"EXECUTE {name}",
                        "SELECT @@div_precision_increment"],
                [f"PREPARE {name} FROM 'CREATE TEMPORARY TABLE pt (i INT)'", f"EXECUTE {name}", "DROP TABLE pt"],
                *([["EXECUTE IMMEDIATE 'SELECT ?' USING 5"],
                    ["EXECUTE IMMEDIATE 'SET sql_notes = 0'", "SELECT @@sql_notes"]] if self.is_mariadb else []),
            ]
        )  # fmt: skip

    def objects(self, c: int, t: str) -> list[str]:
        """What keeps a client on its server."""
        self.serial += 1
        lock, x = f"{self.database} {c}", f"{self.database}-{c}-{self.serial}"
        found = [
            ["CREATE TEMPORARY TABLE tmp (i INT AUTO_INCREMENT PRIMARY KEY, s TEXT)", "INSERT INTO tmp (s) VALUES ('mine')",
                "SELECT * FROM tmp"],
            ["SELECT COUNT(*) FROM tmp"], ["DROP TEMPORARY TABLE IF EXISTS tmp"], ["DROP TABLE tmp"],
            ["CREATE TEMPORARY TABLE shared LIKE shared", "SELECT COUNT(*) FROM shared"],
            ["DROP TEMPORARY TABLE shared"], ["ALTER TABLE tmp ADD COLUMN more INT"], [f"SELECT GET_LOCK('{lock}', 0)"],
            [f"SELECT RELEASE_LOCK('{lock}')"], [f"SELECT IS_FREE_LOCK('{lock}'), IS_USED_LOCK('{lock}') = CONNECTION_ID()"],
            ["SELECT RELEASE_ALL_LOCKS()"], [f"DO GET_LOCK('{lock} b', 0)"],
            [f"LOCK TABLES {t} WRITE", f"INSERT INTO {t} (s) VALUES ('locked')", "SELECT COUNT(*) FROM types"],
            ["UNLOCK TABLES"],
            [f"LOCK TABLES {t} READ, shared READ", "SELECT COUNT(*) FROM shared", f"INSERT INTO {t} (s) VALUES ('no')",
                    "UNLOCK TABLES"],
            [f"HANDLER {t} OPEN", f"HANDLER {t} READ FIRST", f"HANDLER {t} READ NEXT"],
            [f"HANDLER {t} READ NEXT LIMIT 2"], [f"HANDLER {t} CLOSE"],
            [f"HANDLER shared OPEN AS h", "HANDLER h READ `PRIMARY` = (3)", "HANDLER h CLOSE"],
            [f"XA START '{x}'", f"INSERT INTO {t} (s) VALUES ('xa')", f"XA END '{x}'", f"XA COMMIT '{x}' ONE PHASE"],
            [f"XA START '{x}'", f"UPDATE {t} SET n = 9 WHERE i = 1", f"XA END '{x}'", f"XA PREPARE '{x}'",
                    f"XA {self.dice.choice(['COMMIT', 'ROLLBACK'])} '{x}'"],
            [f"XA START '{x}'", "SELECT 1", "COMMIT", f"XA END '{x}'", "SELECT 2", f"XA ROLLBACK '{x}'"],
            ["SELECT SQL_CALC_FOUND_ROWS i FROM shared ORDER BY i LIMIT 2", "SELECT FOUND_ROWS()"],
            ["CREATE TEMPORARY TABLE tmp2 AS SELECT * FROM shared", "SELECT COUNT(*) FROM tmp2", "DROP TEMPORARY TABLE tmp2"],
        ]  # fmt: skip
        if self.is_mariadb:
            found += [[f"SELECT NEXTVAL(numbers_{t}), NEXTVAL(numbers_{t})", f"SELECT LASTVAL(numbers_{t})"],
                [f"SELECT PREVIOUS VALUE FOR numbers_{t}"],
                [f"BEGIN NOT ATOMIC DECLARE v INT DEFAULT 3; SET @block = v; SELECT v; END", "SELECT @block"]]
        return self.dice.choice(found)
