"""Real MariaDB servers in temporary directories: a primary, and a replica of it."""

from __future__ import annotations

import itertools
import shutil
import signal
import subprocess
from contextlib import contextmanager

from . import processes
from .mysql_session import Session
from .mysql_wire import Connection, WireError
from .processes import Process, free_port, mortal, temporary_directory, unprivileged, wait_until

#: Users every server has: name → (password, authentication plugin).
USERS = {
    "app": ("app secret", "mysql_native_password"),
    "bob": ("bob'ß\\secret", "mysql_native_password"),
    "ed": ("ed secret", "ed25519"),
    "nobody": ("", "mysql_native_password"),
}
DATABASES = ["app", "other", "test1", "test2"]

SETTINGS = """
[mariadbd]
bind_address = 127.0.0.1
skip_name_resolve
max_connections = 400
innodb_buffer_pool_size = 64M
innodb_log_file_size = 64M
innodb_flush_log_at_trx_commit = 0
innodb_flush_method = nosync
sync_binlog = 0
log_bin = binlog
binlog_format = ROW
gtid_strict_mode = ON
local_infile = ON
performance_schema = ON
performance_schema_consumer_statements_digest = ON
character_set_server = utf8mb4
max_allowed_packet = 1G
default_time_zone = '+00:00'
plugin_load_add = auth_ed25519
"""


def _program(*names: str) -> str:
    for name in names:
        if found := shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin"):
            return found
    raise RuntimeError(f"{names[0]} is missing: make deps installs it")


def literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


class MariaDBServer:
    """One server process. The superuser comes in by the unix socket, so that whatever comes by TCP is a test's."""

    family = "mariadb"
    #: A connection is listed for a moment after its socket has been closed.
    lists_those_that_have_gone = True

    def __init__(self, name: str, server_id: int = 1):
        self.directory = temporary_directory(name)
        self.data = self.directory / "data"
        self.socket = self.directory / "s"
        self.port = free_port()
        self.server_id = server_id
        self.process: Process | None = None

    def create(self) -> "MariaDBServer":
        (self.directory / "my.cnf").write_text(SETTINGS)
        done = subprocess.run(
            unprivileged(
                _program("mariadb-install-db"), "--no-defaults", f"--datadir={self.data}", "--skip-test-db",
                "--auth-root-authentication-method=normal", "--skip-name-resolve",
            ),
            capture_output=True, text=True, cwd="/",
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"mariadb-install-db ended with {done.returncode}:\n{(done.stdout + done.stderr)[-4000:]}")
        self.start()
        return self

    def start(self) -> None:
        self.launch()
        wait_until(self.ready, 60, what=f"{self.family} at {self.directory}")

    def launch(self) -> None:
        command = [
            _program("mariadbd"), f"--defaults-file={self.directory}/my.cnf", f"--datadir={self.data}",
            f"--socket={self.socket}", f"--port={self.port}", f"--pid-file={self.directory}/pid",
            f"--server-id={self.server_id}",
            # A starting server deletes what it takes for left over temporary tables, others' too.
            f"--tmpdir={self.directory}",
        ]  # fmt: skip
        self.process = Process(mortal(*unprivileged(*command), signal_name="KILL"), self.directory / "server.log")

    def ready(self) -> bool:
        if not self.process.alive():
            raise RuntimeError(f"{self.family} ended:\n{self.process.log()[-4000:]}")
        try:
            self.admin().close()
            return True
        except (OSError, WireError):
            return False

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process:
            self.process.stop(number, 20)

    def remove(self) -> None:
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def admin(self, database: str = "") -> Connection:
        """A superuser connection past every pooler."""
        return Connection(unix=str(self.socket), user="root", database=database)

    def connect(self, user: str = "app", database: str = "app", **more) -> Connection:
        """A user's connection by TCP."""
        return Connection(port=self.port, user=user, password=self.users()[user][0], database=database, **more)

    def session(self, user: str = "app", database: str = "app", **more) -> Session:
        """The same, with what tests ask of it."""
        return Session(port=self.port, user=user, password=self.users()[user][0], database=database, **more)

    def users(self) -> dict[str, tuple[str, str]]:
        return USERS

    def query(self, sql: str, database: str = "") -> list[tuple]:
        connection = self.admin(database)
        try:
            return connection.query(sql).rows
        finally:
            connection.close()

    def execute(self, *statements: str) -> None:
        connection = self.admin()
        try:
            for statement in statements:
                connection.query(statement)
        finally:
            connection.close()

    def backends(self) -> list[dict]:
        """Connections that came by TCP: a pooler's servers."""
        rows = self.query(
            "SELECT id, user, db, command, state, info FROM information_schema.processlist "
            "WHERE host LIKE '127.0.0.1:%' AND command <> 'Binlog Dump' ORDER BY id"
        )
        return [dict(zip(("id", "user", "db", "command", "state", "info"), row)) for row in rows]

    @contextmanager
    def counting(self, user: str | None = None, dbname: str | None = None):
        """Gives a function that counts such connections, quickly."""
        sql = "SELECT COUNT(*) FROM information_schema.processlist WHERE host LIKE '127.0.0.1:%'"
        sql += f" AND user = {literal(user)}" if user else ""
        sql += f" AND db = {literal(dbname)}" if dbname else ""
        connection = self.admin()
        try:
            yield lambda: int(connection.query(sql).rows[0][0])
        finally:
            connection.close()

    def end_backends(self) -> None:
        ending = {backend["id"] for backend in self.backends()}
        for number in ending:
            try:
                self.execute(f"KILL CONNECTION {number}")
            except WireError:
                pass  # gone by itself
        # Others may come at once, of a pool that has to have some.
        wait_until(lambda: ending.isdisjoint(b["id"] for b in self.backends()), 10, what="the end of backends")


class MariaDB(MariaDBServer):
    """A primary with the users and databases of the tests."""

    def __init__(self):
        super().__init__("mariadb")

    def create(self) -> "MariaDB":
        super().create()
        self.execute(*(f"CREATE DATABASE {name}" for name in DATABASES))
        for name, (password, plugin) in USERS.items():
            self.execute(
                f"CREATE USER {name}@'127.0.0.1' IDENTIFIED VIA {plugin} USING PASSWORD({literal(password)})",
                f"GRANT ALL ON *.* TO {name}@'127.0.0.1'",
            )
        return self


class MariaDBReplica(MariaDBServer):
    _numbers = itertools.count()

    def __init__(self, primary: MariaDB):
        # A primary has no two replicas with one number.
        super().__init__("mariadb-replica", server_id=2 + next(self._numbers))
        self.primary = primary

    def create(self) -> "MariaDBReplica":
        super().create()
        password, _ = USERS["app"]
        self.execute(
            # What its own installation wrote is not part of the primary's history.
            "RESET MASTER",
            f"CHANGE MASTER TO master_host='127.0.0.1', master_port={self.primary.port}, master_user='app', "
            f"master_password={literal(password)}, master_use_gtid=slave_pos",
            "SET GLOBAL read_only = ON",
            "START SLAVE",
        )
        self.caught_up()
        return self

    def caught_up(self) -> None:
        position = self.primary.query("SELECT @@gtid_binlog_pos")[0][0]
        reached = self.query(f"SELECT MASTER_GTID_WAIT({literal(position)}, 30)")[0][0]
        if reached != "0":
            raise RuntimeError(f"the replica did not reach {position}:\n{self.process.log()[-4000:]}")


processes.raise_descriptor_limit()
