"""Dumps through the pooler and back: mysqldump (MariaDB's and MySQL's own), mydumper and myloader."""

from __future__ import annotations

import subprocess

import pytest

from support.mysql_server import MySQL

CHECK = "SELECT COUNT(*), SUM(id), SHA2(GROUP_CONCAT(HEX(b), t ORDER BY id), 256) FROM {}.dumped"


def run(*command, stdin: bytes | None = None) -> bytes:
    done = subprocess.run([str(c) for c in command], input=stdin, capture_output=True, timeout=100)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture
def tables(mysql_pooler, mysql_server):
    mysql_server.execute(
        *(f"DROP DATABASE IF EXISTS {name}" for name in ("test1", "test2")),
        *(f"CREATE DATABASE {name}" for name in ("test1", "test2")),
        "CREATE TABLE test1.dumped (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT, b BLOB, at TIMESTAMP DEFAULT '2026-02-01 00:00:00')",
        "SET SESSION cte_max_recursion_depth = 5000" if mysql_server.family == "mysql" else "DO 1",
        "CREATE VIEW test1.dumped_view AS SELECT id FROM test1.dumped",
        "CREATE PROCEDURE test1.dumped_procedure() SELECT 'it''s there'",
    )
    with mysql_server.session(database="test1") as c:
        c.query("CREATE TRIGGER dumped_trigger BEFORE INSERT ON dumped FOR EACH ROW SET NEW.t = CONCAT(NEW.t, '')")
        for start in range(0, 3000, 500):
            rows = (f"('it''s \\\\ ß {n}', X'00FF27{n:04x}')" for n in range(start, start + 500))
            c.query("INSERT INTO dumped (t, b) VALUES " + ", ".join(rows))
    yield
    for name in ("test1", "test2"):
        mysql_server.execute(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")


def same(mysql_server) -> None:
    with mysql_server.session(database="test2") as c:
        c.query("SET group_concat_max_len = 10000000")
        assert c.query(CHECK.format("test2")).rows == c.query(CHECK.format("test1")).rows
        assert c.value("SELECT COUNT(*) FROM dumped_view") == "3000"


def nothing_stayed(pooler) -> None:
    """What a dump sets is its own: the next clients find the session as it was."""
    for _ in range(3):
        with pooler.wire() as a, pooler.wire() as b:
            for c in (a, b):
                c.query("BEGIN")
            for c in (a, b):
                assert c.value("SELECT CONCAT_WS(' ', @@time_zone, @@sql_quote_show_create + 0, @@foreign_key_checks + 0)") == "+00:00 1 1"


@pytest.mark.parametrize(
    "more", [["--single-transaction"], ["--lock-tables"], ["--single-transaction", "--quick", "--hex-blob", "--compress"]]
)
def test_mysqldump_and_restore(mysql_pooler, mysql_server, tables, more):
    options = f"--defaults-file={mysql_pooler.option_file()}"
    dump = run("mariadb-dump", options, "--skip-ssl", *more, "--routines", "--triggers", "test1")
    dump = dump.replace(b"/*M!999999\\- enable the sandbox mode */", b"").replace(b"`test1`.", b"")
    run("mariadb", options, "--skip-ssl", "test2", stdin=dump)
    same(mysql_server)
    with mysql_pooler.wire(dbname="test2") as c:
        assert c.value("CALL dumped_procedure()") == "it's there"
    nothing_stayed(mysql_pooler)


def test_mysqldump_of_mysql_itself(mysql_pooler, mysql_server, tables):
    if mysql_server.family != "mysql":
        pytest.skip("MySQL's own program, for its own server")
    options = [f"--defaults-file={mysql_pooler.option_file()}", "--ssl-mode=DISABLED", "--get-server-public-key"]
    dump = run(
        *MySQL.program("usr/bin/mysqldump"), *options, "--single-transaction", "--set-gtid-purged=OFF", "--no-tablespaces", "--routines",
        "--default-character-set=utf8mb4", "test1",
    )  # fmt: skip
    run(*MySQL.program("usr/bin/mysql"), *options, "test2", stdin=dump.replace(b"`test1`.", b""))
    same(mysql_server)
    nothing_stayed(mysql_pooler)


def test_mysqldump_with_a_global_lock(mysql_pooler, mysql_server, tables):
    """FLUSH TABLES WITH READ LOCK, and the position it belongs to."""
    if mysql_server.family == "mysql":
        pytest.skip("MariaDB's program asks for SHOW MASTER STATUS, which MySQL 9 has no more")
    options = f"--defaults-file={mysql_pooler.option_file()}"
    dump = run("mariadb-dump", options, "--skip-ssl", "--master-data=2", "--flush-logs", "--databases", "test1", "other")
    assert b"CHANGE MASTER TO" in dump
    nothing_stayed(mysql_pooler)


def test_mydumper_and_myloader(own_mysql_pooler, mysql_server, tables, tmp_path):
    """Each thread is a session that waits for the first one's lock, so all must be served at once."""
    pooler = own_mysql_pooler(default_pool_size=6)
    login = ["--host", pooler.host, "--port", pooler.port, "--user", "app", "--password", pooler.password("app")]
    run("mydumper", *login, "--database", "test1", "--outputdir", tmp_path / "dump", "--threads", 2)
    run(
        "myloader", *login, "--source-db", "test1", "--database", "test2", "--directory", tmp_path / "dump", "--threads", 2,
        "--overwrite-tables",
    )  # fmt: skip
    same(mysql_server)
    nothing_stayed(pooler)
