"""`[[app]]` with MySQL's protocol: the application's name is the connection attribute `program_name`."""

from __future__ import annotations

import threading
import time

import pymysql
import pytest

from support.mysql_wire import WireError
from support.processes import wait_until

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]


def apps(pooler) -> dict[str, dict]:
    return {row["name"]: row for row in pooler.console("SHOW APPS")}


def clients(pooler) -> dict[str, int]:
    return {name: row["clients"] for name, row in apps(pooler).items()}


def test_mysql_apps_by_program_name_and_again_after_change_user(own_mysql_pooler):
    pooler = own_mysql_pooler(
        apps=[
            {"name": "tests", "match": {"application_name": "headgate *", "user": "app"}},
            {"name": "others", "match": {"database": "other"}},
        ]
    )
    with pooler.wire() as one, pooler.wire(dbname="other", attributes={"program_name": "x"}):
        assert clients(pooler) == {"tests": 1, "others": 1, "default": 0}
        assert sorted(row["app"] for row in pooler.console("SHOW CLIENTS") if row["app"]) == ["others", "tests"]
        one.change_user("bob", pooler.password("bob"), "app")
        assert clients(pooler) == {"tests": 0, "others": 1, "default": 1}
        assert one.value("SELECT 1") == "1"
    wait_until(lambda: not any(clients(pooler).values()), 5)


def test_mysql_max_client_connections(own_mysql_pooler):
    pooler = own_mysql_pooler(apps=[{"name": "small", "match": {"user": "app"}, "max_client_connections": 2}])
    held = [pooler.wire() for _ in range(2)]
    with pytest.raises(pymysql.err.OperationalError) as error:
        pooler.connect()
    assert error.value.args[0] == 1040
    assert "max_client_connections" in error.value.args[1] and '"small"' in error.value.args[1]
    assert apps(pooler)["small"]["refused"] == 1
    held.pop().close()
    wait_until(lambda: clients(pooler)["small"] == 1, 5)
    pooler.connect().close()
    held.pop().close()


# MARK: Places, time, rates and sizes

LONG = "SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b, information_schema.columns c"


def one(**limits) -> list[dict]:
    return [{"name": "one", "match": {"user": "app"}, **limits}]


def code(client, sql: str) -> int:
    with pytest.raises(WireError) as error:
        client.query(sql)
    return error.value.code


def sleepers(pooler, clients: int, seconds: float, transactions: bool = False, **how) -> list[int]:
    done, problems = [0] * clients, []
    until = time.monotonic() + seconds

    def run(n: int):
        try:
            with pooler.wire(timeout=30, **how) as client:
                while time.monotonic() < until:
                    if transactions:
                        client.query("BEGIN")
                    client.value("SELECT SLEEP(0.003)")
                    if transactions:
                        client.value("SELECT SLEEP(0.001)")
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


class Sampler:
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


@pytest.mark.parametrize("transactions", [False, True])
@pytest.mark.parametrize(("key", "use"), [("max_server_connections", "servers"), ("max_concurrent_statements", "statements")])
def test_mysql_places_are_exact_over_two_threads(own_mysql_pooler, key, use, transactions):
    pooler = own_mysql_pooler(default_pool_size=8, threads=2, apps=one(**{key: 2}))
    with Sampler(lambda: apps(pooler)["one"][use]) as seen:
        done = sleepers(pooler, 10, 2, transactions)
    assert seen.most == 2
    assert min(done) > 0.3 * max(done), f"in the order they came: {done}"
    shown = apps(pooler)["one"]
    assert (shown["servers"], shown["statements"], shown["waiting"]) == (0, 0, 0)


def test_mysql_weights(own_mysql_pooler):
    pooler = own_mysql_pooler(
        default_pool_size=2, threads=2,
        apps=[
            {"name": "heavy", "match": {"application_name": "heavy"}, "weight": 300},
            {"name": "light", "match": {"application_name": "light"}},
        ],
    )  # fmt: skip
    found = {}

    def run(name):
        found[name] = sleepers(pooler, 20, 5, attributes={"program_name": name})

    threads = [threading.Thread(target=run, args=(name,)) for name in ("heavy", "light")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 2.7 <= sum(found["heavy"]) / sum(found["light"]) <= 3.3, found


def test_mysql_max_waiting(own_mysql_pooler):
    pooler = own_mysql_pooler(default_pool_size=4, apps=one(max_server_connections=1, max_waiting=1))
    with pooler.wire() as a, pooler.wire() as b, pooler.wire() as c:
        a.query("BEGIN")
        a.value("SELECT 1")
        b.ask("SELECT 1")
        wait_until(lambda: apps(pooler)["one"]["waiting"] == 1, 5)
        assert code(c, "SELECT 1") == 1040
        a.query("COMMIT")
        b.answer()
        assert c.value("SELECT 2") == "2", "the connection is kept"


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_mysql_statement_timeout(own_mysql_pooler, mode):
    pooler = own_mysql_pooler(pool_mode=mode, apps=one(statement_timeout=1))
    with pooler.wire(timeout=20) as client:
        for _ in range(2):
            with pytest.raises(WireError) as error:
                client.query(LONG)
            assert error.value.code == 3024 and "statement_timeout" in str(error.value) and "one" in str(error.value)
            assert client.value("SELECT 1") == "1"
        client.query("BEGIN")
        client.value("SELECT 1")
        assert code(client, LONG) == 3024
        assert client.value("SELECT 2") == "2"
        client.query("COMMIT")


@pytest.mark.parametrize("key", ["transaction_timeout", "idle_transaction_timeout"])
def test_mysql_timeouts_of_transactions(own_mysql_pooler, key):
    pooler = own_mysql_pooler(apps=one(**{key: 1}))
    with pooler.wire(timeout=10) as client:
        client.value("SELECT 1")
        time.sleep(1.3)
        client.query("BEGIN")
        client.value("SELECT 1")
        with pytest.raises(WireError) as error:
            client.answer()
        assert error.value.code == 4031 and key in str(error.value)


def test_mysql_rate(own_mysql_pooler):
    pooler = own_mysql_pooler(defaults={"query_wait_timeout": 1}, apps=one(statements_per_second=20, burst=5))
    with pooler.wire(timeout=20) as client:
        statement = client.prepare("SELECT ?")[0]
        started = time.monotonic()
        for n in range(15):
            client.value("SELECT 1")
            assert client.run_value(statement, str(n)) == str(n)
        assert time.monotonic() - started > 1
    assert apps(pooler)["one"]["throttled"] > 0
    pooler.reload(pooler.options.with_(apps=one(statements_per_second=1, burst=1)))
    with pooler.wire(timeout=20) as a, pooler.wire(timeout=20) as b:
        a.value("SELECT 1")
        b.ask("SELECT 1")
        wait_until(lambda: apps(pooler)["one"]["waiting"] == 1, 5)
        with pytest.raises(WireError) as error:
            a.query("SELECT 1")
        assert error.value.code == 1226 and "statements_per_second" in str(error.value)
        b.answer()
        time.sleep(1.5)
        assert a.value("SELECT 3") == "3"


def test_mysql_bytes_a_second(own_mysql_pooler):
    pooler = own_mysql_pooler(apps=one(bytes_per_second="200KiB"), default_pool_size=3)
    with pooler.wire(timeout=30) as client, pooler.wire("bob") as other:
        started = time.monotonic()
        client.ask("SELECT REPEAT('x', 600000)")
        for _ in range(10):
            other.value("SELECT 1")
        client.answer()
        assert time.monotonic() - started > 1
        assert client.value("SELECT 2") == "2"


def test_mysql_max_statement_bytes(own_mysql_pooler):
    pooler = own_mysql_pooler(apps=one(max_statement_bytes="100B"))
    long = "SELECT '" + "x" * 200 + "'"
    with pooler.wire(timeout=30) as client:
        assert code(client, long) == 1226
        assert client.value("SELECT 1") == "1"
        with pytest.raises(WireError) as error:
            client.prepare(long)
        assert error.value.code == 1226
        assert code(client, "SELECT '" + "x" * (20 << 20) + "'") == 1226
        assert client.value("SELECT 1") == "1"


@pytest.mark.parametrize("limit", ["max_result_rows", "max_result_bytes"])
@pytest.mark.parametrize("rows", [11, 50_000])
@pytest.mark.parametrize("prepared", [False, True])
def test_mysql_results_are_cut(own_mysql_pooler, mysql_server, limit, rows, prepared):
    pooler = own_mysql_pooler(default_pool_size=1, apps=one(**{limit: 10 if limit == "max_result_rows" else "2000B"}))
    sql = (
        "SELECT REPEAT('x', 200) FROM information_schema.collations a, information_schema.collations b,"
        f" information_schema.collations c LIMIT {rows}"
    )
    with pooler.wire(timeout=30) as client, pooler.wire("bob") as other:
        for turn in range(4):
            if turn == 2:
                client.query("BEGIN")
            if prepared:
                statement = client.prepare(sql)[0]
                with pytest.raises(WireError) as error:
                    client.run_value(statement)
                assert error.value.code == 1226
            else:
                with pytest.raises(WireError) as error:
                    client.query(sql)
                assert error.value.code == 1226
            assert limit in str(error.value) and "one" in str(error.value)
            assert client.value("SELECT 'yes'") == "yes"
            if turn == 3:
                client.query("COMMIT")
            if turn != 2:
                assert other.value("SELECT 'other'") == "other"
    assert apps(pooler)["one"]["refused"] == 4


WRITES = [
    "INSERT INTO read_only_t VALUES (2)", "DELETE FROM read_only_t", "CREATE TABLE read_only_new (n INT)",
    "SELECT 1; DELETE FROM read_only_t", "SELECT read_only_f()", "CALL read_only_p()", "SELECT n FROM read_only_t FOR UPDATE",
    "SET SESSION TRANSACTION READ WRITE", "START TRANSACTION READ WRITE", "SET transaction_read_only = 0",
    "TRUNCATE read_only_t", "PREPARE p FROM 'DELETE FROM read_only_t'", "LOCK TABLES read_only_t WRITE", "this is no SQL",
]  # fmt: skip


@pytest.fixture
def table(mysql_server):
    for sql in (
        "DROP TABLE IF EXISTS app.read_only_t", "CREATE TABLE app.read_only_t AS SELECT 1 AS n",
        "DROP FUNCTION IF EXISTS app.read_only_f",
        "CREATE FUNCTION app.read_only_f() RETURNS INT DETERMINISTIC MODIFIES SQL DATA BEGIN INSERT INTO app.read_only_t VALUES (3); RETURN 1; END",
        "CREATE OR REPLACE VIEW app.read_only_v AS SELECT app.read_only_f() AS n",
    ):  # fmt: skip
        mysql_server.query(sql)
    yield
    mysql_server.query("DROP VIEW app.read_only_v")


@pytest.mark.parametrize("sql", WRITES)
def test_mysql_writes_of_a_reading_app_are_refused(own_mysql_pooler, table, sql):
    pooler = own_mysql_pooler(apps=one(read_only=True))
    with pooler.wire() as client:
        with pytest.raises(WireError) as error:
            client.query(sql)
        assert error.value.code == 1792
        # What locks is known to the server alone.
        assert "read_only" in str(error.value) or "FOR UPDATE" in sql
        assert client.value("SELECT n FROM read_only_t") == "1"


def test_mysql_reading_is_not_refused_and_the_server_holds_it_to_that(own_mysql_pooler, table):
    pooler = own_mysql_pooler(
        default_pool_size=1, apps=[{"name": "one", "match": {"application_name": "reader"}, "read_only": True}]
    )
    with pooler.wire(attributes={"program_name": "reader"}) as client, pooler.wire() as writer:
        for _ in range(2):
            for sql in ("SELECT * FROM read_only_t", "BEGIN", "SELECT COUNT(*) FROM read_only_t", "COMMIT", "SET NAMES utf8mb4",
                        "START TRANSACTION READ ONLY", "ROLLBACK", "SHOW TABLES", "SET @a = 1"):  # fmt: skip
                client.query(sql)
            assert code(client, "SELECT * FROM read_only_v") == 1792, "a view that calls a function that writes"
            writer.query("BEGIN")
            writer.query("DELETE FROM read_only_t")
            writer.query("ROLLBACK")
