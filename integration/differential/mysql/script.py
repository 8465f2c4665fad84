"""How a conversation is written down."""

from __future__ import annotations

from dataclasses import dataclass, field

from support import mysql_wire as w

from . import commands as c
from .commands import Command, Execute, Prepare, Query
from .side import Exchange

OLD = w.LONG_FLAG | w.CONNECT_ATTRS | w.LOCAL_FILES | w.MULTI_STATEMENTS | w.MULTI_RESULTS | w.PS_MULTI_RESULTS
MODERN = OLD | w.DEPRECATE_EOF | w.SESSION_TRACK


@dataclass
class Script:
    exchanges: list[Exchange]
    #: Capabilities of each client beyond those the script is run with.
    clients: list[int] = field(default_factory=lambda: [0])
    #: Of all clients, by family.
    more: dict[str, int] = field(default_factory=dict)
    without: int = 0
    collation: int = 45
    #: None: the one with the tables.
    database: str | None = None
    families: tuple[str, ...] = ("mariadb", "mysql")


def X(*said: Command | str, client: int = 0, **more) -> Exchange:
    """One client's turn; text is a query."""
    return Exchange(client, [Query(s) if isinstance(s, str) else s for s in said], **more)


def S(*exchanges: Exchange | str, clients: int | list[int] = 1, **more) -> Script:
    turns = [X(e) if isinstance(e, str) else e for e in exchanges]
    return Script(turns, [0] * clients if isinstance(clients, int) else clients, **more)


def only(family: str, *exchanges: Exchange | str, **more) -> Script:
    return S(*exchanges, families=(family,), **more)


def run(slot: int, sql: str, *values: tuple, flags: int = 0) -> list[Command]:
    """Prepared and executed."""
    return [Prepare(slot, sql), Execute(slot, values, flags)]


def integer(value: int | None) -> tuple:
    return (c.LONGLONG, 0, value)


def text(value: str | bytes | None) -> tuple:
    return (c.VAR_STRING, 0, value)
