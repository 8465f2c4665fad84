"""Clients that go away at every point: the statement is cancelled, the transaction rolled back, the server usable."""

import socket
import time

import pytest

from support.processes import wait_until
from support.wire import SYNC, TERMINATE, bind, copy_data, execute, parse, query, types

SAID = {
    "query": query("SELECT pg_sleep(30)"),
    "transaction": query("BEGIN") + query("INSERT INTO vanish VALUES (1)"),
    "failed_transaction": query("BEGIN") + query("SELECT 1/0"),
    "no_sync": parse("INSERT INTO vanish VALUES (2)") + bind() + execute() + b"H\0\0\0\4",
    "copy_in": query("COPY vanish FROM STDIN") + copy_data(b"3\n"),
    "half_of_a_message": query("BEGIN") + query("INSERT INTO vanish VALUES (4)")[:9],
    "half_of_copy_data": query("COPY vanish FROM STDIN") + b"d\0\0\1\0" + b"5\n",
    "copy_out": query("COPY (SELECT generate_series(1, 3000000)) TO STDOUT"),
    "large_result": query("SELECT repeat('x', 10000) FROM generate_series(1, 100000)"),
    "many_pipelined": (parse("SELECT 1") + bind() + execute() + SYNC) * 500,
}


def say_goodbye(client, how):
    if how == "reset":
        client.reset()
    elif how == "terminate":
        client.send(TERMINATE)
        client.close()
    elif how == "half_closed":
        client.socket.shutdown(socket.SHUT_WR)
        time.sleep(0.05)
        client.close()
    else:
        client.close()


@pytest.mark.parametrize("how", ["fin", "reset", "terminate", "half_closed"])
@pytest.mark.parametrize("what", SAID)
def test_vanish(pooler, primary, what, how):
    if how == "terminate" and what.startswith("half"):
        pytest.skip("would be part of the message")
    if pooler.kind == "direct" and what in ("query", "large_result", "copy_out"):
        pytest.skip("PostgreSQL itself notices late")
    if pooler.kind == "pgbouncer" and what == "query":
        pytest.skip("PgBouncer does not cancel (#63)")
    primary.query("CREATE TABLE IF NOT EXISTS vanish (i int)")
    primary.query("GRANT ALL ON vanish TO PUBLIC")
    client = pooler.wire()
    client.send(SAID[what])
    time.sleep(0.05)
    say_goodbye(client, how)
    wait_until(lambda: all(s["state"] == "idle" for s in pooler.servers()), 8, what="no server busy with the client that left")
    assert primary.query("SELECT * FROM vanish") == []
    with pooler.wire() as a, pooler.wire() as b:
        a.query("BEGIN")
        b.query("BEGIN")
        assert a.value("SELECT 'a'") == "a" and b.value("SELECT 'b'") == "b"


@pytest.mark.requires_pooler
def test_vanish_while_waiting(own_pooler):
    """Who waits and goes must not be given a server."""
    pooler = own_pooler(default_pool_size=1)
    with pooler.wire() as holder:
        holder.query("BEGIN")
        waiters = [pooler.wire() for _ in range(10)]
        for w in waiters:
            w.send(query("SELECT pg_sleep(1)"))
        time.sleep(0.2)
        for w in waiters:
            w.reset()
        time.sleep(0.2)
        with pooler.wire() as last:
            last.send(query("SELECT 'last'"))
            holder.query("COMMIT")
            assert types(last.read_until("Z", 3)) == "TDCZ"


@pytest.mark.requires_pooler
def test_vanish_unfinished_pipeline_behind_a_waiter(own_pooler, primary):
    """Half a pipeline from a waiting client that goes: nothing of it may run."""
    pooler = own_pooler(default_pool_size=1)
    primary.query("CREATE TABLE IF NOT EXISTS vanish (i int)")
    with pooler.wire() as holder:
        holder.query("BEGIN")
        waiter = pooler.wire()
        waiter.send(query("INSERT INTO vanish VALUES (9)"))
        time.sleep(0.1)
        waiter.reset()
        time.sleep(0.1)
        holder.query("COMMIT")
    time.sleep(0.2)
    assert primary.query("SELECT * FROM vanish") == []
