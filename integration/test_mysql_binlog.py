"""MySQL: whoever reads the binary log gets a server connection of its own, to the end."""

from __future__ import annotations

import os
import struct
import subprocess
from types import SimpleNamespace

import pytest

from support.mariadb import MariaDBReplica
from support.mysql_server import MySQL
from support.mysql_wire import WireError
from support.processes import wait_until

REGISTER, DUMP = 0x15, 0x12
CHECKSUM = "SET @master_binlog_checksum = @@global.binlog_checksum, @source_binlog_checksum = @@global.binlog_checksum"


@pytest.fixture(autouse=True)
def table(mysql_server):
    mysql_server.execute("CREATE OR REPLACE TABLE app.binlog_t (i INT)") if mysql_server.family == "mariadb" else mysql_server.execute(
        "DROP TABLE IF EXISTS app.binlog_t", "CREATE TABLE app.binlog_t (i INT)"
    )


def log_names(server) -> list[str]:
    return [row[0] for row in server.query("SHOW BINARY LOGS")]


@pytest.fixture
def dumps(mysql_server):
    """The connections the log is sent on, but those of replicas that other tests have."""

    def ids() -> set[str]:
        sql = "SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'"
        return {row[0] for row in mysql_server.query(sql)}

    before = ids()
    return lambda: ids() - before


def test_mysql_replica_replicates_through_the_pooler(own_mysql_pooler, mysql_server, dumps):
    if mysql_server.family != "mariadb":
        pytest.skip("the replica is a MariaDB")
    pooler = own_mysql_pooler(default_pool_size=3)
    port = mysql_server.port if pooler.kind == "direct" else pooler.port
    replica = MariaDBReplica(SimpleNamespace(port=port, query=mysql_server.query)).create()
    try:
        for n in range(5):
            mysql_server.execute(f"INSERT INTO app.binlog_t VALUES ({n})")
        replica.caught_up()
        assert replica.query("SELECT COUNT(*) FROM app.binlog_t") == [("5",)]
        with pooler.wire() as client:
            assert client.value("SELECT COUNT(*) FROM binlog_t") == "5", "others are served meanwhile"
        replica.execute("STOP SLAVE")
        mysql_server.execute("INSERT INTO app.binlog_t SELECT seq FROM app.seq_1_to_10000")
        replica.execute("START SLAVE")
        replica.caught_up()
        assert replica.query("SELECT COUNT(*) FROM app.binlog_t") == [("10005",)]
        status = dict(zip(*_status(replica)))
        assert status["Slave_IO_Running"] == "Yes", status["Last_IO_Error"]
    finally:
        replica.remove()
    wait_until(lambda: not dumps(), what="the end of its server connection")


def _status(replica):
    connection = replica.admin()
    try:
        found = connection.query("SHOW SLAVE STATUS")
        return found.columns, found.rows[0]
    finally:
        connection.close()


def test_mysql_binlog_is_read_remotely(mysql_pooler, mysql_server):
    mysql_server.execute(*(f"INSERT INTO app.binlog_t VALUES ({n})" for n in range(100)))
    options = [f"--defaults-file={mysql_pooler.option_file()}", "--read-from-remote-server", "--to-last-log"]
    if mysql_server.family == "mariadb":
        command = ["mariadb-binlog", *options]
    else:
        program = MySQL.program("usr/bin/mysqlbinlog")


        if not os.path.exists(program[-1]):
            pytest.skip("there is no mysqlbinlog of MySQL's")
        command = [*program, *options, "--get-server-public-key", "--ssl-mode=DISABLED"]
    done = subprocess.run([*command, log_names(mysql_server)[0]], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert b"binlog_t" in done.stdout
    assert len(done.stdout) > 10_000


def test_mysql_binlog_raw(mysql_pooler, mysql_server):
    """The variables a replica sets first are those of the connection that sends the log, also where they were computed."""
    name = log_names(mysql_server)[-1]
    with mysql_pooler.wire() as client:
        client.query(CHECKSUM)
        client.query("SET @mariadb_slave_capability = 4, @slave_uuid = 'x'")
        client.simple(REGISTER, struct.pack("<IBBBHII", 77, 0, 0, 0, 3306, 0, 0))
        client.command(DUMP, struct.pack("<IHI", 4, 1, 78) + name.encode())
        events = []
        while True:
            payload = client._next()
            if payload[0] == 0xFE and len(payload) < 9:
                break
            assert payload[0] == 0
            events.append(payload[5])
        assert 15 in events, "the description of the format"
        # Servers end the connection with the log.
        with pytest.raises(OSError):
            client.ping()
    with mysql_pooler.wire() as client:
        client.command(DUMP, struct.pack("<IHI", 4, 1, 79) + b"no such log")
        with pytest.raises(WireError) as error:
            client._next()
        assert error.value.code == 1236


@pytest.mark.requires_pooler
def test_mysql_binlog_counts_against_the_limits(own_mysql_pooler, mysql_server, dumps):
    pooler = own_mysql_pooler(default_pool_size=1, defaults={"query_wait_timeout": "1s"})
    name = log_names(mysql_server)[-1]
    with pooler.wire() as reader, pooler.wire() as other:
        reader.query(CHECKSUM)
        reader.command(DUMP, struct.pack("<IHI", 4, 0, 80) + name.encode())
        assert reader.read()[0] == 0
        assert other.outcome("SELECT 1") == 1205
        reader.reset()
        wait_until(lambda: other.outcome("SELECT 1") == "1", what="the place to be free again")
        wait_until(lambda: not dumps(), what="the end of its server connection")


@pytest.mark.requires_pooler
def test_mysql_binlog_ends_with_its_server(own_mysql_pooler, mysql_server, dumps):
    pooler = own_mysql_pooler()
    name = log_names(mysql_server)[-1]
    with pooler.wire() as reader:
        reader.query(CHECKSUM)
        reader.command(DUMP, struct.pack("<IHI", 4, 0, 81) + name.encode())
        assert reader.read()[0] == 0
        wait_until(dumps, what="the log being sent")
        for number in dumps():
            mysql_server.execute(f"KILL {number}")
        with pytest.raises((OSError, WireError)):
            while True:
                reader._next()
