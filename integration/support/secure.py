"""Servers and poolers that speak TLS, and what they show."""

from __future__ import annotations

import os
import shutil
import ssl
from dataclasses import dataclass
from pathlib import Path

from .certificates import Authority, Pair
from .processes import SERVER_USER

NAMES = "DNS:localhost,IP:127.0.0.1"


@dataclass(frozen=True)
class Certificates:
    directory: Path
    authority: Authority
    #: What the pooler shows; a second, as after a rotation; and one whose time is over.
    pooler: Pair
    renewed: Pair
    #: What servers show, and one for another name.
    server: Pair
    elsewhere: Pair
    #: A client's, with its user as the common name; and one that nobody here has signed.
    app: Pair
    stranger: Pair

    @classmethod
    def make(cls, directory: Path) -> "Certificates":
        ours, others = Authority(directory / "ours"), Authority(directory / "others", "somebody else")
        return cls(
            directory, ours, ours.sign("pooler", "localhost", NAMES), ours.sign("renewed", "localhost", NAMES, "rsa"),
            ours.sign("server", "db", NAMES), ours.sign("elsewhere", "db", "DNS:db.example.com"),
            ours.sign("app", "app"), others.sign("app", "app"),
        )  # fmt: skip

    def listen(self, mode: str, **more) -> dict:
        """Keys of [[listen]]."""
        return {"tls": mode, "tls_cert": str(self.pooler.certificate), "tls_key": str(self.pooler.key),
                "tls_ca": str(self.authority.certificate), **more}  # fmt: skip

    def cluster(self, mode: str, **more) -> dict:
        """Keys of [cluster.main]."""
        return {"tls": mode, "tls_ca": str(self.authority.certificate), **more}

    def context(self, pair: Pair | None = None) -> ssl.SSLContext:
        """A client's that verifies everything."""
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        if pair:
            context.load_cert_chain(pair.certificate, pair.key)
        return context


def _give(server, pair: Pair) -> tuple[Path, Path]:
    """Copies of a pair for a server's own user."""
    copies = server.data / "tls.crt", server.data / "tls.key"
    for source, copy in zip((pair.certificate, pair.key), copies):
        shutil.copy(source, copy)
        copy.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(copy, SERVER_USER)
    return copies


def secure_postgres(server, pair: Pair) -> None:
    """From now on it speaks TLS to whoever asks."""
    _give(server, pair)
    for setting in ("ssl_cert_file = 'tls.crt'", "ssl_key_file = 'tls.key'", "ssl = on"):
        server.query(f"ALTER SYSTEM SET {setting}")
    server.query("SELECT pg_reload_conf()")


def secure_mysql(server, pair: Pair) -> None:
    """The same; it starts again for it."""
    certificate, key = _give(server, pair)
    with open(server.directory / "my.cnf", "a") as f:
        f.write(f"ssl_cert = {certificate}\nssl_key = {key}\n")
    server.stop()
    server.start()


def poolers(make_one):
    """For fixtures: makes poolers of (keys of [[listen]], keys of [cluster.main], other changes), which must outlive the test."""
    made = []

    def make(listen=None, cluster=None, **changes):
        made.append(make_one(listen=listen or {}, cluster=cluster or {"tls": "disable"}, **changes))
        return made[-1].start()

    yield make
    dead = [pooler.log()[-4000:] for pooler in made if not pooler.process.alive()]
    for pooler in made:
        pooler.remove()
    assert not dead, dead[0]
