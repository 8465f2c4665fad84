"""One connection to PostgreSQL and one through the pooler, fed alike."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from support.wire import SYNC, TERMINATE, Closed, Silent, Wire, parse, query

from .exchange import Exchange, Outcome, Wait, run
from .normalise import alike, comparable, notifications, parameters, parts_here, show, show_sent
from .shrink import Difference, Unfit

DIRECT_DATABASE, POOLED_DATABASE = "diff_direct", "diff_pooled"
USER, PASSWORD = "app", "app secret"


@dataclass
class Endpoints:
    direct: tuple[str, int]
    pooled: tuple[str, int]


class Rivals:
    """Two clients of the same pool that take turns in holding one of its servers, so that ours is never on the
    server where it was before. Both leave a mess that must not be seen."""

    MESS = [
        "SET work_mem = '77MB'", "SET DateStyle = 'SQL, DMY'", "SET search_path = nowhere", "SET TimeZone = 'Asia/Tokyo'",
        "PREPARE s0 AS SELECT 'not yours'", "SET application_name = 'rival'", "SET my.own = 'not yours'",
    ]  # fmt: skip

    def __init__(self, endpoints: Endpoints, mess: bool = True):
        self.holding, self.free = (
            Wire(*endpoints.pooled, 20).login(USER, PASSWORD, POOLED_DATABASE) for _ in range(2)
        )
        for rival in (self.holding, self.free):
            for statement in self.MESS if mess else []:
                rival.query(statement)
            rival.send(parse("SELECT 'not yours either'", "s1"), SYNC) if mess else rival.send(SYNC)
            rival.read_until("Z")
        self.holding.query("BEGIN")

    def turn(self) -> None:
        """The one takes a server before or, where there is no other, after the other lets go."""
        self.free.send(query("BEGIN"))
        if not self.free.quiet(0.02):
            self.free.read_until("Z")
            self.holding.query("COMMIT")
        else:
            self.holding.query("COMMIT")
            self.free.read_until("Z")
        self.holding, self.free = self.free, self.holding

    def close(self) -> None:
        for rival in (self.holding, self.free):
            rival.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Pair:
    def __init__(self, endpoints: Endpoints, timeout: float = 10, **startup):
        self.timeout = timeout
        self.direct = Wire(*endpoints.direct, timeout).login(USER, PASSWORD, DIRECT_DATABASE, **startup)
        self.pooled = Wire(*endpoints.pooled, timeout).login(USER, PASSWORD, POOLED_DATABASE, **startup)
        #: PostgreSQL ended the connection, and so did the pooler.
        self.direct_closed = False
        #: They differ as docs/compatibility.md says, and what follows cannot be compared.
        self.parted = False
        expected, found = parameters(self.direct.parameters), parameters(self.pooled.parameters)
        if expected != found:
            raise Difference(f"parameters at login: PostgreSQL {expected}, pooler {found}")

    def close(self) -> None:
        self.direct.close()
        self.pooled.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def run(self, exchange: Exchange, dice: random.Random | None = None) -> tuple[Outcome, Outcome]:
        direct = run(self.direct, exchange, None, self.timeout)
        pooled = run(self.pooled, exchange, dice, self.timeout)
        return direct, pooled

    def check(self, exchange: Exchange, dice: random.Random | None = None) -> Outcome:
        direct, pooled = self.run(exchange, dice)
        if direct.problem and not exchange.fatal and direct.problem != "closed by the other side":
            raise Unfit(f"the exchange is no good: PostgreSQL {direct.problem}\n" + transcript(exchange))
        self._compare(exchange, direct, pooled, dice is not None)
        self.direct_closed = direct.closed
        return direct

    def _compare(self, exchange: Exchange, direct: Outcome, pooled: Outcome, cut: bool) -> None:
        expected, found = comparable(direct.messages), comparable(pooled.messages)
        if direct.closed and expected and expected[-1][0] == "E" and expected[-1][1].get("C") == "XX000":
            return  # PostgreSQL stumbled over itself (EXECUTE of a prepared ROLLBACK TO does it)
        if exchange.may_close and pooled.closed and found and found[-1][0] == "E" and found[-1][1].get("C") == "08P01":
            direct.closed = True  # nothing can be compared after it
            return
        if exchange.fatal:
            if cut and pooled.closed and found == expected[: len(found)]:
                return  # it closed with pieces still coming, and the reset may overtake its last words
            if not alike_to_the_end(exchange, expected, found) or direct.closed != pooled.closed:
                raise Difference(report(exchange, direct, pooled))
            return
        if parts_here(expected, found):
            self.parted = True
            return
        if not alike(expected, found) or direct.problem != pooled.problem or direct.closed != pooled.closed:
            raise Difference(report(exchange, direct, pooled))
        wanted, got = notifications(direct.messages), notifications(pooled.messages)
        deadline = time.monotonic() + 2
        while len(got) < len(wanted) and time.monotonic() < deadline:
            # A hub may deliver a moment later than a server does.
            try:
                got += notifications([self.pooled.read(2)])
            except (Silent, Closed):
                break
        if wanted != got:
            raise Difference(f"notifications: PostgreSQL {wanted}, pooler {got}\n" + transcript(exchange))
        if not direct.closed and parameters(self.direct.parameters) != parameters(self.pooled.parameters):
            want, have = parameters(self.direct.parameters), parameters(self.pooled.parameters)
            differing = {k: (want.get(k), have.get(k)) for k in {*want, *have} if want.get(k) != have.get(k)}
            raise Difference(f"parameters known after it (PostgreSQL, pooler): {differing}\n" + transcript(exchange))


def alike_to_the_end(exchange: Exchange, expected: list, found: list) -> bool:
    """A pooler may say why it closes where PostgreSQL just does, and need not answer who said Terminate."""
    if exchange.steps[-1].endswith(TERMINATE):
        return found == expected[: len(found)]
    expected, found = ([(kind, without_hint(body)) for kind, body in side] for side in (expected, found))
    if found == expected:
        return True
    return found[:-1] == expected and found[-1][0] == "E" and found[-1][1].get("S") == "FATAL"


def without_hint(body):
    return {k: v for k, v in body.items() if k not in "HD"} if isinstance(body, dict) else body


def transcript(exchange: Exchange) -> str:
    lines = ["sent:"]
    for step in exchange.steps:
        lines += [f"  (wait for {step.kinds})"] if isinstance(step, Wait) else ["  " + s for s in show_sent(step)]
    return "\n".join(lines if exchange.fatal else [*lines, "  S, Q '', Q ''"])


def report(exchange: Exchange, direct: Outcome, pooled: Outcome) -> str:
    """The exchange, then replies side by side from where they part."""
    expected, found = comparable(direct.messages), comparable(pooled.messages)
    same = 0
    while same < min(len(expected), len(found)) and alike(expected[same : same + 1], found[same : same + 1]):
        same += 1

    def part(outcome: Outcome) -> list[str]:
        kept = [m for m in outcome.messages if m.type != "S"]
        lines = [f"  {show(m)}" for m in kept[same : same + 8]]
        if len(kept) > same + 8:
            lines.append(f"  … {len(kept) - same - 8} more")
        end = outcome.problem or ("closed" if outcome.closed else None)
        return lines + ([f"  ({end})"] if end else [])

    before = "".join(m.type for m in direct.messages if m.type != "S")[:same]
    return "\n".join(
        [transcript(exchange), f"alike: {before[-60:]}", "PostgreSQL then:", *part(direct), "pooler then:", *part(pooled)]
    )
