"""What other poolers had to mend in a hurry. Each CVE has its test, here or where docs/design/protocol-traps.md says."""

from __future__ import annotations

import base64
import hashlib
import struct

import psycopg
import pytest

from support.impostor import WELCOME, Impostor, read_message
from support.pooler import ADMIN_PASSWORD, ADMIN_USER
from support.wire import Closed, LoginFailed, Wire, message, query, startup, text

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]


def still_serves(pooler) -> None:
    with pooler.connect() as c:
        assert c.execute("SELECT 1").fetchone() == (1,)


OUT_OF_ORDER = {
    "a password first": [message("p", text("secret"))],
    "a SASL answer first": [message("p", text("SCRAM-SHA-256") + struct.pack("!I", 3) + b"n,,")],
    "a query first": [query("SELECT 1")],
    "a query instead of the password": [startup("app", "app"), query("SELECT 1")],
    "a final message instead of the first": [startup("app", "app"), message("p", b"c=biws,r=x,p=AAAA")],
    "start-up twice": [startup("app", "app"), startup("app", "app")],
    "a password behind SSLRequest": [struct.pack("!II", 8, 80877103), message("p", text("x"))],
}


@pytest.mark.parametrize("what", OUT_OF_ORDER)
def test_cve_2015_4054_packets_out_of_order(pooler, what):
    with pooler.raw(5) as wire:
        wire.send(*OUT_OF_ORDER[what])
        told = wire.read_to_end(5) if not what.endswith("SSLRequest") else []
        assert "Z" not in [m.type for m in told]
    still_serves(pooler)


@pytest.mark.parametrize("length", [0, 3, 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF0])
@pytest.mark.parametrize("where", ["message", "response"])
def test_cve_2026_6664_lengths_that_overflow(pooler, where, length):
    with pooler.raw(5) as wire:
        wire.send(startup("app", "app"))
        assert wire.read().type == "R"
        if where == "message":
            wire.send(b"p" + struct.pack("!I", length) + b"SCRAM-SHA-256\0\0\0\0\3n,,")
        else:
            wire.send(message("p", text("SCRAM-SHA-256") + struct.pack("!I", length) + b"n,,n=,r=abc"))
        if where == "message" and length == 4:
            wire.send(message("X"))
        told = wire.read_to_end(5)
        assert [m.type for m in told] in (["E"], [])
    still_serves(pooler)


def scram_server(connection, nonce: bytes, iterations: bytes = b"4096", salt: bytes = b"c2FsdHNhbHQ=") -> None:
    """Asks for SCRAM and answers the first message with this nonce."""
    connection.sendall(message("R", struct.pack("!I", 10) + text("SCRAM-SHA-256") + b"\0"))
    _, body = read_message(connection)
    own = body.split(b"r=", 1)[1]
    connection.sendall(message("R", struct.pack("!I", 11) + b"r=" + own + nonce + b",s=" + salt + b",i=" + iterations))
    connection.recv(65536)


SCRAM = {
    "nonce of 100 KB": {"nonce": b"x" * 100_000},
    "nonce of 2 KB": {"nonce": b"x" * 2_000},
    "salt of 50 KB": {"nonce": b"x", "salt": base64.b64encode(bytes(50_000))},
    "2 billion iterations": {"nonce": b"x", "iterations": b"2147483647"},
    "no iterations": {"nonce": b"x", "iterations": b"0"},
    "iterations that overflow": {"nonce": b"x", "iterations": b"9" * 40},
}


@pytest.mark.parametrize("what", SCRAM)
def test_cve_2026_6665_a_server_with_too_long_a_nonce(own_pooler, what):
    with Impostor(lambda connection, _: scram_server(connection, **SCRAM[what])) as impostor:
        pooler = own_pooler(servers=[impostor.address], defaults={"query_wait_timeout": 2})
        with pytest.raises(psycopg.OperationalError):
            pooler.connect()
        # Alive, and others are served meanwhile.
        assert pooler.console("SHOW VERSION")
        assert pooler.process.alive()


NO_SQLSTATE = {
    "no fields at all": b"\0",
    "only a message": b"Mno\0\0",
    "no end": b"SFATAL\0Mno",
    "an empty body": b"",
    "an empty code": b"SFATAL\0C\0Mno\0\0",
    "a field without text": b"C",
    "unknown fields": b"\x01x\0\xffy\0\0",
}


@pytest.mark.parametrize("when", ["at login", "in a statement", "while idle"])
@pytest.mark.parametrize("what", NO_SQLSTATE)
def test_cve_2026_6666_an_error_without_sqlstate(own_pooler, what, when):
    error = message("E", NO_SQLSTATE[what])

    def serve(connection, _) -> None:
        if when == "at login":
            return connection.sendall(error)
        connection.sendall(WELCOME)
        if when == "while idle":
            connection.sendall(error)
        while True:
            kind, body = read_message(connection)
            if kind == b"X":
                return
            if kind == b"Q":
                connection.sendall((error if b"please fail" in body else message("I")) + message("Z", b"I"))

    with Impostor(serve) as impostor:
        pooler = own_pooler(servers=[impostor.address], defaults={"query_wait_timeout": 2}, default_pool_size=1)
        try:
            wire = pooler.wire(timeout=20)
            wire.send(query("please fail"))
            kinds = [m.type for m in wire.read_until("Z")]
            assert "E" in kinds or when == "while idle"
        except (LoginFailed, Closed):
            assert when != "in a statement" or what in ("no end", "an empty body", "a field without text")
        assert pooler.console("SHOW VERSION")
        assert pooler.process.alive()


#: Everything that changes something, and SHOWs of what others do not concern.
COMMANDS = [
    "KILL_CLIENT 00000000", "KILL app", "KILL", "PAUSE", "PAUSE app", "RESUME", "DISABLE app", "ENABLE app", "RECONNECT",
    "RELOAD", "SUSPEND", "SHUTDOWN", "SHUTDOWN WAIT_FOR_CLIENTS", "SET log_level = 'debug'", "WAIT_CLOSE app",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_cve_2026_6667_who_may_only_look_changes_nothing(looked_at, command):
    with psycopg.connect(
        host="127.0.0.1", port=looked_at.port, user="monitor", password="look", dbname="pgbouncer", autocommit=True,
        cursor_factory=psycopg.ClientCursor,
    ) as c:  # fmt: skip
        with pytest.raises(psycopg.Error) as refused:
            c.execute(command)
        assert "admin access needed" in str(refused.value)
        assert c.execute("SHOW VERSION").fetchone()
    still_serves(looked_at)


@pytest.fixture(scope="module")
def looked_at(primary):
    from support.pooler import Headgate, Options

    class WithLooker(Headgate):
        def write(self) -> None:
            super().write()
            file = self.directory / "headgate.toml"
            file.write_text(file.read_text().replace("[console]", '[console]\nstats_users = ["monitor"]'))

    options = Options()
    pooler = WithLooker(primary, options.with_(users={**options.users, "monitor": {"password": "look"}})).start()
    yield pooler
    pooler.remove()


@pytest.mark.parametrize("method", ["scram-sha-256", "md5"])
@pytest.mark.parametrize("password", ["", "md5" + "0" * 32, "SCRAM-SHA-256$4096:c2FsdA==$a:b", "\x01"])
def test_cve_2025_46801_nobody_without_a_password_gets_in(own_pooler, method, password):
    """Users without a password, with one that is only a hash, and hashes sent as passwords."""
    digest = "md5" + hashlib.md5(b"secrethashed").hexdigest()
    users = {
        "empty": {"pool_mode": "transaction"}, "hashed": {"password": digest}, ADMIN_USER: {"password": ADMIN_PASSWORD},
    }  # fmt: skip
    pooler = own_pooler(auth_type=method, users=users)
    for user in "empty", "hashed", "nobody":
        for tried in (password, digest):
            for database in "app", "pgbouncer":
                with pytest.raises(LoginFailed):
                    Wire("127.0.0.1", pooler.port).login(user, tried, database)

