"""What a run needs: two servers alike, and the pooler in front of one of them."""

from __future__ import annotations

from support.mariadb import MariaDB, MariaDBServer
from support.mysql_server import MySQL, why_not
from support.mysql_wire import Connection
from support.pooler import KIND

from ..shrink import Difference
from . import starter
from .conversation import Endpoints
from .generator import EXCHANGES
from .run import Worker, database_of, pool_size

#: Who must wait for another's row gets the error at once, on both sides alike; nothing of a session before is left in a new one;
#: and nothing in the background takes a lock.
ALIKE = {
    "mariadb": [
        "SET GLOBAL lock_wait_timeout = 1, GLOBAL innodb_lock_wait_timeout = 0", "SET GLOBAL thread_cache_size = 0",
        "SET GLOBAL innodb_stats_persistent = 0, GLOBAL innodb_stats_auto_recalc = 0",
    ],
    "mysql": ["SET GLOBAL lock_wait_timeout = 1, GLOBAL innodb_lock_wait_timeout = 1",
        "SET GLOBAL innodb_stats_persistent = 0"],
}  # fmt: skip
#: Of MySQL and MariaDB, what nothing in between has to offer.
ENCRYPTION_AND_COMPRESSION = 0x800 | 0x20 | 1 << 26


def make_server(family: str) -> MariaDBServer:
    if family == "mysql" and (reason := why_not()):
        raise SystemExit(reason)
    server = (MySQL if family == "mysql" else MariaDB)().create()
    server.execute(*ALIKE[family])
    return server


def endpoints_for(servers: tuple[MariaDBServer, MariaDBServer], pooled: int) -> Endpoints:
    passwords = {name: password for name, (password, _) in servers[0].users().items()}
    return Endpoints(servers[0].port, pooled, passwords, servers)


def offered(endpoints: Endpoints, database: str) -> tuple[int, int]:
    """Capabilities offered by the server and by what is in front of its twin."""
    for server in endpoints.servers:
        server.execute(f"CREATE DATABASE IF NOT EXISTS {database}")
    found = []
    for port in (endpoints.direct, endpoints.pooled):
        connection = Connection(port=port, user="app", password=endpoints.passwords["app"], database=database)
        found.append(connection.offered)
        connection.close()
    return found[0], found[1]


class Stage:
    """Each job has two servers of its own, so that jobs do not see each other's locks."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.pairs: list[tuple[MariaDBServer, MariaDBServer]] = []
        self.pooler = None

    def start(self) -> None:
        for _ in range(self.arguments.jobs):
            self.pairs.append((make_server(self.arguments.family), make_server(self.arguments.family)))
        if KIND == "headgate":
            pools = [(twin, database_of(n), pool_size(n)) for n, (_, twin) in enumerate(self.pairs)]
            self.pooler = starter.start(pools, self.arguments.threads)
        # Ids of connections are not to be numbers of one digit, which mean other things as well.
        for _ in range(10):
            direct, pooled = offered(self.endpoints(0), database_of(0))
        self.common = direct & pooled
        if missing := direct & ~pooled & ~ENCRYPTION_AND_COMPRESSION:
            print(f"capabilities the pooler does not offer, and no client uses therefore: {missing:#x}", flush=True)

    def endpoints(self, number: int) -> Endpoints:
        pair = self.pairs[number]
        return endpoints_for(pair, self.pooler.port if self.pooler else pair[1].port)

    def replay(self, number: int, conversation: int) -> str | None:
        """One conversation of one worker; what differed."""
        try:
            self.worker(number).play(conversation, EXCHANGES)
            return None
        except Difference as difference:
            return str(difference)

    def worker(self, number: int) -> Worker:
        return Worker(self.endpoints(number), self.arguments.seed, number, self.common)

    def trouble(self) -> str | None:
        for server in self._servers():
            if not server.process.alive():
                return f"the server ended:\n{server.process.log()[-3000:]}"
        if self.pooler and not self.pooler.process.alive():
            return f"the pooler ended:\n{self.pooler.log()[-3000:]}"
        return None

    def _servers(self) -> list[MariaDBServer]:
        return [server for pair in self.pairs for server in pair]

    def last_words(self) -> None:
        pass

    def remove(self) -> None:
        if self.pooler:
            self.pooler.remove()
        for server in self._servers():
            server.remove()
