"""Runs a siege, and looks how somebody who behaves fares meanwhile."""

from __future__ import annotations

import signal
import socket
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from support.mysql_session import Session
from support.processes import Process, mortal, wait_until
from support.wire import Wire

from .attackers import SOURCES

SAMPLES = 60


@dataclass
class Phase:
    """How long the well-behaved took to log in and have one statement answered, in milliseconds."""

    name: str
    times: list[float] = field(default_factory=list)
    rss: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.times)

    def __str__(self) -> str:
        ordered = sorted(self.times)
        return (f"{self.name:24} login median {self.median:7.2f} ms, 95 % {ordered[len(ordered) * 95 // 100]:7.2f} ms, "
                f"{len(ordered)} logins, memory {self.rss >> 20} MiB")  # fmt: skip


@dataclass
class Outcome:
    idle: Phase
    half_open: Phase
    wrong: Phase
    both: Phase
    #: Rows of the console at the end.
    logins: dict
    sources: list[dict]
    #: How long one patient client at a besieged address waited to be told, attempt by attempt, in seconds.
    waits: list[float]
    #: A right password from a besieged address, in milliseconds.
    neighbour: float

    @property
    def ratio(self) -> float:
        return max(p.median for p in (self.half_open, self.wrong, self.both)) / self.idle.median


class Siege:
    def __init__(self, pooler, half_open: int, wrong: int, parallel: int = 50):
        self.pooler, self.wanted, self.wrong, self.parallel = pooler, half_open, wrong, parallel
        self.protocol = getattr(pooler, "protocol", "postgres")
        self.password = pooler.options.users["app"]["password"]
        self.attackers: list[Process] = []

    def login(self, password: str | None = None, source: str = "127.0.0.1") -> float:
        """Logs in from an address and asks one thing; how long that took, in seconds."""
        start = time.monotonic()
        password = self.password if password is None else password
        connect, there = socket.create_connection, (source, 0)
        # Both clients connect by this name.
        socket.create_connection = lambda address, timeout=None: connect(address, timeout, there)
        try:
            if self.protocol == "postgres":
                with_one = Wire("127.0.0.1", self.pooler.port, 60).login("app", password, "app")
                with_one.value("SELECT 1")
            else:
                with_one = Session(port=self.pooler.port, user="app", password=password, database="app", timeout=60)
                with_one.query("SELECT 1")
        finally:
            socket.create_connection = connect
        took = time.monotonic() - start
        with_one.socket.close()
        return took

    def observe(self, name: str, until=lambda: True) -> Phase:
        """At least `SAMPLES` logins, and on until a condition holds."""
        phase = Phase(name)
        while len(phase.times) < SAMPLES or not until():
            phase.times.append(self.login() * 1000)
            phase.rss = max(phase.rss, self.pooler.rss())
            time.sleep(0.02)
        print(phase, flush=True)
        return phase

    def counters(self) -> dict:
        return self.pooler.console("SHOW LOGINS")[0]

    def run(self) -> Outcome:
        try:
            return self.besiege()
        finally:
            for attacker in self.attackers:
                attacker.stop(signal.SIGKILL)

    def attack(self, kind: str, count: int, parallel: int = 0) -> Process:
        command = [sys.executable, "-m", "siege.attackers", kind, self.pooler.port, self.protocol, count, parallel]
        log = self.pooler.directory / f"attackers-{len(self.attackers)}.log"
        home = Path(__file__).resolve().parents[1]
        self.attackers.append(Process(mortal(*map(str, command), signal_name="KILL"), log, cwd=home))
        return self.attackers[-1]

    def besiege(self) -> Outcome:
        for _ in range(5):
            self.login()
        idle = self.observe("idle")
        crowd = self.attack("half-open", self.wanted)
        # As many as are let stay; the rest comes and is sent away.
        enough = min(self.wanted, int(self.counters()["max_login_clients"])) * 0.95
        tried = lambda: self.counters()["logging_in"] + int(self.counters()["crowded_out"])  # noqa: E731
        wait_until(lambda: self.counters()["logging_in"] >= enough and tried() >= self.wanted * 0.95, 120, 0.2, "a crowd")
        half_open = self.observe(f"{self.wanted} half-open")
        thieves = self.thieves(self.wrong // 2)
        both = self.observe("and wrong passwords", self.robbed(thieves))
        crowd.stop(signal.SIGKILL)
        wait_until(lambda: self.counters()["logging_in"] < 500, 60, 0.2, "the end of the crowd")
        thieves = self.thieves(self.wrong - self.wrong // 2)
        wrong = self.observe(f"{self.wrong} wrong passwords", self.robbed(thieves))
        waits = [self.refused_after(SOURCES[0]) for _ in range(2)]
        neighbour = self.login(source=SOURCES[0]) * 1000
        # The machine may have had other work when it began.
        idle.times += self.observe("idle again").times
        return Outcome(
            idle, half_open, wrong, both, self.counters(), self.pooler.console("SHOW FAILED_LOGINS"), waits, neighbour
        )

    def thieves(self, count: int) -> list[Process]:
        return [self.attack("wrong-passwords", count // 2, self.parallel // 2) for _ in range(2)]

    @staticmethod
    def robbed(thieves: list[Process]):
        def all_gone() -> bool:
            gone = [thief for thief in thieves if not thief.alive()]
            assert all(thief.child.returncode == 0 for thief in gone), gone[0].log()
            return len(gone) == len(thieves)

        return all_gone

    def refused_after(self, source: str) -> float:
        start = time.monotonic()
        try:
            self.login("wrong", source)
        except Exception as error:  # noqa: BLE001 - each client has its own
            assert "denied" in str(error) or "failed" in str(error), error
            return time.monotonic() - start
        raise AssertionError("let in with a wrong password")
