"""The servers behind the proxies: a real PostgreSQL, and one that answers at once."""
import shutil
import signal
import subprocess
import time
from pathlib import Path

from .machine import DATABASE, USER, WORKLOAD_CORE, compile_c, free_port, postgres_program, unprivileged
from .postgres_client import wait_until_answering
from .process import Daemon

SCALE = 10


class Instant:
    """A canned server of ours: every query is answered in about 5 µs, so the proxy is what is measured."""

    name = "instant"
    protocol = "postgres"
    wait_until_answering = staticmethod(wait_until_answering)

    def __init__(self, scratch: Path):
        self.port = free_port()
        self.daemon = Daemon([compile_c("instant"), self.port], str(WORKLOAD_CORE), scratch / "instant.log")
        wait_until_answering(self.port, self.daemon)

    def bulk_statement(self, mebibytes: int) -> str:
        return f"BULK {mebibytes}"

    def settle(self) -> None:
        pass

    def stop(self) -> None:
        self.daemon.stop()


class Postgres:
    """A throwaway PostgreSQL with pgbench's tables in it, all in shared buffers."""

    name = "real"
    protocol = "postgres"
    wait_until_answering = staticmethod(wait_until_answering)

    def __init__(self, scratch: Path):
        self.port = free_port()
        self.data = scratch / "data"
        self.data.mkdir(mode=0o700)
        options = unprivileged()
        if options:
            shutil.chown(self.data, options["user"], options["group"])
        log = scratch / "postgres.log"
        with open(log, "ab") as out:
            subprocess.run(
                [postgres_program("initdb"), "-D", self.data, "-U", USER, "-A", "trust", "-N", "--locale=C.UTF-8"],
                check=True, stdout=out, stderr=out, cwd=self.data, **options)
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "",
            "max_connections": 2100, "shared_buffers": "256MB", "max_wal_size": "4GB",
            "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "autovacuum": "off",
        }
        command = [postgres_program("postgres"), "-D", self.data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self.daemon = Daemon(
            command, str(WORKLOAD_CORE), log, stop_with=signal.SIGINT, cwd=self.data, **options)
        try:
            self._fill()
        except Exception:
            self.stop()
            raise

    def _fill(self) -> None:
        self._wait_for_listener()
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", USER]
        subprocess.run(["createdb", *where, DATABASE], check=True)
        subprocess.run(
            ["pgbench", *where, "-i", "-q", "-s", str(SCALE), DATABASE], check=True, capture_output=True)
        wait_until_answering(self.port, self.daemon)

    def _wait_for_listener(self) -> None:
        command = [postgres_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        for _ in range(200):
            if subprocess.run(command).returncode == 0:
                return
            if not self.daemon.alive:
                break
            time.sleep(0.1)
        raise RuntimeError(f"PostgreSQL did not start: {self.daemon.last_words()}")

    def bulk_statement(self, mebibytes: int) -> str:
        return f"SELECT repeat('x', 1013) FROM generate_series(1, {mebibytes * 1024})"

    def settle(self) -> None:
        """Waits for the sessions of a run of thousands to have gone; the next needs their slots."""
        children = Path(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children")
        deadline = time.monotonic() + 20
        while len(children.read_text().split()) > 64 and time.monotonic() < deadline:
            time.sleep(0.1)

    def stop(self) -> None:
        self.daemon.stop()
