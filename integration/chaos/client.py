"""Every way to go away at the wrong moment."""

from __future__ import annotations

import asyncio
import os
import random
import struct
import time
from collections import Counter

from support import wire
from support.aiowire import AsyncWire
from support.wire import SYNC, bind, copy_data, execute, message, parse, query

START = {
    "nothing": b"",
    "one byte": b"\0",
    "half a length": b"\0\0\0",
    "half a startup": wire.startup("app", "app")[:13],
    "an impossible length": b"\x7f\xff\xff\xff" + wire.startup("app", "app")[4:],
    "a length too small": b"\0\0\0\4",
    "an SSLRequest": struct.pack("!II", 8, wire.SSL_CODE),
    "an SSLRequest and more": struct.pack("!II", 8, wire.SSL_CODE) + wire.startup("app", "app"),
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": bytes.fromhex("160301020001000 1fc0303".replace(" ", "")) + bytes(40),
    "protocol 2": wire.startup("app", "app", 0x20000),
    "a cancel of nobody": wire.cancel(1234567, b"abcd"),
    "half a cancel": wire.cancel(1234567, b"abcd")[:11],
    "a cancel too long": struct.pack("!II", 16 + 400, wire.CANCEL_CODE) + bytes(408),
    "a startup": wire.startup("app", "app"),
    "a startup of nobody": wire.startup("nobody", "nowhere"),
    "a startup and no SASL": wire.startup("app", "app") + message("p", b"SCRAM-SHA-256\0\xff\xff\xff\xff"),
    "a startup and rubbish": wire.startup("app", "app") + os.urandom(200),
}

#: Sixteen bytes that end PgBouncer 1.18 (the length of the SASL answer is believed).
KILLS_PGBOUNCER = "a startup and no SASL"

LOGGED_IN = {
    "idle": b"",
    "half a header": b"Q\0\0",
    "half a query": query("SELECT 1" + " " * 500)[:200],
    "a query": query("SELECT pg_sleep(0.01)"),
    "a long query": query("SELECT pg_sleep(3)"),
    "many queries": query("SELECT 1") * 50,
    "an open transaction": query("BEGIN") + query("SELECT 1"),
    "a failed transaction": query("BEGIN") + query("SELECT 1/0"),
    "no Sync": parse("SELECT 1") + bind() + execute(),
    "half a pipeline": (parse("SELECT 1") + bind() + execute() + SYNC) * 10 + parse("SELECT 1")[:9],
    "an error and no Sync": parse("SELEC") + bind(),
    "a named statement": parse("SELECT $1::int", "chaos") + SYNC,
    "COPY in": query("COPY chaos_sink FROM STDIN") + copy_data(b"1\n"),
    "half of COPY data": query("COPY chaos_sink FROM STDIN") + b"d\0\0\x10\0" + b"1\n",
    "COPY out": query("COPY (SELECT generate_series(1, 20000)) TO STDOUT"),
    "a large result": query("SELECT repeat('x', 1000) FROM generate_series(1, 3000)"),
    "a header and never the body": b"Q\x3f\xff\xff\xff" + b"SELECT ",
    "a message of no kind": b"\x01\0\0\0\x08abcd",
    "LISTEN": query("LISTEN chaos"),
    "a temporary table": query("CREATE TEMP TABLE chaos_temp (i int)"),
    "a lock": query("SELECT pg_advisory_lock_shared(99)"),
    "a setting": query("SET work_mem = '3MB'"),
}


class Vandal:
    def __init__(self, address: tuple[str, int], login: tuple[str, str, str], seen: Counter):
        self.address, self.login, self.seen = address, login, seen
        self.dice = random.Random(os.urandom(8))

    async def run(self, until: float) -> None:
        while time.monotonic() < until:
            try:
                await asyncio.wait_for(self.visit(until), 30)
            except TimeoutError:
                self.seen["slow"] += 1
            except (wire.Closed, wire.LoginFailed, OSError):
                self.seen["turned away"] += 1
            await asyncio.sleep(self.dice.random() * 0.5)

    async def visit(self, until: float) -> None:
        connection = await AsyncWire.open(*self.address)
        try:
            if self.dice.random() < 0.5:
                name, data = self.dice.choice(list(START.items()))
            else:
                name, data = self.dice.choice(list(LOGGED_IN.items()))
                await connection.login(*self.login)
            self.seen[name] += 1
            if data and self.dice.random() < 0.2:
                data = data[: self.dice.randrange(len(data))]
            connection.send(data)
            await asyncio.sleep(min(self.dice.choice([0, 0.001, 0.01, 0.1, 1]), max(0, until - time.monotonic())))
            if self.dice.random() < 0.3:
                # Half-closed: we say no more, and may or may not listen.
                if connection.writer.can_write_eof():
                    connection.writer.write_eof()
                await asyncio.sleep(self.dice.choice([0, 0.05]))
        finally:
            connection.abort() if self.dice.random() < 0.6 else connection.close()
