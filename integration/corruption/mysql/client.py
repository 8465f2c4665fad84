"""One client: connects, says things that carry its tokens, checks that exactly those come back, comes again."""

from __future__ import annotations

import asyncio
import os
import random
import re
import struct
import time

from support.mysql_aiowire import AsyncMySQL, error
from support.mysql_reply import Packet, frame
from support.mysql_wire import WireError, read_lenenc, read_string
from support.wire import Closed

from ..tally import Tally

TOKEN = re.compile(rb"tok-[0-9a-f]+-[0-9a-f]+-")
REPLY_LIMIT = 60

#: What killed servers, servers that start again, and vanished clients explain. Any other error is a violation.
EXPLAINED = {1040, 1053, 1152, 1159, 1160, 1161, 1184, 1927, 2003, 2013}
INTERRUPTED, CANNOT_LOCK, TRANSACTION_LOST = 1317, 1205, 1213


class Fault(Exception):
    """The connection is over, for a reason that the harness itself caused or may have."""


def text_row(payload: bytes) -> list[str | None]:
    found, at = [], 0
    while at < len(payload):
        value, at = read_string(payload, at)
        found.append(None if value is None else value.decode(errors="replace"))
    return found


def binary_text(payload: bytes, columns: int = 1) -> str | None:
    """The first value of a binary row whose columns are text."""
    bitmap = (columns + 9) // 8
    if payload[1] & 4:
        return None
    value, _ = read_string(payload, 1 + bitmap)
    return value.decode(errors="replace")


class Said:
    """What a reply said: rows of all its results, the last OK, an error."""

    def __init__(self, packets: list[Packet], binary: bool):
        self.rows: list[list[str | None]] = []
        self.affected = self.insert_id = self.warnings = 0
        self.statement = 0
        self.error: WireError | None = None
        for packet in packets:
            if packet.role == "row":
                self.rows.append([binary_text(packet.payload)] if binary else text_row(packet.payload))
            elif packet.role == "err":
                self.error = error(packet.payload)
            elif packet.role == "prepared":
                (self.statement,) = struct.unpack_from("<I", packet.payload, 1)
            elif packet.role == "ok":
                self.affected, at = read_lenenc(packet.payload, 1)
                self.insert_id, at = read_lenenc(packet.payload, at)
                (self.warnings,) = struct.unpack_from("<H", packet.payload, at + 2)


class Client:
    def __init__(self, number: int, address: tuple[str, int], login: tuple[str, str, str], tally: Tally,
        without: set[str] = frozenset()):
        self.number, self.address, self.login, self.tally, self.without = number, address, login, tally, without
        self.dice = random.Random(os.urandom(8))
        self.wire: AsyncMySQL | None = None

    async def run(self, until: float) -> None:
        while time.monotonic() < until:
            try:
                await asyncio.wait_for(self.connect(), REPLY_LIMIT)
            except (Closed, OSError):
                await asyncio.sleep(0.2 * self.dice.random())
                continue
            except WireError as problem:
                self.note_fault(problem, "login")
                await asyncio.sleep(0.2 * self.dice.random())
                continue
            except TimeoutError:
                self.tally.violation(f"client {self.number}: login took more than {REPLY_LIMIT} s")
                continue
            try:
                for _ in range(self.dice.choice([1, 5, 20, 60])):
                    if time.monotonic() > until:
                        break
                    await self.act()
                else:
                    await self.leave()
            except (Fault, Closed, OSError):
                self.tally.faults["connection lost"] += 1
            finally:
                self.wire.abort() if self.dice.random() < 0.5 else self.wire.close()

    async def connect(self) -> None:
        self.wire = await AsyncMySQL.open(*self.address)
        await self.wire.login(*self.login)
        self.tally.connections += 1
        self.connection = os.urandom(6).hex()
        self.serial = 0
        self.begin_session()
        self.killed_at = 0.0

    def begin_session(self) -> None:
        """What is true of a session that begins."""
        #: Statement id to the token in its text.
        self.prepared: dict[int, str] = {}
        #: User variable to token; setting to value.
        self.variables: dict[str, str] = {}
        self.settings: dict[str, str] = {}
        self.schema = self.login[2]

    def token(self) -> str:
        self.serial += 1
        return f"tok-{self.connection}-{self.serial:x}-"

    def mine(self, data: bytes) -> bool:
        """Every token in it is of this connection."""
        prefix = f"tok-{self.connection}-".encode()
        return all(found.startswith(prefix) for found in TOKEN.findall(data))

    def note_fault(self, problem: WireError, doing: str) -> None:
        if problem.code == INTERRUPTED:
            if time.monotonic() - self.killed_at > 10:
                self.tally.violation(f"client {self.number}: interrupted by somebody else's KILL QUERY while {doing}")
        elif problem.code not in EXPLAINED:
            self.tally.violation(f"client {self.number}: an error nobody caused while {doing}: {problem}")
        self.tally.faults[problem.code] += 1

    # Saying and checking

    async def receive(self, doing: str, kind: str = "result", file: tuple[bytes, ...] = (), binary: bool = False,
        wanted: str | None = None) -> Said:
        """A whole reply, of which every token is ours. `wanted` is part of an error that must come."""
        try:
            async with asyncio.timeout(REPLY_LIMIT):
                packets = await self.wire.reply(kind, file)
        except TimeoutError:
            self.tally.violation(f"client {self.number}: no reply in {REPLY_LIMIT} s to {doing}")
            raise Fault from None
        except (IndexError, KeyError, ValueError, TypeError, struct.error) as strange:
            self.tally.violation(f"client {self.number}: a reply that makes no sense to {doing}: {strange!r}")
            raise Fault from None
        for number, packet in enumerate(packets):
            if not self.mine(packet.payload):
                self.tally.violation(f"client {self.number} (tokens tok-{self.connection}-) got {packet.role} {packet.payload[:200]!r} for {doing}")
                raise Fault
            if packet.sequence != (packets[0].sequence + number) & 0xFF and kind != "login" and not file and "file" not in packets[0].role:
                self.tally.violation(f"client {self.number}: sequence ids {[p.sequence for p in packets][:20]} for {doing}")
                raise Fault
        self.tally.statements += 1
        said = Said(packets, binary)
        if said.error and (wanted is None or wanted not in said.error.message):
            self.note_fault(said.error, doing)
            raise Fault  # what it did or did not do is unknown; begin anew
        if wanted is not None and not said.error:
            self.violation(doing, f"the error about {wanted}", "none")
        return said

    def violation(self, doing: str, wanted: object, got: object) -> None:
        self.tally.violation(f"client {self.number}: {doing}: wanted {str(wanted)[:200]}, got {str(got)[:200]}")
        raise Fault

    def check(self, doing: str, wanted: object, got: object) -> None:
        if wanted != got:
            self.violation(doing, wanted, got)

    def say(self, sql: str) -> None:
        self.wire.send(frame(b"\3" + sql.encode()))

    async def query(self, sql: str, wanted: str | None = None, file: tuple[bytes, ...] = ()) -> Said:
        self.say(sql)
        return await self.receive(sql[:80], wanted=wanted, file=file)

    async def expect(self, sql: str, *rows: str | None) -> None:
        """The first column of every row of every result."""
        said = await self.query(sql)
        self.check(sql[:80], list(rows), [row[0] for row in said.rows])

    async def prepare(self, sql: str) -> int:
        self.wire.send(frame(b"\x16" + sql.encode()))
        return (await self.receive(f"prepare {sql[:60]}", "prepare")).statement

    def start(self, statement: int, *values: str, flags: int = 0) -> None:
        """Sends an EXECUTE with text parameters."""
        from differential.mysql.commands import VAR_STRING, encode

        body = encode(tuple((VAR_STRING, 0, value) for value in values), True) if values else b""
        self.wire.send(frame(b"\x17" + struct.pack("<IBI", statement, flags, 1) + body))

    async def act(self) -> None:
        from .actions import ACTIONS

        chosen = [(name, action, weight) for name, (action, weight) in ACTIONS.items() if name not in self.without]
        name, action, _ = self.dice.choices(chosen, [weight for *_, weight in chosen])[0]
        self.tally.actions[name] += 1
        await action(self)

    async def leave(self) -> None:
        self.wire.send(frame(b"\1"))
        try:
            async with asyncio.timeout(REPLY_LIMIT):
                while True:
                    _, payload = await self.wire.read()
                    if payload[:1] != b"\xff" or error(payload).code not in EXPLAINED:
                        self.tally.violation(f"client {self.number}: {payload[:100]!r} after COM_QUIT")
        except Closed:
            pass
        except TimeoutError:
            self.tally.violation(f"client {self.number}: not closed after COM_QUIT")
