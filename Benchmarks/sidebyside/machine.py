"""Where things run and what they run on."""
import glob
import os
import platform
import pwd
import random
import re
import resource
import shutil
import socket
import subprocess
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / ".build" / "bench"

WORKLOAD_CORE = 0  # the clients and the server
PROXY_CORE = 1

USER = DATABASE = PASSWORD = "bench"


def free_port() -> int:
    """A port nobody listens on, below the range outgoing connections take theirs from."""
    while True:
        port = random.randint(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def unprivileged() -> dict:
    """Arguments for Popen that drop root, for programs which refuse to run as root."""
    if os.geteuid() != 0:
        return {}
    who = pwd.getpwnam("postgres")
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}


def raise_descriptor_limit() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def postgres_program(name: str) -> str:
    """The server's own programs, which Debian keeps off the PATH; else whatever is on it."""
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    return found[-1] if found else shutil.which(name) or name


def server_program(name: str) -> str:
    """A program that ordinary users may not have on their PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin") or name


def said_by(*command: str) -> str:
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "not installed"
    return (run.stdout or run.stderr).strip().splitlines()[0] if (run.stdout or run.stderr).strip() else "?"


def describe(headgate: Path) -> dict:
    """What the results were measured on."""
    cpu = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    system = re.search(r'PRETTY_NAME="(.*)"', Path("/etc/os-release").read_text())
    memory = int(re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())[1])
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**20, 1),
        "system": system[1] if system else "?",
        "kernel": platform.release(),
        "load": os.getloadavg()[0],
        "versions": {
            "headgate": said_by(str(headgate), "version") if headgate.exists() else "not built",
            "commit": said_by("git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"),
            "pgbouncer": said_by("pgbouncer", "--version"),
            "haproxy": said_by("haproxy", "-v"),
            "postgres": said_by(postgres_program("postgres"), "--version"),
            "pgbench": said_by("pgbench", "--version"),
            "mariadb": said_by(server_program("mariadbd"), "--no-defaults", "--version").split("  ", 1)[-1],
            "sysbench": said_by("sysbench", "--version"),
        },
    }


def compile_c(name: str) -> Path:
    """Compiles Benchmarks/instant/NAME.c when it is newer than what was compiled before."""
    source = REPOSITORY / "Benchmarks" / "instant" / f"{name}.c"
    program = BUILD / name
    BUILD.mkdir(parents=True, exist_ok=True)
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source], check=True)
    return program
