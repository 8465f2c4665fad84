"""A great many bytes in both directions: LOAD DATA LOCAL of 64 MiB, or HEADGATE_COPY_MIB (1024 for what the issue asks), and
packets of 16 MiB and more."""

from __future__ import annotations

import os
import subprocess

import pytest

from support.mysql_drivers import DRIVERS
from support.mysql_session import LONG
from support.mysql_wire import lenenc

MIB = int(os.environ.get("HEADGATE_COPY_MIB", 64))
PATIENCE = 120 + MIB
PACKET = 0xFFFFFF


@pytest.mark.timeout(PATIENCE * 2)
def test_mysql_load_data_local_large(mysql_pooler, mysql_server, tmp_path):
    rows = MIB * 1024  # a KiB each
    mysql_server.execute("DROP TABLE IF EXISTS app.large", "CREATE TABLE app.large (n INT, t VARCHAR(1000)) ENGINE=MyISAM")
    file = tmp_path / "rows"
    with open(file, "w") as out:
        for n in range(rows):
            out.write(f"{n}\t{chr(97 + n % 26) * 1000}\n")
    client = ["mariadb", f"--defaults-file={mysql_pooler.option_file()}", "--skip-ssl", "--local-infile=1", "-N", "-B", "--quick", "app"]
    before = mysql_pooler.rss() if mysql_pooler.process else 0
    subprocess.run([*client, "-e", f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE large"], check=True, timeout=PATIENCE)
    assert mysql_server.query("SELECT COUNT(*), SUM(LENGTH(t)), SUM(n) FROM app.large") == [
        (str(rows), str(rows * 1000), str(rows * (rows - 1) // 2))
    ]
    with open(tmp_path / "back", "wb") as out:
        subprocess.run([*client, "-e", "SELECT n, t FROM large ORDER BY n"], stdout=out, check=True, timeout=PATIENCE)
    assert subprocess.run(["cmp", file, tmp_path / "back"]).returncode == 0
    if mysql_pooler.process:
        assert mysql_pooler.rss() - before < 32 << 20, "what passes through is not kept"
    mysql_server.execute("DROP TABLE app.large")


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("size", [PACKET - 100, 20 << 20, 40 << 20])
def test_mysql_big_values_both_ways(mysql_pooler, driver, size):
    connection = DRIVERS[driver].connect(mysql_pooler)
    try:
        cursor = connection.cursor()
        text = "0123456789abcdef" * (size // 16)
        cursor.execute("SELECT %s, LENGTH(%s)", (text, text))
        found, length = cursor.fetchone()
        assert length == len(text)
        assert (found.decode() if isinstance(found, (bytes, bytearray)) else found) == text
        cursor.execute("SELECT 'after'")
        assert cursor.fetchone()[0] == "after"
    finally:
        connection.close()


@pytest.mark.parametrize("length", [PACKET - 1, PACKET, PACKET + 1, 2 * PACKET, 2 * PACKET + 1])
def test_mysql_packets_around_their_limit(mysql_pooler, length):
    """A payload that fills its packet is followed by another, which may be empty: the statement, and the row."""
    with mysql_pooler.wire(timeout=60) as client:
        head, tail = "SELECT LENGTH('", "')"
        count = length - 1 - len(head) - len(tail)
        assert client.value(head + "x" * count + tail) == str(count)
        # The row: a length in nine or four bytes, then the value.
        value = length - (4 if length - 4 < 1 << 24 else 9)
        assert len(lenenc(value)) + value == length
        assert len(client.value(f"SELECT REPEAT('y', {value})")) == value
        assert client.value("SELECT 'after'") == "after"


def test_mysql_long_data_of_many_packets(mysql_pooler):
    with mysql_pooler.wire(timeout=60) as client:
        statement = client.prepare("SELECT CAST(LENGTH(?) AS CHAR)")[0]
        for _ in range(5):
            client.long_data(statement, 0, b"z" * (5 << 20))
        assert client.run_value(statement, LONG) == str(25 << 20)


def test_mysql_rows_while_others_ask_for_one(own_mysql_pooler):
    """A client that streams must not keep the others of its event loop waiting for its end."""
    pooler = own_mysql_pooler(default_pool_size=3, threads=1)
    with pooler.wire(timeout=60) as streamer, pooler.wire() as other:
        streamer.ask("SELECT REPEAT('x', 1000) FROM information_schema.columns a, information_schema.columns b LIMIT 300000")
        assert not streamer.quiet(20)
        for n in range(20):
            assert other.value(f"SELECT {n}") == str(n)
        assert len(streamer.answer().rows) == 300_000
