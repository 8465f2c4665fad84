"""Servers that die idle, in use, or all at once; and a PostgreSQL that is not there for a while."""

import os
import signal
import time

import pytest

from support.pooler import Options, make_pooler
from support.postgres import Primary
from support.processes import wait_until
from support.wire import Closed, LoginFailed, ServerError, fields, query, types

pytestmark = pytest.mark.requires_pooler


def kill_all(server, user="app"):
    server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND client_addr IS NOT NULL", (user,))


def test_idle_server_killed_is_never_noticed(pooler, primary):
    with pooler.wire() as client:
        for _ in range(20):
            client.value("SELECT 1")
            kill_all(primary)
            time.sleep(0.05)
            assert client.value("SELECT 2") == "2"


@pytest.mark.requires_headgate
def test_server_killed_in_a_query_says_so_once(pooler, primary):
    """One error, then close or a usable connection: never a hang, never two errors."""
    client = pooler.wire()
    client.send(query("SELECT pg_sleep(30)"))
    wait_until(lambda: any(s["state"] == "active" for s in pooler.servers()), 5)
    kill_all(primary)
    found = []
    try:
        while not found or found[-1].type != "Z":
            found.append(client.read(5))
    except Closed:
        pass
    errors = [fields(m.body) for m in found if m.type == "E"]
    assert len(errors) == 1
    assert errors[0]["C"] in ("57P01", "08006")
    if found[-1].type == "Z":
        assert client.value("SELECT 1") == "1"
    client.close()
    with pooler.wire() as other:
        assert other.value("SELECT 1") == "1"


@pytest.mark.requires_headgate
def test_server_killed_in_a_transaction(pooler, primary):
    client = pooler.wire()
    client.query("BEGIN")
    kill_all(primary)
    time.sleep(0.1)
    try:
        with pytest.raises(ServerError) as error:
            client.value("SELECT 1")
        assert error.value.code in ("57P01", "08006", "08P01")
    except (Closed, StopIteration):
        pytest.fail("closed without a word")
    with pooler.wire() as other:
        assert other.value("SELECT 1") == "1"


def test_server_killed_with_kill_9_and_recovery(own_pooler):
    server = Primary().create()
    pooler = make_pooler(server, Options()).start()
    try:
        clients = [pooler.wire() for _ in range(4)]
        for c in clients:
            assert c.value("SELECT 1") == "1"
        os.kill(pooler.servers()[0]["pid"], signal.SIGKILL)
        deadline = time.monotonic() + 30
        while True:
            try:
                with pooler.wire(timeout=15) as fresh:
                    assert fresh.value("SELECT 3") == "3"
                    break
            except (ServerError, Closed, OSError):
                assert time.monotonic() < deadline
                time.sleep(0.1)
        for c in clients:
            try:
                assert c.value("SELECT 4") == "4"
            except (ServerError, Closed, OSError):
                pass  # it may have been told; it may not hang
    finally:
        pooler.remove()
        server.remove()


def test_database_down_fails_in_time_and_comes_back():
    """New clients are told within server_connect_timeout; when the database is back, so is the pool."""
    server = Primary().create()
    pooler = make_pooler(server, Options(defaults={"server_connect_timeout": 2, "query_wait_timeout": 3})).start()
    try:
        patient = pooler.wire()
        assert patient.value("SELECT 1") == "1"
        server.stop()
        started = time.monotonic()
        with pytest.raises((LoginFailed, ServerError, Closed)):
            with pooler.wire(timeout=15) as fresh:
                fresh.value("SELECT 1")
        assert time.monotonic() - started < 8
        server.start()

        def back() -> bool:
            try:
                with pooler.wire(timeout=5) as c:
                    return c.value("SELECT 5") == "5"
            except (LoginFailed, ServerError, Closed, OSError):
                return False

        wait_until(back, 30, 0.2, "the pool is back")
    finally:
        pooler.remove()
        server.remove()


@pytest.mark.requires_headgate
def test_pipeline_when_the_server_dies_gets_one_error(pooler, primary):
    """libpq's pipeline mode breaks on a second error (Odyssey #514)."""
    client = pooler.wire()
    client.send(query("SELECT pg_sleep(30)") + query("SELECT 2") * 10)
    wait_until(lambda: any(s["state"] == "active" for s in pooler.servers()), 5)
    kill_all(primary)
    try:
        found = client.read_to_end(5)
    except Exception:  # noqa: BLE001  kept open: the rest must have been answered
        found = []
        client.close()
        client = pooler.wire()
        assert client.value("SELECT 1") == "1"
    assert types(found).count("E") <= 1
    client.close()


@pytest.mark.requires_headgate
def test_parameter_change_at_the_server_reaches_clients(pooler, primary):
    """ParameterStatus that came while the server was idle in the pool."""
    with pooler.wire() as client:
        assert client.value("SHOW IntervalStyle") == "postgres"
        primary.query("ALTER SYSTEM SET IntervalStyle = 'iso_8601'")
        try:
            primary.query("SELECT pg_reload_conf()")
            wait_until(lambda: client.value("SHOW IntervalStyle") == "iso_8601", 5, 0.1)
        finally:
            primary.query("ALTER SYSTEM RESET IntervalStyle")
            primary.query("SELECT pg_reload_conf()")
