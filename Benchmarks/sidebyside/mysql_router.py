"""MySQL Router, where scripts/fetch-mysql router has put it."""
from pathlib import Path

from .machine import PROXY_CORE, REPOSITORY
from .process import Daemon
from .targets import Target, Unavailable

HOME = REPOSITORY / ".build" / "mysql-router"


def version() -> str:
    said = HOME / "version"
    return said.read_text().strip() if said.exists() else "no MySQL Router"


class MySQLRouter(Target):
    """Passes connections on, one server connection a client, and looks at none of the packages."""

    name = "router"
    protocols = ("mysql",)
    pools = False

    def launch(self, backend, scratch: Path) -> Daemon:
        prefix = HOME / "prefix/usr"
        loaders = list(prefix.glob("lib64/ld-linux-*.so.2"))
        if not loaders or not (HOME / "version").exists():
            raise Unavailable("MySQL Router is not there (scripts/fetch-mysql router)")
        libraries = [*prefix.glob("lib/*-linux-gnu"), prefix / "lib/mysql-router"]
        config = scratch / "router.conf"
        config.write_text(f"""
[DEFAULT]
plugin_folder = {prefix}/lib/mysqlrouter/plugin
logging_folder =
runtime_folder = {scratch}
data_folder = {scratch}

[logger]
level = warning

[io]
threads = 1

[routing:bench]
bind_address = 127.0.0.1
bind_port = {self.port}
destinations = 127.0.0.1:{backend.port}
routing_strategy = first-available
protocol = classic
client_ssl_mode = PASSTHROUGH
server_ssl_mode = AS_CLIENT
""")
        command = [loaders[0], "--library-path", ":".join(map(str, libraries)), prefix / "bin/mysqlrouter", "-c", config]
        return Daemon(command, str(PROXY_CORE), scratch / "log")
