"""Every method × TLS mode × protocol, with real servers behind and real drivers in front, good and bad credentials."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
import subprocess

import asyncpg
import mysql.connector
import psycopg
import pymysql
import pytest

from support.mysql_pooler import make_mysql_pooler, mysql_options
from support.mysql_server import MySQL, why_not
from support.pooler import ADMIN_PASSWORD, ADMIN_USER, Options, make_pooler
from support.secure import Certificates
from support.wire import SSL_CODE

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]

#: A user for each method, who is `app` at the server.
METHODS = ["trust", "reject", "password", "md5", "scram-sha-256", "cert"]
MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"]
#: How a client comes: in clear, with TLS, with TLS and its own certificate, with one that is somebody else's.
WAYS = ["clear", "tls", "certified", "other"]
PASSWORD = "the right one"


def user_of(method: str) -> str:
    return "m_" + method.split("-")[0]


HBA = "\n".join(f"{'hostssl' if m == 'cert' else 'host'} all {user_of(m)} all {m}" for m in METHODS)


def expected(protocol: str, mode: str, method: str, way: str, is_good: bool) -> bool:
    """Whether the login succeeds."""
    if way == "clear":
        if mode not in ("disable", "prefer") or method == "cert" or (method == "password" and protocol == "postgres"):
            return False
    else:
        if mode == "disable" or (way == "tls" and (mode.startswith("verify") or method == "cert")):
            return False
        if way == "other" and (mode == "verify-full" or method == "cert"):
            return False
    return method in ("trust", "cert") or (method != "reject" and is_good)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def pairs(certificates):
    """Each user's own certificate."""
    return {user_of(method): certificates.authority.sign(user_of(method), user_of(method)) for method in METHODS}


def options(base: Options, certificates, directory, mode: str) -> Options:
    (directory / "hba.conf").write_text(HBA)
    secret = base.users["app"]["password"]
    users = {user_of(m): {"password": PASSWORD, "server_user": "app", "server_password": secret} for m in METHODS}
    listen = certificates.listen(mode) if mode != "disable" else {"tls": "disable"}
    return base.with_(users={**users, "app": {"password": secret}, ADMIN_USER: {"password": ADMIN_PASSWORD}},
        listen={**listen, "hba_file": str(directory / "hba.conf")})  # fmt: skip


def started(make):
    """Poolers by TLS mode, made once."""
    made = {}

    def get(mode):
        if mode not in made:
            made[mode] = make(mode).start()
        return made[mode]

    yield get
    dead = [pooler.log()[-4000:] for pooler in made.values() if not pooler.process.alive()]
    for pooler in made.values():
        log = pooler.log()
        pooler.remove()
        assert PASSWORD not in log and "the wrong one" not in log
    assert not dead, dead[0]


@pytest.fixture(scope="module")
def poolers(primary, certificates, tmp_path_factory):
    directory = tmp_path_factory.mktemp("rules")
    yield from started(lambda mode: make_pooler(primary, options(Options(), certificates, directory, mode)))


@pytest.fixture(scope="module")
def mysql_poolers(mysql_server, certificates, tmp_path_factory):
    directory = tmp_path_factory.mktemp("rules")
    yield from started(
        lambda mode: make_mysql_pooler(
            mysql_server, options(mysql_options(mysql_server), certificates, directory, mode)))


# PostgreSQL's drivers: each answers whether it was let in.


def libpq_options(certificates, pair, way: str) -> dict:
    if way == "clear":
        return {"sslmode": "disable"}
    how = {"sslmode": "verify-full", "sslrootcert": str(certificates.authority.certificate)}
    # Without one of its own libpq takes what lies in the home directory.
    shown = {"sslcert": str(pair.certificate), "sslkey": str(pair.key)} if pair else {"sslcert": "/nothing"}
    return how | shown


def with_psycopg(pooler, certificates, pair, way, user, password) -> bool:
    try:
        with psycopg.connect(host="127.0.0.1", port=pooler.port, user=user, password=password, dbname="app",
                connect_timeout=20, autocommit=True, **libpq_options(certificates, pair, way)) as c:  # fmt: skip
            assert c.pgconn.ssl_in_use == (way != "clear")
            return c.execute("SELECT current_user").fetchone() == ("app",)
    except psycopg.OperationalError:
        return False


def with_asyncpg(pooler, certificates, pair, way, user, password) -> bool:
    async def run():
        c = await asyncpg.connect(host="127.0.0.1", port=pooler.port, user=user, password=password, database="app", timeout=20,
            ssl=False if way == "clear" else certificates.context(pair))  # fmt: skip
        try:
            return await c.fetchval("SELECT current_user") == "app"
        finally:
            await c.close()

    try:
        return asyncio.run(run())
    except (asyncpg.PostgresError, OSError, ssl.SSLError, ConnectionError):
        return False


def with_psql(pooler, certificates, pair, way, user, password) -> bool:
    words = [f"{key}={value}" for key, value in libpq_options(certificates, pair, way).items()]
    done = psql(pooler, user, password, *words)
    return done.stdout == "app\n"


def psql(pooler, user, password, *words) -> subprocess.CompletedProcess:
    target = " ".join([f"host=127.0.0.1 port={pooler.port} user={user} dbname=app connect_timeout=20", *words])
    return subprocess.run(["psql", "-X", "-w", "-At", "-c", "SELECT current_user", target], capture_output=True, text=True,
        env={**os.environ, "PGPASSWORD": password}, timeout=60)  # fmt: skip


# MySQL's.


def with_pymysql(pooler, certificates, pair, way, user, password) -> bool:
    try:
        with pymysql.connect(host="127.0.0.1", port=pooler.port, user=user, password=password, database="app", connect_timeout=20,
                ssl=None if way == "clear" else certificates.context(pair), ssl_disabled=way == "clear") as c:  # fmt: skip
            # It goes on in the clear where there is no TLS, whatever it was told.
            return c._secure == (way != "clear") and is_app(c.cursor())
    except (pymysql.err.OperationalError, ssl.SSLError):
        return False


def with_connector(pooler, certificates, pair, way, user, password) -> bool:
    how: dict = {"ssl_disabled": True}
    if way != "clear":
        how = {"ssl_ca": str(certificates.authority.certificate), "ssl_verify_cert": True, "ssl_verify_identity": True}
        if pair:
            how |= {"ssl_cert": str(pair.certificate), "ssl_key": str(pair.key)}
    try:
        c = mysql.connector.connect(host="127.0.0.1", port=pooler.port, user=user, password=password, database="app",
            connection_timeout=20, use_pure=True, **how)  # fmt: skip
    except (mysql.connector.Error, ssl.SSLError, OSError):
        return False
    try:
        return is_app(c.cursor())
    finally:
        c.close()


def is_app(cursor) -> bool:
    cursor.execute("SELECT CURRENT_USER()")
    return cursor.fetchone()[0].startswith("app@")


DRIVERS = {
    "postgres": {"psycopg": with_psycopg, "asyncpg": with_asyncpg, "psql": with_psql},
    "mysql": {"pymysql": with_pymysql, "connector": with_connector},
}


def check_all(protocol, mode, pooler, certificates, pairs, driver):
    wrong = []
    for method in METHODS:
        user = user_of(method)
        for way in WAYS:
            pair = {"certified": pairs[user], "other": certificates.app}.get(way)
            for password in (PASSWORD, "the wrong one"):
                is_in = DRIVERS[protocol][driver](pooler, certificates, pair, way, user, password)
                if is_in != expected(protocol, mode, method, way, password == PASSWORD):
                    wrong.append(f"{method}, {way}, {password}: {'in' if is_in else 'refused'}")
    assert not wrong, "\n".join(wrong + [pooler.log()[-3000:]])


@pytest.mark.parametrize("driver", DRIVERS["postgres"])
@pytest.mark.parametrize("mode", MODES)
def test_auth_matrix_of_postgres(poolers, certificates, pairs, mode, driver):
    check_all("postgres", mode, poolers(mode), certificates, pairs, driver)


@pytest.mark.parametrize("driver", DRIVERS["mysql"])
@pytest.mark.parametrize("mode", MODES)
def test_auth_matrix_of_mysql(mysql_poolers, certificates, pairs, mode, driver):
    check_all("mysql", mode, mysql_poolers(mode), certificates, pairs, driver)


# What the issue names.


def test_auth_psql_channel_binding(poolers, certificates):
    trusted = [f"sslmode=verify-full sslrootcert={certificates.authority.certificate} sslcert=/nothing channel_binding=require"]
    assert psql(poolers("require"), "m_scram", PASSWORD, *trusted).stdout == "app\n"
    assert "password authentication failed" in psql(poolers("require"), "m_scram", "the wrong one", *trusted).stderr
    # What cannot be bound is refused by the client.
    assert "channel binding" in psql(poolers("require"), "m_md5", PASSWORD, *trusted).stderr


def test_auth_sslnegotiation_direct(poolers, certificates):
    """libpq 17, which psycopg brings along."""
    if psycopg.pq.version() < 170000:
        pytest.skip("this libpq has no sslnegotiation")
    how = libpq_options(certificates, None, "tls") | {"sslnegotiation": "direct", "channel_binding": "require"}
    where = {"host": "127.0.0.1", "port": poolers("require").port, "user": "m_scram", "dbname": "app"}
    with psycopg.connect(**where, password=PASSWORD, **how) as c:
        assert c.execute("SELECT current_user").fetchone() == ("app",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(**where, password="the wrong one", **how)


@pytest.mark.parametrize("mysql_family", ["mariadb"], indirect=True)
def test_auth_mysql_client(mysql_poolers, certificates):
    """MySQL's own program, verifying the certificate, and without TLS by the public key."""
    if reason := why_not():
        pytest.skip(reason)

    def run(pooler, password, *arguments):
        return subprocess.run(
            [*MySQL.program("usr/bin/mysql"), "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", f"--port={pooler.port}",
             "--user=m_scram", *arguments, "-N", "-B", "-e", "SELECT CURRENT_USER()", "app"],
            capture_output=True, text=True, env={**os.environ, "MYSQL_PWD": password}, timeout=60)  # fmt: skip

    identity = ["--ssl-mode=VERIFY_IDENTITY", f"--ssl-ca={certificates.authority.certificate}"]
    key = ["--ssl-mode=DISABLED", "--get-server-public-key"]
    for mode, how in (("require", identity), ("prefer", identity), ("prefer", key), ("disable", key)):
        assert run(mysql_poolers(mode), PASSWORD, *how).stdout.startswith("app@"), (mode, how)
        assert "ERROR 1045" in run(mysql_poolers(mode), "the wrong one", *how).stderr
    assert "ERROR 3159" in run(mysql_poolers("require"), PASSWORD, *key).stderr


OLD = [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1]


def old(version) -> ssl.SSLContext:
    """A client that speaks nothing newer, with everything allowed that OpenSSL still has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    return context


def hello(port: int, protocol: str) -> socket.socket:
    """A socket on which TLS may begin."""
    raw = socket.create_connection(("127.0.0.1", port), 10)
    if protocol == "postgres":
        raw.sendall(struct.pack("!II", 8, SSL_CODE))
        assert raw.recv(1) == b"S"
        return raw
    size = int.from_bytes(raw.recv(4, socket.MSG_WAITALL)[:3], "little")
    raw.recv(size, socket.MSG_WAITALL)
    raw.sendall(b"\x20\0\0\x01" + struct.pack("<IIB23x", 0x00000800 | 0x00000200 | 0x00008000, 1 << 24, 45))
    return raw


def refuses(port: int, protocol: str, version) -> None:
    with hello(port, protocol) as raw:
        with pytest.raises(ssl.SSLError, match="(?i)protocol.version|unsupported.protocol"):
            old(version).wrap_socket(raw)


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
@pytest.mark.parametrize("version", OLD)
def test_auth_nothing_below_tls_1_2(poolers, version):
    refuses(poolers("prefer").port, "postgres", version)


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
@pytest.mark.parametrize("version", OLD)
def test_auth_mysql_nothing_below_tls_1_2(mysql_poolers, version):
    refuses(mysql_poolers("prefer").port, "mysql", version)
