"""What stands between the tests' clients and MariaDB or MySQL: Headgate, or nothing (HEADGATE_POOLER, as in pooler.py)."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pymysql
import pytest

from .mariadb import DATABASES, MariaDBServer
from .mysql_session import Session
from .pooler import ADMIN_PASSWORD, ADMIN_USER, KIND, Headgate, Options, Pooler
from .processes import free_port


def requires_mysql_pooler() -> None:
    if KIND == "pgbouncer":
        pytest.skip("PgBouncer does not speak MySQL's protocol")


def mysql_options(server: MariaDBServer, **changes) -> Options:
    """The settings of PostgreSQL's tests, with this server's users and databases."""
    users = {name: {"password": password} for name, (password, _) in server.users().items() if password}
    return Options(
        auth_type=None,
        databases={name: {"dbname": name} for name in DATABASES},
        users={**users, ADMIN_USER: {"password": ADMIN_PASSWORD}},
    ).with_(**changes)


class Face:
    """What a test sees of either kind, in the words of MySQL."""

    server: MariaDBServer

    @property
    def family(self) -> str:
        return self.server.family

    def password(self, user: str) -> str:
        return self.options.users.get(user, {}).get("password", "")

    def connect(self, user: str = "app", dbname: str | None = "app", **more) -> pymysql.Connection:
        more.setdefault("autocommit", None)  # PyMySQL's own default sends SET AUTOCOMMIT = 0
        more.setdefault("connect_timeout", 20)
        more.setdefault("password", self.password(user))
        return pymysql.connect(host=self.host, port=self.port, user=user, database=dbname, **more)

    def wire(self, user: str = "app", dbname: str = "app", timeout: float = 10, **more) -> Session:
        """A raw connection, logged in."""
        more.setdefault("password", self.password(user))
        return Session(port=self.port, user=user, database=dbname, timeout=timeout, **more)

    def url(self, user: str = "app", dbname: str = "app", scheme: str = "mysql+pymysql") -> str:
        return f"{scheme}://{user}:{quote(self.password(user), safe='')}@{self.host}:{self.port}/{dbname}"

    def option_file(self, user: str = "app", **more) -> Path:
        """What programs read by --defaults-file: nothing else of the machine's configuration does then count."""
        password = self.password(user).replace("\\", "\\\\")
        lines = ["[client]", "protocol = tcp", f"host = {self.host}", f"port = {self.port}"]
        lines += [f"user = {user}", f'password = "{password}"']
        lines += [f"{key} = {value}" for key, value in more.items()]
        file = self.scratch() / f"{user}.cnf"
        file.write_text("\n".join(lines) + "\n")
        return file

    def scratch(self) -> Path:
        """Goes when the pooler goes, or with the server."""
        return getattr(self, "directory", None) or self.server.directory

    def env(self, user: str = "app", dbname: str = "app") -> dict[str, str]:
        """For programs that are told by the environment where the database is."""
        return {
            **os.environ,
            "MYSQL_HOST": self.host, "MYSQL_TCP_PORT": str(self.port), "MYSQL_USER": user,
            "MYSQL_PWD": self.password(user), "MYSQL_DATABASE": dbname,
        }  # fmt: skip

    def servers(self, user: str | None = "app", dbname: str | None = None) -> list[dict]:
        """The connections of a user as the server itself lists them."""
        found = [row for row in self.server.backends() if user is None or row["user"] == user]
        return [row for row in found if dbname is None or row["db"] == dbname]


class Direct(Face, Pooler):
    pass


class MySQLHeadgate(Face, Headgate):
    """With a second listener that speaks PostgreSQL's protocol, for the console."""

    protocol = "mysql"

    def __init__(self, server, options: Options):
        super().__init__(server, options)
        self._console_port = free_port()

    @property
    def console_port(self) -> int:
        return self._console_port

    def listeners(self) -> dict[int, str]:
        return {self.port: "mysql", self._console_port: "postgres"}


KINDS = {"headgate": MySQLHeadgate, "direct": Direct}


def make_mysql_pooler(server: MariaDBServer, options: Options | None = None, kind: str | None = None) -> Face:
    requires_mysql_pooler()
    return KINDS[kind or KIND](server, options or mysql_options(server))
