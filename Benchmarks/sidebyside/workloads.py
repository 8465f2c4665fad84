"""The workloads. Each runs against one port and returns what was measured, per transaction where that means anything."""
import math
import signal
import subprocess
import time
from pathlib import Path

from .backends import SCALE
from .machine import DATABASE, USER, WORKLOAD_CORE, compile_c
from .process import resident_bytes, usage

WARM_UP = 0.5
SYSCALL_WINDOW = 1.0
LONG = 900  # pgbench's -T, which counts connecting in; we end it ourselves

# A PostgreSQL with this many processes of its own needs seconds until every one of them has had the core once.
CROWD = 1000
CROWD_WARM_UP = 4.0

# pgbench -S, to the letter. As a file, because for its built-in scripts pgbench first asks the server questions that
# the instant backend has no answer to.
SELECT_ONLY = """\\set aid random(1, 100000 * :scale)
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
"""


class Failed(Exception):
    pass


def on_workload_core(*command) -> list:
    return ["taskset", "-c", str(WORKLOAD_CORE), *map(str, command)]


def percentile(ordered: list, share: float) -> float:
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def finished(log: bytes, windows: list) -> list:
    """Latencies in µs of the transactions that ended in each (begin, end) window of pgbench's log."""
    latencies = [[] for _ in windows]
    for line in log.splitlines():
        fields = line.split()
        if len(fields) < 6:
            continue
        at = int(fields[4]) + int(fields[5]) / 1e6
        for (begin, end), bucket in zip(windows, latencies):
            if begin <= at < end:
                bucket.append(int(fields[2]))
    return latencies


def crowds_the_server(backend, target, clients: int) -> bool:
    """Whether this run gives every client a server process."""
    return backend.name == "real" and not target.pools and clients >= CROWD


def pgbench(
    target, mode: str, clients: int, seconds: float, scratch: Path, syscall_window=None, warm_up: float = WARM_UP
) -> dict:
    """Runs pgbench and measures a window inside the run, after everyone is connected and warm.

    The window's transactions are those whose end pgbench logged in it; the window's CPU is what the kernel charged to
    the proxy between the same two instants. Connecting is in neither, except in mode `connect` (pgbench -C).
    """
    script = scratch / "select.sql"
    script.write_text(SELECT_ONLY)
    for old in scratch.glob("latency.*"):
        old.unlink()
    how = ["-M", "simple", "-C"] if mode == "connect" else ["-M", mode]
    command = on_workload_core(
        "pgbench", "-n", "-h", "127.0.0.1", "-p", target.port, "-U", USER, "-f", script, "-D", f"scale={SCALE}",
        *how, "-c", clients, "-j", 1, "-T", LONG, "--log", "--log-prefix", scratch / "latency", DATABASE)
    bench = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        _wait_for_first_transactions(bench, scratch)
        time.sleep(warm_up)
        before = usage(target.pid) if target.pid else None
        begin = time.time()
        time.sleep(seconds)
        after = usage(target.pid) if target.pid else None
        windows = [(before.at, after.at) if before else (begin, time.time())]
        calls = None
        if syscall_window and target.pid:
            counting = syscall_window(target.pid)
            try:
                call_begin, call_end, calls = counting.measure(SYSCALL_WINDOW)
            finally:
                counting.close()
            windows.append((call_begin, call_end))
        bench.send_signal(signal.SIGALRM)  # what ends a -T run: transactions in flight finish, the log is flushed
        said, _ = bench.communicate(timeout=60)
    except BaseException:
        if bench.poll() is None:
            bench.kill()
            bench.communicate()
        raise
    if bench.returncode != 0:
        raise Failed(_complaint(said))
    log = b"".join(path.read_bytes() for path in scratch.glob("latency.*"))
    latencies = finished(log, windows)
    return _result(latencies, windows, after - before if before else None, calls)


def _wait_for_first_transactions(bench, scratch: Path) -> None:
    deadline = time.monotonic() + 90
    while not any(path.stat().st_size for path in scratch.glob("latency.*")):
        if bench.poll() is not None:
            raise Failed(_complaint(bench.communicate()[0]))
        if time.monotonic() > deadline:
            raise Failed("no transaction within 90 s")
        time.sleep(0.01)


def _complaint(said: str) -> str:
    lines = [line for line in said.splitlines() if "error" in line or "FATAL" in line]
    return (lines or said.strip().splitlines() or ["pgbench said nothing"])[0]


def _result(latencies: list, windows: list, used, calls) -> dict:
    ordered = sorted(latencies[0])
    count = len(ordered)
    if not count:
        raise Failed("no transaction ended in the window")
    result = {
        "transactions": count,
        "tps": count / (windows[0][1] - windows[0][0]),
        "p50_ms": percentile(ordered, 0.50) / 1000,
        "p95_ms": percentile(ordered, 0.95) / 1000,
        "p99_ms": percentile(ordered, 0.99) / 1000,
    }
    if used:
        result |= {
            "cpu_us": used.cpu_us / count,
            "user_share": used.user_us / max(1, used.user_us + used.system_us),
            "busy": used.cpu_us / 1e6 / used.at,
            "switches": used.switches / count,
        }
    if calls and latencies[1]:
        result["syscalls"] = {name: value / len(latencies[1]) for name, value in calls.items()}
    return result


def idle(target, clients: int) -> dict:
    """Resident bytes a client: logged in only, and after each has run one query."""

    def hold(count: int):
        process = subprocess.Popen(
            on_workload_core(compile_c("client"), "idle", target.port, count), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        sizes = []
        try:
            for _ in ("login", "query"):
                if not process.stdout.readline():
                    raise Failed(process.communicate()[1].strip())
                time.sleep(1.5 if count > 100 else 0.3)
                sizes.append(resident_bytes(target.pid))
                process.stdin.write("\n")
                process.stdin.flush()
            process.communicate(timeout=60)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        return sizes

    hold(20)  # servers connected, first slabs allocated
    time.sleep(0.3)
    empty = resident_bytes(target.pid)
    after_login, after_query = hold(clients)
    return {
        "empty_bytes": empty,
        "login_bytes": (after_login - empty) / clients,
        "query_bytes": (after_query - empty) / clients,
    }


def bulk(target, statement: str) -> dict:
    """Streams one large result to a client that throws it away."""
    before = usage(target.pid) if target.pid else None
    run = subprocess.run(
        on_workload_core(compile_c("client"), "bulk", target.port, statement), capture_output=True, text=True,
        timeout=300)
    if run.returncode != 0:
        raise Failed(run.stderr.strip())
    received, seconds = run.stdout.split()
    gib = int(received) / 2**30
    result = {"gib": gib, "mib_per_s": gib * 1024 / float(seconds)}
    if before:
        used = usage(target.pid) - before
        result |= {
            "cpu_s_per_gib": used.cpu_us / 1e6 / gib,
            "user_share": used.user_us / max(1, used.user_us + used.system_us),
        }
    return result
