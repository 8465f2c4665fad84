"""Every way to go away at the wrong moment."""

from __future__ import annotations

import asyncio
import os
import random
import struct
import time
from collections import Counter

from support.mysql_aiowire import WANTED, AsyncMySQL, response
from support.mysql_reply import frame
from support.mysql_wire import LONG_PASSWORD, WireError
from support.wire import Closed

NATIVE = "mysql_native_password"
ANSWER = response("app", "wrong", "app", (WANTED | 8) & ~LONG_PASSWORD, NATIVE, bytes(20))
SSL_REQUEST = struct.pack("<IIB23x", WANTED & 0xFFFFFFFF | 0x800, 1 << 24, 45)

START = {
    "nothing": b"",
    "one byte": b"\0",
    "half a header": b"\x50\0",
    "an empty packet": frame(b"", 1),
    "half an answer": frame(ANSWER, 1)[:40],
    "an answer with the wrong password": frame(ANSWER, 1),
    "an answer of the wrong number": frame(ANSWER, 9),
    "an answer longer than allowed": b"\xff\xff\xff\1" + ANSWER,
    "an answer of lengths beyond its end": frame(ANSWER[:36] + b"\xfe" + b"\xff" * 8 + ANSWER[45:], 1),
    "attributes beyond the end": frame(ANSWER[:-1] + b"\xfe" + b"\xff" * 7 + b"\x7f", 1),
    "protocol 3.20": frame(struct.pack("<HH", 0x81, 0) + b"\0app\0", 1),
    "an SSLRequest": frame(SSL_REQUEST, 1),
    "an SSLRequest and more": frame(SSL_REQUEST, 1) + frame(ANSWER, 2),
    "a command before the login": frame(b"\3SELECT 1", 0),
    "an answer and a command at once": frame(ANSWER, 1) + frame(b"\3SELECT 1"),
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": bytes.fromhex("1603010200010001fc0303") + bytes(40),
    "PostgreSQL": struct.pack("!II", 8, 80877103),
    "rubbish": os.urandom(200),
}

EXECUTE = b"\x17" + struct.pack("<IBI", 1, 0, 1)
LOGGED_IN = {
    "idle": b"",
    "half a header ": b"\5\0",
    "half a query": frame(b"\3SELECT 1" + b" " * 500)[:200],
    "a query": frame(b"\3SELECT SLEEP(0.01)"),
    "a long query": frame(b"\3SELECT SLEEP(3)"),
    "many queries": frame(b"\3SELECT 1") * 50,
    "an open transaction": frame(b"\3BEGIN") + frame(b"\3INSERT INTO chaos_sink VALUES (1)"),
    "autocommit off": frame(b"\3SET autocommit = 0") + frame(b"\3SELECT * FROM chaos_sink LIMIT 1"),
    "a statement": frame(b"\x16SELECT ?") + frame(EXECUTE + b"\0\1\3\0\1\0\0\0"),
    "half a statement": frame(b"\x16SELECT ?") + frame(EXECUTE + b"\0\1\3\0\1\0\0\0")[:9],
    "half of long data": frame(b"\x16SELECT ?") + frame(b"\x18" + struct.pack("<IH", 1, 0) + bytes(5000))[:3000],
    "a cursor": frame(b"\x16SELECT i FROM chaos_sink") + frame(b"\x17" + struct.pack("<IBI", 1, 1, 1)),
    "a file that never comes": frame(b"\3LOAD DATA LOCAL INFILE 'x' INTO TABLE chaos_sink"),
    "half a file": frame(b"\3LOAD DATA LOCAL INFILE 'x' INTO TABLE chaos_sink") + frame(b"1\n" * 500, 2)[:600],
    "a large result": frame(b"\3SELECT REPEAT('x', 1000) FROM chaos_numbers a, chaos_numbers b, chaos_numbers c"),
    "a header and never the body": b"\xff\xff\xff\0\3SELECT ",
    "a full packet and never the next": b"\xff\xff\xff\0\3SELECT '" + b"x" * (0xFFFFFF - 9),
    "a command of no kind": frame(b"\x7fabcd"),
    "the wrong number": frame(b"\3SELECT 1", 5),
    "a temporary table": frame(b"\3CREATE TEMPORARY TABLE chaos_temporary (i INT)"),
    "a lock": frame(b"\3SELECT GET_LOCK(CONCAT('chaos ', CONNECTION_ID()), 0)"),
    "locked tables": frame(b"\3LOCK TABLES chaos_sink READ"),
    "a setting": frame(b"\3SET group_concat_max_len = 4321"),
    "a user variable": frame(b"\3SET @chaos = 'left'"),
    "another user": frame(b"\x11bob\0\0app\0" + struct.pack("<H", 45) + NATIVE.encode() + b"\0"),
    "a reset": frame(b"\x1f"),
    "a quit": frame(b"\1"),
    "a quit behind a query": frame(b"\3SELECT SLEEP(0.05)") + frame(b"\1"),
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
            except (Closed, WireError, OSError):
                self.seen["turned away"] += 1
            await asyncio.sleep(self.dice.random() * 0.5)

    async def visit(self, until: float) -> None:
        connection = await AsyncMySQL.open(*self.address)
        try:
            if self.dice.random() < 0.5:
                name, data = self.dice.choice(list(START.items()))
            else:
                name, data = self.dice.choice(list(LOGGED_IN.items()))
                await connection.login(*self.login)
            self.seen[name.strip()] += 1
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
