"""Headgate with a MySQL listener in front of one server."""

from __future__ import annotations

from support.mariadb import MariaDBServer
from support.pooler import BINARY, Options, Started, _toml


class MySQLHeadgate(Started):
    """`pools` are (server, database, size); each pool has one of the same size beside it, for the database's name with a `b`."""

    kind = "headgate"

    def __init__(self, pools: list[tuple[MariaDBServer, str, int]], threads: int = 2, **defaults):
        super().__init__(pools[0][0], Options(threads=threads, defaults=defaults))
        self.pools = pools

    def command(self) -> list[str]:
        if not BINARY.exists():
            raise RuntimeError(f"{BINARY} is missing: swift build -c release")
        return [str(BINARY), "run", "--config", str(self.directory / "headgate.toml")]

    def write(self) -> None:
        lines = [
            "[headgate]", f"threads = {self.options.threads}", "",
            "[[listen]]", 'protocol = "mysql"', f'address = "127.0.0.1:{self.port}"', "",
            "[defaults]", *(f"{key} = {_toml(value, key)}" for key, value in self.options.defaults.items()),
        ]  # fmt: skip
        for number, (server, name, size) in enumerate(self.pools):
            address = f'[ {{ address = "127.0.0.1:{server.port}" }} ]'
            lines += ["", f"[cluster.main{number}]", 'protocol = "mysql"', f"servers = {address}"]
            for database in (name, name + "b"):
                lines += ["", f"[database.{database}]", f'cluster = "main{number}"', f"default_pool_size = {size}"]
        for name, (password, _) in self.server.users().items():
            if not password:
                continue  # refused by Headgate
            lines += ["", f"[user.{name}]", f"password = {_toml(password)}"]
        (self.directory / "headgate.toml").write_text("\n".join(lines) + "\n")


def start(pools: list[tuple[MariaDBServer, str, int]], threads: int = 2) -> MySQLHeadgate:
    made = MySQLHeadgate(pools, threads, pool_mode="transaction", query_wait_timeout=8)
    made.start()
    return made
