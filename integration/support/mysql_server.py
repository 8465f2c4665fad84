"""A real MySQL server, as scripts/fetch-mysql has put it under .build/mysql; where it could not, tests skip and say so."""

from __future__ import annotations

import glob
import os
import pwd
import subprocess
from pathlib import Path

import pytest

from .mariadb import DATABASES, MariaDBServer, literal
from .processes import Process, mortal

ROOT = Path(__file__).resolve().parents[2] / ".build/mysql"

#: Users every server has: name → (password, authentication plugin). MySQL 9 has no mysql_native_password any more.
USERS = {
    "app": ("app secret", "caching_sha2_password"),
    "bob": ("bob'ß\\secret", "caching_sha2_password"),
    "sha": ("sha secret", "sha256_password"),
    "nobody": ("", "caching_sha2_password"),
}

SETTINGS = """
[mysqld]
basedir = {prefix}/usr
lc_messages_dir = {prefix}/usr/share/mysql
plugin_dir = {plugins}
secure_file_priv = ""
mysqlx = OFF
bind_address = 127.0.0.1
skip_name_resolve
max_connections = 400
innodb_buffer_pool_size = 64M
innodb_redo_log_capacity = 64M
innodb_flush_log_at_trx_commit = 0
sync_binlog = 0
gtid_mode = ON
enforce_gtid_consistency = ON
local_infile = ON
max_allowed_packet = 1G
default_time_zone = '+00:00'
"""


def why_not() -> str | None:
    """The reason why there is no MySQL here; None if there is one."""
    if not (ROOT / "version").exists():
        return "no MySQL server under .build/mysql: scripts/fetch-mysql gets it from Debian's unstable archive"
    return None


def requires_mysql() -> None:
    if reason := why_not():
        pytest.skip(reason)


class MySQL(MariaDBServer):
    """The server, run with the libc it was built for."""

    family = "mysql"
    prefix = ROOT / "prefix"

    def __init__(self):
        super().__init__("mysql")

    def users(self) -> dict[str, tuple[str, str]]:
        return USERS

    @classmethod
    def program(cls, name: str) -> list[str]:
        """One of its programs, with the loader and the libraries it was made for."""
        loader = glob.glob(f"{cls.prefix}/usr/lib64/ld-linux-*.so.2")[0]
        libraries = glob.glob(f"{cls.prefix}/usr/lib/*-linux-gnu")[0]
        return [loader, "--library-path", libraries, str(cls.prefix / name)]

    def _server(self, *arguments: str) -> list[str]:
        # As whoever runs the tests: another user may not be let into the directory the server lies in.
        return [
            *self.program("usr/sbin/mysqld"), f"--defaults-file={self.directory}/my.cnf", f"--datadir={self.data}",
            f"--user={pwd.getpwuid(os.geteuid()).pw_name}", *arguments,
        ]  # fmt: skip

    def create(self) -> "MySQL":
        plugins = glob.glob(f"{self.prefix}/usr/lib/mysql/plugin") or [f"{self.prefix}/usr/lib/mysql/plugin"]
        text = SETTINGS.format(prefix=self.prefix, plugins=plugins[0])
        (self.directory / "my.cnf").write_text(text)
        log = self.directory / "initialize.log"
        with open(log, "wb") as out:
            made = subprocess.run(
                self._server("--initialize-insecure"), stdout=out, stderr=out, cwd=self.directory
            )
        if made.returncode:
            raise RuntimeError(f"mysqld --initialize-insecure failed:\n{log.read_text(errors='replace')[-4000:]}")
        self.start()
        self.execute(*(f"CREATE DATABASE {name}" for name in DATABASES))
        for name, (password, plugin) in USERS.items():
            self.execute(
                f"CREATE USER {name}@'127.0.0.1' IDENTIFIED WITH {plugin} BY {literal(password)}",
                f"GRANT ALL ON *.* TO {name}@'127.0.0.1'",
            )
        return self

    def launch(self) -> None:
        command = self._server(
            f"--socket={self.socket}", f"--port={self.port}", f"--pid-file={self.directory}/pid",
            f"--server-id={self.server_id}", f"--tmpdir={self.directory}",
        )  # fmt: skip
        self.process = Process(mortal(*command, signal_name="KILL"), self.directory / "server.log")
