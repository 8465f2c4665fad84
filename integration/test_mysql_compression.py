"""MySQL: clients that ask for compression get it, whatever the servers do."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import mysql.connector
import pytest

from support.mysql_compressed import Compressed
from support.mysql_server import MySQL
from support.mysql_wire import WireError
from support.processes import wait_until


def connect(pooler, user: str = "app", dbname: str = "app", **more) -> Compressed:
    return Compressed(port=pooler.port, user=user, password=pooler.password(user), database=dbname, timeout=30, **more)


def test_mysql_compressed_statements(mysql_pooler):
    with connect(mysql_pooler) as client:
        for n in range(20):
            assert client.value(f"SELECT {n}") == str(n)
            assert client.value(f"SELECT LENGTH('{'x' * n * 1000}')") == str(n * 1000)
        assert client.outcome("SELECT nothing FROM nowhere") in (1146,)
        assert client.run_value(client.prepare("SELECT ?")[0], "a" * 5000) == "a" * 5000
        client.query("BEGIN")
        client.query("SET @a = 1")
        client.query("COMMIT")
        assert client.value("SELECT @a") == "1"
        assert client.outcome("KILL 0") == 1094
        assert client.ping() is not None


def test_mysql_compressed_big_result(mysql_pooler):
    with connect(mysql_pooler) as client:
        before = client.socket.received
        assert client.value("SELECT REPEAT('compressible', 1000000)") == "compressible" * 1_000_000
        assert client.socket.unpacked > 12_000_000
        assert client.socket.received - before < 1_000_000
        rows = client.query("SELECT seq.i, REPEAT('r', 200) FROM (WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 1000) SELECT i FROM s) seq").rows
        assert len(rows) == 1000


def test_mysql_compressed_big_command(mysql_pooler):
    with connect(mysql_pooler) as client:
        for size in (100_000, 3_000_000, 17_000_000):
            assert client.value(f"SELECT LENGTH('{'q' * size}')") == str(size)
        noise = os.urandom(400_000).hex()
        assert client.value(f"SELECT '{noise}'") == noise
        client.socket.compresses = False
        assert client.value(f"SELECT LENGTH('{'q' * 300_000}')") == "300000"


def test_mysql_compressed_local_file(mysql_pooler):
    with connect(mysql_pooler) as client:
        client.query("CREATE TEMPORARY TABLE compressed_t (i INT)")
        assert client.query("LOAD DATA LOCAL INFILE 'any' INTO TABLE compressed_t").affected == 2
        assert client.value("SELECT SUM(i) FROM compressed_t") == "3"


def test_mysql_compressed_change_user(mysql_pooler):
    with connect(mysql_pooler) as client:
        client.change_user("bob", mysql_pooler.password("bob"), "app")
        assert client.value("SELECT USER()").startswith("bob@")
        assert client.value("SELECT REPEAT('b', 100000)") == "b" * 100_000
        with pytest.raises(WireError) as error:
            client.change_user("bob", "wrong", "app")
        assert error.value.code == 1045


@pytest.mark.requires_pooler
@pytest.mark.parametrize("frame", [
    b"\x05\0\0\0\x10\0\0hello", b"\x02\0\0\0\xff\xff\xff\x78\x9c", b"\x08\0\0\0\x02\0\0" + b"\x78\x9c\x4b\x04\0\0\x62\0",
    b"\0\0\0\0\x01\0\0",
])
def test_mysql_compressed_frame_that_is_broken(mysql_pooler, frame):
    client = connect(mysql_pooler)
    client.socket.socket.sendall(frame + b"\0" * 20)
    client.socket.next = 1
    with pytest.raises((OSError, WireError)) as error:
        client._next()
    if isinstance(error.value, WireError):
        assert error.value.code == 1157
    wait_until(lambda: "uncompress" in mysql_pooler.log(), what="the log line")
    with mysql_pooler.wire() as other:
        assert other.value("SELECT 1") == "1"


@pytest.mark.requires_pooler
def test_mysql_compressed_bomb(mysql_pooler):
    """What a small frame becomes is dealt with piece by piece while the pool's servers are all taken."""
    import zlib

    with mysql_pooler.wire() as a, mysql_pooler.wire() as b, connect(mysql_pooler) as client:
        a.query("BEGIN")
        b.query("BEGIN")
        plain = b""
        for _ in range(4):
            text = b"\x03SELECT LENGTH('" + b"z" * 3_000_000 + b"')"
            plain += len(text).to_bytes(3, "little") + b"\0" + text
        packed = zlib.compress(plain, 9)
        before = mysql_pooler.rss()
        client.socket.socket.sendall(len(packed).to_bytes(3, "little") + b"\0" + len(plain).to_bytes(3, "little") + packed)
        assert client.quiet(0.5)
        assert mysql_pooler.rss() - before < 4_000_000
        a.query("COMMIT")
        b.query("COMMIT")
        client.socket.next = 1
        assert client.answer().rows == [("3000000",)]


def test_mysql_compressed_many_at_once(mysql_pooler):
    def one(n: int) -> None:
        with connect(mysql_pooler) as client:
            for turn in range(20):
                text = f"{n}/{turn} " * (turn * 50 + 1)
                assert client.value(f"SELECT '{text}'") == text

    with ThreadPoolExecutor(12) as clients:
        list(clients.map(one, range(12)))


@pytest.mark.parametrize("pure", [True, False])
def test_mysql_connector_compresses(mysql_pooler, pure):
    if not pure and not mysql.connector.HAVE_CEXT:
        pytest.skip("Connector/Python's C extension is not installed")
    connection = mysql.connector.connect(
        host=mysql_pooler.host, port=mysql_pooler.port, user="app", password=mysql_pooler.password("app"), database="app",
        compress=True, use_pure=pure, ssl_disabled=True,
    )  # fmt: skip
    cursor = connection.cursor()
    # The one in Python reads no packet that takes more than two frames.
    for n in (1, 100, 10_000, 60_000):
        cursor.execute(f"SELECT REPEAT('c', {n})")
        assert len(cursor.fetchall()[0][0]) == n
    connection.close()


def program(sql: str, *arguments: str) -> list[str]:
    done = subprocess.run(arguments, input=sql, capture_output=True, text=True, timeout=60)
    assert not done.stderr
    return done.stdout.strip().split("\n")


def test_mysql_mariadbs_client_compresses(mysql_pooler):
    file = mysql_pooler.option_file()
    sql = f"SELECT LENGTH('{'m' * 1000000}'); SELECT REPEAT('n', 300000);"
    lines = program(sql, "mariadb", f"--defaults-file={file}", "--compress", "-N", "app")
    assert lines == ["1000000", "n" * 300_000]


@pytest.mark.parametrize("algorithm", ["zlib", "zstd"])
def test_mysql_mysqls_client_compresses(mysql_pooler, algorithm):
    if mysql_pooler.family != "mysql":
        pytest.skip("MariaDB has no zstd")
    file = mysql_pooler.option_file()
    command = [
        *MySQL.program("usr/bin/mysql"), f"--defaults-file={file}", "--ssl-mode=DISABLED", "--get-server-public-key",
        f"--compression-algorithms={algorithm}",
    ]  # fmt: skip
    sql = f"SELECT LENGTH('{'m' * 100000}'); SELECT REPEAT('n', 3000000);"
    lines = program(sql, *command, "--max-allowed-packet=64M", "-N", "app")
    assert lines == ["100000", "n" * 3_000_000]
