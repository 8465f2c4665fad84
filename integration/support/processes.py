"""Child processes: started as an ordinary user, watched through /proc, gone when the tests are."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

SERVER_USER = "postgres"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGESIZE")


def raise_descriptor_limit() -> None:
    """Thousands of clients live in one process; take all the kernel gives."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_port() -> int:
    """A port nobody listens on; outside the ephemeral range, so that no client socket takes it meanwhile."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        low = int(f.read().split()[0])
    base, span = 15000, max(1000, min(low, 32000) - 15000)
    # Runs side by side (pytest-xdist) keep to their own part, or two could find the same port free.
    parts = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    span //= parts
    base += span * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    start = int.from_bytes(os.urandom(4), "big") % span
    for step in range(span):
        port = base + (start + step) % span
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


def temporary_directory(name: str) -> Path:
    """A directory that the server user can write to."""
    path = Path(tempfile.mkdtemp(prefix=f"headgate-{name}-"))
    if os.geteuid() == 0:
        shutil.chown(path, SERVER_USER, SERVER_USER)
    return path


def unprivileged(*command: str) -> list[str]:
    """The command as the server user, since PostgreSQL and PgBouncer refuse to run as root."""
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", f"--reuid={SERVER_USER}", f"--regid={SERVER_USER}", "--init-groups", *command]


def mortal(*command: str, signal_name: str = "INT") -> list[str]:
    """The command, told to end when the tests' process ends, whatever way that happens."""
    prefix = ["setpriv", f"--pdeathsig={signal_name}"]
    if os.geteuid() == 0 and command[0] == "setpriv":
        return [*prefix, *command[1:]]
    return [*prefix, *command]


class Process:
    """A running child with its output in a file."""

    def __init__(self, command: list[str], log: Path, env: dict[str, str] | None = None, cwd: Path | None = None):
        self.log_path = log
        with open(log, "ab") as out:
            self.child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd or log.parent,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.child.pid

    def alive(self) -> bool:
        return self.child.poll() is None

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def send(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGINT, timeout: float = 10) -> int | None:
        """Ask, wait, then insist."""
        if self.alive():
            self.child.send_signal(number)
            try:
                self.child.wait(timeout)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait(5)
        return self.child.returncode

    def fds(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def rss(self) -> int:
        """Resident bytes."""
        with open(f"/proc/{self.pid}/statm") as f:
            return int(f.read().split()[1]) * PAGE

    def cpu(self) -> float:
        """Seconds of CPU, user and system, since the start."""
        with open(f"/proc/{self.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def wait_until(condition, timeout: float = 10, interval: float = 0.02, what: str = "condition"):
    """Polls until the condition is true; returns its value. Tests wait for facts, never for time."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} not reached in {timeout} s (last value: {value!r})")
        time.sleep(interval)


def listening(port: int) -> bool:
    """Does somebody listen? Asked of the kernel, since connecting would already be a client that vanishes."""
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as f:
                if any(line.split()[1].endswith(wanted) and line.split()[3] == "0A" for line in f):
                    return True
        except FileNotFoundError:
            continue
    return False
