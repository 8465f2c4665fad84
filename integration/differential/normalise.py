"""What may differ between two servers that behave alike: process ids, object ids, where in the source an error was.

Everything else must be equal. ParameterStatus may come at another moment: what the client knows after each
exchange is compared instead. Differences that Headgate keeps on purpose are listed in docs/compatibility.md and
let through here, each by name: `DOCUMENTED`, `OTHER_ERROR`,
`LAST`.
"""

from __future__ import annotations

import re
import struct

from support.wire import Message, fields

#: (name in docs/compatibility.md, type of the message, pattern in its text, replacement)
DOCUMENTED: list[tuple[str, str, re.Pattern[str], str]] = [
    (
        "names-of-one-text",
        "E",
        re.compile(r'(bind message supplies \d+ parameters, but prepared statement )"[^"]+"( requires)'),
        r'\1"…"\2',
    ),
]


#: (name in docs/compatibility.md, what PostgreSQL says, SQLSTATEs the pooler may say instead)
OTHER_ERROR: list[tuple[str, re.Pattern[str], re.Pattern[str]]] = [
    ("wrong-twice", re.compile(r"08P01 bind message supplies \d+ parameters"), re.compile(r"25P02|42...|3F000|22021")),
]


#: Differences after which the two sides know different things: (name in docs/compatibility.md, PostgreSQL's message and
#: SQLSTATE, the pooler's).
LAST: list[tuple[str, re.Pattern[str], re.Pattern[str]]] = [
    ("described-when-aborted", re.compile("t "), re.compile("E 25P02")),
    ("parse-answered", re.compile("E (42...|3F000)"), re.compile("1 ")),
]


def parts_here(expected: list[tuple[str, object]], found: list[tuple[str, object]]) -> bool:
    """Whether the first thing that differs is one of `LAST`."""

    def brief(message: tuple[str, object]) -> str:
        return f"{message[0]} {message[1].get('C') if message[0] == 'E' else ''}"

    for a, b in zip(expected, found):
        if a != b and not _other_error(a, b):
            return any(direct.match(brief(a)) and pooled.match(brief(b)) for _, direct, pooled in LAST)
    return False


def alike(expected: list[tuple[str, object]], found: list[tuple[str, object]]) -> bool:
    """Whether two lists of what `comparable` answers are equal, but for an error whose reason was one of several."""
    return len(expected) == len(found) and all(a == b or _other_error(a, b) for a, b in zip(expected, found))


def _other_error(expected: tuple[str, object], found: tuple[str, object]) -> bool:
    if expected[0] != "E" or found[0] != "E":
        return False
    said, code = f"{expected[1].get('C')} {expected[1].get('M')}", found[1].get("C", "")
    return expected[1].get("S") == found[1].get("S") and any(
        direct.match(said) and pooled.fullmatch(code) for _, direct, pooled in OTHER_ERROR
    )


def normal(m: Message) -> tuple[str, object]:
    if m.type in "EN":
        found = {k: v for k, v in fields(m.body).items() if k not in "FLR"}
        for _, kind, pattern, replacement in DOCUMENTED:
            if kind == m.type:
                found["M"] = pattern.sub(replacement, found.get("M", ""))
        return m.type, found
    if m.type == "T":
        return m.type, _row_description(m.body)
    if m.type == "K":
        return m.type, None
    return m.type, m.body


def _row_description(body: bytes) -> list[tuple]:
    (count,) = struct.unpack_from("!H", body)
    found, at = [], 2
    for _ in range(count):
        end = body.index(b"\0", at)
        table, column, kind, size, modifier, form = struct.unpack_from("!IHIhiH", body, end + 1)
        # Ids of objects made by a script come from a counter that all databases share.
        found.append((body[at:end], table != 0, column, kind if kind < 16384 else "made", size, modifier, form))
        at = end + 19
    return found


def comparable(messages: list[Message]) -> list[tuple[str, object]]:
    return [normal(m) for m in messages if m.type not in "SA"]


def notifications(messages: list[Message]) -> list[bytes]:
    """Channel and payload of each."""
    return [m.body[4:] for m in messages if m.type == "A"]


#: Of these both sides must know the same at any time; the rest describe the login.
def parameters(known: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in known.items() if k not in ("session_authorization", "is_superuser")}


def show(m: Message) -> str:
    """A message for people."""
    if m.type in "EN":
        f = fields(m.body)
        return f"{m.type} {f.get('S')} {f.get('C')} {f.get('M')}" + "".join(
            f" {k}={v}" for k, v in f.items() if k not in "SVCMFLR"
        )
    body = m.body if len(m.body) < 120 else m.body[:80] + b"... %d bytes" % len(m.body)
    return f"{m.type} {body!r}"


def show_sent(data: bytes) -> list[str]:
    """Frontend messages of a batch, for people."""
    lines, at = [], 0
    while at + 5 <= len(data):
        kind = data[at : at + 1].decode(errors="replace")
        size = int.from_bytes(data[at + 1 : at + 5], "big")
        body = data[at + 5 : at + 1 + size]
        lines.append(f"{kind} {body if len(body) < 160 else body[:120] + b'... %d bytes' % len(body)!r}")
        at += 1 + max(size, 4)
    return lines
