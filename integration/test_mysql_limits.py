"""MySQL: limits hold for the process, whatever the number of threads, as SHOW PROCESSLIST itself counts; who waits is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.load import Watch, load
from support.mysql_pooler import mysql_options
from support.mysql_wire import WireError
from support.processes import wait_until

pytestmark = pytest.mark.requires_pooler

WORK = "SELECT SLEEP(0.002)"


def asked(client, sql: str, seconds: float = 10):
    """The answer to a statement that was sent before, or the number of the error."""
    client.ask(sql)
    return answered(client, seconds)


def answered(client, seconds: float = 10):
    assert not client.quiet(seconds), "no answer"
    try:
        return client.answer()
    except WireError as error:
        return error.code


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_mysql_limit_of_a_pool_is_exact(own_mysql_pooler, mysql_server, threads, size):
    pooler = own_mysql_pooler(default_pool_size=size, threads=threads)
    with Watch(mysql_server, "app") as watch:
        done = load(pooler, 30, 1.5, work=WORK)
    assert watch.most == size
    assert min(done) > 0, "everybody gets a turn"


def test_mysql_limit_is_exact_while_clients_differ(own_mysql_pooler, mysql_server):
    """Clients whose state, statements and transactions differ make servers change hands and flavour, never more of them."""
    pooler = own_mysql_pooler(default_pool_size=2, threads=2)
    with Watch(mysql_server, "app") as watch:
        def client(n: int) -> None:
            with pooler.wire(dbname=("app", "other", "test1")[n % 3], timeout=60) as c:
                c.query(f"SET time_zone = '+{n % 10:02}:00', @n = {n}")
                statement = c.prepare(f"SELECT CONCAT(?, '{n}')")[0]
                for turn in range(10):
                    c.query("BEGIN")
                    assert c.value("SELECT @n") == str(n)
                    assert c.run_value(statement, str(turn)) == f"{turn}{n}"
                    c.query("COMMIT" if turn % 2 else "ROLLBACK")
                    if n % 5 == 0:
                        c.query("CREATE TEMPORARY TABLE limit_t (i INT)")
                        c.query("DROP TEMPORARY TABLE limit_t")

        with ThreadPoolExecutor(30) as clients:
            list(clients.map(client, range(30)))
    assert watch.most == 2 * len({"app", "other", "test1"}), "two for each pool"


def test_mysql_max_db_connections_over_users(own_mysql_pooler, mysql_server):
    databases = {"app": {"dbname": "app", "max_db_connections": 3}}
    pooler = own_mysql_pooler(mysql_options(mysql_server, databases=databases), default_pool_size=5)
    with Watch(mysql_server) as watch, ThreadPoolExecutor(2) as both:
        list(both.map(lambda user: load(pooler, 6, 2, user, work=WORK), ["app", "bob"]))
    assert watch.most == 3


def test_mysql_max_user_connections_over_databases(own_mysql_pooler, mysql_server):
    options = mysql_options(mysql_server)
    options.users["app"]["max_user_connections"] = 3
    pooler = own_mysql_pooler(options, default_pool_size=5)
    with Watch(mysql_server, "app") as watch, ThreadPoolExecutor(2) as both:
        list(both.map(lambda name: load(pooler, 6, 2, dbname=name, work=WORK), ["app", "other"]))
    assert watch.most == 3


@pytest.mark.parametrize("key", ["max_db_client_connections", "max_user_client_connections"])
def test_mysql_client_limits_refuse_with_1040(own_mysql_pooler, mysql_server, key):
    options = mysql_options(mysql_server)
    (options.users if "user" in key else options.databases)["app"][key] = 3
    pooler = own_mysql_pooler(options)
    clients = [pooler.wire() for _ in range(3)]
    with pytest.raises(WireError) as error:
        pooler.wire()
    assert error.value.code == 1040
    assert key in error.value.message, "names the limit"
    clients.pop().close()
    wait_until(lambda: _logs_in(pooler), 5)
    for client in clients:
        client.close()


def _logs_in(pooler) -> bool:
    try:
        pooler.wire().close()
        return True
    except WireError:
        return False


def test_mysql_query_wait_timeout(own_mysql_pooler):
    pooler = own_mysql_pooler(default_pool_size=1, defaults={"query_wait_timeout": 1})
    with pooler.wire() as holder, pooler.wire() as waiter:
        holder.query("BEGIN")
        with pytest.raises(WireError) as error:
            waiter.value("SELECT 1")
        assert error.value.code == 1205
        assert "query_wait_timeout" in error.value.message, "names the limit"
        holder.query("COMMIT")
        assert waiter.value("SELECT 2") == "2", "the connection is kept"


def test_mysql_waiters_are_served_in_turn(own_mysql_pooler):
    pooler = own_mysql_pooler(default_pool_size=1)
    with pooler.wire() as holder, pooler.wire() as first, pooler.wire() as second:
        holder.query("BEGIN")
        first.ask("SELECT 'first'")
        assert first.quiet(0.1)
        second.ask("SELECT 'second'")
        assert second.quiet(0.1)
        holder.query("COMMIT")
        assert first.answer().rows == [("first",)]
        assert second.answer().rows == [("second",)]


def test_mysql_who_waits_and_vanishes_is_not_served(own_mysql_pooler, mysql_server):
    pooler = own_mysql_pooler(default_pool_size=1)
    mysql_server.execute("DROP TABLE IF EXISTS app.limit_waits", "CREATE TABLE app.limit_waits (i INT)")
    with pooler.wire() as holder, pooler.wire() as other:
        holder.query("BEGIN")
        waiter = pooler.wire()
        waiter.ask("INSERT INTO app.limit_waits VALUES (1)")
        assert waiter.quiet(0.1)
        waiter.reset()
        other.ask("SELECT 'other'")
        assert other.quiet(0.1)
        holder.query("COMMIT")
        assert other.answer().rows == [("other",)]
    assert mysql_server.query("SELECT COUNT(*) FROM app.limit_waits") == [("0",)]


@pytest.mark.parametrize("completion_type", ["CHAIN", "RELEASE"])
def test_mysql_transaction_that_is_left_open_ends_whatever_comes_behind_one(own_mysql_pooler, completion_type):
    """`completion_type` is the client's: the ROLLBACK that follows it begins no other transaction, and ends no connection."""
    pooler = own_mysql_pooler(default_pool_size=1)
    with pooler.wire() as other:
        with pooler.wire() as client:
            client.query(f"SET completion_type = '{completion_type}'")
            client.query("BEGIN")
            before = [row["id"] for row in pooler.servers()]
        other.ask("SELECT 'after'")
        assert answered(other, seconds=3).rows == [("after",)]
        assert [row["id"] for row in pooler.servers()] == before


def test_mysql_reserve_pool(own_mysql_pooler):
    pooler = own_mysql_pooler(default_pool_size=1, defaults={"reserve_pool_size": 1, "reserve_pool_timeout": 1})
    with pooler.wire() as holder, pooler.wire() as waiter:
        holder.query("BEGIN")
        assert waiter.value("SELECT 1") == "1"
        assert len(pooler.servers()) == 2


def test_mysql_min_pool_size_is_kept_ready(own_mysql_pooler, mysql_server):
    pooler = own_mysql_pooler(default_pool_size=5, defaults={"min_pool_size": 3})
    with pooler.wire():
        wait_until(lambda: len(pooler.servers()) >= 3, 20, 0.1, "three servers")
        mysql_server.end_backends()
        wait_until(lambda: len(pooler.servers()) >= 3, 20, 0.1, "three servers again")


def test_mysql_server_idle_timeout(own_mysql_pooler):
    pooler = own_mysql_pooler(defaults={"server_idle_timeout": 1})
    with pooler.wire() as client:
        client.value("SELECT 1")
        assert pooler.servers()
        wait_until(lambda: not pooler.servers(), 10, what="the idle server closed")
        assert client.value("SELECT 2") == "2"


def test_mysql_query_timeout(own_mysql_pooler, mysql_server):
    """The statement is cancelled at the server; the connection and its transaction go on."""
    pooler = own_mysql_pooler(defaults={"query_timeout": 1})
    with pooler.wire(timeout=30) as client:
        with pytest.raises(WireError) as error:
            client.value("SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b, information_schema.columns c")
        assert error.value.code == 3024
        wait_until(lambda: all(s["command"] == "Sleep" for s in pooler.servers()), 10, what="the statement's end")
        assert client.value("SELECT 'after'") == "after"


@pytest.mark.parametrize(
    ("key", "statements"),
    [("idle_transaction_timeout", ["BEGIN"]), ("transaction_timeout", ["BEGIN", "SELECT 1"])],
)
def test_mysql_transaction_timeouts(own_mysql_pooler, mysql_server, key, statements):
    mysql_server.execute("DROP TABLE IF EXISTS app.limit_waits", "CREATE TABLE app.limit_waits (i INT)")
    pooler = own_mysql_pooler(defaults={key: 1})
    with pooler.wire() as client, pooler.wire() as other:
        for statement in statements:
            client.query(statement)
        client.query("INSERT INTO limit_waits VALUES (1)")
        # The error comes by itself: sequence 1, since with 0 clients would think it out of order.
        assert answered(client) == 4031
        assert client.transcript[-1][1] >= 1
        with pytest.raises((ConnectionError, WireError)):
            client.value("SELECT 1")
        wait_until(lambda: other.value("SELECT COUNT(*) FROM limit_waits") == "0", what="the transaction rolled back")
        wait_until(
            lambda: not mysql_server.query("SELECT * FROM information_schema.innodb_trx"), what="no transaction is left"
        )


def test_mysql_client_idle_timeout(own_mysql_pooler):
    pooler = own_mysql_pooler(defaults={"client_idle_timeout": 1})
    with pooler.wire() as client:
        client.value("SELECT 1")
        assert not client.quiet(10), "told, or closed"


def test_mysql_session_mode(own_mysql_pooler):
    """A client has its server until it goes; the next one finds nothing of it."""
    pooler = own_mysql_pooler(pool_mode="session", default_pool_size=1)
    with pooler.wire() as client:
        client.query("CREATE TEMPORARY TABLE limit_mine (i INT)")
        client.query("SET time_zone = '+03:00', @mine = 1 + 1")
        statement = client.prepare("SELECT 'prepared'")[0]
        waiter = pooler.wire()
        waiter.ask("SELECT COUNT(*) FROM limit_mine")
        assert waiter.quiet(0.2), "waits for the session's end"
        assert client.value("SELECT COUNT(*) FROM limit_mine") == "0"
        assert client.run_value(statement) == "prepared"
        assert client.value("SELECT CONCAT(@@time_zone, @mine)") == "+03:002"
    assert answered(waiter) == 1146
    assert waiter.value("SELECT CONCAT(@@time_zone, @mine IS NULL)") == "+00:001"
    with pytest.raises(WireError) as error:
        waiter.run_value(statement)
    assert error.value.code == 1243
    waiter.close()
    wait_until(lambda: len(pooler.servers()) == 1, what="the server is used again")


def test_mysql_statement_mode_refuses_transactions(own_mysql_pooler, mysql_server):
    mysql_server.execute("DROP TABLE IF EXISTS app.limit_waits", "CREATE TABLE app.limit_waits (i INT)")
    pooler = own_mysql_pooler(pool_mode="statement")
    for begin in ("BEGIN", "START TRANSACTION", "SET autocommit = 0"):
        with pooler.wire() as client:
            assert client.value("SELECT 1") == "1"
            found = asked(client, begin)
            if not isinstance(found, int):
                found = asked(client, "INSERT INTO limit_waits VALUES (1)")
            assert isinstance(found, int), f"{begin} in statement mode"


def test_mysql_idle_server_that_was_killed_is_nobodys(own_mysql_pooler, mysql_server):
    """Whoever asks next gets another one, however soon and on whichever thread."""
    pooler = own_mysql_pooler()
    with pooler.wire() as a, pooler.wire() as b, pooler.wire() as c, pooler.wire() as d:
        for n in range(30):
            a.query("BEGIN")
            b.query("BEGIN")
            a.query("COMMIT")
            b.query("COMMIT")
            mysql_server.end_backends()
            for client in (a, b, c, d):
                assert client.value(f"SELECT {n}") == str(n)


def test_mysql_statements_of_servers_that_change_threads_are_closed(own_mysql_pooler, mysql_server):
    """A server that goes from thread to thread is prepared anew each time; what it had is not left there."""
    pooler = own_mysql_pooler(default_pool_size=2)

    def client(_):
        with pooler.wire() as c:
            statement = c.prepare("SELECT CAST(? AS CHAR)")[0]
            for n in range(300):
                assert c.run_value(statement, str(n)) == str(n)

    with ThreadPoolExecutor(8) as clients:
        list(clients.map(client, range(8)))
    held = int(mysql_server.query("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'")[0][1])
    assert held <= 16, "a few of each server"
