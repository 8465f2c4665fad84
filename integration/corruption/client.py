"""One client: connects, says things that carry its tokens, checks that exactly those come back, comes again."""

from __future__ import annotations

import asyncio
import os
import random
import re
import time

from support import wire
from support.aiowire import AsyncWire
from support.wire import COPY_DONE, FLUSH, SYNC, Closed, bind, close, copy_data, describe, execute, fields, parse, query, row

from .tally import EXPLAINED, Tally

TOKEN = re.compile(rb"tok-[0-9a-f]+-[0-9a-f]+-")
REPLY_LIMIT = 60


class Fault(Exception):
    """The connection is over, for a reason that the harness itself caused or may have."""


class Client:
    def __init__(self, number: int, address: tuple[str, int], login: tuple[str, str, str], tally: Tally, gentle: bool, without: set[str] = frozenset()):
        self.number, self.address, self.login, self.tally = number, address, login, tally
        #: Without prepared statements and session state: what PgBouncer 1.18 can do in transaction mode.
        self.gentle = gentle
        self.without = without
        self.dice = random.Random(os.urandom(8))
        self.wire: AsyncWire | None = None

    async def run(self, until: float) -> None:
        while time.monotonic() < until:
            try:
                await asyncio.wait_for(self.connect(), REPLY_LIMIT)
            except (Closed, OSError):
                await asyncio.sleep(0.2 * self.dice.random())
                continue
            except wire.LoginFailed as error:
                self.note_fault(error.code, str(error))
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
        self.wire = await AsyncWire.open(*self.address)
        await self.wire.login(*self.login)
        self.tally.connections += 1
        self.connection = os.urandom(6).hex()
        self.serial = 0
        self.prepared: dict[str, str] = {}
        self.setting: str | None = None
        self.cancelled_at = 0.0

    def token(self) -> str:
        self.serial += 1
        return f"tok-{self.connection}-{self.serial:x}-"

    def mine(self, data: bytes) -> bool:
        """Every token in it is of this connection."""
        prefix = f"tok-{self.connection}-".encode()
        return all(found.startswith(prefix) for found in TOKEN.findall(data))

    def note_fault(self, code: str | None, text: str) -> None:
        if code == "57014":
            if time.monotonic() - self.cancelled_at > 10:
                self.tally.violation(f"client {self.number}: cancelled by somebody else's cancel: {text}")
        elif not (code or "").startswith(EXPLAINED):
            self.tally.violation(f"client {self.number}: an error nobody caused: {text}")
        self.tally.faults[code] += 1

    # Saying and checking

    async def converse(self, sent: bytes, rows: list[str], readies: int, error: str | None = None, notices: list[str] = ()) -> None:
        """Sends, reads `readies` ReadyForQuery, and checks that the rows (and COPY data) are these in this order."""
        self.wire.send(sent)
        await self.expect(rows, readies, error, notices)

    async def expect(self, rows: list[str], readies: int, error: str | None = None, notices: list[str] = ()) -> None:
        got: list[str] = []
        got_notices: list[str] = []
        disturbed = None
        wanted_error_seen = False
        deadline = time.monotonic() + REPLY_LIMIT
        while readies:
            try:
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + max(0.1, deadline - time.monotonic())):
                    m = await self.wire.read()
            except TimeoutError:
                self.tally.violation(f"client {self.number}: no reply in {REPLY_LIMIT} s, still wants {readies} ReadyForQuery, {len(rows) - len(got)} rows")
                raise Fault from None
            if not self.mine(m.body):
                self.tally.violation(f"client {self.number} (tokens tok-{self.connection}-) got {m.type} {m.body[:200]!r}")
                raise Fault
            if m.type == "D":
                got.append((row(m.body)[0] or b"").decode())
            elif m.type == "d":
                got.append(m.body.decode().rstrip("\n"))
            elif m.type == "Z":
                readies -= 1
            elif m.type == "N":
                f = fields(m.body)
                if f["C"] == "57P02":  # a crash elsewhere ends this server too: said by PostgreSQL in the middle of anything
                    self.note_fault(f["C"], f["M"])
                else:
                    got_notices.append(f["M"])
            elif m.type == "E":
                f = fields(m.body)
                if error is not None and error in f["M"]:
                    wanted_error_seen = True
                    continue
                if disturbed is None:  # what follows may follow from it
                    self.note_fault(f.get("C"), f.get("M", ""))
                disturbed = f
                if f.get("S") == "FATAL":
                    raise Fault
        self.tally.statements += 1
        if disturbed:
            raise Fault  # what it did or did not do is unknown; begin anew
        if got != rows:
            self.tally.violation(f"client {self.number}: wanted rows {rows[:5]} ({len(rows)}), got {got[:5]} ({len(got)})")
            raise Fault
        if error is not None and not wanted_error_seen:
            self.tally.violation(f"client {self.number}: the error about {error} did not come")
            raise Fault
        if list(notices) != got_notices:
            self.tally.violation(f"client {self.number}: wanted notices {list(notices)}, got {got_notices}")

    # Actions

    async def act(self) -> None:
        actions = [
            (self.simple, 30), (self.simple_pipeline, 10), (self.extended, 20), (self.transaction, 8), (self.error, 6),
            (self.notice, 3), (self.large, 2), (self.copy_out, 3), (self.copy_in_error, 3), (self.cancel, 3), (self.vanish, 2),
            (self.pause, 3),
        ]  # fmt: skip
        if not self.gentle:
            actions += [(self.named, 15), (self.set_and_show, 10), (self.flush, 4), (self.sql_prepared, 3), (self.pinned, 1)]
        actions = [(a, w) for a, w in actions if a.__name__ not in self.without]
        action = self.dice.choices([a for a, _ in actions], [w for _, w in actions])[0]
        self.tally.actions[action.__name__] += 1
        await action()

    async def pause(self) -> None:
        await asyncio.sleep(self.dice.random() * 0.05)

    async def simple(self) -> None:
        t = self.token()
        await self.converse(query(f"SELECT '{t}'"), [t], 1)

    async def simple_pipeline(self) -> None:
        tokens = [self.token() for _ in range(self.dice.randrange(2, 12))]
        await self.converse(b"".join(query(f"SELECT '{t}'") for t in tokens), tokens, len(tokens))

    async def extended(self) -> None:
        tokens = [self.token() for _ in range(self.dice.randrange(1, 10))]
        each = self.dice.random() < 0.5
        unit = lambda t: parse("SELECT $1::text") + bind("", "", (t,)) + describe("P") + execute() + (SYNC if each else b"")  # noqa: E731
        await self.converse(b"".join(map(unit, tokens)) + (b"" if each else SYNC), tokens, len(tokens) if each else 1)

    async def named(self) -> None:
        name = f"s{self.dice.randrange(6)}"
        sent = b""
        if name in self.prepared and self.dice.random() < 0.1:
            sent += close("S", name)
            del self.prepared[name]
        if name not in self.prepared:
            self.prepared[name] = self.token()
            sent += parse(f"SELECT '{self.prepared[name]}' || $1::text", name)
        tokens = [self.token() for _ in range(self.dice.randrange(1, 5))]
        sent += b"".join(bind("", name, (t,)) + execute() + SYNC for t in tokens)
        await self.converse(sent, [self.prepared[name] + t for t in tokens], len(tokens))

    async def sql_prepared(self) -> None:
        t = self.token()
        await self.converse(query(f"PREPARE q AS SELECT '{t}'"), [], 1)
        await self.converse(query("EXECUTE q"), [t], 1)
        await self.converse(query("DEALLOCATE q"), [], 1)

    async def set_and_show(self) -> None:
        if self.setting is None or self.dice.random() < 0.3:
            setting = self.token()
            await self.converse(query(f"SET headgate.token = '{setting}'"), [], 1)
            self.setting = setting
        await self.converse(query("SHOW headgate.token"), [self.setting], 1)

    async def pinned(self) -> None:
        t = self.token()
        await self.converse(query(f"CREATE TEMP TABLE mine AS SELECT '{t}' AS t"), [], 1)
        await self.converse(query("SELECT t FROM mine"), [t], 1)
        await self.converse(query("DROP TABLE mine"), [], 1)

    async def flush(self) -> None:
        t = self.token()
        self.wire.send(parse("SELECT $1::text"), bind("", "", (t,)), execute(), FLUSH)
        await asyncio.sleep(0.001)
        await self.converse(SYNC, [t], 1)

    async def transaction(self) -> None:
        tokens = [self.token() for _ in range(3)]
        if self.dice.random() < 0.5:
            await self.converse(
                query("BEGIN") + b"".join(query(f"SELECT '{t}'") for t in tokens) + query("COMMIT"), tokens, 5
            )
            return
        await self.converse(query("BEGIN"), [], 1)
        for t in tokens:
            await self.converse(query(f"SELECT '{t}'"), [t], 1)
        await self.converse(query(self.dice.choice(["COMMIT", "ROLLBACK"])), [], 1)

    async def error(self) -> None:
        t, after = self.token(), self.token()
        if self.dice.random() < 0.5:
            await self.converse(query(f"SELECT '{t}'::int") + query(f"SELECT '{after}'"), [after], 2, error=t)
        else:
            unit = parse("SELECT $1::int") + bind("", "", (t,)) + execute()
            skipped = parse("SELECT 'skipped'") + bind() + execute()
            await self.converse(unit + skipped + SYNC + query(f"SELECT '{after}'"), [after], 2, error=t)

    async def notice(self) -> None:
        t = self.token()
        await self.converse(query(f"DO $$ BEGIN RAISE NOTICE '{t}'; END $$"), [], 1, notices=[t])

    async def large(self) -> None:
        t = self.token()
        count = self.dice.choice([50, 500])
        self.wire.send(query(f"SELECT '{t}' || repeat('x', 500) FROM generate_series(1, {count})"))
        await asyncio.sleep(self.dice.choice([0, 0, 0.05]))  # a reader that takes its time
        await self.expect([t + "x" * 500] * count, 1)

    async def copy_out(self) -> None:
        t = self.token()
        await self.converse(query(f"COPY (SELECT '{t}' FROM generate_series(1, 20)) TO STDOUT"), [t] * 20, 1)

    async def copy_in_error(self) -> None:
        t, after = self.token(), self.token()
        rows = b"".join(copy_data(b"%s\n" % t.encode()) for _ in range(5))
        await self.converse(query("COPY corruption_sink FROM STDIN") + rows + COPY_DONE, [], 1, error=t)
        await self.converse(query(f"SELECT '{after}'"), [after], 1)

    async def cancel(self) -> None:
        """Sometimes in time, sometimes late, sometimes for nothing."""
        t = self.token()
        length = self.dice.choice([0, 0, 0.005, 0.5])
        self.cancelled_at = time.monotonic()
        self.wire.send(query(f"SELECT '{t}' FROM (SELECT pg_sleep({length})) p"))
        await asyncio.sleep(self.dice.choice([0, 0.001, 0.005]))
        await self.send_cancel()
        self.cancelled_at = time.monotonic()
        await self.expect([t], 1)

    async def send_cancel(self) -> None:
        try:
            reader, writer = await asyncio.open_connection(*self.address)
            writer.write(wire.cancel(*self.wire.key))
            if self.dice.random() < 0.8:
                await asyncio.wait_for(reader.read(), 10)
            writer.close()
        except (OSError, TimeoutError):
            pass

    async def vanish(self) -> None:
        t = self.token()
        whole = self.dice.choice(
            [
                query(f"SELECT '{t}', pg_sleep(0.05)"), query(f"SELECT '{t}' || repeat('y', 1000) FROM generate_series(1, 1000)"),
                parse(f"SELECT '{t}'") + bind() + execute(), query("BEGIN") + query(f"SELECT '{t}'"),
                query("COPY corruption_sink FROM STDIN") + copy_data(b"1\n"), query(f"SELECT '{t}'") * 20,
            ]
        )  # fmt: skip
        if self.dice.random() < 0.4:
            whole = whole[: self.dice.randrange(1, len(whole))]
        self.wire.send(whole)
        await asyncio.sleep(self.dice.choice([0, 0.002, 0.02]))
        raise Fault

    async def leave(self) -> None:
        self.wire.send(wire.TERMINATE)
