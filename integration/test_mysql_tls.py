"""TLS towards MySQL's clients and servers, both families: every mode with good and bad certificates."""

from __future__ import annotations

import shutil
import socket
import subprocess

import MySQLdb
import pymysql
import pytest

from support.mariadb import MariaDB
from support.mysql_pooler import make_mysql_pooler, mysql_options
from support.mysql_server import MySQL, requires_mysql
from support.secure import Certificates, poolers, secure_mysql

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]

ASKED = {
    "mariadb": "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'SSL_VERSION'",
    "mysql": "SELECT VARIABLE_VALUE FROM performance_schema.session_status WHERE VARIABLE_NAME = 'Ssl_version'",
}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module", params=["mariadb", "mysql"])
def server(request, certificates):
    if request.param == "mysql":
        requires_mysql()
    server = (MySQL if request.param == "mysql" else MariaDB)().create()
    secure_mysql(server, certificates.server)
    yield server
    server.remove()


@pytest.fixture
def make(server):
    yield from poolers(lambda **changes: make_mysql_pooler(server, mysql_options(server, **changes)))


def trusting(certificates) -> dict:
    return {"ssl_ca": str(certificates.authority.certificate), "ssl_verify_cert": True, "ssl_verify_identity": True}


def showing(certificates, pair) -> dict:
    return {**trusting(certificates), "ssl_cert": str(pair.certificate), "ssl_key": str(pair.key)}


def outcome(pooler, **how) -> str:
    """`tls`, `clear`, or what the client was told."""
    try:
        connection = pooler.connect(**how)
        with connection, connection.cursor() as c:
            c.execute("SELECT REPEAT('x', 300000)")
            assert c.fetchone()[0] == "x" * 300_000
            return "tls" if connection._secure else "clear"
    except (pymysql.err.Error, OSError) as error:
        return str(error)


@pytest.mark.parametrize(
    ("mode", "clear", "plain", "signed", "unsigned"),
    [
        # PyMySQL goes on without, unless it is to verify: then it says nothing of it either.
        ("disable", "clear", "clear", "clear", "clear"),
        ("prefer", "clear", "tls", "tls", "unknown ca"),
        ("require", "3159", "tls", "tls", "unknown ca"),
        ("verify-ca", "3159", "certificate required", "tls", "unknown ca"),
        ("verify-full", "3159", "certificate required", "tls", "unknown ca"),
    ],
)
def test_mysql_tls_modes_towards_clients(make, certificates, mode, clear, plain, signed, unsigned):
    pooler = make(certificates.listen(mode) if mode != "disable" else {"tls": "disable"})
    assert clear in outcome(pooler, ssl_disabled=True)
    assert plain in outcome(pooler, **trusting(certificates))
    assert signed in outcome(pooler, **showing(certificates, certificates.app))
    assert unsigned in outcome(pooler, **showing(certificates, certificates.stranger))


def test_mysql_tls_verify_full_wants_the_user_in_the_certificate(make, certificates):
    pooler = make(certificates.listen("verify-full"))
    assert outcome(pooler, **showing(certificates, certificates.app)) == "tls"
    password = pooler.password("bob").encode()
    assert "common name of its certificate" in outcome(
        pooler, user="bob", password=password, **showing(certificates, certificates.app))


def test_mysql_tls_change_user_wants_it_too(make, certificates):
    """Who has logged in with its own certificate does not become somebody else with it."""
    pooler = make(certificates.listen("verify-full"))
    with pooler.connect(**showing(certificates, certificates.app)) as connection:
        connection._execute_command(17, b"bob\0\0app\0")
        with pytest.raises(pymysql.err.OperationalError) as found:
            connection._read_packet()
        assert "common name of its certificate" in str(found.value)


def test_mysql_tls_wrong_password(make, certificates):
    pooler = make(certificates.listen("require"))
    assert "1045" in outcome(pooler, password="wrong", **trusting(certificates))
    assert "1045" in outcome(pooler, user="nobody_there", password="wrong", **trusting(certificates))


@pytest.mark.parametrize("mode", ["disable", "prefer", "require", "verify-ca", "verify-full"])
def test_mysql_tls_modes_towards_servers(make, server, certificates, mode):
    pooler = make(cluster=certificates.cluster(mode))
    with pooler.connect() as connection, connection.cursor() as c:
        c.execute(ASKED[server.family])
        assert c.fetchone()[0] == ("" if mode == "disable" else "TLSv1.3")
        c.execute("SELECT REPEAT('y', 3000000)")
        assert c.fetchone()[0] == "y" * 3_000_000


def test_mysql_tls_users_of_every_plugin_over_tls(make, server, certificates):
    pooler = make(certificates.listen("require"), certificates.cluster("verify-full"))
    for user in pooler.options.users:
        if user in server.users() and server.users()[user][0]:
            # PyMySQL takes strings for Latin-1.
            password = pooler.password(user).encode()
            assert outcome(pooler, user=user, password=password, **trusting(certificates)) == "tls", user


def test_mysql_tls_a_server_that_is_not_who_it_should_be(make, server, certificates):
    secure_mysql(server, certificates.elsewhere)
    try:
        pooler = make(cluster=certificates.cluster("verify-full"), defaults={"query_wait_timeout": 3})
        assert outcome(pooler) not in ("tls", "clear")
        assert "certificate is not trusted" in pooler.log() and "IP address mismatch" in pooler.log()
        assert outcome(make(cluster=certificates.cluster("verify-ca"))) == "clear"
    finally:
        secure_mysql(server, certificates.server)


def test_mysql_tls_kill_over_tls(make, certificates):
    pooler = make(certificates.listen("require"), certificates.cluster("verify-full"), defaults={"query_timeout": 1})
    with pooler.connect(**trusting(certificates)) as connection, connection.cursor() as c:
        with pytest.raises(pymysql.err.OperationalError) as found:
            c.execute("SELECT COUNT(*) FROM information_schema.COLUMNS a, information_schema.COLUMNS b, information_schema.COLUMNS c")
        assert found.value.args[0] == 3024
        c.execute("SELECT 1")


def test_mysql_tls_mysqlclient(make, certificates):
    pooler = make(certificates.listen("require"), certificates.cluster("verify-full"))
    connection = MySQLdb.connect(
        host=pooler.host, port=pooler.port, user="app", password=pooler.password("app"), database="app",
        ssl={"ca": str(certificates.authority.certificate)})
    c = connection.cursor()
    c.execute("SELECT REPEAT('z', 100000)")
    assert len(c.fetchone()[0]) == 100_000
    connection.close()


def run(command, pooler, *arguments):
    return subprocess.run(
        [*command, f"--defaults-file={pooler.option_file()}", *map(str, arguments), "app", "-e", "\\s"],
        capture_output=True, text=True, timeout=60)


def test_mysql_tls_programs(make, server, certificates):
    """The client of either family, the real one with what it needs where there is no TLS too."""
    pooler = make(certificates.listen("prefer"), certificates.cluster("verify-full"))
    authority = f"--ssl-ca={certificates.authority.certificate}"
    if server.family == "mysql":
        client = MySQL.program("usr/bin/mysql")
        for how in (["--ssl-mode=VERIFY_IDENTITY", authority], ["--ssl-mode=VERIFY_IDENTITY", authority, "--compress"]):
            done = run(client, pooler, "--commands", *how)
            assert "Cipher in use is TLS_" in done.stdout, done.stderr
        done = run(client, pooler, "--commands", "--ssl-mode=DISABLED", "--get-server-public-key")
        assert "Not in use" in done.stdout, done.stderr
    else:
        done = run([shutil.which("mariadb")], pooler, "--ssl", authority, "--ssl-verify-server-cert")
        assert "Cipher in use is TLS_" in done.stdout, done.stderr


def test_mysql_tls_garbage_instead_of_tls(make, certificates):
    pooler = make(certificates.listen("require"))
    # SSLRequest: CLIENT_PROTOCOL_41, CLIENT_SSL, CLIENT_SECURE_CONNECTION.
    request = b"\x20\0\0\x01" + (0x200 | 0x800 | 0x8000).to_bytes(4, "little") + b"\0\0\0\1\x2d" + b"\0" * 23
    for behind in (b"\x16\x03\x01\xff\xff" + b"x" * 70_000, b"\x03\0\0\x02\x03SELECT 1", b"\0" * 20_000):
        with socket.create_connection((pooler.host, pooler.port), 10) as c:
            c.recv(4096)
            try:
                c.sendall(request + behind)
                while c.recv(4096):
                    pass
            except ConnectionError:
                pass
    assert outcome(pooler, **trusting(certificates)) == "tls"
