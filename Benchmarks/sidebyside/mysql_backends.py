"""The servers behind the proxies for MySQL's protocol: a real MariaDB, and one that answers at once."""
import shutil
import signal
import subprocess
from pathlib import Path

from . import mysql_client
from .machine import DATABASE, PASSWORD, USER, WORKLOAD_CORE, compile_c, free_port, server_program, unprivileged
from .process import Daemon
from .sysbench import prepare

SETTINGS = """
[mariadbd]
bind_address = 127.0.0.1
skip_name_resolve
max_connections = 1000
thread_cache_size = 1000
innodb_buffer_pool_size = 256M
innodb_flush_log_at_trx_commit = 0
innodb_flush_method = nosync
debug_no_sync
"""


class InstantMySQL:
    """A canned server of ours: every query is answered in a few µs, so the proxy is what is measured."""

    name = "instant-mysql"
    protocol = "mysql"
    wait_until_answering = staticmethod(mysql_client.wait_until_answering)

    def __init__(self, scratch: Path):
        self.port = free_port()
        self.daemon = Daemon([compile_c("instant_mysql"), self.port], str(WORKLOAD_CORE), scratch / "instant.log")
        self.wait_until_answering(self.port, self.daemon)

    def settle(self) -> None:
        pass

    def stop(self) -> None:
        self.daemon.stop()


class MariaDB:
    """A throwaway MariaDB with sysbench's table in it, all in the buffer pool."""

    name = "mariadb"
    protocol = "mysql"
    wait_until_answering = staticmethod(mysql_client.wait_until_answering)

    def __init__(self, scratch: Path):
        self.port = free_port()
        options = unprivileged()
        if options:
            shutil.chown(scratch, options["user"], options["group"])
        (scratch / "my.cnf").write_text(SETTINGS)
        (scratch / "first.sql").write_text(
            f"CREATE DATABASE {DATABASE};\n"
            f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON {DATABASE}.* TO {USER}@'127.0.0.1';\n")
        log = scratch / "mariadb.log"
        with open(log, "ab") as out:
            subprocess.run(
                ["mariadb-install-db", f"--defaults-file={scratch}/my.cnf", f"--datadir={scratch}/data",
                 "--skip-test-db", "--auth-root-authentication-method=normal", "--skip-name-resolve"],
                check=True, stdout=out, stderr=out, cwd=scratch, **options)
        self.daemon = Daemon(
            [server_program("mariadbd"), f"--defaults-file={scratch}/my.cnf", f"--datadir={scratch}/data",
             f"--socket={scratch}/s", f"--pid-file={scratch}/pid", f"--port={self.port}",
             f"--init-file={scratch}/first.sql"],
            str(WORKLOAD_CORE), log, stop_with=signal.SIGTERM, cwd=scratch, **options)
        try:
            self.wait_until_answering(self.port, self.daemon, 60)
            prepare(self.port)
        except Exception:
            self.stop()
            raise

    def settle(self) -> None:
        pass

    def stop(self) -> None:
        self.daemon.stop()
