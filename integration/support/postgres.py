"""Real PostgreSQL servers in temporary directories: a primary, and a streaming replica of it."""

from __future__ import annotations

import glob
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import psycopg

from . import processes
from .processes import Process, free_port, mortal, temporary_directory, unprivileged, wait_until

#: Users every server has: name → (password, how the server stores it).
USERS = {
    "app": ("app secret", "scram-sha-256"),
    "bob": ("bob'ß\\secret", "scram-sha-256"),
    "md5user": ("md5 secret", "md5"),
    "plainuser": ("plain secret", "scram-sha-256"),
}
DATABASES = ["app", "other"]

SETTINGS = """
listen_addresses = '127.0.0.1'
max_connections = 300
superuser_reserved_connections = 10
shared_buffers = 64MB
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = logical
max_wal_senders = 10
max_replication_slots = 10
max_prepared_transactions = 20
hot_standby = on
jit = off
autovacuum_naptime = 60
max_wal_size = 2GB
logging_collector = off
log_min_messages = warning
timezone = 'UTC'
log_timezone = 'UTC'
"""

HBA = """
local all         all                    trust
local replication all                    trust
host  all         md5user   127.0.0.1/32 md5
host  all         plainuser 127.0.0.1/32 password
host  replication all       127.0.0.1/32 scram-sha-256
host  all         all       127.0.0.1/32 scram-sha-256
"""


def _bin(name: str) -> str:
    found = sorted(glob.glob(f"/usr/lib/postgresql/15/bin/{name}")) or [shutil.which(name)]
    if not found[0]:
        raise RuntimeError(f"{name} is missing: make deps installs it")
    return found[0]


class PostgresServer:
    """One server process. The superuser comes in by the unix socket, so that whatever comes by TCP is a test's."""

    def __init__(self, name: str):
        self.directory = temporary_directory(name)
        self.data = self.directory / "data"
        self.port = free_port()
        self.process: Process | None = None

    def start(self) -> None:
        command = [_bin("postgres"), "-D", str(self.data), "-p", str(self.port), "-k", str(self.directory)]
        self.process = Process(mortal(*unprivileged(*command)), self.directory / "server.log")
        wait_until(self._ready, 60, what=f"PostgreSQL at {self.directory}")

    def _ready(self) -> bool:
        if not self.process.alive():
            raise RuntimeError(f"PostgreSQL ended:\n{self.process.log()}")
        try:
            self.admin("postgres").close()
            return True
        except psycopg.OperationalError:
            return False

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        if self.process:
            self.process.stop(number, 20)

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.directory, ignore_errors=True)

    def admin(self, dbname: str = "app", **more) -> psycopg.Connection:
        """A superuser connection past every pooler."""
        return psycopg.connect(
            host=str(self.directory), port=self.port, user="postgres", dbname=dbname, autocommit=True, **more
        )

    def query(self, sql: str, params=None, dbname: str = "app") -> list[tuple]:
        with self.admin(dbname) as connection:
            cursor = connection.execute(sql, params)
            return cursor.fetchall() if cursor.description else []

    def backends(self, user: str | None = None, dbname: str | None = None) -> list[dict]:
        """What pg_stat_activity shows of connections that came by TCP: a pooler's servers."""
        rows = self.query(
            """SELECT pid, usename, datname, state, query, application_name, backend_start::text
               FROM pg_stat_activity
               WHERE backend_type = 'client backend' AND client_addr IS NOT NULL
                 AND (%(user)s::text IS NULL OR usename = %(user)s)
                 AND (%(db)s::text IS NULL OR datname = %(db)s)
               ORDER BY backend_start""",
            {"user": user, "db": dbname},
        )
        names = ("pid", "user", "dbname", "state", "query", "application_name", "started")
        return [dict(zip(names, row)) for row in rows]

    @contextmanager
    def counting(self, user: str | None = None, dbname: str | None = None):
        """Gives a function that counts such connections, quickly."""
        sql = (
            "SELECT count(*) FROM pg_stat_activity WHERE client_addr IS NOT NULL AND backend_type = 'client backend'"
            " AND (%s::text IS NULL OR usename = %s) AND (%s::text IS NULL OR datname = %s)"
        )
        with self.admin() as connection:
            yield lambda: connection.execute(sql, (user, user, dbname, dbname)).fetchone()[0]

    def end_backends(self) -> None:
        """Every connection that came by TCP."""
        self.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_addr IS NOT NULL", dbname="postgres")
        wait_until(lambda: not self.backends(), 10, what="no backends")


class Primary(PostgresServer):
    def __init__(self):
        super().__init__("primary")

    def create(self) -> "Primary":
        subprocess.run(
            unprivileged(
                _bin("initdb"), "-D", str(self.data), "-U", "postgres", "--auth=trust", "--no-sync",
                "--encoding=UTF8", "--locale=C.UTF-8",
            ),
            check=True, stdout=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
        with open(self.data / "postgresql.conf", "a") as f:
            f.write(SETTINGS)
        (self.data / "pg_hba.conf").write_text(HBA)
        self.start()
        with self.admin("postgres") as c:
            for name, (password, stored) in USERS.items():
                c.execute(f"SET password_encryption = '{stored}'")
                c.execute(f"CREATE ROLE {name} LOGIN PASSWORD {_literal(password)}")
            c.execute("ALTER ROLE app REPLICATION CREATEDB")
            c.execute("GRANT pg_signal_backend TO app")
            for database in DATABASES:
                c.execute(f"CREATE DATABASE {database} OWNER app")
        for database in DATABASES:
            with self.admin(database) as c:
                c.execute("GRANT ALL ON SCHEMA public TO PUBLIC")
        return self


class Replica(PostgresServer):
    def __init__(self, primary: Primary):
        super().__init__("replica")
        self.primary = primary

    def create(self) -> "Replica":
        subprocess.run(
            unprivileged(
                _bin("pg_basebackup"), "-D", str(self.data), "-h", str(self.primary.directory),
                "-p", str(self.primary.port), "-U", "postgres", "-R", "-X", "stream", "-c", "fast", "--no-sync",
            ),
            check=True, cwd="/",
        )  # fmt: skip
        self.start()
        return self


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'" if "\\" not in text else "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


processes.raise_descriptor_limit()
