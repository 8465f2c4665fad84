"""Runs the vandals, then looks at what they left behind."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from support.mariadb import MariaDBServer
from support.mysql_wire import Connection
from support.processes import wait_until

from ..run import State
from .client import Vandal


def prepare(server: MariaDBServer) -> None:
    server.execute(
        "USE app", "DROP TABLE IF EXISTS chaos_sink, chaos_numbers", "CREATE TABLE chaos_sink (i INT)",
        "CREATE TABLE chaos_numbers (i INT)",
        "INSERT INTO chaos_numbers VALUES " + ", ".join(f"({n})" for n in range(30)),
    )  # fmt: skip


def busy(server: MariaDBServer) -> list:
    """Connections that still hold something of a client that is gone: a statement, a transaction, a lock."""
    found = [b for b in server.backends() if b["command"] != "Sleep"]
    found += server.query("SELECT trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_mysql_thread_id > 0")
    found += [b["id"] for b in server.backends() if server.query(f"SELECT IS_USED_LOCK('chaos {b['id']}')") != [(None,)]]
    return found


def settle(pooler, server: MariaDBServer) -> State:
    """Waits until nothing runs any more, and every descriptor is a listener's or a server's."""
    try:
        wait_until(lambda: not busy(server), 30, 0.1, "idle servers")
    except TimeoutError:
        raise TimeoutError(f"servers still busy: {busy(server)}") from None
    last = [-1]

    def steady() -> bool:
        now = pooler.fds()
        same, last[0] = now == last[0], now
        return same

    time.sleep(1)
    wait_until(steady, 20, 1, "steady descriptors")
    return State(pooler.fds(), pooler.rss(), len(server.backends()))


def rampage(pooler, login: tuple[str, str, str], seconds: float, clients: int, seen: Counter) -> None:
    async def everybody() -> None:
        until = time.monotonic() + seconds
        await asyncio.gather(*(Vandal((pooler.host, pooler.port), login, seen).run(until) for _ in range(clients)))

    asyncio.run(everybody())


def works(pooler, login: tuple[str, str, str]) -> None:
    """A pooler that survived must serve, and give servers as new."""
    user, password, database = login
    connections = [Connection(port=pooler.port, user=user, password=password, database=database) for _ in range(5)]
    clean = "SELECT @@session.group_concat_max_len = @@global.group_concat_max_len, @chaos IS NULL, @@autocommit"
    for connection in connections:
        assert connection.query(clean).rows == [("1", "1", "1")], "state of a client that vanished"
        connection.query("INSERT INTO chaos_sink VALUES (2)")  # nobody holds a lock on it
        connection.close()


def run(pooler, server: MariaDBServer, seconds: float, clients: int) -> tuple[State, State, Counter]:
    """State after a first round, so that what is kept for good is kept already, and after the second."""
    prepare(server)
    login = ("app", server.users()["app"][0], "app")
    rampage(pooler, login, seconds / 3, clients, Counter())
    works(pooler, login)
    before = settle(pooler, server)
    seen: Counter = Counter()
    rampage(pooler, login, seconds, clients, seen)
    works(pooler, login)
    after = settle(pooler, server)
    return before, after, seen
