"""What stands between the tests' clients and PostgreSQL: Headgate, PgBouncer as a stand-in, or nothing.

HEADGATE_POOLER=headgate (default) | pgbouncer | direct. `direct` proves a test right: whatever a client may
expect of PostgreSQL itself must hold there.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

from .postgres import DATABASES, USERS, PostgresServer
from .processes import Process, free_port, listening, mortal, temporary_directory, unprivileged, wait_until
from .wire import Wire

KIND = os.environ.get("HEADGATE_POOLER", "headgate")
ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("HEADGATE_BINARY", ROOT / ".build/release/headgate"))
ADMIN_USER, ADMIN_PASSWORD = "dba", "dba secret"


@dataclass
class Options:
    """A pooler's settings, by the names that Headgate and PgBouncer share; durations in seconds."""

    pool_mode: str = "transaction"
    default_pool_size: int = 2
    threads: int = int(os.environ.get("HEADGATE_THREADS", 2))
    auth_type: str | None = "scram-sha-256"
    databases: dict[str, dict] = field(default_factory=lambda: {name: {"dbname": name} for name in DATABASES})
    users: dict[str, dict] = field(
        default_factory=lambda: {
            **{name: {"password": password} for name, (password, _) in USERS.items()},
            ADMIN_USER: {"password": ADMIN_PASSWORD},
        }
    )
    #: Keys of each [[app]], in their order; Headgate's alone.
    apps: list[dict] = field(default_factory=list)
    #: More keys of [defaults]: numbers are seconds where PgBouncer has seconds.
    defaults: dict = field(default_factory=dict)
    #: Keys of [headgate], in its own notation.
    general: dict = field(default_factory=dict)
    #: Keys of every [[listen]] and of [cluster.main], in its own notation.
    listen: dict = field(default_factory=dict)
    cluster: dict = field(default_factory=dict)
    #: Also listens on a unix socket in its directory.
    unix_socket: bool = False
    #: Where the servers of the cluster are; by default the one server there is.
    servers: list[str] | None = None
    #: Keys of [audit], in its own notation; None: no audit. Directory and state_dir are below the pooler's own.
    audit: dict | None = None
    #: Keys of each [[audit.sink]].
    audit_sinks: list[dict] = field(default_factory=list)
    #: For the environment of the pooler.
    env: dict[str, str] = field(default_factory=dict)
    #: Keys only one of the two has, in that one's own notation.
    headgate: dict = field(default_factory=dict)
    pgbouncer: dict = field(default_factory=dict)

    def with_(self, **changes) -> "Options":
        return replace(self, **changes)


def _is_duration(key: str) -> bool:
    return key.endswith(("_timeout", "_lifetime", "_delay", "_wait", "_interval", "_retry"))


def _toml(value, key: str = "") -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        if not _is_duration(key):
            return str(value)
        return f'"{int(value * 1000)}ms"' if value != int(value) else f'"{int(value)}s"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v, k)}" for k, v in value.items()) + " }"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


class Pooler:
    """Common face of the three."""

    kind = "direct"
    #: A test that ends the pooler says so; otherwise an end is a crash, whatever its exit code.
    may_end = False

    def __init__(self, server: PostgresServer, options: Options):
        self.server = server
        self.options = options
        self.host = "127.0.0.1"
        self.port = server.port
        self.process: Process | None = None

    @property
    def console_port(self) -> int:
        """Where PostgreSQL's protocol is spoken, which the console is asked in."""
        return self.port

    def start(self) -> "Pooler":
        return self

    def stop(self) -> None:
        pass

    def reload(self, options: Options | None = None) -> None:
        pass

    def conninfo(self, user: str = "app", dbname: str = "app", **more) -> dict:
        password = more.pop("password", None) or self.options.users.get(user, {}).get("password")
        return {"host": self.host, "port": self.port, "user": user, "password": password, "dbname": dbname, **more}

    def connect(self, user: str = "app", dbname: str = "app", **more) -> psycopg.Connection:
        more.setdefault("autocommit", True)
        more.setdefault("connect_timeout", 20)
        if self.kind == "pgbouncer":
            more.setdefault("prepare_threshold", None)
        return psycopg.connect(**self.conninfo(user, dbname, **more))

    def env(self, user: str = "app", dbname: str = "app") -> dict[str, str]:
        """For programs on libpq: psql, pgbench, pg_dump."""
        info = self.conninfo(user, dbname)
        return {
            **os.environ,
            "PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": user,
            "PGPASSWORD": info["password"], "PGDATABASE": dbname, "PGCONNECT_TIMEOUT": "20",
        }  # fmt: skip

    def url(self, user: str = "app", dbname: str = "app", scheme: str = "postgresql") -> str:
        from urllib.parse import quote

        password = quote(self.conninfo(user)["password"], safe="")
        return f"{scheme}://{user}:{password}@{self.host}:{self.port}/{dbname}"

    def console(self, statement: str) -> list[dict]:
        """One command of the console; rows by column name."""
        with psycopg.connect(
            host=self.host, port=self.console_port, user=ADMIN_USER, password=ADMIN_PASSWORD, dbname="pgbouncer",
            autocommit=True, cursor_factory=psycopg.ClientCursor, connect_timeout=10,
        ) as connection:  # fmt: skip
            cursor = connection.execute(statement)
            if cursor.description is None:
                return []
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row)) for row in cursor.fetchall()]

    def wire(self, user: str = "app", dbname: str = "app", timeout: float = 10, **startup) -> Wire:
        """A raw connection, logged in."""
        password = self.options.users.get(user, {}).get("password", "")
        return Wire(self.host, self.port, timeout).login(user, password, dbname, **startup)

    def raw(self, timeout: float = 10) -> Wire:
        """A raw connection on which nothing was said."""
        return Wire(self.host, self.port, timeout)

    def servers(self, user: str | None = "app", dbname: str | None = "app") -> list[dict]:
        return self.server.backends(user, dbname)


class Started(Pooler):
    """A pooler that is a process of its own."""

    def __init__(self, server: PostgresServer, options: Options):
        super().__init__(server, options)
        self.directory = temporary_directory(self.kind)
        self.port = free_port()

    def write(self) -> None:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> "Started":
        self.write()
        self.process = Process(
            mortal(*self.command(), signal_name="KILL"), self.directory / "pooler.log", self.options.env, cwd=Path("/")
        )
        wait_until(self._listening, 20, what=f"{self.kind} on port {self.port}")
        return self

    def _listening(self) -> bool:
        if not self.process.alive():
            raise RuntimeError(f"{self.kind} ended with {self.process.child.returncode}:\n{self.process.log()}")
        return listening(self.port)

    def stop(self) -> None:
        if self.process:
            self.process.stop(signal.SIGQUIT, 10)

    def remove(self) -> None:
        self.stop()
        if not os.environ.get("HEADGATE_KEEP"):
            shutil.rmtree(self.directory, ignore_errors=True)

    def restart(self) -> None:
        self.stop()
        self.start()

    def reload(self, options: Options | None = None) -> None:
        if options:
            self.options = options
        self.write()
        self.process.send(signal.SIGHUP)
        time.sleep(0.3)

    def log(self) -> str:
        return self.process.log()

    def fds(self) -> int:
        return self.process.fds()

    def rss(self) -> int:
        return self.process.rss()

    def cpu(self) -> float:
        return self.process.cpu()


class Headgate(Started):
    kind = "headgate"
    #: What the servers of the cluster speak.
    protocol = "postgres"

    def listeners(self) -> dict[int, str]:
        """The protocol of each port."""
        return {self.port: self.protocol}

    @property
    def socket(self) -> Path:
        """Where it listens with `unix_socket`."""
        return self.directory / f".s.PGSQL.{self.port}"

    def command(self) -> list[str]:
        if not BINARY.exists():
            raise RuntimeError(f"{BINARY} is missing: swift build -c release")
        return [str(BINARY), "run", "--config", str(self.directory / "headgate.toml")]

    def write(self) -> None:
        o = self.options
        addresses = o.servers or [f"127.0.0.1:{self.server.port}"]
        lines = [
            "[headgate]",
            f"threads = {o.threads}",
            *([f'auth_type = "{o.auth_type}"'] if o.auth_type else []),
            # Tests fail logins on purpose, all from one address; what that costs has tests of its own.
            *(f"{key} = {_toml(value, key)}" for key, value in {"auth_delay": 0, **o.general}.items()),
        ]
        if o.audit is not None and "state_dir" not in o.general:
            (self.directory / "state").mkdir(exist_ok=True)
            (self.directory / "audit").mkdir(exist_ok=True)
            lines += [f'state_dir = "{self.directory / "state"}"']
        for port, protocol in self.listeners().items():
            lines += ["", "[[listen]]", f'protocol = "{protocol}"', f'address = "127.0.0.1:{port}"']
            lines += [f"{key} = {_toml(value, key)}" for key, value in o.listen.items()]
        if o.unix_socket:
            lines += ["", "[[listen]]", f'protocol = "{self.protocol}"', f'address = "unix:{self.socket}"']
            lines += [f"{key} = {_toml(value, key)}" for key, value in o.listen.items() if not key.startswith("tls")]
        lines += [
            "",
            "[cluster.main]",
            f'protocol = "{self.protocol}"',
            f"servers = [ {', '.join(f'{{ address = {_toml(a)} }}' for a in addresses)} ]",
            *(f"{key} = {_toml(value, key)}" for key, value in o.cluster.items()),
            "",
            "[defaults]",
            f'pool_mode = "{o.pool_mode}"',
            f"default_pool_size = {o.default_pool_size}",
        ]
        lines += [f"{key} = {_toml(value, key)}" for key, value in {**o.defaults, **o.headgate}.items()]
        for name, keys in o.databases.items():
            quoted = '"*"' if name == "*" else name
            lines += ["", f"[database.{quoted}]", 'cluster = "main"']
            lines += [f"{key} = {_toml(value, key)}" for key, value in keys.items()]
        for name, keys in o.users.items():
            lines += ["", f"[user.{name}]"]
            lines += [f"{key} = {_toml(value, key)}" for key, value in keys.items()]
        for keys in o.apps:
            lines += ["", "[[app]]"]
            lines += [f"{key} = {_toml(value, key)}" for key, value in keys.items()]
        if o.audit is not None:
            lines += ["", "[audit]", "enabled = true", *(f"{key} = {_toml(value, key)}" for key, value in o.audit.items())]
            if "directory" not in o.audit:
                lines += [f'directory = "{self.directory / "audit"}"']
            for keys in o.audit_sinks:
                lines += ["", "[[audit.sink]]", *(f"{key} = {_toml(value, key)}" for key, value in keys.items())]
        lines += ["", "[console]", f"admin_users = {_toml([ADMIN_USER])}", ""]
        (self.directory / "headgate.toml").write_text("\n".join(lines))


class PgBouncer(Started):
    kind = "pgbouncer"

    def command(self) -> list[str]:
        return unprivileged("/usr/sbin/pgbouncer", str(self.directory / "pgbouncer.ini"))

    def write(self) -> None:
        o = self.options
        users = "".join(
            '"{}" "{}"\n'.format(name, keys["password"].replace('"', '""')) for name, keys in o.users.items() if "password" in keys
        )
        (self.directory / "users.txt").write_text(users)
        auth_type = "md5" if o.auth_type == "password" else o.auth_type
        lines = ["[databases]"]
        for name, keys in o.databases.items():
            more = {("pool_size" if k == "default_pool_size" else k): v for k, v in keys.items()}
            pairs = " ".join(f"{k}={v}" for k, v in more.items())
            lines.append(f"{name} = host=127.0.0.1 port={self.server.port} {pairs}")
        lines += [
            "[pgbouncer]",
            "listen_addr = 127.0.0.1",
            f"listen_port = {self.port}",
            "unix_socket_dir =",
            f"auth_type = {auth_type}",
            f"auth_file = {self.directory / 'users.txt'}",
            f"admin_users = {ADMIN_USER}",
            f"pool_mode = {o.pool_mode}",
            f"default_pool_size = {o.default_pool_size}",
            "max_client_conn = 5000",
            "server_login_retry = 0.2",
            "ignore_startup_parameters = extra_float_digits,options",
        ]
        lines += [f"{key} = {value}" for key, value in {**o.defaults, **o.pgbouncer}.items()]
        (self.directory / "pgbouncer.ini").write_text("\n".join(lines) + "\n")


KINDS = {"headgate": Headgate, "pgbouncer": PgBouncer, "direct": Pooler}


def make_pooler(server: PostgresServer, options: Options | None = None, kind: str | None = None) -> Pooler:
    return KINDS[kind or KIND](server, options or Options())
