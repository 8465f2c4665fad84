"""What is run, in which order: sections, and in each section rounds in which every target has its turn."""
import time
from dataclasses import dataclass
from pathlib import Path

from . import sysbench
from .backends import Instant, Postgres
from .mysql_backends import InstantMySQL, MariaDB
from .postgres_client import NotAnswering
from .targets import Unavailable
from .workloads import CROWD_WARM_UP, WARM_UP, Failed, bulk, crowds_the_server, idle, pgbench

BACKENDS = {kind.name: kind for kind in (Instant, Postgres, InstantMySQL, MariaDB)}
PROTOCOLS = ("postgres", "mysql")
CLIENTS = {"postgres": (1, 16, 64, 200, 2000), "mysql": (1, 16, 64, 200)}
MODES = ("simple", "extended", "prepared")
CONNECT_CLIENTS = 16


@dataclass(frozen=True)
class Section:
    backend: str
    workload: str         # simple, extended, prepared, connect, idle, bulk; point-text and its like are sysbench's
    clients: tuple = (0,)

    @property
    def name(self) -> str:
        return f"{self.backend} {self.workload}"


@dataclass
class Options:
    rounds: int = 5
    seconds: float = 3
    idle_clients: int = 5000
    bulk_mebibytes: int = 1024
    syscall_window: type = None


def sections(protocol: str, clients: tuple) -> list:
    return (_postgres if protocol == "postgres" else _mysql)(tuple(clients))


def _mysql(clients: tuple) -> list:
    found = [Section("instant-mysql", name, clients) for name in sysbench.WORKLOADS if name.startswith("point")]
    return found + [Section("mariadb", name, clients) for name in sysbench.WORKLOADS]


def _postgres(clients: tuple) -> list:
    found = []
    for backend in ("instant", "real"):
        found += [Section(backend, mode, clients) for mode in MODES]
        found += [Section(backend, "connect", (CONNECT_CLIENTS,)), Section(backend, "bulk")]
        if backend == "instant":
            found.append(Section(backend, "idle"))
    return found


class Only:
    """`--only` words: targets, backends, workloads and client counts; words of one kind add up, kinds narrow down."""

    def __init__(self, words: list, targets: list):
        self.targets = {w for w in words if w in {t.name for t in targets}}
        if "headgate" in words:
            self.targets |= {t.name for t in targets if t.name.startswith("headgate")}
        self.backends = {w for w in words if w in BACKENDS}
        self.workloads = {w for w in words if w in (*MODES, *sysbench.WORKLOADS, "connect", "idle", "bulk")}
        kinds = {w for w in words if w in sysbench.SCRIPTS}
        self.workloads |= {w for w in sysbench.WORKLOADS if w.split("-")[0] in kinds}
        self.clients = {int(w) for w in words if w.isdigit()}
        known = self.targets | self.backends | self.workloads | {str(c) for c in self.clients} | kinds | {"headgate"}
        self.unknown = [w for w in words if w not in known]

    def target(self, target) -> bool:
        return not self.targets or target.name in self.targets

    def narrow(self, section: Section):
        """The part of a section that is asked for, or None."""
        if self.backends and section.backend not in self.backends:
            return None
        if self.workloads and section.workload not in self.workloads:
            return None
        if self.clients and section.workload in (*MODES, *sysbench.WORKLOADS):
            wanted = tuple(c for c in section.clients if c in self.clients)
            wanted += tuple(sorted(self.clients - set(section.clients)))
            return Section(section.backend, section.workload, wanted) if wanted else None
        return section


class Runner:
    """Runs sections and collects records: one dictionary for each run of each target."""

    def __init__(self, targets: list, options: Options, scratch: Path, say=print):
        self.targets = targets
        self.options = options
        self.scratch = scratch
        self.say = say
        self.records = []
        self.skipped = {}

    def run(self, wanted: list) -> None:
        for name in BACKENDS:
            mine = [section for section in wanted if section.backend == name]
            if not mine:
                continue
            self.say(f"starting backend {name}")
            home = self.scratch / name
            home.mkdir()
            home.chmod(0o755)
            backend = BACKENDS[name](home)
            try:
                for section in mine:
                    self._section(section, backend)
            finally:
                backend.stop()

    def _section(self, section: Section, backend) -> None:
        targets = [t for t in self.targets if backend.protocol in t.protocols and self._can(t, section.workload)]
        fresh_each_round = section.workload == "idle"
        started = [] if fresh_each_round else [t for t in targets if self._start(t, backend)]
        try:
            for number in range(1, self.options.rounds + 1):
                for clients in section.clients:
                    for target in targets if fresh_each_round else started:
                        if fresh_each_round and not self._start(target, backend):
                            continue
                        if number > 1 and crowds_the_server(backend, target, clients):
                            continue  # half a minute each, for a figure nobody is held to: once is enough
                        self._one(section, backend, target, clients, number)
                        if fresh_each_round:
                            target.stop()
        finally:
            for target in targets:
                target.stop()

    def _can(self, target, workload: str) -> bool:
        if workload == "prepared":
            return target.prepared
        return not (workload == "idle" and target.name == "direct")

    def _start(self, target, backend) -> bool:
        try:
            home = self.scratch / target.name
            home.mkdir(exist_ok=True)
            home.chmod(0o777)  # some of them drop root
            target.start(backend, home)
            return True
        except (Unavailable, NotAnswering) as why:
            if self.skipped.get(target.name) != str(why):
                self.say(f"skipping {target.name}: {why}")
            self.skipped[target.name] = str(why)
            return False

    def _one(self, section: Section, backend, target, clients: int, number: int) -> None:
        record = {"backend": section.backend, "workload": section.workload, "clients": clients,
                  "target": target.name, "round": number}
        try:
            if target.daemon and not target.daemon.alive:
                words = target.daemon.last_words()
                target.stop()
                target.start(backend, self.scratch / target.name)
                raise Failed(f"it had died since the run before and was restarted; its last words: {words}")
            record |= self._measure(section, backend, target, clients, number)
        except Exception as why:  # one target's failure is a finding, not the end of the night's run
            record["failed"] = f"{type(why).__name__}: {why}"
            if target.daemon and not target.daemon.alive:
                record["failed"] = f"it died: {target.daemon.last_words()}"
        self.records.append(record)
        self.say(f"{time.strftime('%H:%M:%S')} {line(record)}")
        backend.settle()

    def _measure(self, section: Section, backend, target, clients: int, number: int) -> dict:
        if section.workload == "idle":
            return idle(target, self.options.idle_clients)
        if section.workload == "bulk":
            return bulk(target, backend.bulk_statement(self.options.bulk_mebibytes))
        window = self.options.syscall_window if number == 1 else None
        if section.workload in sysbench.WORKLOADS:
            return sysbench.sysbench(target, section.workload, clients, self.options.seconds, window)
        warm_up = CROWD_WARM_UP if crowds_the_server(backend, target, clients) else WARM_UP
        return pgbench(target, section.workload, clients, self.options.seconds, self.scratch, window, warm_up)


def line(record: dict) -> str:
    """One run in one line, for whoever watches."""
    head = f"{record['backend']:13} {record['workload']:14} {record['clients'] or '':>4} {record['target']:10}"
    head += f" #{record['round']}"
    if "failed" in record:
        return f"{head} FAILED {record['failed']}"
    if "login_bytes" in record:
        return f"{head} {record['login_bytes']:8.0f} B logged in {record['query_bytes']:8.0f} B after a query"
    if "gib" in record:
        cpu = f"{record['cpu_s_per_gib']:6.2f} CPU s/GiB" if "cpu_s_per_gib" in record else ""
        return f"{head} {record['mib_per_s']:8.0f} MiB/s {cpu}"
    text = f"{head} {record.get('qps', record['tps']):8.0f}/s p99 {record['p99_ms']:7.2f} ms"
    if "cpu_us" in record:
        text += f" CPU {record['cpu_us']:6.2f} µs"
    if "syscalls" in record:
        text += f" calls {record['syscalls']['total']:5.2f}"
    return text
