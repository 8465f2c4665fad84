"""Headgate with a MySQL listener in front of one server."""

from __future__ import annotations

from support.mariadb import MariaDBServer
from support.pooler import BINARY, Options, Started, _toml


class MySQLHeadgate(Started):
    kind = "headgate"

    def __init__(self, server: MariaDBServer, databases: dict[str, dict], users: dict[str, str], threads: int = 2, **defaults):
        super().__init__(server, Options(threads=threads, defaults=defaults))
        self.databases, self.passwords = databases, users

    def command(self) -> list[str]:
        if not BINARY.exists():
            raise RuntimeError(f"{BINARY} is missing: swift build -c release")
        return [str(BINARY), "run", "--config", str(self.directory / "headgate.toml")]

    def write(self) -> None:
        lines = [
            "[headgate]", f"threads = {self.options.threads}", "",
            "[[listen]]", 'protocol = "mysql"', f'address = "127.0.0.1:{self.port}"', "",
            "[cluster.main]", 'protocol = "mysql"', f'servers = [ {{ address = "127.0.0.1:{self.server.port}" }} ]', "",
            "[defaults]", *(f"{key} = {_toml(value, key)}" for key, value in self.options.defaults.items()),
        ]  # fmt: skip
        for name, keys in self.databases.items():
            lines += ["", f"[database.{name}]", 'cluster = "main"', *(f"{k} = {_toml(v, k)}" for k, v in keys.items())]
        for name, password in self.passwords.items():
            lines += ["", f"[user.{name}]", f"password = {_toml(password)}"]
        (self.directory / "headgate.toml").write_text("\n".join(lines) + "\n")


def start(server: MariaDBServer, pools: dict[str, int], threads: int) -> MySQLHeadgate:
    """Pools of these sizes by database, each with a second database beside it."""
    databases = {}
    for name, size in pools.items():
        databases[name] = {"dbname": name, "default_pool_size": size}
        databases[name + "b"] = {"dbname": name + "b", "default_pool_size": size}
    databases["app"] = {"dbname": "app", "default_pool_size": 2}
    users = {name: password for name, (password, _) in server.users().items()}
    made = MySQLHeadgate(server, databases, users, threads, pool_mode="transaction", query_wait_timeout=8)
    made.start()
    return made
