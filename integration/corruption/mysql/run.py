"""Runs clients, kills servers, samples memory; returns what was counted."""

from __future__ import annotations

import asyncio
import random
import signal
import time

from support.mariadb import MariaDBServer
from support.mysql_wire import WireError
from support.pooler import Pooler

from ..run import watcher
from ..tally import Tally
from .client import Client


def durable(server: MariaDBServer) -> None:
    """What was committed survives the end of the process."""
    server.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 2")


def prepare(server: MariaDBServer) -> None:
    durable(server)
    server.execute(
        "USE app", "DROP TABLE IF EXISTS corruption_rows, corruption_numbers, corruption_vanish",
        "DROP PROCEDURE IF EXISTS corruption_echo",
        "CREATE TABLE corruption_rows (i INT AUTO_INCREMENT PRIMARY KEY, token VARCHAR(80), KEY (token))",
        "CREATE TABLE corruption_vanish (i INT)",
        "CREATE TABLE corruption_numbers (i INT PRIMARY KEY)",
        "INSERT INTO corruption_numbers VALUES " + ", ".join(f"({n})" for n in range(1, 21)),
        "CREATE TABLE other.corruption_numbers LIKE corruption_numbers" if not server.query("SHOW TABLES FROM other LIKE 'corruption_numbers'") else "DO 1",
        "REPLACE INTO other.corruption_numbers SELECT * FROM corruption_numbers",
        "CREATE PROCEDURE corruption_echo(t VARCHAR(80)) BEGIN SELECT CONCAT(t, '1'); DO SLEEP(0.0005); SELECT CONCAT(t, '2'); END",
    )  # fmt: skip


async def killer(server: MariaDBServer, tally: Tally, until: float, every: float, crash_every: float) -> None:
    """Ends a random server connection of the pool every so often; now and then the server itself, which starts again."""
    next_crash = time.monotonic() + crash_every
    while time.monotonic() < until - 2:
        await asyncio.sleep(every)
        if crash_every and next_crash < time.monotonic() < until - 10:
            tally.kills["kill -9"] += 1
            await asyncio.to_thread(server.stop, signal.SIGKILL)
            server.launch()  # in this thread: the kernel ends a child with the thread that made it
            while not await asyncio.to_thread(server.ready):
                await asyncio.sleep(0.05)
            await asyncio.to_thread(durable, server)
            next_crash = time.monotonic() + crash_every
            continue
        try:
            servers = [b for b in await asyncio.to_thread(server.backends) if b["user"] == "app"]
            tally.most_servers = max(tally.most_servers, len(servers))
            if servers:
                await asyncio.to_thread(server.execute, f"KILL CONNECTION {random.choice(servers)['id']}")
                tally.kills["KILL CONNECTION"] += 1
        except (WireError, OSError):
            tally.kills["missed"] += 1


def run(
    pooler: Pooler, server: MariaDBServer, seconds: float, clients: int = 300, kill_every: float = 1.0,
    crash_every: float = 60.0, report: float = 0, without: set[str] = frozenset(),
) -> Tally:  # fmt: skip
    prepare(server)
    tally = Tally()
    login = ("app", server.users()["app"][0], "app")
    if server.family == "mysql":
        without = {*without, "last_prepared"}

    async def everything() -> None:
        until = time.monotonic() + seconds
        everybody = [Client(n, (pooler.host, pooler.port), login, tally, without) for n in range(clients)]
        watch = asyncio.create_task(watcher(pooler, tally, until, report))
        kill = asyncio.create_task(killer(server, tally, until, kill_every, crash_every)) if kill_every else None
        await asyncio.gather(*(client.run(until) for client in everybody))
        await watch
        if kill:
            await kill

    asyncio.run(everything())
    return tally
