"""Several clients, each with one connection to the server and one through the pooler, fed alike."""

from __future__ import annotations

import random
import select
from dataclasses import dataclass

from support.mariadb import MariaDBServer
from support.mysql_wire import BASIC, Connection, WireError
from support.processes import wait_until

from ..shrink import Difference, Unfit
from .allowed import allowed
from .generator import Kind, letting_go
from .normalise import comparable, show, without_own_ids
from .side import Exchange, Outcome, Side


@dataclass
class Endpoints:
    """Ports, and the passwords of users; the servers themselves for those who prepare them."""

    direct: int
    pooled: int
    passwords: dict[str, str]
    servers: tuple[MariaDBServer, MariaDBServer]

    def connect(self, port: int, kind: Kind, timeout: float) -> Connection:
        return Connection(
            port=port, user=kind.user, password=self.passwords[kind.user], database=kind.database,
            capabilities=kind.capabilities, collation=kind.collation, timeout=timeout,
        )  # fmt: skip


class Rivals:
    """Two more clients of the pool that take turns in holding one of its servers, so that ours are not where they were
    before. Both leave a mess that must not be seen."""

    MESS = [
        "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES'", "SET time_zone = '+09:00'", "SET NAMES latin1",
        "SET @a = 'not yours', @b = 'not yours'",
        "SET div_precision_increment = 9", "SET autocommit = 1", "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET sql_select_limit = 1", "SET last_insert_id = 666",
        "SET session_track_system_variables = 'sql_mode'", "SET lc_time_names = 'ja_JP'",
    ]  # fmt: skip

    def __init__(self, endpoints: Endpoints, database: str):
        kind = Kind(BASIC, 8, "app", database)
        self.holding, self.free = (endpoints.connect(endpoints.pooled, kind, 20) for _ in range(2))
        for rival in (self.holding, self.free):
            for statement in self.MESS:
                rival.query(statement)
            rival.prepare("SELECT 'not yours either'")
            rival.query(f"USE {database}b")
        self.holding.query("BEGIN")

    def turn(self) -> None:
        """The one takes a server before or, where there is no other, after the other lets go."""
        self.free.command(3, b"BEGIN")
        ready, _, _ = select.select([self.free.socket], [], [], 0.02)
        if ready:
            self.free.results()
            self.holding.query("COMMIT")
        else:
            self.holding.query("COMMIT")
            self.free.results()
        self.holding, self.free = self.free, self.holding

    def close(self) -> None:
        for rival in (self.holding, self.free):
            rival.close()


class Client:
    """Both of its connections."""

    def __init__(self, number: int, kind: Kind):
        self.number, self.kind = number, kind
        self.direct: Side | None = None
        self.pooled: Side | None = None
        #: It may keep a server to itself.
        self.holds = False
        #: What it has said last.
        self.said: list[str] = []

    def login(self, endpoints: Endpoints, timeout: float) -> None:
        said = []
        for port in (endpoints.direct, endpoints.pooled):
            try:
                said.append(Side(endpoints.connect(port, self.kind, timeout), timeout))
            except WireError as error:
                said.append(error)
        if any(isinstance(x, WireError) for x in said):
            raise Difference(f"login of {self.kind.line(self.number)}: direct {said[0]!r}, pooled {said[1]!r}")
        self.direct, self.pooled = said
        expected, found = (side.connection.last_ok for side in said)
        same = expected == found and self.direct.capabilities == self.pooled.capabilities
        if not same and not allowed("login", repr(expected), repr(found)):
            raise Difference(
                f"login of {self.kind.line(self.number)}:\n  direct {expected!r}, capabilities {self.direct.capabilities:#x}\n"
                f"  pooled {found!r}, capabilities {self.pooled.capabilities:#x}"
            )
        self.holds = False

    def close(self) -> None:
        for side in (self.direct, self.pooled):
            if side:
                side.close()


class Conversation:
    """At most `limit` clients may hold a server at a time; before one more does, the one that has held longest lets go."""

    def __init__(self, endpoints: Endpoints, kinds: list[Kind], limit: int, timeout: float = 10):
        self.endpoints, self.limit, self.timeout = endpoints, limit, timeout
        self.clients = [Client(n, kind) for n, kind in enumerate(kinds)]
        self.holders: list[Client] = []
        #: What was said so far, for people.
        self.lines = [kind.line(n) for n, kind in enumerate(kinds)]
        #: They differ as `allowed.py` says, and what follows cannot be compared.
        self.parted = False

    def __enter__(self):
        try:
            for client in self.clients:
                self._login(client)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        for client in self.clients:
            client.close()

    def _login(self, client: Client) -> None:
        client.login(self.endpoints, self.timeout)
        for other in self.clients:
            for mine, its in ((client.direct, other.direct), (client.pooled, other.pooled)):
                if its:
                    its.ids[client.number] = mine.id
                    mine.ids[other.number] = its.id

    def check(self, exchange: Exchange, dice: random.Random | None = None) -> Outcome:
        client = self.clients[exchange.client]
        if client.direct.is_closed or client.pooled.is_closed:
            self._reconnect(client)
        holds = exchange.holds or client.direct.may_begin or client.direct.in_transaction
        self._make_room(client, self.limit - 1 if holds else self.limit)
        outcome = self._run(client, exchange, dice)
        may_hold = client.holds or exchange.holds or client.direct.in_transaction or outcome.is_uncertain(client.direct)
        self._note(client, may_hold and not outcome.closed)
        return outcome

    def _reconnect(self, client: Client) -> None:
        self.lines.append(f"client {client.number} comes again")
        client.close()
        self._note(client, False)
        self._login(client)

    def _make_room(self, client: Client, rest: int) -> None:
        """So many others may go on holding a server."""
        others = [holder for holder in self.holders if holder is not client]
        for holder in others[: max(0, len(others) - rest)]:
            if not holder.direct.is_closed:
                self._run(holder, letting_go(holder.number), None)
            self._note(holder, False)

    def _note(self, client: Client, holds: bool) -> None:
        client.holds = holds
        if holds and client not in self.holders:
            self.holders.append(client)
        elif not holds and client in self.holders:
            self.holders.remove(client)

    def _run(self, client: Client, exchange: Exchange, dice: random.Random | None) -> Outcome:
        self.lines += exchange.lines()
        direct = client.direct.run(exchange)
        pooled = client.pooled.run(exchange, dice)
        if direct.problem:
            raise Unfit(f"the exchange is no good: direct {direct.problem}\n" + "\n".join(exchange.lines()))
        self._compare(client, exchange, direct, pooled)
        client.said = [*client.said, *map(str, exchange.commands)][-8:]
        return direct

    def _compare(self, client: Client, exchange: Exchange, direct: Outcome, pooled: Outcome) -> None:
        def plain(side: Side, packets: list) -> list:
            return [comparable(p, side, exchange.has_ids) for p in packets if p.role != "progress"]

        for number in range(max(len(direct.replies), len(pooled.replies))):
            expected, found = (o.replies[number] if number < len(o.replies) else [] for o in (direct, pooled))
            a, b = plain(client.direct, expected), plain(client.pooled, found)
            if a == b:
                continue
            said = str(exchange.commands[min(number, len(exchange.commands) - 1)])
            shown = (
                "\n".join(show(without_own_ids(p, side, exchange.has_ids), side) for p in packets)
                for packets, side in ((expected, client.direct), (found, client.pooled))
            )
            behind = "\n".join([*client.said, *map(str, exchange.commands[:number])][-8:])
            entry = allowed(said, *shown, self.endpoints.servers[0].family, behind)
            if entry is None:
                raise Difference(self._report(exchange, number, expected, found, direct, pooled, first_that_differs(a, b)))
            if entry.parts:
                self.parted = True
                return
        if direct.closed != pooled.closed or direct.problem != pooled.problem:
            raise Difference(self._report(exchange, len(direct.replies) - 1, [], [], direct, pooled, 0))

    def _report(self, exchange, number, expected, found, direct, pooled, same) -> str:
        command = exchange.commands[min(number, len(exchange.commands) - 1)]

        def part(packets: list, outcome: Outcome) -> list[str]:
            lines = [f"    {show(p)}" for p in packets[max(0, same - 1) : same + 6]]
            if len(packets) > same + 6:
                lines.append(f"    … {len(packets) - same - 6} more")
            end = outcome.problem or ("closed" if outcome.closed else None)
            return lines + ([f"    ({end})"] if end else [])

        return "\n".join(
            [f"  in answer to: {command}", f"  packets alike: {same}", "  direct:", *part(expected, direct), "  pooled:",
                *part(found, pooled)]
        )


def first_that_differs(a: list, b: list) -> int:
    same = 0
    while same < min(len(a), len(b)) and a[same] == b[same]:
        same += 1
    return same


def quiet(server: MariaDBServer, database: str) -> None:
    """Waits until nobody is in a transaction of this database any more."""

    def nobody() -> bool:
        return server.query(
            "SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id "
            f"WHERE p.db LIKE '{database}%'"
        ) == [("0",)]

    wait_until(nobody, 20, 0.01, f"no transaction in {database}")
