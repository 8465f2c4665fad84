"""Rates and sizes of `[[app]]`: who goes beyond them waits or is told so with 53400, and keeps its connection."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from support.pooler import Options
from support.processes import wait_until
from support.wire import SYNC, ServerError, bind, execute, fields, parse, query, send_cancel, types

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]


def apps(pooler) -> dict[str, dict]:
    return {row["name"]: row for row in pooler.console("SHOW APPS")}


def one(**limits) -> list[dict]:
    return [{"name": "one", "match": {"user": "app"}, **limits}]


def errors(messages) -> list[dict]:
    return [fields(m.body) for m in messages if m.type == "E"]


# MARK: Statements a second


@pytest.mark.parametrize("extended", [False, True])
def test_statements_a_second_over_two_threads(own_pooler, extended):
    """A burst, and then so many a second, however many clients and threads there are."""
    pooler = own_pooler(default_pool_size=6, threads=2, apps=one(statements_per_second=100, burst=20))
    done, stop = [], time.monotonic() + 3

    def run():
        with pooler.wire(timeout=30) as client:
            while time.monotonic() < stop:
                if extended:
                    client.send(parse("SELECT 1"), bind("", ""), execute(), SYNC)
                    assert not errors(client.read_until("Z"))
                else:
                    client.value("SELECT 1")
                done.append(time.monotonic())

    threads = [threading.Thread(target=run) for _ in range(8)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = max(done) - started
    assert 0.8 * 100 * seconds <= len(done) <= 20 + 100 * seconds + 1
    shown = apps(pooler)["one"]
    assert shown["throttled"] > 0 and shown["refused"] == 0
    assert (shown["statements_per_second"], shown["burst"]) == (100, 20)


def test_who_would_wait_too_long_is_refused_and_kept(own_pooler):
    pooler = own_pooler(
        defaults={"query_wait_timeout": 1}, apps=one(statements_per_second=1, burst=2), default_pool_size=3
    )
    with pooler.wire() as a, pooler.wire() as b, pooler.wire("bob") as other:
        a.value("SELECT 1")
        a.value("SELECT 1")
        b.send(query("SELECT 1"))  # in a second
        wait_until(lambda: apps(pooler)["one"]["waiting"] == 1, 5)
        with pytest.raises(ServerError) as error:
            a.value("SELECT 1")
        assert error.value.code == "53400"
        assert "statements_per_second" in str(error.value.fields) and '"one"' in str(error.value.fields)
        assert other.value("SELECT 1") == "1"
        assert types(b.read_until("Z")) == "TDCZ"
        assert apps(pooler)["one"]["refused"] == 1
        time.sleep(2.2)
        assert a.value("SELECT 2") == "2"


def test_in_a_transaction_a_refusal_is_an_error_like_any_other(own_pooler):
    pooler = own_pooler(defaults={"query_wait_timeout": 1}, apps=one(statements_per_second=1, burst=2))
    with pooler.wire() as client, pooler.wire() as other:
        client.query("BEGIN")
        client.value("SELECT 1")
        other.send(query("SELECT 1"))
        wait_until(lambda: apps(pooler)["one"]["waiting"] == 1, 5)
        assert [e["C"] for e in errors(client.query("SELECT 1"))] == ["53400"]
        assert client.status == "E"
        client.query("ROLLBACK")
        assert client.status == "I", "what ends a transaction is never held back"


def test_many_statements_in_one_text_count(own_pooler):
    pooler = own_pooler(apps=one(statements_per_second=20, burst=20))
    with pooler.wire(timeout=30) as client:
        started = time.monotonic()
        for _ in range(4):
            client.query(";".join(["SELECT 1"] * 20))
        assert time.monotonic() - started > 1.5


def test_who_waits_for_a_rate_can_cancel(own_pooler):
    pooler = own_pooler(apps=one(statements_per_second=1, burst=1))
    with pooler.wire() as client:
        client.value("SELECT 1")
        for _ in range(3):
            client.send(query("SELECT 1"))
        wait_until(lambda: apps(pooler)["one"]["waiting"] == 1, 5)
        send_cancel(pooler.host, pooler.port, *client.key)
        found = client.read_until("Z")
        assert [e["C"] for e in errors(found)] == ["57014"]


def test_a_raised_rate_holds_at_once_for_who_waits(own_pooler):
    options = Options(apps=one(statements_per_second=1, burst=1), defaults={"query_wait_timeout": 60})
    pooler = own_pooler(options)
    with pooler.wire(timeout=8) as client, pooler.wire(timeout=8) as other:
        for _ in range(2):
            client.value("SELECT 1")
        for c in (client, other):
            c.send(b"".join(query("SELECT 1") for _ in range(10)))
        pooler.reload(options.with_(apps=one(statements_per_second=1000)))
        started = time.monotonic()
        for c in (client, other):
            for _ in range(10):
                c.read_until("Z")
        assert time.monotonic() - started < 5, "eighteen seconds at the old rate"


def test_another_app_is_not_held_back(own_pooler):
    pooler = own_pooler(default_pool_size=2, apps=one(statements_per_second=1, burst=1))
    with pooler.wire() as slow, pooler.wire("bob") as quick:
        slow.value("SELECT 1")
        slow.send(query("SELECT 1"))
        for _ in range(50):
            quick.value("SELECT 1")
        assert types(slow.read_until("Z")) == "TDCZ"


# MARK: Bytes a second


def test_bytes_a_second(own_pooler):
    pooler = own_pooler(default_pool_size=3, threads=2, apps=one(bytes_per_second="1MiB"))
    with pooler.wire(timeout=30) as client, pooler.wire("bob") as other:
        started = time.monotonic()
        client.send(query("SELECT repeat('x', 1000) FROM generate_series(1, 3000)"))
        for _ in range(20):
            other.value("SELECT 1")
        assert time.monotonic() - started < 2, "nobody else waits"
        found = client.read_until("Z", 30)
        assert sum(m.type == "D" for m in found) == 3000
        seconds = time.monotonic() - started
        assert 1.2 < seconds < 8, "three megabytes, one of them at once"
        assert client.value("SELECT 2") == "2"
    assert apps(pooler)["one"]["throttled"] > 0


def test_small_answers_are_held_back_too(own_pooler):
    """What one statement owes the next one waits for, or many small answers would be free."""
    pooler = own_pooler(apps=one(bytes_per_second="100KiB"))
    with pooler.wire(timeout=30) as client:
        started = time.monotonic()
        for _ in range(30):
            assert len(client.value("SELECT repeat('x', 10000)")) == 10000
        assert time.monotonic() - started > 1.5


# MARK: Sizes


def test_max_statement_bytes(own_pooler):
    pooler = own_pooler(apps=one(max_statement_bytes="100B"))
    long = "SELECT '" + "x" * 200 + "'"
    with pooler.wire() as client:
        with pytest.raises(ServerError) as error:
            client.value(long)
        assert error.value.code == "53400" and "max_statement_bytes" in str(error.value.fields)
        assert client.status == "I" and client.value("SELECT 1") == "1"
        client.send(parse(long, "s"), bind("", "s"), execute(), SYNC)
        assert [e["C"] for e in errors(client.read_until("Z"))] == ["53400"]
        client.send(parse("SELECT 7", "s"), bind("", "s"), execute(), SYNC)
        assert types(client.read_until("Z")) == "12DCZ"
        client.query("BEGIN")
        client.query(long)
        assert client.status == "E"
        client.query("ROLLBACK")
        # Parameters are no part of the text.
        client.send(parse("SELECT length($1)"), bind("", "", ["y" * 5000]), execute(), SYNC)
        assert types(client.read_until("Z")) == "12DCZ"


def test_a_statement_of_megabytes_is_refused_without_being_kept(own_pooler):
    pooler = own_pooler(apps=one(max_statement_bytes="64KiB"))
    before = pooler.rss()
    with pooler.wire(timeout=30) as client:
        found = client.query("SELECT '" + "x" * (40 << 20) + "'")
        assert [e["C"] for e in errors(found)] == ["53400"]
        assert client.value("SELECT 1") == "1"
    assert pooler.rss() - before < 8 << 20


@pytest.mark.parametrize("limit", ["max_result_rows", "max_result_bytes"])
@pytest.mark.parametrize("rows", [11, 100_000])
@pytest.mark.parametrize("way", ["simple", "extended", "copy"])
def test_results_are_cut(own_pooler, primary, limit, rows, way):
    pooler = own_pooler(default_pool_size=1, apps=one(**{limit: 10 if limit == "max_result_rows" else "2000B"}))
    sql = f"SELECT repeat('x', 200) FROM generate_series(1, {rows})"
    with pooler.wire(timeout=20) as client, pooler.wire("bob") as other:
        for _ in range(5):
            if way == "simple":
                found = client.query(sql)
            elif way == "copy":
                found = client.query(f"COPY ({sql}) TO STDOUT")
            else:
                client.send(parse(sql), bind("", ""), execute(), parse("SELECT 'no'"), bind("", ""), execute(), SYNC)
                found = client.read_until("Z")
            assert sum(m.type in "Dd" for m in found) == (10 if limit == "max_result_rows" else 9), types(found)[-20:]
            assert [e["C"] for e in errors(found)] == ["53400"]
            assert limit in str(errors(found)) and '"one"' in str(errors(found))
            assert types(found)[-2:] == "EZ" and client.status == "I"
            assert client.value("SELECT 'yes'") == "yes", "the connection is kept"
            assert other.value("SELECT 'other'") == "other"
        assert types(client.query("SELECT 1 FROM generate_series(1, 5)")) == "TDDDDDCZ"
    assert apps(pooler)["one"]["refused"] == 5


@pytest.mark.parametrize("rows", [11, 100_000])
def test_a_cut_result_fails_its_transaction(own_pooler, rows):
    pooler = own_pooler(apps=one(max_result_rows=10))
    with pooler.wire(timeout=20) as client:
        client.query("BEGIN")
        client.value("SELECT 1")
        found = client.query(f"SELECT n FROM generate_series(1, {rows}) n")
        assert [e["C"] for e in errors(found)] == ["53400"] and client.status == "E"
        assert errors(client.query("SELECT 1"))[0]["C"] == "25P02"
        client.query("ROLLBACK")
        assert client.status == "I" and client.value("SELECT 2") == "2"


def test_a_pipeline_behind_a_cut_result_is_answered(own_pooler):
    pooler = own_pooler(apps=one(max_result_rows=10))
    with pooler.wire(timeout=20) as client:
        client.send(query("SELECT n FROM generate_series(1, 50) n"), query("SELECT 'behind'"), query("SELECT 'last'"))
        first, second, third = (client.read_until("Z") for _ in range(3))
        assert [e["C"] for e in errors(first)] == ["53400"]
        assert types(second)[-1] == types(third)[-1] == "Z"
        assert client.value("SELECT 1") == "1"


def test_results_are_counted_for_a_driver_that_fetches(own_pooler):
    pooler = own_pooler(apps=one(max_result_rows=100))
    with pooler.connect() as connection:
        for _ in range(3):
            with pytest.raises(psycopg.errors.ConfigurationLimitExceeded):
                connection.execute("SELECT * FROM generate_series(1, 1000)")
            assert connection.execute("SELECT count(*) FROM generate_series(1, 1000)").fetchone() == (1000,)


# MARK: Reading only

WRITES = [
    "INSERT INTO read_only_t VALUES (2)",
    "WITH w AS (INSERT INTO read_only_t VALUES (2) RETURNING n) SELECT * FROM w",
    "SELECT read_only_f()",
    "SELECT nextval('read_only_s')",
    "SELECT 1; DELETE FROM read_only_t",
    "CREATE TABLE read_only_new (n int)",
    "CREATE TEMPORARY TABLE read_only_new (n int)",
    "EXPLAIN ANALYZE INSERT INTO read_only_t VALUES (2)",
    "DO $$ BEGIN DELETE FROM read_only_t; END $$",
    "COPY read_only_t FROM STDIN",
    "PREPARE p AS DELETE FROM read_only_t",
    "SELECT * INTO read_only_new FROM read_only_t",
    "SELECT n FROM read_only_t FOR UPDATE",
    "VACUUM",
    "SET default_transaction_read_only = off",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "BEGIN READ WRITE",
    "BEGIN; SET TRANSACTION READ WRITE",
    "SELECT set_config('transaction_read_only', 'off', true)",
    "SELECT set_config('default_transaction_read_only', 'off', false)",
    "this is no SQL",
]


@pytest.fixture
def table(primary):
    primary.query("DROP TABLE IF EXISTS read_only_t; DROP SEQUENCE IF EXISTS read_only_s")
    primary.query("CREATE TABLE read_only_t AS SELECT 1 AS n; CREATE SEQUENCE read_only_s")
    primary.query(
        "CREATE OR REPLACE FUNCTION read_only_f() RETURNS int LANGUAGE sql VOLATILE"
        " AS 'INSERT INTO read_only_t VALUES (3) RETURNING n'"
    )
    primary.query("GRANT ALL ON read_only_t TO PUBLIC; GRANT ALL ON SEQUENCE read_only_s TO PUBLIC")
    yield
    assert primary.query("SELECT n FROM read_only_t") == [(1,)], "something was written"


@pytest.mark.parametrize("way", ["simple", "extended", "in a transaction"])
@pytest.mark.parametrize("sql", WRITES)
def test_writes_of_a_reading_app_are_refused(own_pooler, table, sql, way):
    pooler = own_pooler(apps=one(read_only=True))
    with pooler.wire() as client:
        if way == "extended":
            if ";" in sql and not sql.startswith("DO"):
                pytest.skip("one statement only")
            client.send(parse(sql), bind("", ""), execute(), SYNC)
            found = client.read_until("Z")
        else:
            if way == "in a transaction":
                client.query("BEGIN")
            found = client.query(sql)
        assert [e["C"] for e in errors(found)] == ["25006"], types(found)
        assert "read_only" in errors(found)[0]["M"] and '"one"' in errors(found)[0]["M"]
        if client.status != "I":
            client.query("ROLLBACK")
        assert client.value("SELECT n FROM read_only_t") == "1"


def test_reading_is_not_refused(own_pooler, table):
    pooler = own_pooler(apps=one(read_only=True))
    with pooler.wire() as client:
        for sql in [
            "SELECT * FROM read_only_t", "BEGIN", "SELECT count(*), now() FROM read_only_t", "COMMIT",
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SAVEPOINT a", "ROLLBACK TO a", "ROLLBACK",
            "SET TIME ZONE 'UTC'", "RESET ALL", "SHOW work_mem", "EXPLAIN SELECT 1", "SET default_transaction_read_only = on",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "PREPARE p AS SELECT n FROM read_only_t", "EXECUTE p",
            "DEALLOCATE p", "COPY read_only_t TO STDOUT", "DISCARD ALL", "VALUES (1)", "TABLE read_only_t",
        ]:  # fmt: skip
            assert not errors(client.query(sql)), sql
        assert client.value("SHOW transaction_read_only") == "on"


def test_the_server_refuses_what_nobody_can_see(own_pooler, primary, table):
    """A view that calls a function that writes looks like any table: the server's own setting holds."""
    primary.query("CREATE OR REPLACE VIEW read_only_v AS SELECT read_only_f() AS n; GRANT ALL ON read_only_v TO PUBLIC")
    options = Options(apps=[{"name": "one", "match": {"application_name": "reader"}, "read_only": True}])
    pooler = own_pooler(options, default_pool_size=1)
    with pooler.wire(application_name="reader") as reader, pooler.wire() as writer:
        for _ in range(3):
            assert [e["C"] for e in errors(reader.query("SELECT * FROM read_only_v"))] == ["25006"]
            reader.query("RESET ALL")
            assert [e["C"] for e in errors(reader.query("SELECT * FROM read_only_v"))] == ["25006"]
            assert not errors(writer.query("BEGIN; DELETE FROM read_only_t; ROLLBACK")), "the next client may write"
    primary.query("DROP VIEW read_only_v")


def test_read_only_comes_and_goes_with_a_reload(own_pooler, primary, table):
    options = Options(apps=one())
    pooler = own_pooler(options)
    with pooler.wire() as client:
        client.send(parse("DELETE FROM read_only_t WHERE n = 5", "w"), bind("", "w"), execute(), SYNC)
        assert not errors(client.read_until("Z"))
        pooler.reload(options.with_(apps=one(read_only=True)))
        client.send(bind("", "w"), execute(), SYNC)
        assert [e["C"] for e in errors(client.read_until("Z"))] == ["25006"], "prepared before"
        assert client.value("SHOW transaction_read_only") == "on"
        pooler.reload(options)
        assert client.value("SHOW transaction_read_only") == "off"
        client.send(bind("", "w"), execute(), SYNC)
        assert not errors(client.read_until("Z"))
