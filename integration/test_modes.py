"""Session and statement mode, and modes of a database or a user."""

import time

import pytest

from support.pooler import Options
from support.processes import wait_until
from support.wire import query, types

pytestmark = pytest.mark.requires_pooler


def test_session_mode_keeps_everything(own_pooler):
    pooler = own_pooler(pool_mode="session")
    with pooler.wire() as client:
        pid = client.value("SELECT pg_backend_pid()")
        client.query("CREATE TEMP TABLE mine AS SELECT 1 AS i")
        client.query("SET work_mem = '5MB'")
        client.query("PREPARE p AS SELECT 'prepared'")
        with pooler.wire() as other:
            assert other.value("SELECT pg_backend_pid()") != pid
        assert client.value("SELECT i FROM mine") == "1"
        assert client.value("SHOW work_mem") == "5MB"
        assert client.value("EXECUTE p") == "prepared"


def test_session_mode_resets_for_the_next(own_pooler, primary):
    pooler = own_pooler(pool_mode="session", default_pool_size=1)
    with pooler.wire() as client:
        pid = client.value("SELECT pg_backend_pid()")
        for sql in ("CREATE TEMP TABLE mine (i int)", "SET work_mem = '5MB'", "PREPARE p AS SELECT 1", "LISTEN c", "SELECT pg_advisory_lock(5)"):
            client.query(sql)
    with pooler.wire() as client:
        assert client.value("SELECT to_regclass('mine') IS NULL") == "t"
        assert client.value("SHOW work_mem") == "4MB"
        assert client.value("SELECT count(*) FROM pg_prepared_statements") == "0"
        assert client.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()") == "0"
        assert client.value("SELECT pg_backend_pid()") == pid, "the server is used again"


def test_session_mode_waits_for_a_session(own_pooler):
    pooler = own_pooler(pool_mode="session", default_pool_size=1)
    first = pooler.wire()
    first.value("SELECT 1")
    with pooler.wire(timeout=10) as second:
        second.send(query("SELECT 'second'"))
        assert second.quiet(0.3)
        first.close()
        assert types(second.read_until("Z")) == "TDCZ"


def test_session_mode_transaction_of_a_client_that_vanished(own_pooler, primary):
    pooler = own_pooler(pool_mode="session", default_pool_size=1)
    primary.query("CREATE TABLE IF NOT EXISTS modes (i int)")
    primary.query("GRANT ALL ON modes TO PUBLIC")
    client = pooler.wire()
    client.query("BEGIN; INSERT INTO modes VALUES (1)")
    client.reset()
    with pooler.wire() as other:
        assert other.value("SELECT count(*) FROM modes") == "0"


@pytest.mark.requires_headgate
def test_statement_mode_refuses_transactions(own_pooler):
    pooler = own_pooler(pool_mode="statement")
    with pooler.wire() as client:
        assert client.value("SELECT 1") == "1"
        found = client.query("BEGIN")
        if "E" not in types(found):
            found = client.query("SELECT 1")
        assert "E" in types(found), "a transaction in statement mode"
    wait_until(lambda: all(s["state"] == "idle" for s in pooler.servers()), 5)


def test_statement_mode_multi_statement_and_pipeline(own_pooler):
    pooler = own_pooler(pool_mode="statement")
    with pooler.wire() as client:
        assert types(client.query("SELECT 1; SELECT 2")) == "TDCTDCZ"


def test_mode_of_a_database(own_pooler):
    databases = {"app": {"dbname": "app", "pool_mode": "session"}, "other": {"dbname": "other"}}
    pooler = own_pooler(Options(databases=databases), default_pool_size=1)
    with pooler.wire() as a, pooler.wire(dbname="other") as b, pooler.wire(dbname="other") as c:
        a.query("CREATE TEMP TABLE kept (i int)")
        b.query("SELECT 1")
        c.query("SELECT 1")  # shares b's server
        assert a.value("SELECT count(*) FROM kept") == "0"


@pytest.mark.requires_headgate
def test_mode_of_a_user(own_pooler):
    options = Options()
    options.users["bob"]["pool_mode"] = "session"
    pooler = own_pooler(options, default_pool_size=1)
    with pooler.wire("bob") as a, pooler.wire("app") as b, pooler.wire("app") as c:
        a.query("CREATE TEMP TABLE kept (i int)")
        b.query("SELECT 1")
        c.query("SELECT 1")
        assert a.value("SELECT count(*) FROM kept") == "0"


@pytest.mark.requires_headgate
def test_database_star_and_mapped_name(own_pooler):
    databases = {"*": {}, "alias": {"dbname": "other"}}
    pooler = own_pooler(Options(databases=databases))
    with pooler.wire(dbname="app") as a, pooler.wire(dbname="alias") as b:
        assert a.value("SELECT current_database()") == "app"
        assert b.value("SELECT current_database()") == "other"


def test_transaction_mode_shares_servers(own_pooler):
    pooler = own_pooler(default_pool_size=1)
    clients = [pooler.wire() for _ in range(5)]
    assert len({c.value("SELECT pg_backend_pid()") for c in clients}) == 1
    clients[0].query("BEGIN")
    clients[1].send(query("SELECT 1"))
    time.sleep(0.2)
    assert clients[1].quiet(0.1), "a transaction has its server alone"
    clients[0].query("COMMIT")
    assert types(clients[1].read_until("Z")) == "TDCZ"
    for c in clients:
        c.close()
