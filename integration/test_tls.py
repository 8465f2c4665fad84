"""TLS towards PostgreSQL's clients and servers: every mode with good and bad certificates, and what must never happen."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import subprocess
import threading
import time

import asyncpg
import psycopg
import pytest

from support.postgres import Primary
from support.pooler import Options, make_pooler
from support.processes import wait_until
from support.secure import Certificates, poolers, secure_postgres
from support.wire import SSL_CODE, startup

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]

ASKED = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(certificates):
    server = Primary().create()
    secure_postgres(server, certificates.server)
    yield server
    server.remove()


@pytest.fixture
def make(server):
    yield from poolers(lambda **changes: make_pooler(server, Options().with_(**changes)))


def trusting(certificates) -> dict:
    return {"sslmode": "verify-full", "sslrootcert": str(certificates.authority.certificate)}


def showing(certificates, pair) -> dict:
    return {**trusting(certificates), "sslcert": str(pair.certificate), "sslkey": str(pair.key)}


def outcome(pooler, **how) -> str:
    """`tls`, `clear`, or what the client was told."""
    try:
        with pooler.connect(**how) as c:
            assert c.execute("SELECT repeat('x', 300000)").fetchone()[0] == "x" * 300_000
            return "tls" if c.pgconn.ssl_in_use else "clear"
    except psycopg.OperationalError as error:
        return str(error)


@pytest.mark.parametrize(
    ("mode", "clear", "plain", "signed", "unsigned"),
    [
        ("disable", "clear", "does not support SSL", "does not support SSL", "does not support SSL"),
        # A certificate that is shown is checked, as soon as there is an authority to check it by.
        ("prefer", "clear", "tls", "tls", "unknown ca"),
        ("require", "takes TLS connections only", "tls", "tls", "unknown ca"),
        ("verify-ca", "takes TLS connections only", "certificate required", "tls", "unknown ca"),
        ("verify-full", "takes TLS connections only", "certificate required", "tls", "unknown ca"),
    ],
)
def test_tls_modes_towards_clients(make, certificates, mode, clear, plain, signed, unsigned):
    listen = certificates.listen(mode) if mode != "disable" else {"tls": "disable"}
    pooler = make(listen)
    assert clear in outcome(pooler, sslmode="disable")
    assert plain in outcome(pooler, **trusting(certificates))
    assert signed in outcome(pooler, **showing(certificates, certificates.app))
    assert unsigned in outcome(pooler, **showing(certificates, certificates.stranger))


def test_tls_verify_full_wants_the_user_in_the_certificate(make, certificates):
    pooler = make(certificates.listen("verify-full"))
    assert outcome(pooler, **showing(certificates, certificates.app)) == "tls"
    assert "certificate authentication failed" in outcome(pooler, user="bob", **showing(certificates, certificates.app))
    pooler = make(certificates.listen("verify-ca"))
    assert outcome(pooler, user="bob", **showing(certificates, certificates.app)) == "tls"


@pytest.mark.parametrize("method", ["scram-sha-256", "md5", "plain"])
def test_tls_methods_over_tls(make, certificates, method):
    pooler = make(certificates.listen("require"), auth_type=method)
    assert outcome(pooler, **trusting(certificates)) == "tls"
    assert "password authentication failed" in outcome(pooler, password="wrong", **trusting(certificates))


def test_tls_scram_is_bound_to_the_certificate(make, certificates):
    pooler = make(certificates.listen("require"))
    assert outcome(pooler, channel_binding="require", **trusting(certificates)) == "tls"
    assert "password authentication failed" in outcome(
        pooler, channel_binding="require", password="wrong", **trusting(certificates))


@pytest.mark.parametrize(
    ("mode", "answer"),
    [("disable", (False, None)), ("prefer", (True, "TLSv1.3")), ("require", (True, "TLSv1.3")),
     ("verify-ca", (True, "TLSv1.3")), ("verify-full", (True, "TLSv1.3"))],
)  # fmt: skip
def test_tls_modes_towards_servers(make, certificates, mode, answer):
    pooler = make(cluster=certificates.cluster(mode))
    with pooler.connect() as c:
        assert c.execute(ASKED).fetchone() == answer
        assert c.execute("SELECT repeat('y', 3000000)").fetchone()[0] == "y" * 3_000_000


def test_tls_a_server_that_is_not_who_it_should_be(make, server, certificates):
    secure_postgres(server, certificates.elsewhere)
    try:
        wait_until(lambda: True, 1, what="")
        pooler = make(cluster=certificates.cluster("verify-full"), defaults={"query_wait_timeout": 3})
        assert "no server of database" in outcome(pooler)
        assert "certificate is not trusted" in pooler.log() and "IP address mismatch" in pooler.log()
        assert outcome(make(cluster=certificates.cluster("verify-ca"))) == "clear"
    finally:
        secure_postgres(server, certificates.server)


def test_tls_a_server_without_tls(make, primary, certificates):
    address = [f"127.0.0.1:{primary.port}"]
    assert outcome(make(cluster=certificates.cluster("prefer"), servers=address)) == "clear"
    pooler = make(cluster=certificates.cluster("require"), servers=address, defaults={"query_wait_timeout": 3})
    assert "no TLS" in outcome(pooler)


def test_tls_cancel_over_tls(make, certificates):
    pooler = make(certificates.listen("require"), certificates.cluster("verify-full"))
    with pooler.connect(**trusting(certificates)) as c:
        threading.Timer(0.3, c.cancel).start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            c.execute("SELECT pg_sleep(20)")
        assert c.execute("SELECT 1").fetchone() == (1,)


def test_tls_listen_and_replication_over_tls(make, certificates):
    pooler = make(certificates.listen("require"), certificates.cluster("verify-full"))
    with pooler.connect(**trusting(certificates)) as c:
        c.execute("LISTEN over_tls")
        c.execute("NOTIFY over_tls, 'heard'")
        assert [n.payload for n in c.notifies(timeout=10, stop_after=1)] == ["heard"]
    with pooler.connect(replication="database", **trusting(certificates)) as c:
        assert len(c.pgconn.exec_(b"IDENTIFY_SYSTEM").get_value(0, 0)) > 5


def test_tls_asyncpg(make, certificates):
    pooler = make(certificates.listen("require"), certificates.cluster("verify-full"))

    async def talk():
        c = await asyncpg.connect(ssl=certificates.context(), **{k: v for k, v in pooler.conninfo().items()
            if k in ("host", "port", "user", "password")}, database="app")  # fmt: skip
        assert await c.fetchval("SELECT $1::text", "z" * 100_000) == "z" * 100_000
        await c.close()

    asyncio.run(talk())


def test_tls_psql(make, certificates):
    pooler = make(certificates.listen("require"), certificates.cluster("verify-full"))
    how = " ".join(f"{k}={v}" for k, v in trusting(certificates).items())
    done = subprocess.run(["psql", "-X", "-c", "\\conninfo", f"{how} channel_binding=require"], env=pooler.env(),
        capture_output=True, text=True, timeout=30)  # fmt: skip
    assert "SSL connection (protocol: TLSv1.3" in done.stdout, done.stderr


def direct(pooler, certificates, names: list[str]) -> ssl.SSLSocket:
    """As with sslnegotiation=direct of PostgreSQL 17: TLS from the first byte."""
    context = certificates.context()
    if names:
        context.set_alpn_protocols(names)
    return context.wrap_socket(socket.create_connection((pooler.host, pooler.port), 10), server_hostname="localhost")


def test_tls_direct_tls(make, certificates):
    pooler = make(certificates.listen("require"))
    with direct(pooler, certificates, ["postgresql"]) as c:
        assert c.selected_alpn_protocol() == "postgresql"
        c.sendall(startup("app", "app"))
        assert c.recv(1) == b"R"


@pytest.mark.parametrize("names", [[], ["http/1.1"]])
def test_tls_direct_tls_needs_its_name(make, certificates, names):
    """Or a browser could be made to talk to a database (ALPACA)."""
    pooler = make(certificates.listen("require"))
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        with direct(pooler, certificates, names) as c:
            c.sendall(startup("app", "app"))
            assert c.recv(1) == b"R"


def test_tls_bytes_in_clear_behind_the_request(make, certificates):
    """CVE-2021-23214, CVE-2021-3935: they would be taken for the client's."""
    pooler = make(certificates.listen("prefer"))
    with socket.create_connection((pooler.host, pooler.port), 10) as c:
        c.sendall(struct.pack("!II", 8, SSL_CODE) + startup("app", "app"))
        answer = c.recv(4096)
        assert answer[:1] == b"E" and b"received unencrypted data after" in answer
        assert c.recv(1) == b""


def test_tls_a_server_that_sends_in_clear_behind_its_answer(make, certificates):
    """CVE-2021-23222: they would be taken for the server's."""
    with socket.create_server(("127.0.0.1", 0)) as impostor:
        address = f"127.0.0.1:{impostor.getsockname()[1]}"

        def serve():
            while True:
                try:
                    c, _ = impostor.accept()
                except OSError:
                    return
                with c:
                    c.recv(8)
                    c.sendall(b"S" + b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")
                    time.sleep(0.2)

        threading.Thread(target=serve, daemon=True).start()
        pooler = make(cluster=certificates.cluster("require"), servers=[address], defaults={"query_wait_timeout": 2})
        outcome(pooler)
        assert "unencrypted data behind its answer" in pooler.log()


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1.1"])
def test_tls_old_versions(make, certificates, version):
    pooler = make(certificates.listen("require"))
    how = {**trusting(certificates), "ssl_min_protocol_version": version, "ssl_max_protocol_version": version}
    assert outcome(pooler, **how) not in ("tls", "clear")


@pytest.mark.parametrize("least", ["1.2", "1.3"])
def test_tls_least_version(make, certificates, least):
    pooler = make(certificates.listen("require", tls_min_version=least))
    old = outcome(pooler, ssl_max_protocol_version="TLSv1.2", **trusting(certificates))
    assert (old == "tls") == (least == "1.2")
    assert outcome(pooler, **trusting(certificates)) == "tls"


def test_tls_garbage_instead_of_tls(make, certificates):
    pooler = make(certificates.listen("require"))
    for garbage in (b"\x16\x03\x01\xff\xff" + b"x" * 70_000, b"\x16" * 20_000, b"\x17\x03\x03\x40\x00" + b"\0" * 20_000):
        with socket.create_connection((pooler.host, pooler.port), 10) as c:
            c.sendall(struct.pack("!II", 8, SSL_CODE))
            assert c.recv(1) == b"S"
            try:
                c.sendall(garbage)
                while c.recv(4096):
                    pass
            except ConnectionError:
                pass
    assert outcome(pooler, **trusting(certificates)) == "tls"


def serial(pooler) -> int:
    """Of the certificate that is shown."""
    with socket.create_connection((pooler.host, pooler.port), 10) as c:
        c.sendall(struct.pack("!II", 8, SSL_CODE))
        assert c.recv(1) == b"S"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(c) as tls:
            return hash(tls.getpeercert(True))


class Rotation:
    """A pooler whose certificate can be replaced, and clients that use it all the while."""

    def __init__(self, make, certificates, directory):
        self.pairs = [certificates.pooler, certificates.renewed]
        self.certificate, self.key = directory / "shown.crt", directory / "shown.key"
        self.put(self.pairs[0])
        self.pooler = make(certificates.listen("require", tls_cert=str(self.certificate), tls_key=str(self.key)),
            default_pool_size=5)  # fmt: skip
        self.how = trusting(certificates)
        self.failures: list[str] = []
        self.done = threading.Event()
        self.work = [threading.Thread(target=target) for target in (self.stay, self.come_and_go, self.come_and_go)]

    def put(self, pair) -> None:
        """As cert-manager and certbot do: another file takes the name."""
        for source, target in ((pair.certificate, self.certificate), (pair.key, self.key)):
            fresh = target.with_suffix(".new")
            fresh.write_bytes(source.read_bytes())
            fresh.chmod(0o600)
            fresh.rename(target)

    def stay(self) -> None:
        try:
            with self.pooler.connect(**self.how) as c:
                while not self.done.is_set():
                    c.execute("SELECT 1")
        except psycopg.Error as error:
            self.failures.append(f"dropped: {error}")

    def come_and_go(self) -> None:
        while not self.done.is_set():
            if (found := outcome(self.pooler, **self.how)) != "tls":
                self.failures.append(f"failed: {found}")

    def __enter__(self):
        for thread in self.work:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.work:
            thread.join()
        assert not self.failures


@pytest.mark.timeout(200)
def test_tls_rotation_by_reload(make, certificates, tmp_path):
    with Rotation(make, certificates, tmp_path) as rotation:
        seen = set()
        for turn in range(100):
            rotation.put(rotation.pairs[(turn + 1) % 2])
            rotation.pooler.console("RELOAD")
            seen.add(serial(rotation.pooler))
    assert len(seen) == 2


@pytest.mark.timeout(200)
def test_tls_rotation_is_noticed(make, certificates, tmp_path):
    with Rotation(make, certificates, tmp_path) as rotation:
        for turn in range(5):
            before = serial(rotation.pooler)
            rotation.put(rotation.pairs[(turn + 1) % 2])
            wait_until(lambda: serial(rotation.pooler) != before, 10, what="the new certificate")


@pytest.mark.parametrize("what", ["mismatched", "missing", "garbage", "expired"])
def test_tls_bad_files_keep_the_old_ones(make, certificates, tmp_path, what):
    rotation = Rotation(make, certificates, tmp_path)
    before = serial(rotation.pooler)
    good = rotation.certificate.read_bytes()
    if what == "mismatched":
        rotation.certificate.write_bytes(certificates.renewed.certificate.read_bytes())
        reason = f"{rotation.key}: it is not the key of the certificate"
    elif what == "missing":
        rotation.certificate.unlink()
        reason = f"{rotation.certificate}: No such file or directory"
    elif what == "garbage":
        rotation.certificate.write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        reason = f"{rotation.certificate}: there is no certificate in PEM in it"
    else:
        old = certificates.authority.sign("old", "localhost", "DNS:localhost", days=-1)
        rotation.put(old)
        reason = f"{rotation.certificate}: it has expired"
    wait_until(lambda: reason in rotation.pooler.log(), 10, what="the warning")
    with pytest.raises(psycopg.Error):
        rotation.pooler.console("RELOAD")
    assert serial(rotation.pooler) == before
    assert outcome(rotation.pooler, **trusting(certificates)) == "tls"
    rotation.certificate.write_bytes(good)
    rotation.key.write_bytes(certificates.pooler.key.read_bytes())
    rotation.pooler.console("RELOAD")
    assert serial(rotation.pooler) == before
