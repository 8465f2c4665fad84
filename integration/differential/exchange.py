"""An exchange: frontend messages that are sent without waiting, and how their replies are told complete.

Every exchange ends with Sync and two empty queries, sent along with the rest. PostgreSQL answers the three
whatever state it is in, so the replies end with `Z IZ IZ`, and nothing else an exchange holds may answer so:
two empty queries in a row are left to the end.
"""

from __future__ import annotations

import random
import select
import time
from dataclasses import dataclass, field

from support import wire
from support.wire import Closed, Message, Wire

END = wire.SYNC + wire.query("") + wire.query("")


@dataclass
class Wait:
    """Nothing more is sent until a reply of one of these types has come: proves that Flush flushes."""

    kinds: str


@dataclass
class Exchange:
    steps: list[bytes | Wait]
    #: Ends the connection (a protocol violation, Terminate): replies are read until the other side closes.
    fatal: bool = False
    #: PostgreSQL survives it, a proxy that no longer knows where messages begin need not: FATAL 08P01 will do.
    may_close: bool = False

    def batches(self) -> list[tuple[bytes, str]]:
        """What is sent in one go, and what to wait for after it."""
        found, pending = [], b""
        for step in self.steps:
            if isinstance(step, Wait):
                found.append((pending, step.kinds))
                pending = b""
            else:
                pending += step
        return [*found, (pending + (b"" if self.fatal else END), "")]


@dataclass
class Outcome:
    messages: list[Message] = field(default_factory=list)
    #: None, or why the replies are not whole.
    problem: str | None = None
    closed: bool = False


def complete(messages: list[Message]) -> bool:
    """Notifications come when they come, between the last replies too."""
    last = [m.type for m in messages[-25:] if m.type != "A"]
    return last[-5:] == ["Z", "I", "Z", "I", "Z"]


def split(data: bytes, dice: random.Random | None) -> list[bytes]:
    """Cuts where no protocol would: anywhere. Or not at all."""
    if dice is None or len(data) < 2:
        return [data]
    how = dice.random()
    if how < 0.35:
        return [data]
    if how < 0.45 and len(data) < 400:
        return [data[i : i + 1] for i in range(len(data))]
    cuts = sorted({dice.randrange(1, len(data)) for _ in range(dice.randrange(1, 8))})
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]


def run(connection: Wire, exchange: Exchange, dice: random.Random | None = None, timeout: float = 10) -> Outcome:
    """Sends and reads at the same time, so that neither side can block the other."""
    outcome = Outcome()
    try:
        for data, kinds in exchange.batches():
            pieces = split(data, dice)
            last = not kinds
            pause = dice is not None and dice.random() < 0.1
            _pump(connection, pieces, outcome, kinds, last and not exchange.fatal, exchange.fatal and last, timeout, pause)
    except Closed:
        outcome.closed = True
        if not exchange.fatal:
            outcome.problem = "closed by the other side"
    except wire.Silent:
        outcome.problem = f"no reply for {timeout} s"
    except (BrokenPipeError, ConnectionResetError):
        outcome.closed = True
        _drain(connection, outcome)
        if not exchange.fatal:
            outcome.problem = "closed by the other side"
    return outcome


def _drain(connection: Wire, outcome: Outcome) -> None:
    try:
        while True:
            outcome.messages.append(connection.read(1))
    except (Closed, wire.Silent, OSError):
        pass


def _pump(
    connection: Wire, pieces: list[bytes], outcome: Outcome, kinds: str, whole: bool, until_closed: bool,
    timeout: float, pause: bool,
) -> None:  # fmt: skip
    sock = connection.socket
    start = len(outcome.messages)
    sock.settimeout(timeout)
    for number, piece in enumerate(pieces):
        view = memoryview(piece)
        while view:
            # Mostly there is room; only when there is not must we read in order to be read.
            readable, writable, _ = select.select([sock], [sock], [], timeout)
            if readable:
                data = sock.recv(65536)
                if not data:
                    raise Closed
                connection.buffer += data
            if writable:
                sock.setblocking(False)
                try:
                    view = view[sock.send(view[:65536]) :]
                finally:
                    sock.settimeout(timeout)
            if not readable and not writable:
                raise wire.Silent
        if pause and number < 40:
            time.sleep(0.0003)
    while True:
        if until_closed or not _done(outcome.messages, start, kinds, whole):
            outcome.messages.append(connection.read(timeout))
        else:
            return


def _done(messages: list[Message], start: int, kinds: str, whole: bool) -> bool:
    if whole:
        return complete(messages[start:])
    if any(m.type in kinds for m in messages[start:]):
        return True
    # After an error everything up to Sync is discarded, so nothing more comes.
    since = max((i for i, m in enumerate(messages) if m.type == "Z"), default=-1)
    return any(m.type == "E" for m in messages[since + 1 :])
