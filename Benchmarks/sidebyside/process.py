"""Processes pinned to cores, and what the kernel knows of them."""
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")


@dataclass
class Usage:
    """What a process has used so far, over all its threads.

    `cpu_us` is the scheduler's own sum (nanosecond clock). `user_us` and `system_us` are the kernel's split of it, which
    it samples at its ticks: good for shares over seconds, not for totals.
    """

    at: float
    cpu_us: float
    user_us: float
    system_us: float
    switches: int

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(
            self.at - other.at, self.cpu_us - other.cpu_us, self.user_us - other.user_us,
            self.system_us - other.system_us, self.switches - other.switches)


def usage(pid: int) -> Usage:
    run_ns, switches = 0, 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        run_ns += int((task / "schedstat").read_text().split()[0])
        found = re.search(r"^voluntary_ctxt_switches:\s*(\d+)", (task / "status").read_text(), re.M)
        switches += int(found[1])
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Usage(time.time(), run_ns / 1000, int(fields[11]) * TICK_US, int(fields[12]) * TICK_US, switches)


def resident_bytes(pid: int) -> int:
    """Resident set, exactly: VmRSS lags behind by per-CPU counters."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(re.search(r"^Rss:\s*(\d+)", text, re.M)[1]) * 1024
    except OSError:
        text = Path(f"/proc/{pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s*(\d+)", text, re.M)[1]) * 1024


class Daemon:
    """A server process of ours, pinned to `cores`; its output goes to `log`. It dies with us, however we die."""

    def __init__(self, command: list, cores: str, log: Path, stop_with: int = signal.SIGTERM, **options):
        self.log = log
        self.stop_with = stop_with
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", cores, *map(str, command)], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                **options)
        self.pid = self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def last_words(self, count: int = 3) -> str:
        """What its log says of a crash, else how it ends; and how the process ended."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        grave = [text for text in lines if re.search(r"fatal|crash|corrupt|free\(\)|panic", text, re.I)]
        said = " / ".join((grave or lines)[-count:]) or "it said nothing"
        status = self.process.poll()
        return said if status is None else f"{said} (exit status {status})"

    def stop(self) -> None:
        for sig, patience in ((self.stop_with, 10), (signal.SIGKILL, 10)):
            if not self.alive:
                return
            self.process.send_signal(sig)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
