"""What `headgate secret` prints lets clients in, and nobody who has merely read it."""

from __future__ import annotations

import socket
import struct
import subprocess

import psycopg
import pymysql
import pytest

from support.mysql_pooler import make_mysql_pooler, mysql_options
from support.pooler import BINARY, Options, make_pooler
from support.secure import Certificates, poolers

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]

PASSWORD = "open sesame $A$ *"


def secret(*kind: str, password: str = PASSWORD) -> str:
    done = subprocess.run([str(BINARY), "secret", *kind], input=password + "\n", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def make(primary):
    yield from poolers(lambda **changes: make_pooler(primary, Options().with_(**changes)))


@pytest.fixture
def make_mysql(mysql_server):
    yield from poolers(
        lambda **changes: make_mysql_pooler(mysql_server, mysql_options(mysql_server).with_(**changes)))


def knowing(options: Options, **verifiers: str) -> dict:
    """Users of whom verifiers are known, who are `app` at the server."""
    own = options.users["app"]["password"]
    users = {
        name: {"password": {"verifier": verifier}, "server_user": "app", "server_password": own}
        for name, verifier in verifiers.items()
    }
    return {**options.users, **users}


@pytest.mark.parametrize("kind", ["scram", "md5"])
def test_secret_of_postgres(make, kind):
    verifier = secret(kind, *(["somebody"] if kind == "md5" else []))
    pooler = make(users=knowing(Options(), somebody=verifier), auth_type="md5" if kind == "md5" else "scram-sha-256")
    with pooler.connect("somebody", password=PASSWORD) as c:
        assert c.execute("SELECT current_user").fetchone() == ("app",)
    for wrong in ("wrong", verifier):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            pooler.connect("somebody", password=wrong)


@pytest.mark.parametrize("kind", ["mysql-native", "caching-sha2"])
def test_secret_of_mysql(make_mysql, mysql_server, certificates, kind):
    verifier = secret(kind)
    assert verifier.startswith("*" if kind == "mysql-native" else "$A$005$")
    pooler = make_mysql(certificates.listen("prefer"), users=knowing(mysql_options(mysql_server), somebody=verifier))
    # In clear the password comes under the public key where the verifier wants it whole, afterwards by its hash.
    for how in ({}, {"ssl": certificates.context()}, {}):
        with pooler.connect("somebody", password=PASSWORD, **how) as c:
            cursor = c.cursor()
            cursor.execute("SELECT CURRENT_USER()")
            assert cursor.fetchone()[0].startswith("app@")
        for wrong in ("wrong", verifier):
            with pytest.raises(pymysql.err.OperationalError, match="1045"):
                pooler.connect("somebody", password=wrong, **how)
    # To PostgreSQL's clients it is no password.
    for wrong in (PASSWORD, verifier):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(host="127.0.0.1", port=pooler.console_port, user="somebody", password=wrong, dbname="headgate")


def exchange(port: int, user: str) -> list[tuple]:
    """What a MySQL client sees that answers at random: lengths and first bytes of packets, and the error."""
    with socket.create_connection(("127.0.0.1", port), 10) as raw:

        def packet() -> tuple[int, bytes]:
            head = raw.recv(4, socket.MSG_WAITALL)
            return (head[3], raw.recv(int.from_bytes(head[:3], "little"), socket.MSG_WAITALL)) if len(head) == 4 else (0, b"")

        packet()
        flags = 0x00000200 | 0x00008000 | 0x00080000
        body = struct.pack("<IIB23x", flags, 1 << 24, 45) + user.encode() + b"\0\x20" + b"x" * 32 + b"caching_sha2_password\0"
        raw.sendall(struct.pack("<I", len(body))[:3] + b"\x01" + body)
        seen = []
        while True:
            number, payload = packet()
            if not payload:
                return seen
            kind = payload[0]
            seen.append((len(payload) if kind != 0xFF else payload.replace(user.encode(), b"USER"), kind))
            if kind == 0xFF:
                return seen
            answer = b"x" * 20 if kind == 0xFE else b"\x02" if payload == b"\x01\x04" else b"y" * 256
            raw.sendall(struct.pack("<I", len(answer))[:3] + bytes([(number + 1) & 255]) + answer)


@pytest.mark.parametrize("kind", ["mysql-native", "caching-sha2", "plain"])
def test_secret_strangers_look_like_users_of_mysql(make_mysql, mysql_server, kind):
    """Whatever kind of secret most users have, one who does not exist seems to have it too."""
    options = mysql_options(mysql_server)
    if kind == "plain":
        users = options.users
    else:
        users = {
            name: {"password": {"verifier": secret(kind)}, "server_user": "app", "server_password": options.users["app"]["password"]}
            for name in ("app", "one", "two")
        }
    pooler = make_mysql(users=users)
    known, stranger = exchange(pooler.port, "app"), exchange(pooler.port, "zzz")
    assert known == stranger and known[-1][1] == 0xFF
