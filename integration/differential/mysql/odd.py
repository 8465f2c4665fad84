"""Commands nobody sends, packets that are not whole, and long ones."""

from __future__ import annotations

import random
import struct

from support.mysql_reply import LONGEST

from . import commands as c
from .commands import Command, Query, Raw

#: They have no reply, an effect beyond the session, or a connection of their own.
NOT_BY_CHANCE = {1, 7, 8, 11, 13, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 250} | {2, 3, 4, 9, 10, 12, 14}
UNKNOWN = [byte for byte in range(256) if byte not in NOT_BY_CHANCE]


def unknown(dice: random.Random) -> list[Command]:
    byte = dice.choice(UNKNOWN)
    return [Raw(bytes([byte]) + dice.choice([b"", b"\0", b"name", b"SELECT 1", bytes(20)]))]


def malformed(dice: random.Random) -> tuple[list[Command], bool]:
    """Whether it is the end of the connection as well. Not shorter than servers look: what lies behind the packet is chance."""
    number = struct.pack("<I", c.UNKNOWN_IDS + 9)
    return dice.choice(
        [
            ([Raw(b"")], False), ([Raw(b"\x17" + number)], False), ([Raw(b"\x17\1\0")], False),
            ([Raw(b"\x1c" + number)], False), ([Raw(b"\x1b\7\0")], False),
            ([Raw(b"\x0c" + struct.pack("<I", 4294967290))], False),
            ([Raw(b"\x18" + number + b"\0\0data", "none")], False), ([Raw(b"\x19" + number, "none")], False),
            ([Raw(b"\2nowhere")], False), ([Raw(b"\2")], False), ([Raw(b"\4nowhere\0")], False), ([Raw(b"\3")], False),
            ([Raw(b"\3SELECT \0 1", "result")], False), ([Raw(b"\3SELECT '\xff\xfe'", "result")], False),
            ([Raw(b"\x0emore than a ping")], False), ([Raw(b"\x1fmore")], False), ([Raw(b"\x16")], False),
            ([Raw(b"\x1a" + number)], False), ([Raw(b"\4shared\0" + b"n" * 300, "fields")], False),
        ]
    )  # fmt: skip


def wrong_sequence(dice: random.Random) -> list[Command]:
    return [Raw(dice.choice([b"\x0e", b"\3SELECT 1"]), "result", dice.choice([1, 2, 200]))]


def large(dice: random.Random) -> list[Command]:
    """Around the length where one payload becomes two packets."""
    n = LONGEST + dice.choice([-1, 0, 1])
    text = b"SELECT LENGTH('')"
    query = b"SELECT LENGTH('" + b"x" * (n - 1 - len(text)) + b"')"
    kind = dice.random()
    if kind < 0.4:
        return [Query(query)]
    # The row's payload has four bytes of length in front of the value.
    return [Query(f"SELECT REPEAT('y', {n - 4})")] if kind < 0.8 else [Query(f"SELECT 'short', REPEAT('y', {LONGEST}), 'end'"),
        Query("SELECT 'after'")]
