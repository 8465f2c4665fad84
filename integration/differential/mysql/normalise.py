"""What may differ between two servers that behave alike: ids of connections and statements, nonces, counters.

Everything else must be equal, sequence ids too. What Headgate does otherwise on purpose is in `allowed.py`."""

from __future__ import annotations

import re
import struct
from dataclasses import replace

from support.mysql_reply import Packet
from support.mysql_wire import SESSION_TRACK, read_lenenc, read_string

from .allowed import KNOWN_EARLY
from .side import Side

#: Reported variables whose values are their server's own.
CLOCK = re.compile(rb"..(\ttimestamp|\x0cstatement_id|\tlast_gtid).*", re.S)
STATE_CHANGED = 0x4000
HANDLER = re.compile(rb"((?:prepared statement handler|The statement) )\((-?\d+)\)")


def comparable(packet: Packet, side: Side, has_ids: bool) -> tuple[int, str, bytes]:
    payload = packet.payload
    match packet.role:
        case "prepared":
            payload = payload[:1] + payload[5:]
        case "err":
            payload = HANDLER.sub(lambda m: m[1] + _handler(m[2]), payload)
            payload = re.sub(rb"connection '?\d+'? to db", b"connection # to db", payload)
            payload = re.sub(rb"[Tt]hread id: \d+", b"thread id: #", payload) if has_ids else payload
        case "ok" | "eof" if len(payload) > 9 and side.capabilities & SESSION_TRACK:
            payload = with_changes_in_order(payload)
        case "middle" if len(payload) == 5:
            (status,) = struct.unpack_from("<H", payload, 3)
            payload = struct.pack("<H", status & KNOWN_EARLY)
        case "switch":
            payload = payload.split(b"\0", 1)[0] + b"\0" + bytes([len(payload)])
        case "more" if len(payload) > 40:
            payload = b"key"
        case "text":
            payload = b"text"
        case "row" if has_ids:
            payload = without_ids(payload, side)
        case "row" if b"handler (" in payload or b"The statement (" in payload:  # SHOW WARNINGS; the message has its length in front
            payload = HANDLER.sub(lambda m: m[1] + _handler(m[2]), re.sub(rb".(?=Unknown prepared|The statement)", b"", payload, flags=re.S))
    return packet.sequence, packet.role, payload


def with_changes_in_order(payload: bytes, keeps_clock: bool = False) -> bytes:
    """Servers name changed variables in the order of a hash table of the session's. The length of all of them is left out,
    or kept with clocks."""
    try:
        _, at = read_lenenc(payload, 1)
        _, at = read_lenenc(payload, at)
        (status,) = struct.unpack_from("<H", payload, at)
        if not status & STATE_CHANGED:
            return payload
        _, at = read_string(payload, at + 4)
        begin = read_lenenc(payload, at)[1]
        head, at = payload[: begin if keeps_clock else at], begin
        changes = []
        while at < len(payload):
            length, begin = read_lenenc(payload, at + 1)
            change = payload[at : begin + length]
            changes.append(change if keeps_clock else CLOCK.sub(rb"\1", change))
            at = begin + length
        return head + b"".join(sorted(changes))
    except (IndexError, struct.error, TypeError):
        return payload


def _handler(number: bytes) -> bytes:
    """Ids that no server gave are the same on both sides."""
    return b"(%s)" % number if number == b"-1" or int(number) >= 0x7FFF0000 else b"(#)"


def without_ids(payload: bytes, side: Side) -> bytes:
    for client, number in side.ids.items():
        text = str(number).encode()
        payload = payload.replace(bytes([len(text)]) + text, b"#%d" % client)
        payload = payload.replace(struct.pack("<Q", number), b"#%d" % client)
    return payload


def without_own_ids(packet: Packet, side: Side, has_ids: bool) -> Packet:
    """A row without the ids of the conversation's clients, where it may have them."""
    return replace(packet, payload=without_ids(packet.payload, side)) if has_ids and packet.role == "row" else packet


def show(packet: Packet, side: Side | None = None) -> str:
    """A packet for people, and for `allowed.py`: with its changes in order where it is known whose they are."""
    payload, role = packet.payload, packet.role
    if side and role in ("ok", "eof") and len(payload) > 9 and side.capabilities & SESSION_TRACK:
        payload = with_changes_in_order(payload, keeps_clock=True)
    try:
        what = _meaning(payload, role)
    except (IndexError, struct.error, TypeError, KeyError):
        what = ""
    data = repr(payload[:120])[1:] + (f"… {len(payload)} bytes" if len(payload) > 120 else "")
    return f"{packet.sequence} {role} {what or data}"


def _meaning(payload: bytes, role: str) -> str:
    if role == "err":
        (code,) = struct.unpack_from("<H", payload, 1)
        return f"{code} {payload[3:].decode(errors='replace')}"
    if role == "middle" and len(payload) == 5:
        return f"status {flags(struct.unpack_from('<H', payload, 3)[0] & KNOWN_EARLY)}"
    if role == "eof" and len(payload) == 5:
        warnings, status = struct.unpack_from("<HH", payload, 1)
        return f"warnings {warnings} status {flags(status)}"
    if role in ("ok", "eof"):
        affected, at = read_lenenc(payload, 1)
        insert_id, at = read_lenenc(payload, at)
        status, warnings = struct.unpack_from("<HH", payload, at)
        info = payload[at + 4 :]
        tail = f" info {info!r}" if info else ""
        return f"affected {affected} id {insert_id} status {flags(status)} warnings {warnings}{tail}"
    if role == "column":
        at, texts = 0, []
        for _ in range(6):
            text, at = read_string(payload, at)
            texts.append((text or b"").decode(errors="replace"))
        return f"{'.'.join(texts[1:])} {payload[at:].hex()}"
    if role == "prepared":
        number, columns, parameters = struct.unpack_from("<IHH", payload, 1)
        return f"id {number} columns {columns} parameters {parameters} {payload[9:].hex()}"
    return ""


FLAGS = {
    1: "TRANS", 2: "AUTOCOMMIT", 8: "MORE", 0x10: "NO_GOOD_INDEX", 0x20: "NO_INDEX", 0x40: "CURSOR", 0x80: "LAST_ROW",
    0x100: "DB_DROPPED",
    0x200: "NO_BACKSLASH", 0x400: "METADATA_CHANGED", 0x800: "SLOW", 0x1000: "OUT", 0x2000: "READONLY", 0x4000: "STATE_CHANGED",
    0x8000: "ANSI_QUOTES",
}  # fmt: skip


def flags(status: int) -> str:
    return "|".join(name for bit, name in FLAGS.items() if status & bit) or "0"
