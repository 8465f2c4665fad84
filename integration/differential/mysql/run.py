"""One stream of generated conversations, reproducible from (seed, number)."""

from __future__ import annotations

import random
import time
from functools import partial

from support.mysql_wire import WireError

from ..shrink import Difference, smallest
from . import objects
from .conversation import Conversation, Endpoints, Rivals, quiet
from .generator import Generator, Kind
from .side import Exchange

POOL_SIZES = (2, 4)


def database_of(number: int) -> str:
    return f"diff{number}"


def pool_size(number: int) -> int:
    """Small pools make clients share a server; larger ones, with rivals, make them change it."""
    return POOL_SIZES[number % len(POOL_SIZES)]


class Worker:
    def __init__(self, endpoints: Endpoints, seed: int, number: int, offered: int, pool: int | None = None):
        self.endpoints, self.seed, self.number = endpoints, seed, number
        self.family = endpoints.servers[0].family
        self.database = database_of(number)
        self.pool = pool or pool_size(number)
        self.generator = Generator(f"{seed}/{number}", self.family, self.database, offered)
        self.with_rivals = self.pool > 2
        for server in endpoints.servers:
            objects.create(server, self.database)
        self.admins = [server.admin() for server in endpoints.servers]
        self.done = 0
        self.conversation = 0
        #: How many exchanges of the last conversation were compared.
        self.compared = 0

    def run(self, exchanges: int, until: float = float("inf")) -> int:
        """Runs so many; raises Difference with the seed and the shortest conversation that differs."""
        while self.done < exchanges and time.monotonic() < until:
            number, self.conversation = self.conversation, self.conversation + 1
            self.play(number, exchanges - self.done)
        return self.done

    def play(self, number: int, exchanges: int) -> None:
        """One conversation, or its beginning."""
        kinds, plan = self.generator.conversation(number)
        plan = plan[:exchanges]
        problem = self.converse(kinds, plan, number)
        self.done += self.compared
        if problem:
            raise Difference(self.explain(kinds, plan, problem, number))

    def fresh(self, clients: int) -> None:
        for server, admin in zip(self.endpoints.servers, self.admins):
            for (*_, data) in admin.query("XA RECOVER").rows:
                if data.startswith(self.database + "-"):
                    try:
                        admin.query(f"XA ROLLBACK '{data}'")
                    except WireError:
                        pass
            objects.renew(admin, self.family, self.database, clients)

    def converse(self, kinds: list[Kind], plan: list[Exchange], number: int, timeout: float = 10) -> str | None:
        """From the logins to the end; what differed, if anything did."""
        self.fresh(len(kinds))
        dice = random.Random(f"{self.seed}/{self.number}/{number}")
        rivals, talk, self.compared = None, None, 0
        try:
            rivals = Rivals(self.endpoints, self.database) if self.with_rivals else None
            limit = max(1, self.pool - 2)
            with Conversation(self.endpoints, kinds, limit, timeout) as talk:
                for self.compared, exchange in enumerate(plan, start=1):
                    if rivals and dice.random() < 0.3:
                        rivals.turn()
                    talk.check(exchange, dice)
                    if talk.parted:
                        break
            return None
        except Difference as difference:
            return "\n".join([*(talk.lines if talk else []), str(difference)])
        except (ConnectionError, TimeoutError, OSError, WireError) as error:
            return "\n".join([*(talk.lines if talk else []), f"outside an exchange: {type(error).__name__} {error}"])
        finally:
            if rivals:
                rivals.close()

    def explain(self, kinds: list[Kind], plan: list[Exchange], problem: str, number: int) -> str:
        plan = plan[: self.compared]
        smaller, last = smallest(
            plan, lambda plan: self.converse(kinds, plan, number, timeout=2), partial(_without_commands)
        )
        head = f"--seed {self.seed} --worker {self.number} --conversation {number} (pool of {self.pool})"
        if last is None:
            return f"{head}; it did not come again alone\n{problem}"
        return f"{head}; {len(smaller)} of {len(plan)} exchanges are enough\n{last}"


def _without_commands(plan: list[Exchange]):
    for e, exchange in enumerate(plan):
        for s in range(len(exchange.commands)):
            if len(exchange.commands) > 1:
                commands = exchange.commands[:s] + exchange.commands[s + 1 :]
                shorter = Exchange(exchange.client, commands, exchange.pipelined, exchange.fatal, exchange.holds,
                    exchange.has_ids)
                yield [*plan[:e], shorter, *plan[e + 1 :]]
