"""All clients, the killer, and the watcher."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time

import psycopg

from support.pooler import Pooler
from support.postgres import USERS, PostgresServer

from .client import Client
from .tally import Tally


def prepare(server: PostgresServer) -> None:
    server.query("DROP TABLE IF EXISTS corruption_sink")
    server.query("CREATE TABLE corruption_sink (i int)")
    server.query("GRANT ALL ON corruption_sink TO PUBLIC")


async def killer(server: PostgresServer, tally: Tally, until: float, every: float, crash_every: float) -> None:
    """Ends a random server of the pool every so often; now and then so that PostgreSQL must recover."""
    next_crash = time.monotonic() + crash_every
    while time.monotonic() < until - 2:
        await asyncio.sleep(every)
        try:
            servers = await asyncio.to_thread(server.backends, "app", "app")
            tally.most_servers = max(tally.most_servers, len(servers))
            if not servers:
                continue
            victim = random.choice(servers)["pid"]
            if time.monotonic() > next_crash:
                next_crash = time.monotonic() + crash_every
                os.kill(victim, signal.SIGKILL)
                tally.kills["kill -9"] += 1
            else:
                await asyncio.to_thread(server.query, "SELECT pg_terminate_backend(%s)", (victim,))
                tally.kills["pg_terminate_backend"] += 1
        except (psycopg.Error, ProcessLookupError):
            tally.kills["missed"] += 1


async def watcher(pooler: Pooler, tally: Tally, until: float, report: float) -> None:
    said = started = time.monotonic()
    while time.monotonic() < until:
        await asyncio.sleep(0.5)
        if pooler.process:
            if not pooler.process.alive():
                tally.violation(f"the pooler ended:\n{pooler.log()[-3000:]}")
                return
            tally.memory.append((time.monotonic() - started, pooler.rss()))
        if report and time.monotonic() - said > report:
            said = time.monotonic()
            size = f", {tally.memory[-1][1] >> 10} KiB" if tally.memory else ""
            print(f"{said - started:.0f} s: {tally.statements} statements, {tally.connections} connections{size}", flush=True)


def run(
    pooler: Pooler, server: PostgresServer, seconds: float, clients: int = 300, kill_every: float = 1.0,
    crash_every: float = 20.0, report: float = 0, user: str = "app", database: str = "app",
    without: set[str] = frozenset(),
) -> Tally:  # fmt: skip
    prepare(server)
    tally = Tally()
    login = (user, USERS[user][0], database)

    async def everything() -> None:
        until = time.monotonic() + seconds
        gentle = pooler.kind == "pgbouncer"
        everybody = [Client(n, (pooler.host, pooler.port), login, tally, gentle, without) for n in range(clients)]
        watch = asyncio.create_task(watcher(pooler, tally, until, report))
        kill = asyncio.create_task(killer(server, tally, until, kill_every, crash_every)) if kill_every else None
        await asyncio.gather(*(client.run(until) for client in everybody))
        await watch
        if kill:
            await kill

    asyncio.run(everything())
    return tally
