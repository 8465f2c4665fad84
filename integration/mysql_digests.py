"""Asks real servers for the digests of a corpus of statements, for the unit test that compares ours with them.

    python mysql_digests.py ../Tests/SQLTextTests/Digests

A line is a digest and a statement. The corpus has groups of statements of one shape with other values, so that a digest
that tells them apart, or that takes two shapes for one, shows.
"""

from __future__ import annotations

import sys
from pathlib import Path

from support.mariadb import MariaDB
from support.mysql_server import MySQL, why_not
from support.mysql_wire import WireError
from support.processes import wait_until

TABLES = [
    "CREATE TABLE IF NOT EXISTS app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT, b INT, name VARCHAR(50), d DATETIME)",
    "CREATE TABLE IF NOT EXISTS app.u (id INT, a INT, `it's` INT, `a#b` INT)",
]

CORPUS = r"""
SELECT 1
select 2
SELECT /* c */ 3
SELECT 4 -- x
SELECT 5 # x
SELECT 'a'
SELECT "it's"
SELECT 'it\'s'
SELECT 1.5e10
SELECT 0x1F
SELECT 1, 2
SELECT 'a', 5
SELECT a FROM t
select a from t
SELECT  a
  FROM t
SELECT a FROM u
SELECT b FROM t
SELECT a FROM t WHERE id = 1
SELECT a FROM t WHERE id=22
SELECT a FROM t WHERE id = 'x'
SELECT a FROM t WHERE `id` = 5
SELECT a FROM t WHERE id = 1 AND b = 2
SELECT a FROM t WHERE id=1 and b='x'
SELECT a FROM t WHERE id = 1 OR b = 2
SELECT a FROM t WHERE id IN (1, 2)
SELECT a FROM t WHERE id IN (1,2,3,4,5)
SELECT a FROM t WHERE id IN (1, NULL, 'a')
SELECT a FROM t WHERE id NOT IN (1, 2)
SELECT a FROM t WHERE (id, b) IN ((1,2),(3,4))
SELECT a FROM t WHERE (id, b) IN ((1,2),(3,4),(5,6))
SELECT a FROM t WHERE id BETWEEN 1 AND 2
SELECT a FROM t WHERE id BETWEEN 10 AND 20
SELECT a FROM t WHERE name LIKE 'x%'
SELECT a FROM t WHERE name LIKE '%y%'
SELECT a FROM t WHERE a IS NULL
SELECT a FROM t WHERE a IS NOT NULL
SELECT a FROM t WHERE id = 5 LIMIT 10
SELECT a FROM t WHERE id = 5 LIMIT 20
SELECT a FROM t WHERE id = 5 LIMIT 10 OFFSET 3
SELECT a FROM t WHERE id = 5 LIMIT 1 OFFSET 30
SELECT a FROM t ORDER BY id DESC
SELECT a FROM t ORDER BY id
SELECT a FROM t GROUP BY a HAVING COUNT(*) > 1
SELECT a FROM t GROUP BY a HAVING COUNT(*) > 100
SELECT COUNT(*) FROM t
SELECT COUNT(a) FROM t
SELECT MAX(a), MIN(b) FROM t
SELECT CONCAT('a', name) FROM t
SELECT CONCAT('bb', name) FROM t
SELECT t.a, u.a FROM t JOIN u ON t.id = u.id
SELECT t.a, u.a FROM t LEFT JOIN u ON t.id = u.id
SELECT x.a FROM t AS x WHERE x.id = 5
SELECT x.a FROM t AS x WHERE x.id = 6
SELECT a FROM t WHERE id = (SELECT MAX(id) FROM u WHERE a = 5)
SELECT a FROM t WHERE id = (SELECT MAX(id) FROM u WHERE a = 7)
SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
SELECT a FROM t UNION SELECT a FROM u
SELECT a FROM t UNION ALL SELECT a FROM u
SELECT DISTINCT a FROM t
SELECT CASE WHEN a = 1 THEN 'x' ELSE 'y' END FROM t
SELECT CASE WHEN a = 2 THEN 'xx' ELSE 'yy' END FROM t
SELECT a + 1 FROM t
SELECT a + 22 FROM t
SELECT a - 1 FROM t
SELECT a * b FROM t
SELECT a AS x FROM t
SELECT `it's` FROM u
SELECT `a#b` FROM u
SELECT CAST(a AS CHAR) FROM t
SELECT DATE_ADD(d, INTERVAL 1 DAY) FROM t
SELECT DATE_ADD(d, INTERVAL 7 DAY) FROM t
SELECT @a
SELECT @@version
SELECT a FROM t FOR UPDATE
SELECT a FROM t LOCK IN SHARE MODE
INSERT INTO t (a, b) VALUES (1, 2)
INSERT INTO t (a, b) VALUES (3, 'x')
insert into t(a,b) values(5,6)
INSERT INTO t (a, b) VALUES (1, 2), (3, 4)
INSERT INTO t (a, b) VALUES (1, 2), (3, 4), (5, 6)
INSERT INTO t (a) VALUES (1)
INSERT INTO t (a) VALUES (25)
INSERT INTO t (a, b) VALUES (1, 2) ON DUPLICATE KEY UPDATE b = 5
INSERT INTO t (a, b) VALUES (7, 8) ON DUPLICATE KEY UPDATE b = 9
INSERT INTO t (a) SELECT a FROM u WHERE id = 5
INSERT INTO t (a) SELECT a FROM u WHERE id = 55
INSERT INTO t SET a = 5
INSERT INTO t SET a = 6
INSERT IGNORE INTO t (a) VALUES (1)
REPLACE INTO u (id, a) VALUES (1, 2)
REPLACE INTO u (id, a) VALUES (3, 4)
UPDATE t SET a = 1 WHERE id = 5
UPDATE t SET a = 'x' WHERE id = 7
UPDATE t SET a = a + 1 WHERE id = 5
UPDATE t SET a = a + 5 WHERE id = 9
DELETE FROM t WHERE id = 1000
DELETE FROM t WHERE id = 2000
DELETE FROM t WHERE id > 3000
SET @x = 5
SET @x = 'y'
SET SESSION sql_mode = ''
SET SESSION sql_mode = 'ANSI'
SHOW TABLES
SHOW TABLES LIKE 'x'
SHOW TABLES LIKE 'yy'
EXPLAIN SELECT a FROM t WHERE id = 5
EXPLAIN SELECT a FROM t WHERE id = 6
DO 1
DO 2
START TRANSACTION
COMMIT
ROLLBACK
SAVEPOINT x
RELEASE SAVEPOINT x
CREATE TABLE IF NOT EXISTS w (id INT, name VARCHAR(10) DEFAULT 'x')
CREATE TABLE IF NOT EXISTS w (id INT, name VARCHAR(20) DEFAULT 'y')
DROP TABLE IF EXISTS w
TRUNCATE TABLE u
WITH c AS (SELECT a FROM t WHERE id = 5) SELECT a FROM c
WITH c AS (SELECT a FROM t WHERE id = 6) SELECT a FROM c
SELECT ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) FROM t
SELECT a FROM t WHERE id <=> 5
SELECT a FROM t WHERE id <> 5
SELECT a FROM t WHERE id != 5
SELECT a FROM t WHERE NOT a
SELECT a FROM t WHERE a = TRUE
SELECT a FROM t WHERE a IN (SELECT a FROM u)
SELECT a FROM t FORCE INDEX (PRIMARY) WHERE id = 5
SELECT app.t.a FROM app.t
SELECT a FROM t WHERE name = _utf8mb4'x'
SELECT a FROM t WHERE name = 'x' COLLATE utf8mb4_bin
SELECT a FROM t WHERE name = 'yy' COLLATE utf8mb4_bin
SELECT GROUP_CONCAT(a ORDER BY b SEPARATOR ',') FROM t
SELECT GROUP_CONCAT(a ORDER BY b SEPARATOR ';') FROM t
SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION'
SELECT a FROM t WHERE id IN (1)
SELECT a FROM t WHERE id IN ('x')
SELECT a FROM t WHERE id IN (-1, -2)
SELECT a FROM t WHERE (id, b) IN ((1,2))
SELECT a FROM t WHERE b = 7
SELECT a FROM t WHERE b = -5
SELECT a FROM t WHERE b = -7
SELECT a FROM t WHERE b = +7
SELECT 3 - 5
SELECT 7 - 99
SELECT 3 + 5
SELECT - a FROM t
SELECT 'a' 'b'
SELECT 'c' 'd'
SELECT a FROM t WHERE b = NULL
SELECT a FROM t LIMIT 5, 10
SELECT a FROM t LIMIT 50, 100
SELECT a FROM t LIMIT 5
SELECT @a
SELECT @b
SELECT @b, @c
SET @a = 5, @b = 6
SET @a = @b
SELECT @@sql_mode
SELECT @@session.sql_mode
SELECT @@version
SELECT /*+ MAX_EXECUTION_TIME(100) */ a FROM t WHERE id = 3
SELECT /*+ MAX_EXECUTION_TIME(200) */ a FROM t WHERE id = 4
SELECT /*+ NO_INDEX_MERGE(t) */ a FROM t WHERE id = 4
select  /*+max_execution_time( 300 )*/ a FROM t WHERE id = 5
SELECT a /*+ MAX_EXECUTION_TIME(200) */ FROM t WHERE id = 4
SELECT NOW() - INTERVAL 1 DAY
SELECT NOW() - INTERVAL 7 DAY
SELECT NOW() - INTERVAL 1 HOUR
SELECT DATE '2020-01-01'
SELECT DATE'2021-01-01'
SELECT TIME '10:00:00'
SELECT x'1F'
SELECT X'2F'
SELECT b'01'
SELECT 0b01
SELECT N'x'
SELECT _utf8mb4'q'
SELECT _latin1'q'
SELECT _latin1 'r'
SELECT a FROM t WHERE id = 5 /*! AND 1 = 1 */
SELECT a FROM t WHERE id = 7 AND 2 = 2
SELECT a FROM t WHERE id = 7 /*!50000 AND 2 = 2 */
SELECT a FROM t WHERE id = 7 /*!80000 AND 2 = 2 */
SELECT a FROM t WHERE id = 7 /*M! AND 2 = 2 */
SELECT 1--1
SELECT 2- -1
SELECT 2 - 1
SELECT `a`, `b` FROM `t`
SELECT `a` FROM `t`
SELECT a AS `x y` FROM t
SELECT a AS `x#y` FROM t
SELECT a AS `it's` FROM t
SELECT "a" FROM t
SELECT 'a\\', 'b' FROM t
SELECT 'it''s', 'b' FROM t
CALL nothing(1, 2)
CALL nothing(3, 4)
CALL nothing('x')
CALL nothing()
SELECT a FROM t FOR UPDATE
SELECT a FROM t LOCK IN SHARE MODE
SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1
SELECT FOUND_ROWS()
SELECT LAST_INSERT_ID()
INSERT INTO t (a, b) VALUES (1, 'x'), (NULL, 'y')
INSERT INTO t (a, b) VALUES (1, DEFAULT)
INSERT INTO t (a) VALUES (NOW())
INSERT INTO t (a) VALUES (now())
INSERT INTO t (a, b) VALUES (1, NOW()), (2, NOW())
INSERT INTO t (a, b) VALUES (1, NOW())
INSERT INTO t () VALUES ()
INSERT INTO t (a, b) VALUES (-1, -2)
INSERT t (a) VALUES (1)
SELECT a FROM t WHERE name REGEXP 'x'
SELECT a FROM t WHERE name RLIKE 'y'
SELECT a FROM t WHERE id > 1 && a < 2
SELECT a FROM t WHERE id > 1 AND a < 2
SELECT a FROM t WHERE id > 1 || a < 2
SELECT a FROM t WHERE NOT (id = 1)
SELECT a FROM t WHERE ! (id = 1)
SELECT a FROM t WHERE id = 5 AND (a = 1 OR b = 2)
SELECT A FROM t
SELECT a FROM t x
SELECT a FROM t AS x
SELECT a FROM app . t
SELECT app.t.a, t.b FROM app.t
SELECT a, a, a FROM t
SELECT 1, a, 2, 3 FROM t
SELECT 1, 2, 3, 4, 5
SELECT IF(a, 1, 2) FROM t
SELECT IF(a, 'x', 'y') FROM t
SELECT IF(a, NULL, 2) FROM t
SELECT COALESCE(a, 1, 2, 3) FROM t
SELECT COALESCE(a, 1) FROM t
SELECT SUBSTRING(name FROM 2 FOR 3) FROM t
SELECT SUBSTRING(name, 2, 3) FROM t
SELECT CAST(a AS CHAR(10)) FROM t
SELECT CAST(a AS CHAR(20)) FROM t
SELECT CAST(a AS UNSIGNED) FROM t
SELECT CONVERT(name USING utf8mb4) FROM t
SELECT a FROM t WHERE id BETWEEN -1 AND 1
SELECT a FROM t WHERE a * 2 = 4
SELECT a FROM t WHERE a*3=9
SELECT a FROM t WHERE a % 2 = 0
SELECT a FROM t WHERE a MOD 2 = 0
SELECT a FROM t WHERE a DIV 2 = 0
SELECT a FROM t ORDER BY 1
SELECT a FROM t ORDER BY 2
SELECT a FROM t ORDER BY a ASC, b DESC LIMIT 3
SELECT a FROM (SELECT a FROM t WHERE id = 1) x
SELECT a FROM (SELECT a FROM t WHERE id = 2) x
SELECT a FROM t CROSS JOIN u USING (id)
SELECT a FROM t, u
SELECT STRAIGHT_JOIN t.a FROM t
UPDATE t SET a = a - 1 WHERE id = 5
UPDATE t SET a = -1 WHERE id = 5
UPDATE t SET a = NULL WHERE id = 5
UPDATE t SET a = 1, b = 2 WHERE id IN (1, 2)
UPDATE t, u SET t.a = u.a WHERE t.id = u.id
UPDATE LOW_PRIORITY t SET a = 5
DELETE FROM t WHERE id = 1000 LIMIT 1
DELETE t FROM t JOIN u ON t.id = u.id WHERE u.a = 5000
SET autocommit = 1
SET autocommit=0
SET autocommit = 1
SET NAMES utf8mb4
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED
BEGIN
START TRANSACTION READ ONLY
COMMIT AND NO CHAIN
USE app
KILL 99999999
ANALYZE TABLE t
SHOW VARIABLES LIKE 'a%'
SHOW VARIABLES LIKE 'b%'
SHOW FULL COLUMNS FROM t
DESCRIBE t
"""


def corpus() -> list[str]:
    """Statements; a line that begins with a blank goes on with the one before it."""
    found: list[str] = []
    for line in CORPUS.strip("\n").split("\n"):
        if line.startswith(" "):
            found[-1] += "\n" + line
        else:
            found.append(line)
    return found


def digests(server) -> list[tuple[str, str]]:
    watcher = server.admin()
    watcher.query("UPDATE performance_schema.setup_consumers SET enabled = 'YES'")
    watcher.query("UPDATE performance_schema.setup_instruments SET enabled = 'YES' WHERE name LIKE 'statement/%'")
    for statement in TABLES:
        watcher.query(statement)
    client = server.connect("app")
    thread = watcher.query(
        f"SELECT thread_id FROM performance_schema.threads WHERE processlist_id = {client.connection_id}"
    ).rows[0][0]
    found = []
    for statement in corpus():
        try:
            client.query(statement)
        except WireError:
            pass  # it has a digest all the same

        def newest() -> str | None:
            # The statement is in the history some time after the client has the reply.
            rows = watcher.query(
                "SELECT digest, sql_text FROM performance_schema.events_statements_history "
                f"WHERE thread_id = {thread} ORDER BY event_id DESC LIMIT 1"
            ).rows
            return rows[0][0] if rows and rows[0][1] == statement else None

        found.append((wait_until(newest, what=f"performance_schema has {statement!r}"), statement))
    client.close()
    watcher.close()
    return found


def text(found: list[tuple[str, str]]) -> str:
    """Digests are long and differ from version to version: what counts is which are equal, so they are numbered."""
    numbers: dict[str, int] = {}
    return "".join(
        f"{numbers.setdefault(digest, len(numbers) + 1)}\t{statement.replace(chr(10), chr(92) + 'n')}\n"
        for digest, statement in found
    )


def main() -> None:
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for make in (MariaDB, MySQL):
        if make is MySQL and why_not():
            print(f"skipped: {why_not()}")
            continue
        server = make()
        try:
            (directory / f"{server.family}.txt").write_text(text(digests(server.create())))
        finally:
            server.remove()


if __name__ == "__main__":
    main()
