"""What a client says, in a form that both sides can say with their own ids of statements and connections."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from support.mysql_wire import CONNECT_ATTRS, PLUGIN_AUTH, QUERY_ATTRIBUTES, lenenc, scramble_native, scramble_sha256

if TYPE_CHECKING:
    from .side import Side

SLEEP, QUIT, INIT_DB, QUERY, FIELD_LIST, STATISTICS, PROCESS_KILL, PING = 0, 1, 2, 3, 4, 9, 12, 14
CHANGE_USER, STMT_PREPARE, STMT_EXECUTE, STMT_LONG_DATA, STMT_CLOSE, STMT_RESET = 17, 22, 23, 24, 25, 26
SET_OPTION, STMT_FETCH, RESET_CONNECTION, STMT_BULK = 27, 28, 31, 250

TINY, SHORT, LONG, FLOAT, DOUBLE, NULL, TIMESTAMP, LONGLONG, DATE, TIME, DATETIME = 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12
NEWDECIMAL, BLOB, VAR_STRING, STRING = 246, 252, 253, 254

#: Statement id that stands for the one prepared last (MariaDB).
LAST = -1
UNKNOWN_IDS = 0x7FFF0000


@dataclass
class Command:
    """`kind` says what the reply looks like (see `mysql_reply.BEGINNINGS`)."""

    kind = "result"
    #: Of the first packet.
    sequence = 0
    #: What a request for a local file is answered with: one packet each, the last, empty one goes without saying.
    file = ()

    def payload(self, side: "Side") -> bytes:
        raise NotImplementedError

    def happened(self, side: "Side", packets: list) -> None:
        """Called with the whole reply."""


def show_bytes(data: bytes) -> str:
    return repr(data)[1:] if len(data) < 300 else f"{repr(data[:160])[1:]}… {len(data)} bytes"


@dataclass
class Raw(Command):
    data: bytes
    kind: str = "one"
    sequence: int = 0

    def payload(self, side):
        return self.data

    def __str__(self):
        more = f", sequence {self.sequence}" if self.sequence else ""
        return f"raw {show_bytes(self.data)}{more}"


@dataclass
class Query(Command):
    """`$ID2` in it stands for the connection id of client 2."""

    sql: str | bytes
    file: tuple[bytes, ...] = ()
    #: Attributes by name, where the client can send some.
    attributes: tuple[tuple[str, str], ...] = ()

    def text(self) -> bytes:
        return self.sql if isinstance(self.sql, bytes) else self.sql.encode()

    def payload(self, side):
        text = self.text()
        if b"$ID" in text:
            text = side.with_ids(text)
        head = b"\3"
        if side.capabilities & QUERY_ATTRIBUTES:
            head += attributes(self.attributes)
        return head + text

    def __str__(self):
        more = f" with a file of {len(self.file)} packets" if self.file else ""
        return f"query {show_bytes(self.text())}{more}{' ' + repr(self.attributes) if self.attributes else ''}"


def attributes(pairs: tuple[tuple[str, str], ...]) -> bytes:
    head = lenenc(len(pairs)) + b"\1"
    if not pairs:
        return head
    head += bytes((len(pairs) + 7) // 8) + b"\1"
    for name, _ in pairs:
        head += struct.pack("<BB", STRING, 0) + lenenc(len(name.encode())) + name.encode()
    return head + b"".join(lenenc(len(value.encode())) + value.encode() for _, value in pairs)


@dataclass
class Prepare(Command):
    slot: int
    sql: str
    kind = "prepare"

    def payload(self, side):
        return b"\x16" + self.sql.encode()

    def happened(self, side, packets):
        if packets and packets[0].role == "prepared":
            side.statements[self.slot] = struct.unpack_from("<I", packets[0].payload, 1)[0]
        else:
            side.statements.pop(self.slot, None)

    def __str__(self):
        return f"prepare s{self.slot} {show_bytes(self.sql.encode())}"


@dataclass
class OfStatement(Command):
    slot: int

    def id(self, side) -> bytes:
        if self.slot == LAST:
            return b"\xff\xff\xff\xff"
        return struct.pack("<I", side.statements.get(self.slot, UNKNOWN_IDS + self.slot))


@dataclass
class Execute(OfStatement):
    #: (type, flags, value); a value may be `None`. `OMITTED` as a value is long data that was sent before.
    values: tuple = ()
    flags: int = 0
    send_types: bool = True
    #: Sent as they are instead of what `values` say.
    tail: bytes | None = None

    def payload(self, side):
        has_attributes = side.capabilities & QUERY_ATTRIBUTES
        flags = self.flags | (8 if has_attributes and self.values else 0)
        head = b"\x17" + self.id(side) + struct.pack("<BI", flags, 1)
        if self.tail is not None:
            return head + self.tail
        if flags & 8:
            head += lenenc(len(self.values))
        if not self.values:
            return head
        return head + encode(self.values, self.send_types, names=bool(flags & 8))

    def __str__(self):
        return f"execute s{self.slot} {self.tail if self.tail is not None else self.values}{'' if self.send_types else ' without types'}" + (
            f" flags {self.flags:#x}" if self.flags else ""
        )


OMITTED = object()


def encode(values: tuple, send_types: bool, names: bool = False) -> bytes:
    """NULL bitmap, types, values."""
    bitmap = bytearray((len(values) + 7) // 8)
    types, data = b"", b""
    for i, (kind, flags, value) in enumerate(values):
        types += struct.pack("<BB", kind, flags) + (b"\0" if names else b"")
        if value is None:
            bitmap[i // 8] |= 1 << i % 8
        elif value is not OMITTED:
            data += encode_value(kind, value)
    return bytes(bitmap) + (b"\1" + types if send_types else b"\0") + data


def encode_value(kind: int, value) -> bytes:
    if isinstance(value, bytes) and kind not in (STRING, VAR_STRING, BLOB, NEWDECIMAL):
        return value
    if kind in (TINY, SHORT, LONG, LONGLONG):
        size = {TINY: 1, SHORT: 2, LONG: 4, LONGLONG: 8}[kind]
        return (value & (1 << 8 * size) - 1).to_bytes(size, "little")
    if kind in (FLOAT, DOUBLE):
        return struct.pack("<f" if kind == FLOAT else "<d", value)
    if kind in (DATE, DATETIME, TIMESTAMP):
        year, month, day, *more = value
        data = struct.pack("<HBB", year, month, day)
        if len(more) >= 3:
            data += struct.pack("<BBB", *more[:3])
        if len(more) == 4:
            data += struct.pack("<I", more[3])
        return bytes([len(data)]) + data
    if kind == TIME:
        sign, days, hours, minutes, seconds, *micro = value
        data = struct.pack("<BIBBB", sign, days, hours, minutes, seconds) + (struct.pack("<I", *micro) if micro else b"")
        return bytes([len(data)]) + data
    text = value if isinstance(value, bytes) else str(value).encode()
    return lenenc(len(text)) + text


@dataclass
class LongData(OfStatement):
    parameter: int = 0
    data: bytes = b""
    kind = "none"

    def payload(self, side):
        return b"\x18" + self.id(side) + struct.pack("<H", self.parameter) + self.data

    def __str__(self):
        return f"long data s{self.slot} parameter {self.parameter} {show_bytes(self.data)}"


@dataclass
class CloseStatement(OfStatement):
    kind = "none"

    def payload(self, side):
        return b"\x19" + self.id(side)

    def __str__(self):
        return f"close s{self.slot}"


@dataclass
class ResetStatement(OfStatement):
    kind = "one"

    def payload(self, side):
        return b"\x1a" + self.id(side)

    def __str__(self):
        return f"reset s{self.slot}"


@dataclass
class Fetch(OfStatement):
    rows: int = 1
    kind = "fetch"

    def payload(self, side):
        return b"\x1c" + self.id(side) + struct.pack("<I", self.rows)

    def __str__(self):
        return f"fetch {self.rows} of s{self.slot}"


@dataclass
class Bulk(OfStatement):
    """Rows of (type, flags, value); a value may be `None`, or an `Indicator`."""

    rows: tuple = ()
    flags: int = 128
    tail: bytes | None = None

    def payload(self, side):
        head = b"\xfa" + self.id(side) + struct.pack("<H", self.flags)
        if self.tail is not None:
            return head + self.tail
        data = b""
        if self.flags & 128:
            data += b"".join(struct.pack("<BB", kind, flags) for kind, flags, _ in self.rows[0])
        for row in self.rows:
            for kind, _, value in row:
                if isinstance(value, Indicator):
                    data += bytes([value.number])
                else:
                    data += b"\1" if value is None else b"\0" + encode_value(kind, value)
        return head + data

    def __str__(self):
        return f"bulk s{self.slot} flags {self.flags:#x} {self.tail if self.tail is not None else self.rows}"


@dataclass(frozen=True)
class Indicator:
    number: int


@dataclass
class ChangeUser(Command):
    user: str
    password: str
    database: str = ""
    collation: int = 45
    #: Instead of the right answer.
    answer: bytes | None = None
    attributes: tuple[tuple[str, str], ...] = field(default=())
    kind = "login"

    def payload(self, side):
        plugin, nonce = side.plugin, side.nonce[:20]
        scramble = scramble_sha256 if plugin == "caching_sha2_password" else scramble_native
        answer = self.answer if self.answer is not None else scramble(self.password.encode(), nonce)
        data = b"\x11" + self.user.encode() + b"\0" + bytes([len(answer)]) + answer + self.database.encode() + b"\0"
        data += struct.pack("<H", self.collation)
        if side.capabilities & PLUGIN_AUTH:
            data += plugin.encode() + b"\0"
        if side.capabilities & CONNECT_ATTRS:
            pairs = b"".join(lenenc(len(t)) + t.encode() for pair in self.attributes for t in pair)
            data += lenenc(len(pairs)) + pairs
        side.connection.password = self.password.encode()
        return data

    def happened(self, side, packets):
        if packets and packets[-1].role == "ok":
            side.statements.clear()

    def __str__(self):
        more = "" if self.answer is None else f" answering {self.answer!r}"
        return f"change user {self.user} {self.database!r} collation {self.collation}{more}"


@dataclass
class ResetConnection(Command):
    kind = "one"

    def payload(self, side):
        return b"\x1f"

    def happened(self, side, packets):
        if packets and packets[-1].role == "ok":
            side.statements.clear()

    def __str__(self):
        return "reset connection"


def init_db(name: str) -> Raw:
    return Raw(b"\2" + name.encode())


def ping() -> Raw:
    return Raw(b"\x0e")


def statistics() -> Raw:
    return Raw(b"\x09", "text")


def set_option(number: int) -> Raw:
    return Raw(b"\x1b" + struct.pack("<H", number))


def field_list(table: str, wild: str = "") -> Raw:
    return Raw(b"\4" + table.encode() + b"\0" + wild.encode(), "fields")
