"""`[[app]]`: which connections belong to an application, and that each limit holds for all threads together."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import psycopg
import pytest

from support.pooler import ADMIN_PASSWORD, ADMIN_USER, Options
from support.processes import wait_until
from support.secure import Certificates
from support.wire import LoginFailed, ServerError, fields, query

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]


def apps(pooler) -> dict[str, dict]:
    return {row["name"]: row for row in pooler.console("SHOW APPS")}


def test_a_connection_belongs_to_the_first_app_that_fits(own_pooler):
    pooler = own_pooler(
        apps=[
            {"name": "one", "match": {"user": "app", "application_name": "one-*"}},
            {"name": "here", "match": {"user": "app", "database": "other", "source": ["127.0.0.0/8"]}},
            {"name": "away", "match": {"source": ["10.0.0.0/8"]}},
            {"name": "two", "match": {"application_name": ["?wo", "one-*"]}},
        ]
    )
    with ExitStack() as stack:
        def client(**how):
            return stack.enter_context(pooler.wire(**how))

        client(application_name="one-1")
        client(application_name="one-1", user="bob")
        client(application_name="two")
        client(application_name="twoo")
        client(dbname="other", application_name="two")
        used = {name: row["clients"] for name, row in apps(pooler).items()}
        assert used == {"one": 1, "here": 1, "away": 0, "two": 2, "default": 1}
        assert list(used) == ["one", "here", "away", "two", "default"], "in the order they are tried"
        shown = sorted((row["app"], row["user"]) for row in pooler.console("SHOW CLIENTS") if row["database"] != "pgbouncer")
        assert shown == [("default", "app"), ("here", "app"), ("one", "app"), ("two", "app"), ("two", "bob")]
    wait_until(lambda: all(row["clients"] == 0 for row in apps(pooler).values()), 5)


def test_the_name_given_at_login_counts(own_pooler):
    """`application_name_add_host` changes what servers see; a later SET changes nothing."""
    pooler = own_pooler(
        general={"application_name_add_host": True}, apps=[{"name": "psql", "match": {"application_name": "psql"}}]
    )
    with pooler.wire(application_name="psql") as one, pooler.wire(application_name="other") as other:
        one.query("SET application_name = 'other'")
        other.query("SET application_name = 'psql'")
        assert apps(pooler)["psql"]["clients"] == 1


def test_max_client_connections(own_pooler):
    pooler = own_pooler(
        apps=[{"name": "small", "match": {"user": "app"}, "max_client_connections": 3}], threads=2
    )
    clients = [pooler.wire() for _ in range(3)]
    for _ in range(5):
        with pytest.raises(LoginFailed) as error:
            pooler.wire()
        assert error.value.code == "53300"
        text = str(error.value.fields)
        assert "max_client_connections" in text and '"small"' in text and "3" in text, text
    assert apps(pooler)["small"]["refused"] == 5
    pooler.wire("bob").close()
    clients.pop().close()
    wait_until(lambda: apps(pooler)["small"]["clients"] == 2, 5)
    clients.append(pooler.wire())
    for client in clients:
        assert client.value("SELECT 1") == "1"
        client.close()


def test_a_limit_changes_while_clients_are_there(own_pooler):
    options = Options(apps=[{"name": "small", "match": {"user": "app"}, "max_client_connections": 1}])
    pooler = own_pooler(options)
    with pooler.wire() as first:
        with pytest.raises(LoginFailed):
            pooler.wire()
        pooler.reload(options.with_(apps=[{**options.apps[0], "max_client_connections": 2}]))
        with pooler.wire() as second:
            pooler.reload(options)
            assert first.value("SELECT 1") == second.value("SELECT 1") == "1", "who is there stays"
            with pytest.raises(LoginFailed):
                pooler.wire()
            assert apps(pooler)["small"] == {**apps(pooler)["small"], "clients": 2, "max_client_connections": 1}


def test_a_changed_match_moves_those_who_are_there(own_pooler):
    options = Options(apps=[{"name": "a", "match": {"application_name": "a-*"}}])
    pooler = own_pooler(options)
    with pooler.wire(application_name="a-1"), pooler.wire(application_name="b-1"):
        assert {n: r["clients"] for n, r in apps(pooler).items()} == {"a": 1, "default": 1}
        pooler.reload(options.with_(apps=[{"name": "b", "match": {"application_name": "?-*"}, "max_client_connections": 1}]))
        assert {n: r["clients"] for n, r in apps(pooler).items()} == {"b": 2, "default": 0}


def test_certificates_tell_apps_apart(own_pooler, tmp_path):
    certificates = Certificates.make(tmp_path)
    pooler = own_pooler(
        listen=certificates.listen("verify-ca"),
        apps=[{"name": "other", "match": {"certificate": "O=*"}}, {"name": "shown", "match": {"certificate": "CN=a*"}}],
    )
    how = {
        "sslmode": "verify-full", "sslrootcert": str(certificates.authority.certificate),
        "sslcert": str(certificates.app.certificate), "sslkey": str(certificates.app.key),
    }  # fmt: skip
    with pooler.connect(**how) as c:
        assert c.execute("SELECT 1").fetchone() == (1,)
        how |= {"password": ADMIN_PASSWORD, "cursor_factory": psycopg.ClientCursor}
        with pooler.connect(ADMIN_USER, "pgbouncer", **how) as console:
            found = {row[0]: row[1] for row in console.execute("SHOW APPS").fetchall()}
    assert found == {"other": 0, "shown": 1, "default": 0}


# MARK: Places


def running(primary, user: str = "app") -> int:
    """Statements of a user, as PostgreSQL itself counts."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND state = 'active' AND query LIKE '%%pg_sleep%%'"
    return primary.query(sql, (user,))[0][0]


class Sampler:
    """The highest number a function answers while the block runs."""

    def __init__(self, look):
        self.look, self.most, self.stop = look, 0, threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.stop.is_set():
            self.most = max(self.most, self.look())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def sleepers(pooler, clients: int, seconds: float, user: str = "app", transactions: bool = False, **startup) -> list[int]:
    """How often each of so many clients did its work."""
    done, problems = [0] * clients, []
    until = time.monotonic() + seconds

    def run(n: int):
        try:
            with pooler.wire(user, timeout=30, **startup) as client:
                while time.monotonic() < until:
                    if transactions:
                        client.query("BEGIN")
                    client.value("SELECT 1 FROM pg_sleep(0.003)")
                    if transactions:
                        client.value("SELECT 1 FROM pg_sleep(0.001)")
                        client.query("COMMIT")
                    done[n] += 1
        except Exception as error:  # noqa: BLE001
            problems.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems[:3]
    return done


@pytest.mark.parametrize("transactions", [False, True])
@pytest.mark.parametrize("limit", [1, 3])
def test_server_share_is_exact_over_two_threads(own_pooler, limit, transactions):
    pooler = own_pooler(
        default_pool_size=6, threads=2,
        apps=[{"name": "small", "match": {"application_name": "small"}, "max_server_connections": limit}],
    )  # fmt: skip

    with Sampler(lambda: apps(pooler)["small"]["servers"]) as seen:
        done = sleepers(pooler, 12, 2, application_name="small", transactions=transactions)
    assert seen.most == limit
    assert min(done) > 0, "everybody gets a turn"
    assert min(done) > 0.4 * max(done), f"in the order they came: {done}"
    assert apps(pooler)["small"] == {**apps(pooler)["small"], "servers": 0, "waiting": 0}


def test_who_has_its_share_leaves_the_rest_to_others(own_pooler):
    """No client waits beside an idle server its application may have."""
    pooler = own_pooler(
        default_pool_size=2, threads=2,
        apps=[{"name": "small", "match": {"application_name": "small"}, "max_server_connections": 1}],
    )  # fmt: skip
    with ExitStack() as stack:
        small = [stack.enter_context(pooler.wire(application_name="small")) for _ in range(4)]
        other = stack.enter_context(pooler.wire())
        small[0].query("BEGIN")
        for client in small[1:]:
            client.send(query("SELECT 1"))
        wait_until(lambda: apps(pooler)["small"]["waiting"] == 3, 5)
        for _ in range(20):
            assert other.value("SELECT 1") == "1"
        small[0].query("COMMIT")
        for client in small[1:]:
            client.read_until("Z")


@pytest.mark.parametrize("transactions", [False, True])
@pytest.mark.parametrize("limit", [1, 3])
def test_concurrency_is_exact_over_two_threads(own_pooler, primary, limit, transactions):
    pooler = own_pooler(
        default_pool_size=12, threads=2,
        apps=[{"name": "small", "match": {"user": "app"}, "max_concurrent_statements": limit}],
    )  # fmt: skip
    with Sampler(lambda: running(primary)) as seen:
        done = sleepers(pooler, 12, 2, transactions=transactions)
    assert seen.most == limit
    assert min(done) > 0.3 * max(done), f"in the order they came: {done}"
    shown = apps(pooler)["small"]
    assert (shown["statements"], shown["waiting"], shown["servers"]) == (0, 0, 0)


def test_a_transaction_ends_whatever_else_runs(own_pooler, primary):
    """COMMIT needs no place among the statements: those that run may wait for its locks."""
    primary.query("DROP TABLE IF EXISTS apps_lock; CREATE TABLE apps_lock AS SELECT 1 AS n", dbname="app")
    primary.query("GRANT ALL ON apps_lock TO PUBLIC", dbname="app")
    pooler = own_pooler(
        default_pool_size=4, apps=[{"name": "one", "match": {"user": "app"}, "max_concurrent_statements": 1}]
    )
    with pooler.wire() as a, pooler.wire() as b:
        a.query("BEGIN")
        a.query("UPDATE apps_lock SET n = 2")
        b.send(query("UPDATE apps_lock SET n = 3"))
        wait_until(lambda: apps(pooler)["one"]["statements"] == 1, 5)
        a.query("COMMIT")
        b.read_until("Z")
        assert a.value("SELECT n FROM apps_lock") == "3"


def test_waiting_for_a_statement_ends_with_query_wait_timeout(own_pooler):
    pooler = own_pooler(
        default_pool_size=4, defaults={"query_wait_timeout": 1},
        apps=[{"name": "one", "match": {"user": "app"}, "max_concurrent_statements": 1}],
    )  # fmt: skip
    with pooler.wire(timeout=20) as a, pooler.wire(timeout=20) as b:
        b.query("BEGIN")
        a.send(query("SELECT pg_sleep(4)"))
        wait_until(lambda: apps(pooler)["one"]["statements"] == 1, 5)
        with pytest.raises(ServerError) as error:
            b.value("SELECT 1")
        assert error.value.code == "57014"
        assert "max_concurrent_statements" in str(error.value.fields)
        b.read_until("Z") if b.buffer or b.status != "E" else None
        assert b.status == "E", "the transaction has failed, as after any error"
        b.query("ROLLBACK")
        a.read_until("Z")
        assert b.value("SELECT 2") == "2"


def test_max_waiting(own_pooler):
    pooler = own_pooler(
        default_pool_size=4, threads=2,
        apps=[{"name": "one", "match": {"user": "app"}, "max_server_connections": 1, "max_waiting": 2}],
    )  # fmt: skip
    with ExitStack() as stack:
        clients = [stack.enter_context(pooler.wire()) for _ in range(5)]
        clients[0].query("BEGIN")
        for waiter in clients[1:3]:
            waiter.send(query("SELECT 1"))
        wait_until(lambda: apps(pooler)["one"]["waiting"] == 2, 5)
        for late in clients[3:]:
            with pytest.raises(ServerError) as error:
                late.value("SELECT 1")
            assert error.value.code == "53300"
            assert "max_waiting" in str(error.value.fields) and '"one"' in str(error.value.fields)
        clients[0].query("COMMIT")
        for waiter in clients[1:3]:
            waiter.read_until("Z")
        for client in clients:
            if client.status != "I" or client.buffer:
                client.read_until("Z")
            assert client.value("SELECT 2") == "2", "connections are kept"
        assert apps(pooler)["one"]["refused"] == 2


def test_limits_of_places_change_while_clients_wait(own_pooler):
    one = {"name": "one", "match": {"user": "app"}, "max_server_connections": 1}
    options = Options(apps=[one])
    pooler = own_pooler(options, default_pool_size=4)
    with pooler.wire() as a, pooler.wire() as b, pooler.wire() as c:
        a.query("BEGIN")
        b.send(query("SELECT 1"))
        wait_until(lambda: apps(pooler)["one"]["waiting"] == 1, 5)
        pooler.reload(pooler.options.with_(apps=[{**one, "max_server_connections": 2}]))
        b.read_until("Z")
        b.query("BEGIN")
        c.send(query("SELECT 1"))
        wait_until(lambda: apps(pooler)["one"]["waiting"] == 1, 5)
        pooler.reload(pooler.options.with_(apps=[]))
        c.read_until("Z")
        pooler.reload(pooler.options.with_(apps=[one]))
        c.send(query("SELECT 1"))
        wait_until(lambda: apps(pooler)["one"]["waiting"] == 1, 5)
        a.query("COMMIT")
        time.sleep(0.3)
        assert apps(pooler)["one"]["waiting"] == 1, "the transactions that were there count"
        b.query("COMMIT")
        c.read_until("Z")


def test_weights(own_pooler):
    """Three to one is three to one: counted in statements served while both always have clients waiting."""
    pooler = own_pooler(
        default_pool_size=2, threads=2,
        apps=[
            {"name": "heavy", "match": {"application_name": "heavy"}, "weight": 300},
            {"name": "light", "match": {"application_name": "light"}, "weight": 100},
        ],
    )  # fmt: skip
    found = {}

    def run(name):
        found[name] = sleepers(pooler, 24, 6, application_name=name)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("heavy", "light")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ratio = sum(found["heavy"]) / sum(found["light"])
    assert 2.7 <= ratio <= 3.3, found
    assert min(found["light"]) > 0, "nobody starves"


# MARK: Time


@pytest.mark.parametrize(
    ("key", "statements", "code"),
    [
        ("statement_timeout", ["SELECT pg_sleep(20)"], "57014"),
        ("idle_transaction_timeout", ["BEGIN"], "25P03"),
        ("transaction_timeout", ["BEGIN", "SELECT 1"], "25P03"),
    ],
)
@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_timeouts_of_an_app(own_pooler, key, statements, code, mode):
    pooler = own_pooler(pool_mode=mode, apps=[{"name": "quick", "match": {"user": "app"}, key: 1}])
    with pooler.wire() as client, pooler.wire("bob") as other:
        client.value("SELECT 1")
        time.sleep(1.3)  # between transactions nothing runs
        for statement in statements:
            client.send(query(statement))
        found = client.read_until("Z", 8) if key == "statement_timeout" else client.read_to_end(8)
        errors = [fields(m.body) for m in found if m.type == "E"]
        assert [e["C"] for e in errors] == [code], errors
        assert key in errors[0]["M"] and '"quick"' in errors[0]["M"], errors
        if key == "statement_timeout":
            assert client.value("SELECT 2") == "2", "the connection is kept"
        assert other.value("SELECT pg_sleep(1.4)") == "", "no other app is touched"


def test_statement_timeout_in_a_transaction_leaves_it_failed(own_pooler):
    pooler = own_pooler(apps=[{"name": "quick", "match": {"user": "app"}, "statement_timeout": 1}])
    with pooler.wire() as client:
        client.query("BEGIN")
        with pytest.raises(ServerError) as error:
            client.value("SELECT pg_sleep(20)")
        assert error.value.code == "57014" and "statement_timeout" in str(error.value.fields)
        if client.status != "E":
            client.read_until("Z")
        assert client.status == "E"
        client.query("ROLLBACK")
        assert client.value("SELECT 1") == "1"


def test_the_shorter_of_two_timeouts_holds(own_pooler):
    pooler = own_pooler(
        defaults={"query_timeout": 1}, apps=[{"name": "slow", "match": {"user": "app"}, "statement_timeout": 60}]
    )
    with pooler.wire() as client:
        with pytest.raises(ServerError) as error:
            client.value("SELECT pg_sleep(20)")
        assert "query_timeout" in str(error.value.fields)


def test_a_timeout_that_comes_with_a_reload_holds_for_who_is_there(own_pooler):
    options = Options(apps=[{"name": "quick", "match": {"user": "app"}}])
    pooler = own_pooler(options)
    with pooler.wire() as client:
        client.value("SELECT 1")
        pooler.reload(pooler.options.with_(apps=[{"name": "quick", "match": {"user": "app"}, "statement_timeout": 1}]))
        with pytest.raises(ServerError) as error:
            client.value("SELECT pg_sleep(20)")
        assert error.value.code == "57014"
