"""CancelRequest: for whom it is meant, and for nobody else. 4.7 of the checklist."""

import os
import socket
import struct
import threading
import time

import pytest

from support import wire
from support.processes import wait_until
from support.wire import fields, query, send_cancel, types


def cancel(pooler, client):
    send_cancel(pooler.host, pooler.port, *client.key)


def sleeping(pooler):
    return any("pg_sleep" in s["query"] and s["state"] == "active" for s in pooler.servers())


def test_cancel_active(pooler):
    with pooler.wire() as client:
        client.send(query("SELECT pg_sleep(30)"))
        wait_until(lambda: sleeping(pooler), 5)
        started = time.monotonic()
        cancel(pooler, client)
        found = client.read_until("Z")
        assert fields(next(m for m in found if m.type == "E").body)["C"] == "57014"
        assert time.monotonic() - started < 5
        assert client.value("SELECT 1") == "1"


def test_cancel_in_a_transaction_fails_the_transaction(pooler):
    with pooler.wire() as client:
        client.query("BEGIN")
        client.send(query("SELECT pg_sleep(30)"))
        wait_until(lambda: sleeping(pooler), 5)
        cancel(pooler, client)
        client.read_until("Z")
        assert client.status == "E"
        client.query("ROLLBACK")
        assert client.status == "I"


def test_cancel_idle_is_ignored(pooler):
    with pooler.wire() as client, pooler.wire() as other:
        for _ in range(10):
            cancel(pooler, client)
        assert client.value("SELECT 1") == "1"
        assert other.value("SELECT 2") == "2"


@pytest.mark.requires_headgate  # PgBouncer 1.18 leaves it in the queue
@pytest.mark.requires_pooler
def test_cancel_waiting_leaves_the_queue(own_pooler):
    pooler = own_pooler(default_pool_size=1)
    with pooler.wire() as holder, pooler.wire() as waiter, pooler.wire() as next_one:
        holder.query("BEGIN")
        waiter.send(query("SELECT 'waiter'"))
        time.sleep(0.2)
        next_one.send(query("SELECT 'next'"))
        time.sleep(0.2)
        cancel(pooler, waiter)
        found = waiter.read(5)
        assert found.type == "E" and fields(found.body)["C"] == "57014"
        assert next_one.quiet(0.3)
        assert holder.value("SELECT 'holder'") == "holder"
        holder.query("COMMIT")
        assert types(next_one.read_until("Z")) == "TDCZ"
        waiter.read_until("Z")
        assert waiter.value("SELECT 'again'") == "again"


@pytest.mark.requires_pooler
@pytest.mark.timeout(100)
def test_cancel_race(own_pooler):
    """A hundred cancels for A while A ends and B gets the only server: B's statements all succeed."""
    pooler = own_pooler(default_pool_size=1)
    with pooler.wire() as a, pooler.wire() as b:
        stop = threading.Event()
        sent = [0]

        def storm():
            while not stop.is_set() and sent[0] < 100:
                try:
                    cancel(pooler, a)
                    sent[0] += 1
                except OSError:
                    time.sleep(0.001)

        storms = [threading.Thread(target=storm) for _ in range(3)]
        for t in storms:
            t.start()
        cancelled, turns = 0, 0
        while sent[0] < 100:
            a.send(query("SELECT 'a', pg_sleep(0.003)"))
            b.send(query("SELECT 'b', pg_sleep(0.003)"))
            cancelled += "E" in types(a.read_until("Z", 20))
            assert types(b.read_until("Z", 20)) == "TDCZ", "B was cancelled in A's stead"
            turns += 1
        stop.set()
        for t in storms:
            t.join()
        assert turns > 0
        assert b.value("SELECT 'still'") == "still"


@pytest.mark.requires_headgate  # PgBouncer 1.18 crashes
@pytest.mark.requires_pooler
def test_cancel_storm_does_not_eat_the_pool(own_pooler, primary):
    pooler = own_pooler(default_pool_size=2)
    with pooler.wire() as a, pooler.wire() as b:
        before = pooler.fds()
        a.send(query("SELECT pg_sleep(20)"))
        wait_until(lambda: sleeping(pooler), 5)

        def storm():
            for _ in range(300):
                with socket.create_connection((pooler.host, pooler.port), 5) as s:
                    s.sendall(wire.cancel(*a.key))

        threads = [threading.Thread(target=storm) for _ in range(4)]
        for t in threads:
            t.start()
        for _ in range(50):
            assert b.value("SELECT 1") == "1"
        for t in threads:
            t.join()
        assert "E" in types(a.read_until("Z", 20))
        assert len(pooler.servers()) <= 2
        wait_until(lambda: pooler.fds() <= before + 2, 10, what="descriptors of cancels closed")
        assert a.value("SELECT 1") == "1"


def test_cancel_of_nobody_is_closed_silently(pooler):
    for key in (b"\0\0\0\0", os.urandom(4)):
        with pooler.raw(5) as stranger:
            stranger.send(wire.cancel(4711, key))
            assert stranger.read_to_end(5) == []


@pytest.mark.parametrize("length", [0, 3, 257, 1000])
def test_cancel_of_wrong_length_is_closed(pooler, length):
    with pooler.raw(5) as stranger:
        stranger.send(struct.pack("!III", 12 + length, wire.CANCEL_CODE, 1) + bytes(length))
        found = stranger.read_to_end(5)
        assert types(found) in ("", "E")
    with pooler.wire() as client:
        assert client.value("SELECT 1") == "1"


@pytest.mark.requires_headgate
@pytest.mark.requires_pooler
def test_cancel_key_of_protocol_32_is_longer(pooler):
    with pooler.wire(version=wire.PROTOCOL_32) as client:
        version = next((m for m in client.login_messages if m.type == "v"), None)
        if version is None:
            assert len(client.key[1]) > 4
        client.send(query("SELECT pg_sleep(30)"))
        wait_until(lambda: sleeping(pooler), 5)
        cancel(pooler, client)
        assert "E" in types(client.read_until("Z"))


@pytest.mark.requires_pooler
def test_cancel_keys_differ_and_are_not_the_servers(pooler):
    clients = [pooler.wire() for _ in range(20)]
    keys = {c.key for c in clients}
    assert len(keys) == 20
    pids = {int(clients[0].value("SELECT pg_backend_pid()"))}
    assert not pids & {pid for pid, _ in keys} or pooler.kind == "pgbouncer"
    for c in clients:
        c.close()
