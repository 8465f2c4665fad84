"""LISTEN through the hub where it is hard: transactions, long rows, slow readers, limits, and what servers keep."""

import time

import pytest

from support.processes import wait_until
from support.wire import bind, execute, fields, parse, query, SYNC, types
from test_listen import heard

pytestmark = pytest.mark.requires_headgate

HUBS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'headgate listen' AND datname = 'app'"


def test_listen_extended_protocol(pooler):
    with pooler.wire() as a, pooler.wire() as b:
        a.send(parse("LISTEN ext", "l"), bind("", "l"), execute(), SYNC)
        assert types(a.read_until("Z")) == "12CZ"
        b.query("NOTIFY ext, 'e'")
        assert heard(a, 1) == [("ext", "e")]
        a.send(parse("UNLISTEN ext"), bind("", ""), execute(), SYNC)
        a.read_until("Z")
        b.query("NOTIFY ext")
        assert a.quiet(0.2)


def test_listen_in_a_pipeline_behind_others(pooler):
    with pooler.wire() as a, pooler.wire() as b:
        a.send(query("SELECT 1"), query("LISTEN piped"), query("SELECT 2"), query("LISTEN piped_too"))
        for _ in range(4):
            a.read_until("Z")
        b.query("NOTIFY piped, '1'; NOTIFY piped_too, '2'")
        assert heard(a, 2) == [("piped", "1"), ("piped_too", "2")]


def test_listen_and_savepoints(pooler):
    with pooler.wire() as a, pooler.wire() as b:
        a.query("BEGIN; LISTEN sp_kept; SAVEPOINT s; LISTEN sp_gone; ROLLBACK TO s; LISTEN sp_late; COMMIT")
        b.query("NOTIFY sp_kept; NOTIFY sp_gone; NOTIFY sp_late")
        assert heard(a, 2) == [("sp_kept", ""), ("sp_late", "")]
        assert a.quiet(0.2)


def test_listen_in_a_query_that_fails(pooler):
    with pooler.wire() as a, pooler.wire() as b:
        assert types(a.query("LISTEN failing; SELECT 1/0"))[-2:] == "EZ"
        b.query("NOTIFY failing")
        assert a.quiet(0.2)


def test_listen_in_a_transaction_whose_commit_fails(pooler):
    with pooler.wire() as a, pooler.wire() as b:
        a.query("DROP TABLE IF EXISTS deferred_t; CREATE TABLE deferred_t (i int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        a.query("BEGIN; LISTEN deferred_c; INSERT INTO deferred_t VALUES (1), (1)")
        assert "E" in types(a.query("COMMIT"))
        b.query("NOTIFY deferred_c")
        assert a.quiet(0.2)


def test_listen_syntax_errors_and_aborted_transactions_are_the_servers(pooler):
    with pooler.wire() as a:
        assert fields(a.query("LISTEN 42")[0].body)["C"] == "42601"
        a.query("BEGIN")
        a.query("SELECT 1/0")
        assert fields(a.query("LISTEN aborted")[0].body)["C"] == "25P02"
        a.query("ROLLBACK")


def test_notifications_wait_for_the_end_of_the_transaction(pooler):
    with pooler.wire() as a, pooler.wire() as b:
        a.query("LISTEN ordered")
        a.query("BEGIN")
        b.query("NOTIFY ordered, '1'")
        b.query("NOTIFY ordered, '2'")
        assert a.quiet(0.2)
        assert types(a.query("COMMIT")) == "CAAZ"


def test_notifications_never_split_a_row(pooler):
    with pooler.wire() as a, pooler.wire() as b:
        a.query("LISTEN rows")
        for _ in range(5):
            a.send(query("SELECT repeat('x', 20000000)"))
            time.sleep(0.05)
            for i in range(10):
                b.query(f"NOTIFY rows, '{i}'")
            assert len(next(m for m in a.read_until("Z", 30) if m.type == "D").body) > 20000000
            assert heard(a, 10) == [("rows", str(i)) for i in range(10)]


def test_servers_do_not_keep_listening(pooler, primary):
    with pooler.wire() as a:
        a.query("LISTEN kept_one; LISTEN kept_two")
        for _ in range(4):
            with pooler.wire() as b, pooler.wire() as c:
                b.query("BEGIN")
                for each in (b, c):
                    assert types(each.query("SELECT * FROM pg_listening_channels()")) == "TCZ"
        assert primary.query(HUBS) == [(1,)]


def test_listeners_come_and_go(pooler):
    for n in range(30):
        with pooler.wire() as a, pooler.wire() as b:
            a.query("LISTEN churn")
            b.query(f"NOTIFY churn, '{n}'")
            assert heard(a, 1) == [("churn", str(n))]


def test_listener_that_does_not_read_is_closed(own_pooler):
    pooler = own_pooler()
    with pooler.wire() as a, pooler.wire() as b, pooler.wire() as c:
        a.query("LISTEN flood")
        c.query("LISTEN flood")
        block = "DO $$ BEGIN FOR i IN 1..200 LOOP PERFORM pg_notify('flood', i || repeat('f', 7000)); END LOOP; END $$"
        for _ in range(40):
            b.query(block)
            heard(c, 200)
        deadline = time.monotonic() + 10
        while "notifications are not read fast enough" not in pooler.log() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert "notifications are not read fast enough" in pooler.log()
        assert b.value("SELECT 1") == "1"


def test_listen_rejected(own_pooler):
    pooler = own_pooler(
        defaults={"session_state": "reject"}
    )
    with pooler.wire() as a:
        assert fields(a.query("LISTEN no")[0].body)["C"] == "0A000"
        a.send(parse("LISTEN no"), bind("", ""), execute(), SYNC)
        assert types(a.read_until("Z")) == "12EZ"
        assert a.value("SELECT 1") == "1"


def test_listen_pinned(own_pooler):
    pooler = own_pooler(defaults={"session_state": "pin"}, default_pool_size=1)
    with pooler.wire() as a, pooler.wire() as b:
        a.query("LISTEN mine")
        b.send(query("NOTIFY mine, 'p'"))
        assert b.quiet(0.3), "the only server is pinned"
        a.query("NOTIFY mine, 'own'")
        assert heard(a, 1) == [("mine", "own")]
        a.query("UNLISTEN *")
        assert types(b.read_until("Z")) == "CZ"


def test_listen_in_session_mode_is_the_servers(own_pooler, primary):
    pooler = own_pooler(pool_mode="session")
    with pooler.wire() as a, pooler.wire() as b:
        a.query("LISTEN native")
        assert a.value("SELECT pg_listening_channels()") == "native"
        b.query("NOTIFY native")
        assert heard(a, 1) == [("native", "")]
        assert primary.query(HUBS) == [(0,)]


def test_listen_within_max_db_connections(own_pooler):
    """The hub takes the place of an idle server; where there is none, LISTEN fails and says why."""
    pooler = own_pooler(default_pool_size=2, defaults={"max_db_connections": 2, "server_connect_timeout": 2})
    with pooler.wire() as a, pooler.wire() as b:
        a.query("SELECT 1")
        b.query("BEGIN")
        error = fields(a.query("LISTEN crowded")[0].body)
        assert error["C"] == "08001" and "max_db_connections" in error["D"]
        b.query("COMMIT")
        found = a.query("LISTEN crowded")
        assert types(found) == "CZ", fields(found[0].body)
        b.query("NOTIFY crowded")
        assert heard(a, 1) == [("crowded", "")]


def test_hub_goes_with_the_last_listener_for_a_while(pooler, primary):
    with pooler.wire() as a:
        a.query("LISTEN lingering")
    wait_until(
        lambda: primary.query("SELECT query FROM pg_stat_activity WHERE application_name = 'headgate listen'")
        == [('UNLISTEN "lingering"',)],
        5,
    )
