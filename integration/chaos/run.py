"""Runs the vandals, then looks at what they left behind."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from support.pooler import Pooler
from support.postgres import USERS, PostgresServer
from support.processes import wait_until

from .client import KILLS_PGBOUNCER, START, Vandal


@dataclass
class State:
    """What may not grow."""

    fds: int
    rss: int
    servers: int


def prepare(server: PostgresServer) -> None:
    server.query("DROP TABLE IF EXISTS chaos_sink")
    server.query("CREATE TABLE chaos_sink (i int)")
    server.query("GRANT ALL ON chaos_sink TO PUBLIC")


def busy(server: PostgresServer) -> list[dict]:
    """Servers that still hold something of a client that is gone."""
    locks = server.query("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 99")
    return [b for b in server.backends() if b["state"] != "idle" or (b["pid"],) in locks]


def settle(pooler: Pooler, server: PostgresServer, clients_left: int = 0) -> State:
    """Waits until nothing runs any more, and every descriptor is a listener's or a server's."""
    wait_until(lambda: not busy(server), 30, 0.1, "idle servers")
    last = [-1]

    def steady() -> bool:
        now = pooler.fds()
        same, last[0] = now == last[0], now
        return same

    time.sleep(1)
    wait_until(steady, 20, 1, "steady descriptors")
    return State(pooler.fds(), pooler.rss(), len(server.backends()))


def rampage(pooler: Pooler, seconds: float, clients: int, seen: Counter) -> None:
    login = ("app", USERS["app"][0], "app")

    async def everybody() -> None:
        until = time.monotonic() + seconds
        await asyncio.gather(*(Vandal((pooler.host, pooler.port), login, seen).run(until) for _ in range(clients)))

    asyncio.run(everybody())


def works(pooler: Pooler) -> None:
    """A pooler that survived must serve, and give servers as new."""
    connections = [pooler.connect() for _ in range(5)]
    for connection in connections if pooler.kind == "headgate" else []:
        clean = "SELECT setting = reset_val FROM pg_settings WHERE name = 'work_mem'"
        assert connection.execute(clean).fetchone() == (True,), "a setting of a client that vanished"
    for connection in connections:
        connection.close()


def run(pooler: Pooler, server: PostgresServer, seconds: float, clients: int) -> tuple[State, State, Counter]:
    """State after a first round, so that what is kept for good is kept already, and after the second."""
    prepare(server)
    if pooler.kind == "pgbouncer":
        START.pop(KILLS_PGBOUNCER, None)
    rampage(pooler, seconds / 3, clients, Counter())
    works(pooler)
    before = settle(pooler, server)
    seen: Counter = Counter()
    rampage(pooler, seconds, clients, seen)
    works(pooler)
    after = settle(pooler, server)
    return before, after, seen


def leaks(before: State, after: State, pool: int) -> list[str]:
    found = []
    # Servers come and go within the pool; each is one descriptor.
    if after.fds - after.servers > before.fds - before.servers + 2:
        found.append(f"descriptors: {before} became {after}")
    # The connection that listens for all clients is not one of the pool.
    if after.servers > pool + 1:
        found.append(f"servers: {after.servers} with a pool of {pool}")
    if after.rss > before.rss * 1.15 + (4 << 20):
        found.append(f"memory: {before.rss >> 10} KiB became {after.rss >> 10} KiB")
    return found
