"""PROXY headers: who is believed, whom it is then, and what is no header. haproxy in front, and bytes by hand."""

from __future__ import annotations

import os
import shutil
import socket
import struct

import psycopg
import pymysql
import pytest

from support.haproxy import SOURCE, HAProxy
from support.mysql_pooler import MySQLHeadgate, mysql_options
from support.pooler import Headgate, Options
from support.processes import wait_until
from support.secure import Certificates
from support.wire import Closed, Wire, fields, startup

pytestmark = [
    pytest.mark.requires_pooler, pytest.mark.requires_headgate,
    pytest.mark.skipif(not shutil.which("haproxy", path="/usr/sbin"), reason="haproxy is not installed"),
]  # fmt: skip

LISTEN = {"proxy_protocol": [f"{SOURCE}/32"]}
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
HOW = ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"]


@pytest.fixture
def in_front():
    made = []

    def make(pooler, how: str, target: str | None = None) -> HAProxy:
        made.append(HAProxy(target or f"127.0.0.1:{pooler.port}", how).start())
        return made[-1]

    yield make
    for proxy in made:
        proxy.remove()


def own_address(connection: psycopg.Connection) -> tuple[str, int]:
    """Where the client itself connects from."""
    with socket.socket(fileno=os.dup(connection.pgconn.socket)) as s:
        return s.getsockname()[:2]


def listed(pooler, user: str = "app") -> list[tuple[str, int]]:
    """Clients as the console lists them."""
    return [(row["addr"], row["port"]) for row in pooler.console("SHOW CLIENTS") if row["user"] == user]



@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_proxy_protocol_psycopg(own_pooler, in_front, how, host):
    pooler = own_pooler(listen=LISTEN, general={"application_name_add_host": True})
    proxy = in_front(pooler, how)
    with psycopg.connect(**pooler.conninfo(application_name="shop", host=host) | {"port": proxy.port}) as c:
        address, port = own_address(c)
        shown = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        assert c.execute("SHOW application_name").fetchone()[0] == f"shop - {shown}"
        assert listed(pooler) == [(address, port)]
        assert f"client={shown} pool=app/app" in pooler.log() or f'client="{shown}" pool=app/app' in pooler.log()
    # Whoever is not in proxy_protocol is who he is.
    with pooler.connect() as c:
        assert listed(pooler) == [own_address(c)]


@pytest.mark.parametrize("how", HOW)
def test_proxy_protocol_pymysql(own_mysql_pooler, in_front, how):
    pooler = own_mysql_pooler(listen=LISTEN)
    proxy = in_front(pooler, how)
    how_to = {"user": "app", "password": pooler.password("app"), "database": "app", "bind_address": "127.0.0.77"}
    with pymysql.connect(host="127.0.0.1", port=proxy.port, **how_to) as c:
        assert c.query("SELECT 1") == 1
        assert listed(pooler) == [c._sock.getsockname()]
    with pytest.raises(pymysql.OperationalError, match="'app'@'127.0.0.77'"):
        pymysql.connect(host="127.0.0.1", port=proxy.port, **{**how_to, "password": "wrong"})
    with pooler.connect() as c:
        assert listed(pooler) == [c._sock.getsockname()]


@pytest.mark.parametrize("how", HOW[:2])
def test_proxy_protocol_tls_begins_behind_it(own_pooler, own_mysql_pooler, in_front, tmp_path, how):
    certificates = Certificates.make(tmp_path)
    pooler = own_pooler(listen={**certificates.listen("require"), **LISTEN})
    proxy = in_front(pooler, how)
    trusting = {"sslmode": "verify-full", "sslrootcert": str(certificates.authority.certificate)}
    with psycopg.connect(**pooler.conninfo(**trusting) | {"port": proxy.port}) as c:
        assert c.pgconn.ssl_in_use
    mysql = own_mysql_pooler(listen={**certificates.listen("require"), **LISTEN})
    proxy = in_front(mysql, how)
    with pymysql.connect(
        host="127.0.0.1", port=proxy.port, user="app", password=mysql.password("app"), database="app",
        ssl=certificates.context(),
    ) as c:  # fmt: skip
        assert c.query("SELECT 1") == 1


@pytest.mark.parametrize("how", HOW[:2])
def test_proxy_protocol_health_checks_are_no_errors(own_pooler, own_mysql_pooler, in_front, how):
    for pooler in own_pooler(listen=LISTEN), own_mysql_pooler(listen=LISTEN):
        proxy = in_front(pooler, f"check inter 50 {how}")
        # It is taken for up only when checks succeed, and a client gets through then.
        if pooler.protocol == "postgres":
            psycopg.connect(**pooler.conninfo() | {"port": proxy.port}).close()
        else:
            pymysql.connect(host="127.0.0.1", port=proxy.port, user="app", password=pooler.password("app")).close()
        assert "client_error" not in pooler.log()


class OnSocket:
    """With one listener more, on a unix socket that believes whoever may open it."""

    def write(self) -> None:
        super().write()
        self.socket_path = self.directory / "socket"
        with open(self.directory / "headgate.toml", "a") as f:
            f.write(f'\n[[listen]]\nprotocol = "{self.protocol}"\naddress = "unix:{self.socket_path}"\n')
            f.write('proxy_protocol = ["unix"]\n')


class PostgresOnSocket(OnSocket, Headgate):
    pass


class MySQLOnSocket(OnSocket, MySQLHeadgate):
    pass


@pytest.mark.parametrize("how", HOW[:2])
def test_proxy_protocol_over_unix_sockets(primary, mariadb, in_front, how):
    pooler = PostgresOnSocket(primary, Options()).start()
    mysql = MySQLOnSocket(mariadb, mysql_options(mariadb)).start()
    try:
        proxy = in_front(pooler, how, f"unix@{pooler.socket_path}")
        with psycopg.connect(**pooler.conninfo() | {"port": proxy.port}) as c:
            assert listed(pooler) == [own_address(c)]
        proxy = in_front(mysql, how, f"unix@{mysql.socket_path}")
        with pymysql.connect(host="127.0.0.1", port=proxy.port, user="app", password=mysql.password("app")) as c:
            assert listed(mysql) == [c._sock.getsockname()]
    finally:
        pooler.remove()
        mysql.remove()


# By hand


def from_there(pooler, source: str = SOURCE) -> Wire:
    """A connection from an address of our choice, on which nothing was said."""
    wire = Wire.__new__(Wire)
    wire.peer, wire.timeout, wire.buffer, wire.parameters = (pooler.host, pooler.port), 10, bytearray(), {}
    wire.key, wire.status, wire.login_messages, wire.notifications = None, "", [], []
    wire.socket = socket.create_connection(wire.peer, 10, (source, 0))
    wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return wire


def binary(rest: bytes, command: int = 0x21, family: int = 0x11) -> bytes:
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(rest)) + rest


V4 = socket.inet_aton("192.0.2.7") + socket.inet_aton("192.0.2.1") + struct.pack("!HH", 4711, 5432)
GOOD = {
    "v1": b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 5432\r\n",
    "v2": binary(V4),
    "v2 with extensions": binary(V4 + b"\x05\0\x03abc\x04\0\0"),
}
OWN = {
    "v1 unknown": b"PROXY UNKNOWN\r\n",
    "v2 local": binary(b"", 0x20, 0),
    "v2 unspecified": binary(b"", 0x21, 0),
    "v2 of a unix socket": binary(bytes(216), 0x21, 0x31),
}
BAD = {
    "a start-up packet": (startup("app", "app"), "what came first is no PROXY header"),
    "a line of 108 bytes": (b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n", "its line is longer than 107 bytes"),
    "an address that is none": (b"PROXY TCP4 192.0.2.777 192.0.2.1 1 2\r\n", "its line has an address that is none"),
    "v2 of 64 KiB": (SIGNATURE + b"\x21\x11\xff\xff", "it is 65535 bytes long"),
    "v2 too short": (binary(V4[:11]), "it is too short for its addresses"),
    "v3": (binary(V4, 0x31), "its version or command is unknown"),
    "a wrong checksum": (binary(V4 + b"\x03\0\x041234"), "its checksum is wrong"),
    "datagrams": (binary(V4, 0x21, 0x12), "its family or transport is none of a stream's"),
}


@pytest.fixture(scope="module")
def believing(primary):
    from support.pooler import make_pooler

    pooler = make_pooler(primary, Options(listen=LISTEN)).start()
    yield pooler
    pooler.remove()


@pytest.mark.parametrize("name", GOOD)
def test_proxy_protocol_in_any_pieces(believing, name):
    """Cut at every byte, and with the client's first words in the same segment."""
    header = GOOD[name]
    for cut in range(1, len(header) + 1):
        wire = from_there(believing)
        wire.send_pieces([header[:cut], header[cut:] + startup("app", "app")], 0.001)
        assert wire.read().type == "R"
        wire.socket.close()
    wire = from_there(believing)
    wire.send_pieces([bytes([b]) for b in header], 0.001)
    wire.login("app", believing.options.users["app"]["password"], "app")
    assert listed(believing) == [("192.0.2.7", 4711)]
    wire.socket.close()
    wait_until(lambda: not listed(believing), what="its end")


@pytest.mark.parametrize("name", OWN)
def test_proxy_protocol_on_its_own_behalf(believing, name):
    wire = from_there(believing)
    wire.send(OWN[name])
    wire.login("app", believing.options.users["app"]["password"], "app")
    assert (SOURCE, wire.socket.getsockname()[1]) in listed(believing)
    wire.socket.close()


@pytest.mark.parametrize("name", BAD)
def test_proxy_protocol_what_is_no_header(believing, name):
    sent, why = BAD[name]
    wire = from_there(believing)
    wire.send(sent)
    error = fields(wire.read().body)
    assert error["C"] == "08P01" and why in error["M"] and "send-proxy" in error["H"], error
    with pytest.raises(Closed):
        wire.read()
    assert why in believing.log()


@pytest.mark.parametrize("name", GOOD)
def test_proxy_protocol_is_not_believed_from_others(believing, name):
    wire = from_there(believing, "127.0.0.1")
    wire.send(GOOD[name] + startup("app", "app"))
    error = fields(wire.read().body)
    assert error["C"] == "08P01" and "a PROXY header came from 127.0.0.1, which is not believed here" == error["M"]
    with pytest.raises(Closed):
        wire.read()
    assert "192.0.2.7" not in [row["addr"] for row in believing.console("SHOW CLIENTS")]


@pytest.mark.parametrize("sent", [b"", b"PROXY TCP4 192.0.2.7", SIGNATURE])
def test_proxy_protocol_has_to_come_in_time(own_pooler, sent):
    pooler = own_pooler(listen=LISTEN, general={"client_login_timeout": 0.3})
    wire = from_there(pooler)
    wire.send(sent)
    error = fields(wire.read().body)
    assert error["C"] == "08P01" and f"no PROXY header came from {SOURCE} within client_login_timeout" in error["M"]
    with pytest.raises(Closed):
        wire.read()


def mysql_error(s: socket.socket) -> tuple[int, int, str]:
    """Sequence, code and text of the first packet, which must be an error."""
    data = b""
    while chunk := s.recv(4096):
        data += chunk
    assert data[4] == 0xFF, data
    return data[3], struct.unpack_from("<H", data, 5)[0], data[7:].decode()


def test_proxy_protocol_mysql_by_hand(own_mysql_pooler):
    pooler = own_mysql_pooler(listen=LISTEN, general={"client_login_timeout": 1})
    there = (pooler.host, pooler.port)
    with socket.create_connection(there, 10, (SOURCE, 0)) as s:
        s.sendall(binary(V4))
        assert s.recv(4096)[4] == 10, "a greeting"
    # Nothing is said before the header has come.
    with socket.create_connection(there, 10, (SOURCE, 0)) as s:
        assert mysql_error(s)[:2] == (0, 1835)
    with socket.create_connection(there, 10, (SOURCE, 0)) as s:
        s.sendall(b"GET / HTTP/1.1\r\n")
        sequence, code, text = mysql_error(s)
        assert (sequence, code) == (0, 1835) and "what came first is no PROXY header" in text
    with socket.create_connection(there, 10) as s:
        assert s.recv(4096)[4] == 10
        s.sendall(GOOD["v1"])
        assert "which is not believed here" in mysql_error(s)[2]


def test_proxy_protocol_sources_change_with_a_reload(own_pooler):
    pooler = own_pooler()
    with pytest.raises((Closed, AssertionError)):
        wire = from_there(pooler)
        wire.send(GOOD["v1"] + startup("app", "app"))
        assert wire.read().type == "R"
    pooler.reload(pooler.options.with_(listen=LISTEN))

    def believed() -> bool:
        wire = from_there(pooler)
        wire.send(GOOD["v1"] + startup("app", "app"))
        return wire.read().type == "R"

    wait_until(believed, what="the new sources")
