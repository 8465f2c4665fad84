"""Runs generated exchanges and, when one differs, finds the fewest messages that still do."""

from __future__ import annotations

import random
import time

from support.postgres import PostgresServer
from support.wire import Closed, Silent

from .exchange import Exchange, Wait
from .generator import Generator
from .pair import DIRECT_DATABASE, POOLED_DATABASE, Endpoints, Pair, Rivals, transcript
from .shrink import Difference, smallest

PER_CONNECTION = 40


class Worker:
    """One stream of exchanges, reproducible from (seed, number), on a table of its own."""

    def __init__(self, endpoints: Endpoints, server: PostgresServer, seed: int, number: int, rivals: bool = True):
        self.endpoints, self.seed, self.number = endpoints, seed, number
        self.table = f"gen_{number}"
        self.generator = Generator(f"{seed}/{number}", self.table)
        self.with_rivals = rivals
        self.admins = [server.admin(name) for name in (DIRECT_DATABASE, POOLED_DATABASE)]
        for admin in self.admins:
            admin.execute("SET ROLE app")
            admin.execute(f"DROP TABLE IF EXISTS {self.table}")
            admin.execute(f"CREATE TABLE {self.table} (i int PRIMARY KEY, t text)")
        self.done = 0
        #: How many exchanges of the last conversation were compared.
        self.compared = 0

    def fresh(self) -> None:
        for admin in self.admins:
            admin.execute(f"TRUNCATE {self.table}")
            admin.execute(f"INSERT INTO {self.table} SELECT n, 'row ' || n FROM generate_series(1, 50) n")

    def run(self, exchanges: int, until: float = float("inf")) -> int:
        """Runs so many; raises Difference with the seed and a minimal transcript."""
        conversation = 0
        while self.done < exchanges and time.monotonic() < until:
            plan = [self.generator.exchange() for _ in range(min(PER_CONNECTION, exchanges - self.done))]
            problem = self.converse(plan, conversation)
            if problem:
                raise Difference(self.explain(plan, problem, conversation))
            self.done += self.compared
            conversation += 1
        return self.done

    def converse(self, plan: list[Exchange], conversation: int, timeout: float = 10) -> str | None:
        """One connection from login to end; what differed, if anything did."""
        self.fresh()
        dice = random.Random(f"{self.seed}/{self.number}/{conversation}")
        rivals = None
        try:
            rivals = Rivals(self.endpoints) if self.with_rivals else None
            with Pair(self.endpoints, timeout) as pair:
                for self.compared, exchange in enumerate(plan, start=1):
                    if rivals and dice.random() < 0.5:
                        rivals.turn()
                    pair.check(exchange, dice)
                    if pair.direct_closed or pair.parted:
                        break
            return None
        except Difference as difference:
            return str(difference)
        except (Silent, Closed, OSError) as error:
            return f"outside an exchange: {type(error).__name__} {error}"
        finally:
            if rivals:
                rivals.close()

    def explain(self, plan: list[Exchange], problem: str, conversation: int) -> str:
        smaller, last = smallest(plan, lambda plan: self.converse(plan, conversation, timeout=1.5), _without_messages)
        head = f"seed {self.seed}, worker {self.number}, conversation {conversation} ({self.done} exchanges were alike)"
        if last is None:
            return f"{head}; it did not come again alone\n{problem}"
        before = "\n".join(transcript(e) for e in smaller[:-1])
        return f"{head}; {len(smaller)} of {len(plan)} exchanges are enough\n{before}\n---- then\n{last}"


def _without_messages(plan: list[Exchange]):
    for e, exchange in enumerate(plan):
        for s, step in enumerate(exchange.steps):
            following = exchange.steps[s + 1] if s + 1 < len(exchange.steps) else None
            if isinstance(step, Wait) or isinstance(following, Wait) or len(exchange.steps) == 1:
                continue
            yield [*plan[:e], Exchange(exchange.steps[:s] + exchange.steps[s + 1 :]), *plan[e + 1 :]]
