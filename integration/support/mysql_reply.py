"""Where a command's reply ends, told from its packets and from what the client said it can do."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from .mysql_wire import DEPRECATE_EOF, MARIADB_CACHE_METADATA, MARIADB_PROGRESS, OPTIONAL_METADATA, read_lenenc

LONGEST = 0xFFFFFF
MORE_RESULTS, CURSOR_EXISTS, OUT_PARAMETERS = 0x8, 0x40, 0x1000

#: How a reply of each kind begins.
BEGINNINGS = {
    "result": "start", "prepare": "prepare", "fetch": "rows", "fields": "fields", "one": "one", "text": "text",
    "login": "login", "none": "done",
}  # fmt: skip


def frame(payload: bytes, sequence: int = 0) -> bytes:
    """The packets of a payload; an empty one behind those that are full."""
    if len(payload) < LONGEST:
        return len(payload).to_bytes(3, "little") + bytes([sequence & 0xFF]) + payload
    parts = [payload[i : i + LONGEST] for i in range(0, len(payload) + 1, LONGEST)]
    return b"".join(
        len(part).to_bytes(3, "little") + bytes([sequence + n & 0xFF]) + part for n, part in enumerate(parts)
    )


@dataclass(slots=True)
class Packet:
    sequence: int
    payload: bytes
    #: What it is: ok, err, eof, middle (the EOF behind definitions), count, column, row, prepared, file, text, switch, more, progress, odd.
    role: str


class Reply:
    def __init__(self, kind: str, capabilities: int):
        self.state = BEGINNINGS[kind]
        self.is_new = bool(capabilities & DEPRECATE_EOF)
        self.has_flag = bool(capabilities & (MARIADB_CACHE_METADATA | OPTIONAL_METADATA))
        self.has_optional = bool(capabilities & OPTIONAL_METADATA)
        self.has_progress = bool(capabilities & MARIADB_PROGRESS)
        #: Definitions to come, in sections that end with EOF where there is one.
        self.sections: list[int] = []
        self.kept = 0
        #: Of the last OK or EOF.
        self.status: int | None = None

    @property
    def done(self) -> bool:
        return self.state == "done"

    def take(self, payload: bytes) -> str:
        """What this packet is."""
        first = payload[0] if payload else -1
        if self.has_progress and payload[:3] == b"\xff\xff\xff":
            return "progress"
        return getattr(self, "_" + self.state)(first, payload)

    def _finish(self, role: str) -> str:
        self.state = "done"
        return role

    def _ok(self, payload: bytes) -> str:
        _, at = read_lenenc(payload, 1)
        _, at = read_lenenc(payload, at)
        (self.status,) = struct.unpack_from("<H", payload, at)
        return "ok"

    def _start(self, first: int, payload: bytes) -> str:
        if first == 0x00:
            role = self._ok(payload)
            self.state = "start" if self.status & MORE_RESULTS else "done"
            return role
        if first == 0xFB:
            return "file"
        if first in (0xFF, 0xFE, -1):
            return self._one(first, payload)
        count, at = read_lenenc(payload, 0)
        follows = payload[at] if self.has_flag and at < len(payload) else 1
        self.sections = [count if follows else 0]
        self._section()
        return "count"

    def _section(self) -> None:
        """Where definitions go on after one of them, or after none."""
        if self.sections and self.sections[0] > 0:
            self.state = "columns"
        elif not self.is_new:
            self.state = "middle"
        else:
            self._next_section()

    def _next_section(self) -> None:
        self.sections = self.sections[1:]
        if self.sections:
            self._section()
        else:
            self.state = "done" if self.kept < 0 else "rows"

    def _columns(self, first: int, payload: bytes) -> str:
        if first == 0xFF:
            return self._finish("err")
        self.sections[0] -= 1
        self._section()
        return "column"

    def _middle(self, first: int, payload: bytes) -> str:
        """The EOF behind definitions."""
        if first != 0xFE:
            return self._one(first, payload)
        _, status = struct.unpack_from("<HH", payload, 1)
        if self.kept >= 0:
            self.status = status
            self.kept = status & (OUT_PARAMETERS | MORE_RESULTS) if status & OUT_PARAMETERS else 0
            if status & CURSOR_EXISTS:
                return self._finish("eof")
        self._next_section()
        return "middle"

    def _rows(self, first: int, payload: bytes) -> str:
        if first == 0xFF:
            return self._finish("err")
        if first == 0xFE and len(payload) < (0xFFFFFF if self.is_new else 9):
            if self.is_new:
                self._ok(payload)
            else:
                _, self.status = struct.unpack_from("<HH", payload, 1)
            # The EOF behind OUT parameters does not repeat what the first one said.
            self.status |= self.kept
            self.state = "start" if self.status & MORE_RESULTS else "done"
            self.kept = 0
            return "eof"
        return "row"

    def _prepare(self, first: int, payload: bytes) -> str:
        if first != 0x00 or len(payload) < 9:
            return self._one(first, payload)
        columns, parameters = struct.unpack_from("<HH", payload, 5)
        follows = payload[12] if self.has_optional and len(payload) > 12 else 1
        self.kept = -1  # marks the reply to a prepare
        self.sections = [n if follows else 0 for n in (parameters, columns) if n]
        if self.sections:
            self._section()
        else:
            self.state = "done"
        return "prepared"

    def _fields(self, first: int, payload: bytes) -> str:
        return self._one(first, payload) if first in (0xFE, 0xFF, 0x00) else "column"

    def _one(self, first: int, payload: bytes) -> str:
        role = {0x00: "ok", 0xFF: "err", 0xFE: "eof"}.get(first, "odd")
        if role == "ok":
            self._ok(payload)
        elif role == "eof" and len(payload) == 5:
            _, self.status = struct.unpack_from("<HH", payload, 1)
        elif role == "eof" and self.is_new and len(payload) >= 7:
            self._ok(payload)
        return self._finish(role)

    def _text(self, first: int, payload: bytes) -> str:
        return self._finish("err" if first == 0xFF else "text")

    def _login(self, first: int, payload: bytes) -> str:
        if first == 0xFE:
            return "switch"
        if first == 0x01:
            return "more"
        return self._one(first, payload)
