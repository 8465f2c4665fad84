"""What is measured: each target knows how to start itself in front of a backend."""
import os
import shutil
from pathlib import Path

from .machine import DATABASE, PASSWORD, PROXY_CORE, USER, WORKLOAD_CORE, free_port, unprivileged
from .process import Daemon

POOLS = {"postgres": 20, "mysql": 16}
CLIENTS = 12000


class Unavailable(Exception):
    """The target cannot be measured here, and why."""


class Target:
    """A proxy in front of a backend. `pid` is None where there is no proxy."""

    name = ""
    protocols = ("postgres", "mysql")
    prepared = True  # can serve protocol-level prepared statements
    pools = True     # lends few servers to many clients
    patience = 15    # seconds until it answers

    def __init__(self):
        self.port = 0
        self.daemon = None

    @property
    def pid(self):
        return self.daemon.pid if self.daemon else None

    def start(self, backend, scratch: Path) -> None:
        self.port = free_port()
        scratch.mkdir(exist_ok=True)
        (scratch / "log").unlink(missing_ok=True)  # so that its last words are of this life
        self.daemon = self.launch(backend, scratch)
        try:
            backend.wait_until_answering(self.port, self.daemon, self.patience)
        except Exception as why:
            self.stop()
            raise Unavailable(str(why)) from why

    def launch(self, backend, scratch: Path) -> Daemon:
        raise NotImplementedError

    def stop(self) -> None:
        if self.daemon:
            self.daemon.stop()
            self.daemon = None


class Direct(Target):
    name = "direct"
    pools = False

    def start(self, backend, scratch: Path) -> None:
        self.port = backend.port


class PgBouncer(Target):
    name = "pgbouncer"
    protocols = ("postgres",)
    prepared = False  # Debian's 1.18, in transaction mode

    def launch(self, backend, scratch: Path) -> Daemon:
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        if not os.access(program, os.X_OK):
            raise Unavailable("pgbouncer is not installed (apt-get install pgbouncer)")
        users = scratch / "users.txt"
        users.write_text(f'"{USER}" ""\n')
        config = scratch / "pgbouncer.ini"
        config.write_text(f"""
[databases]
* = host=127.0.0.1 port={backend.port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = {POOLS["postgres"]}
max_client_conn = {CLIENTS}
listen_backlog = 4096
log_connections = 0
log_disconnections = 0
log_pooler_errors = 0
log_stats = 0
stats_period = 3600
""")
        return Daemon([program, config], str(PROXY_CORE), scratch / "log", **unprivileged())


class HAProxy(Target):
    """A TCP relay, one server connection a client: the floor of what a hop costs."""

    name = "haproxy"
    pools = False

    def launch(self, backend, scratch: Path) -> Daemon:
        program = shutil.which("haproxy") or "/usr/sbin/haproxy"
        if not os.access(program, os.X_OK):
            raise Unavailable("haproxy is not installed (apt-get install haproxy)")
        config = scratch / "haproxy.cfg"
        config.write_text(f"""
global
    nbthread 1
    maxconn {CLIENTS // 2}

defaults
    mode tcp
    maxconn {CLIENTS // 2}
    timeout connect 10s
    timeout client 1h
    timeout server 1h

frontend in
    bind 127.0.0.1:{self.port} backlog 4096
    default_backend out

backend out
    server s 127.0.0.1:{backend.port}
""")
        return Daemon([program, "-db", "-q", "-f", config], str(PROXY_CORE), scratch / "log")


class Headgate(Target):
    def __init__(self, program: Path, threads: int):
        super().__init__()
        self.program = program
        self.threads = threads
        self.name = f"headgate-{threads}"

    def launch(self, backend, scratch: Path) -> Daemon:
        if not os.access(self.program, os.X_OK):
            raise Unavailable(f"no {self.program} (swift build -c release, or --headgate PATH)")
        (scratch / "state").mkdir(exist_ok=True)
        config = scratch / "headgate.toml"
        config.write_text(f"""
[headgate]
threads = {self.threads}
state_dir = "{scratch}/state"
{'auth_type = "trust"' if backend.protocol == "postgres" else ""}
max_client_conn = {CLIENTS}
listen_backlog = 4096
log_level = "warning"
log_connections = false
log_disconnections = false
log_pooler_errors = false
log_stats = false

[[listen]]
protocol = "{backend.protocol}"
address = "127.0.0.1:{self.port}"
tls = "disable"

[cluster.bench]
protocol = "{backend.protocol}"
servers = [ {{ address = "127.0.0.1:{backend.port}" }} ]
tls = "disable"

[database.{DATABASE}]
cluster = "bench"
dbname = "{DATABASE}"
pool_mode = "transaction"
default_pool_size = {POOLS[backend.protocol]}

[user.{USER}]
max_user_connections = 0
{f'password = "{PASSWORD}"' if backend.protocol == "mysql" else ""}
""")
        cores = str(PROXY_CORE) if self.threads == 1 else f"{WORKLOAD_CORE},{PROXY_CORE}"
        return Daemon(self.command(config), cores, scratch / "log")

    def command(self, config: Path) -> list:
        return [self.program, "run", "--config", config]


def all_targets(headgate: Path) -> list:
    return [Direct(), PgBouncer(), HAProxy(), Headgate(headgate, 1), Headgate(headgate, 2)]
