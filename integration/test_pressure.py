"""Slow readers, fast writers, and messages larger than any buffer."""

import select
import socket
import struct
import time

import pytest

from support.wire import SYNC, bind, copy_data, execute, parse, query, row, types

MIB = 1 << 20


def grown(pooler, before):
    return (pooler.rss() - before) if pooler.process else 0


def test_pressure_slow_reader_of_a_large_result(pooler):
    """300 MiB to a client that does not read: they wait at the server, not in our memory."""
    before = pooler.rss() if pooler.process else 0
    with pooler.wire(timeout=30) as slow, pooler.wire() as other:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.send(query("SELECT repeat('x', 10000) FROM generate_series(1, 30000)"))
        for _ in range(10):
            time.sleep(0.05)
            assert other.value("SELECT 1") == "1"
        assert grown(pooler, before) < 32 * MIB
    with pooler.wire() as c:
        assert c.value("SELECT 1") == "1"


def test_pressure_both_sides_full(pooler):
    """A client that writes a long pipeline and does not read until it has written all: libpq does so.

    The replies are larger than all socket buffers, so whoever stops reading the server while the client writes
    has made a circle of waiting.
    """
    units, size = 400, 20_000
    with pooler.wire(timeout=40) as c:
        unit = parse("SELECT $1::text") + bind("", "", ("x" * size,)) + execute()
        data = memoryview(unit * units + SYNC)
        sent, rows, closed = 0, 0, time.monotonic() + 40
        c.socket.setblocking(False)
        # Write as long as that is possible, and read only when it is not for a while, as libpq's pipeline mode does.
        while sent < len(data):
            assert time.monotonic() < closed, f"stuck after {sent} of {len(data)} bytes"
            if select.select([], [c.socket], [], 0.2)[1]:
                sent += c.socket.send(data[sent : sent + 65536])
            else:
                try:
                    c.buffer += c.socket.recv(1 << 20)
                except BlockingIOError:
                    pass
        c.socket.setblocking(True)
        for m in c.read_until("Z"):
            if m.type == "D":
                rows += len(row(m.body)[0]) == size
        assert rows == units


def test_pressure_many_small_pipelined(pooler):
    """Twenty thousand statements sent at once."""
    count = 20_000
    with pooler.wire(timeout=60) as c:
        data = memoryview(query("SELECT 1") * count)
        c.socket.setblocking(False)
        ready = 0
        while data or ready < count:
            readable, writable, _ = select.select([c.socket], [c.socket] if data else [], [], 30)
            assert readable or writable, "stuck"
            if writable:
                data = data[c.socket.send(data[:65536]) :]
            if readable:
                c.buffer += c.socket.recv(1 << 20)
                while len(c.buffer) >= 5 and len(c.buffer) > int.from_bytes(c.buffer[1:5], "big"):
                    m = c.read()
                    ready += m.type == "Z"
                    assert m.type in "TDCZ"
        assert ready == count


@pytest.mark.parametrize("mib", [1, 64])
def test_pressure_one_large_row_and_parameter(pooler, mib):
    before = pooler.rss() if pooler.process else 0
    size = mib * MIB
    with pooler.wire(timeout=60) as c:
        c.send(parse("SELECT length($1::text)"), bind("", "", (b"y" * size,)), execute(), SYNC)
        assert row(next(m for m in c.read_until("Z") if m.type == "D").body) == [str(size).encode()]
        c.send(query(f"SELECT repeat('z', {size})"))
        found = next(m for m in c.read_until("Z") if m.type == "D")
        assert row(found.body)[0] == b"z" * size
        assert grown(pooler, before) < 32 * MIB, "a message longer than a buffer is streamed"


def test_pressure_header_of_two_gigabytes(pooler):
    """The length is believed for what it is, and nothing is allocated for it."""
    before = pooler.rss() if pooler.process else 0
    for kind in (b"Q", b"P", b"B"):
        with pooler.wire(timeout=3) as c:
            try:
                c.send(kind + struct.pack("!I", 0x3FFFFFF0) + b"\0" * 100_000)
                c.quiet(0.2)
            except (BrokenPipeError, ConnectionResetError):
                pass
    assert grown(pooler, before) < 16 * MIB
    with pooler.wire() as c:
        assert c.value("SELECT 1") == "1"


@pytest.mark.requires_pooler
def test_pressure_result_of_every_size_around_a_buffer(pooler):
    """PgBouncer 1.3.1 hung when data was exactly n buffers long."""
    with pooler.wire() as c:
        for base in (2048, 4096, 8192, 16384, 65536):
            for size in range(base - 40, base + 8):
                c.send(query(f"SELECT repeat('x', {size})"))
            for size in range(base - 40, base + 8):
                found = c.read_until("Z")
                assert types(found) == "TDCZ" and len(row(found[1].body)[0]) == size


@pytest.mark.requires_pooler
@pytest.mark.parametrize("ended", ["by_the_rest", "by_closing"])
def test_pressure_half_a_message_stays_with_its_server(own_pooler, ended):
    """The server says it is done while it has half a CopyData: whoever came next would have had its first bytes eaten."""
    pooler = own_pooler(default_pool_size=1)
    with pooler.wire() as half, pooler.wire() as other:
        # At once: sent later, it may find that the server has answered and gone.
        half.send(query("COPY nowhere FROM STDIN") + copy_data(b"x" * 60)[:30])
        assert types(half.read_until("Z")) == "EZ"
        other.send(query("SELECT 'whole'"))
        assert other.quiet(0.2)
        if ended == "by_the_rest":
            half.send(copy_data(b"x" * 60)[30:])
            assert types(other.read_until("Z")) == "TDCZ"
            assert half.value("SELECT 'next'") == "next"
        else:
            half.close()
            assert types(other.read_until("Z")) == "TDCZ"
        assert other.value("SELECT 'again'") == "again"


@pytest.mark.requires_headgate
@pytest.mark.requires_pooler
def test_pressure_idle_clients_cost_little(own_pooler):
    pooler = own_pooler()
    with pooler.wire() as first:
        first.query("SELECT 1")
        before = pooler.rss()
        clients = [pooler.wire() for _ in range(1000)]
        for c in clients[::10]:
            c.query("SELECT 1")
        each = (pooler.rss() - before) / len(clients)
        for c in clients:
            c.close()
    assert each < 4096, f"{each:.0f} bytes a client"
