"""The first bytes: start-up packets whole, in pieces, wrong and hostile. 4.1 of the checklist."""

import socket
import struct
import time

import pytest

from support import wire
from support.processes import wait_until
from support.wire import PROTOCOL_30, LoginFailed, fields, startup, types

SSL = struct.pack("!II", 8, wire.SSL_CODE)
GSS = struct.pack("!II", 8, wire.GSS_CODE)
USER, PASSWORD = "app", "app secret"


@pytest.mark.requires_headgate  # PgBouncer 1.18 closes
def test_startup_in_single_bytes(pooler):
    with pooler.raw() as c:
        c.send_pieces([bytes([b]) for b in startup(USER, "app")])
        c.authenticate(USER, PASSWORD)
        c.send_pieces([bytes([b]) for b in wire.query("SELECT 'slow'")])
        assert types(c.read_until("Z")) == "TDCZ"


def test_startup_and_more_in_one_segment(pooler):
    """Bytes after the start-up packet, before anybody asked for them."""
    with pooler.raw() as c:
        c.send(startup(USER, "app"), wire.query("SELECT 'too early'"))
        try:
            c.read_to_end(2)  # closed or kept waiting for the password: only it must not be run
        except wire.Silent:
            pass
        assert "D" not in types(c.login_messages)
    with pooler.wire() as c:
        assert c.value("SELECT 1") == "1"


@pytest.mark.parametrize("size", [4000, 9000])
def test_startup_long(pooler, size):
    if pooler.kind == "pgbouncer":
        pytest.skip("its buffer is the limit")
    with pooler.wire(application_name="n" * size) as c:
        assert c.value("SELECT 1") == "1"


def test_startup_database_defaults_to_the_user(own_pooler):
    pooler = own_pooler()
    with pooler.raw() as c:
        c.send(startup("app"))
        c.authenticate(USER, PASSWORD)
        assert c.value("SELECT current_database()") == "app"


@pytest.mark.requires_pooler  # Debian's PostgreSQL answers G
@pytest.mark.parametrize("asked", [[SSL], [GSS], [GSS, SSL]])
def test_startup_encryption_requests_are_answered_no(pooler, asked):
    with pooler.raw() as c:
        for request in asked:
            c.send(request)
            assert c.read_exactly(1) == b"N"
        c.send(startup(USER, "app"))
        c.authenticate(USER, PASSWORD)
        assert c.value("SELECT 1") == "1"


@pytest.mark.requires_headgate
def test_startup_bytes_behind_an_ssl_request_that_is_refused(pooler):
    """Answered `N` there is nothing to smuggle past: on in the clear, as PostgreSQL does, or closed. With TLS the
    same bytes must be refused (CVE-2021-3935)."""
    with pooler.raw(5) as c:
        c.send(SSL + startup(USER, "app"))
        assert c.read_exactly(1) == b"N"
        try:
            c.authenticate(USER, PASSWORD)
            assert c.value("SELECT 1") == "1"
        except (wire.Closed, LoginFailed):
            pass


@pytest.mark.requires_headgate
@pytest.mark.parametrize(
    ("version", "options", "answer"),
    [
        (PROTOCOL_30, {}, None),
        (PROTOCOL_30 + 1, {}, []),
        (PROTOCOL_30 + 2, {}, []),
        (PROTOCOL_30 + 9999, {}, []),
        (PROTOCOL_30, {"_pq_.foo": "1"}, ["_pq_.foo"]),
        (PROTOCOL_30, {"_pq_.a": "1", "_pq_.b": ""}, ["_pq_.a", "_pq_.b"]),
        (PROTOCOL_30 + 9999, {"_pq_.foo": "1"}, ["_pq_.foo"]),
    ],
)
def test_startup_negotiates_the_version_once(pooler, version, options, answer):
    with pooler.raw() as c:
        c.send(startup(USER, "app", version, **options))
        c.authenticate(USER, PASSWORD)
        negotiated = [m for m in c.login_messages if m.type == "v"]
        if answer is None or (version == PROTOCOL_30 + 1 and not negotiated):
            assert not negotiated  # who speaks 3.2 takes 3.1 as it is
        elif version == PROTOCOL_30 + 2 and not negotiated:
            assert len(c.key[1]) > 4, "3.2 is spoken"
        else:
            assert len(negotiated) == 1
            newest, count = struct.unpack_from("!II", negotiated[0].body)
            assert newest & 0xFFFF <= 2 or newest >> 16 == 3
            assert [n.decode() for n in negotiated[0].body[8:].split(b"\0")[:-1]] == answer and count == len(answer)
        assert c.value("SELECT 1") == "1"


HOSTILE = {
    "zero_length": b"\0\0\0\0",
    "length_four": b"\0\0\0\4",
    "length_seven": b"\0\0\0\7" + b"\0\3\0\0",
    "length_negative": b"\xff\xff\xff\xff" + startup(USER, "app")[4:],
    "length_two_gigabytes": b"\x7f\xff\xff\xff" + startup(USER, "app")[4:],
    "length_beyond_the_limit": struct.pack("!II", 20000, PROTOCOL_30) + b"user\0" + b"x" * 20000,
    "no_terminator": struct.pack("!II", 8 + 9, PROTOCOL_30) + b"user\0app\0",
    "odd_number_of_strings": struct.pack("!II", 8 + 6, PROTOCOL_30) + b"user\0\0",
    "nothing_in_it": struct.pack("!II", 9, PROTOCOL_30) + b"\0",
    "no_user": startup(None, "app"),
    "empty_user": startup("", "app"),
    "version_2": startup(USER, "app", 0x20000),
    "version_4": startup(USER, "app", 0x40000),
    "version_zero": startup(USER, "app", 0),
    "http": b"GET / HTTP/1.1\r\nHost: example\r\n\r\n",
    "tls_client_hello": bytes.fromhex("16030100c8010000c40303") + bytes(200),
    "ssl_request_too_long": struct.pack("!II", 9, wire.SSL_CODE) + b"\0",
    "bytes_after_terminator": struct.pack("!II", 8 + 10 + 3, PROTOCOL_30) + b"user\0app\0\0xyz",
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_startup_hostile(pooler, what):
    """Closed, at once or when we say no more, with at most one FATAL."""
    if pooler.kind == "pgbouncer" and what in ("no_terminator", "bytes_after_terminator"):
        pytest.skip("it goes on")
    before = len(pooler.log()) if pooler.process else 0
    with pooler.raw(4) as c:
        c.send(HOSTILE[what])
        if "gigabytes" in what or "beyond" in what:
            time.sleep(0.05)
        try:
            c.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        try:
            found = c.read_to_end(4)
        except AssertionError:
            found = []
        assert types(found) in ("", "E")
        if found:
            assert fields(found[0].body)["S"] == "FATAL"
    if pooler.process:
        assert pooler.log()[before:].count("\n") < 8, "a port scan must not fill the log"
    with pooler.wire() as c:
        assert c.value("SELECT 1") == "1"


@pytest.mark.requires_headgate
def test_startup_long_database_name(pooler):
    """CVE-2012-4575."""
    for size in (64, 300, 5000):
        with pytest.raises(LoginFailed):
            pooler.wire(dbname="d" * size)
    with pooler.wire() as c:
        assert c.value("SELECT 1") == "1"


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_startup_connect_and_close(pooler, how):
    """A port probe, and a health check of a load balancer."""
    for _ in range(20):
        c = pooler.raw()
        c.reset() if how == "reset" else c.close()
        with pooler.wire() as other:
            assert other.value("SELECT 1") == "1"


def test_startup_nothing_for_long_leaks_nothing(pooler):
    if not pooler.process:
        pytest.skip("needs a pooler")
    before = pooler.fds()
    idle = [pooler.raw() for _ in range(200)]
    for c in idle:
        c.send(b"\0")
    # Connections of the test before may be closing meanwhile.
    wait_until(lambda: pooler.fds() >= before + 150, 5)
    for c in idle:
        c.close()
    wait_until(lambda: pooler.fds() <= before + 1, 5)


@pytest.mark.requires_headgate
def test_startup_unknown_parameter_is_the_servers_to_refuse(pooler):
    """pgbouncer#482: what the server takes is taken; what it refuses is refused with its words."""
    with pooler.wire(geqo_threshold="9") as c:
        assert c.value("SHOW geqo_threshold") == "9"
    try:
        with pooler.wire(no_such_setting="1") as c:
            with pytest.raises(wire.ServerError) as error:
                c.value("SELECT 1")
    except LoginFailed as failed:
        assert failed.code == "42704"
    else:
        assert error.value.code == "42704"
