"""Limits hold for the process, whatever the number of threads, as PostgreSQL itself counts."""

import threading
import time

import pytest

from support.load import Watch
from support.load import load as load_with
from support.pooler import Options
from support.processes import wait_until
from support.wire import LoginFailed, ServerError, query, types

pytestmark = pytest.mark.requires_pooler


def load(*arguments, **more):
    return load_with(*arguments, **more, work="SELECT pg_sleep(0.002)")


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_limit_of_a_pool_is_exact(own_pooler, primary, threads, size):
    pooler = own_pooler(default_pool_size=size, threads=threads)
    with Watch(primary, "app", "app") as watch:
        done = load(pooler, 16, 1.5)
    assert watch.most == size
    assert min(done) > 0, "everybody gets a turn"


def test_one_server_is_shared_fairly_between_threads(own_pooler):
    """Each client on a thread of its own, as likely as not; one server between them."""
    pooler = own_pooler(default_pool_size=1, threads=2)
    done = load(pooler, 8, 3)
    assert min(done) > 0.5 * max(done), done


def test_no_client_waits_while_a_server_is_idle(own_pooler):
    pooler = own_pooler(default_pool_size=2, threads=2)
    for _ in range(10):
        with pooler.wire() as a, pooler.wire() as b, pooler.wire() as c:
            for client in (a, b, c):
                client.query("BEGIN; COMMIT")
            a.query("BEGIN")  # one server taken: the other must serve whoever comes, on whichever thread
            for client in (b, c, b, c):
                started = time.monotonic()
                client.query("SELECT 1")
                assert time.monotonic() - started < 0.5


@pytest.mark.requires_headgate
def test_max_db_connections_over_users(own_pooler, primary):
    databases = {"app": {"dbname": "app", "max_db_connections": 3}}
    pooler = own_pooler(Options(databases=databases), default_pool_size=5)
    with Watch(primary, dbname="app") as watch:
        others = threading.Thread(target=lambda: load(pooler, 6, 2, "bob"))
        others.start()
        load(pooler, 6, 2, "app")
        others.join()
    assert watch.most == 3


@pytest.mark.requires_headgate
def test_max_user_connections_over_databases(own_pooler, primary):
    options = Options()
    options.users["app"]["max_user_connections"] = 3
    pooler = own_pooler(options, default_pool_size=5)
    with Watch(primary, user="app") as watch:
        others = threading.Thread(target=lambda: load(pooler, 6, 2, dbname="other"))
        others.start()
        load(pooler, 6, 2)
        others.join()
    assert watch.most == 3


@pytest.mark.requires_headgate
@pytest.mark.parametrize("key", ["max_db_client_connections", "max_user_client_connections"])
def test_client_limits_refuse_with_53300(own_pooler, key):
    options = Options()
    if "user" in key:
        options.users["app"][key] = 3
    else:
        options.databases["app"][key] = 3
    pooler = own_pooler(options)
    clients = [pooler.wire() for _ in range(3)]
    with pytest.raises(LoginFailed) as error:
        pooler.wire()
    assert error.value.code == "53300"
    assert key in str(error.value.fields), "names the limit"
    clients.pop().close()
    wait_until(lambda: _logs_in(pooler), 5)
    for c in clients:
        c.close()


def _logs_in(pooler):
    try:
        pooler.wire().close()
        return True
    except LoginFailed:
        return False


@pytest.mark.requires_headgate
def test_query_wait_timeout(own_pooler):
    pooler = own_pooler(default_pool_size=1, defaults={"query_wait_timeout": 1})
    with pooler.wire() as holder, pooler.wire() as waiter:
        holder.query("BEGIN")
        started = time.monotonic()
        with pytest.raises(ServerError) as error:
            waiter.value("SELECT 1")
        assert 0.8 < time.monotonic() - started < 4
        holder.query("COMMIT")
        if pooler.kind == "headgate":
            assert error.value.code == "57014"
            assert "query_wait_timeout" in str(error.value.fields)
            if waiter.status != "I" or waiter.buffer:
                waiter.read_until("Z")
            assert waiter.value("SELECT 2") == "2", "the connection is kept"


def test_min_pool_size_is_kept_ready(own_pooler, primary):
    options = Options(defaults={"min_pool_size": 3})
    pooler = own_pooler(options, default_pool_size=5)
    with pooler.wire("app"):
        wait_until(lambda: len(pooler.servers()) >= 3, 20, 0.1, "three servers")
        primary.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_addr IS NOT NULL")
        wait_until(lambda: len(pooler.servers()) >= 3, 20, 0.1, "three servers again")


def test_reserve_pool(own_pooler):
    pooler = own_pooler(default_pool_size=1, defaults={"reserve_pool_size": 1, "reserve_pool_timeout": 1})
    with pooler.wire() as holder, pooler.wire() as waiter:
        holder.query("BEGIN")
        started = time.monotonic()
        assert waiter.value("SELECT 1") == "1"
        assert 0.5 < time.monotonic() - started < 4


def test_server_idle_timeout_and_lifetime(own_pooler):
    pooler = own_pooler(defaults={"server_idle_timeout": 1})
    with pooler.wire() as client:
        first = client.value("SELECT pg_backend_pid()")
        wait_until(lambda: not pooler.servers(), 8, what="the idle server closed")
        assert client.value("SELECT pg_backend_pid()") != first
    pooler = own_pooler(defaults={"server_lifetime": 1})
    with pooler.wire() as client:
        first = client.value("SELECT pg_backend_pid()")
        time.sleep(2.5)
        assert client.value("SELECT pg_backend_pid()") != first


@pytest.mark.requires_headgate
@pytest.mark.parametrize(
    ("key", "statements", "code"),
    [
        ("query_timeout", ["SELECT pg_sleep(20)"], "57014"),
        ("idle_transaction_timeout", ["BEGIN"], "25P03"),
        ("transaction_timeout", ["BEGIN", "SELECT 1"], "25P03"),
        ("client_idle_timeout", ["SELECT 1"], None),
    ],
)
def test_timeouts(own_pooler, key, statements, code):
    pooler = own_pooler(defaults={key: 1})
    with pooler.wire() as client:
        started = time.monotonic()
        client.send(b"".join(query(s) for s in statements))
        found = client.read_to_end(6) if key != "query_timeout" or pooler.kind == "pgbouncer" else client.read_until("E", 6)
        assert 0.8 < time.monotonic() - started < 5
        if pooler.kind == "headgate":
            from support.wire import fields

            errors = [fields(m.body) for m in found if m.type == "E"]
            assert len(errors) == 1 and errors[0]["C"] == (code or errors[0]["C"])
    wait_until(lambda: all(s["state"] == "idle" for s in pooler.servers()), 5)
    with pooler.wire() as other:
        assert types(other.query("SELECT 1")) == "TDCZ"


@pytest.mark.requires_headgate
def test_query_timeout_does_not_fire_between_queries(own_pooler):
    """PgBouncer #1395."""
    pooler = own_pooler(defaults={"query_timeout": 1})
    with pooler.wire() as client:
        client.query("BEGIN")
        time.sleep(1.6)
        assert client.value("SELECT 1") == "1"
        client.query("COMMIT")
        time.sleep(1.2)
        assert client.value("SELECT 2") == "2"
