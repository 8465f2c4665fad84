"""PostgreSQL's protocol 3 by hand: messages as bytes, and a raw connection that hides nothing."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import os
import select
import socket
import struct
import time
from collections import namedtuple

Message = namedtuple("Message", "type body")

PROTOCOL_30 = 196608
PROTOCOL_32 = 196610
CANCEL_CODE = 80877102
SSL_CODE = 80877103
GSS_CODE = 80877104


# What a frontend sends


def message(kind: str, body: bytes = b"") -> bytes:
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def text(value: str | bytes) -> bytes:
    return (value.encode() if isinstance(value, str) else value) + b"\0"


def startup(user: str | None, database: str | None = None, version: int = PROTOCOL_30, **parameters) -> bytes:
    pairs = ({"user": user} if user is not None else {}) | ({"database": database} if database else {}) | parameters
    body = struct.pack("!I", version) + b"".join(text(k) + text(str(v)) for k, v in pairs.items()) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def query(sql: str | bytes) -> bytes:
    return message("Q", text(sql))


def parse(sql: str | bytes, name: str = "", types: tuple[int, ...] = ()) -> bytes:
    return message("P", text(name) + text(sql) + struct.pack(f"!H{len(types)}I", len(types), *types))


def bind(
    portal: str = "", statement: str = "", values: tuple = (), formats: tuple[int, ...] = (),
    results: tuple[int, ...] = (),
) -> bytes:  # fmt: skip
    body = text(portal) + text(statement) + struct.pack(f"!H{len(formats)}H", len(formats), *formats)
    body += struct.pack("!H", len(values))
    for value in values:
        if value is None:
            body += struct.pack("!i", -1)
        else:
            raw = value if isinstance(value, bytes) else str(value).encode()
            body += struct.pack("!i", len(raw)) + raw
    return message("B", body + struct.pack(f"!H{len(results)}H", len(results), *results))


def describe(kind: str, name: str = "") -> bytes:
    return message("D", kind.encode() + text(name))


def execute(portal: str = "", limit: int = 0) -> bytes:
    return message("E", text(portal) + struct.pack("!I", limit))


def close(kind: str, name: str = "") -> bytes:
    return message("C", kind.encode() + text(name))


def function_call(oid: int, *arguments: bytes | None, formats: tuple[int, ...] = (1,), result: int = 1) -> bytes:
    body = struct.pack(f"!IH{len(formats)}H", oid, len(formats), *formats) + struct.pack("!H", len(arguments))
    for a in arguments:
        body += struct.pack("!i", -1) if a is None else struct.pack("!i", len(a)) + a
    return message("F", body + struct.pack("!H", result))


def copy_data(data: bytes) -> bytes:
    return message("d", data)


def copy_fail(reason: str) -> bytes:
    return message("f", text(reason))


SYNC = message("S")
FLUSH = message("H")
COPY_DONE = message("c")
TERMINATE = message("X")


def cancel(pid: int, secret: bytes) -> bytes:
    return struct.pack("!III", 12 + len(secret), CANCEL_CODE, pid) + secret


def send_cancel(host: str, port: int, pid: int, secret: bytes, timeout: float = 5) -> None:
    """Sends it and waits until the other side closes, as libpq does."""
    with socket.create_connection((host, port), timeout) as s:
        s.sendall(cancel(pid, secret))
        try:
            while s.recv(100):
                pass
        except ConnectionResetError:
            pass


# What a backend says


def fields(body: bytes) -> dict[str, str]:
    """Fields of an ErrorResponse or NoticeResponse."""
    return {chr(f[0]): f[1:].decode(errors="replace") for f in body.split(b"\0") if f}


def row(body: bytes) -> list[bytes | None]:
    (count,) = struct.unpack_from("!H", body)
    values, at = [], 2
    for _ in range(count):
        (size,) = struct.unpack_from("!i", body, at)
        at += 4
        values.append(None if size < 0 else body[at : at + size])
        at += max(size, 0)
    return values


def columns(body: bytes) -> list[str]:
    (count,) = struct.unpack_from("!H", body)
    names, at = [], 2
    for _ in range(count):
        end = body.index(b"\0", at)
        names.append(body[at:end].decode())
        at = end + 19
    return names


class Closed(Exception):
    """The other side closed."""


class Silent(Exception):
    """Nothing more came in time."""


@functools.lru_cache(maxsize=64)
def _salted(password: bytes, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password, salt, iterations)


class ScramClient:
    """SCRAM-SHA-256 as RFC 5802 has it, without channel binding."""

    def __init__(self, password: str):
        self.password = password.encode()
        self.nonce = base64.b64encode(os.urandom(18)).decode()
        self.first_bare = f"n=,r={self.nonce}"

    def first(self) -> bytes:
        data = ("n,," + self.first_bare).encode()
        return message("p", text("SCRAM-SHA-256") + struct.pack("!I", len(data)) + data)

    def final(self, challenge: bytes) -> bytes:
        parts = dict(p.split("=", 1) for p in challenge.decode().split(","))
        assert parts["r"].startswith(self.nonce) and len(parts["r"]) > len(self.nonce), "the server kept our nonce"
        salted = _salted(self.password, base64.b64decode(parts["s"]), int(parts["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        without = f"c=biws,r={parts['r']}"
        said = ",".join([self.first_bare, challenge.decode(), without]).encode()
        proof = bytes(a ^ b for a, b in zip(key, hmac.digest(hashlib.sha256(key).digest(), said, "sha256")))
        self.verifier = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), said, "sha256")
        return message("p", f"{without},p={base64.b64encode(proof).decode()}".encode())

    def check(self, final: bytes) -> None:
        assert base64.b64decode(final.decode().removeprefix("v=")) == self.verifier, "the server is not who it says"


class Wire:
    """A connection: what is sent goes out as it is, what comes in is cut into messages, nothing is swallowed."""

    def __init__(self, host: str, port: int, timeout: float = 10):
        self.peer = (host, port)
        self.timeout = timeout
        if host.startswith("/"):  # The directory of a unix socket, as in libpq.
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(f"{host}/.s.PGSQL.{port}")
        else:
            self.socket = socket.create_connection(self.peer, timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.parameters: dict[str, str] = {}
        self.key: tuple[int, bytes] | None = None
        self.status = ""
        self.login_messages: list[Message] = []
        #: (channel, payload) as they came, among whatever else was read.
        self.notifications: list[tuple[str, str]] = []

    # Sending

    def send(self, *parts: bytes) -> None:
        self.socket.sendall(b"".join(parts))

    def send_pieces(self, pieces, pause: float = 0) -> None:
        """Each piece in a segment of its own, as far as the kernel lets us say so."""
        for piece in pieces:
            self.socket.sendall(piece)
            if pause:
                time.sleep(pause)

    # Receiving

    def _fill(self, deadline: float) -> None:
        self.socket.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            data = self.socket.recv(65536)
        except (TimeoutError, BlockingIOError):
            raise Silent(f"{len(self.buffer)} bytes of a message not yet whole") from None
        except ConnectionResetError:
            raise Closed("reset") from None
        if not data:
            raise Closed(f"{len(self.buffer)} bytes left over")
        self.buffer += data

    def read_exactly(self, count: int, timeout: float | None = None) -> bytes:
        deadline = time.monotonic() + (timeout or self.timeout)
        while len(self.buffer) < count:
            self._fill(deadline)
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def read(self, timeout: float | None = None) -> Message:
        deadline = time.monotonic() + (timeout or self.timeout)
        while True:
            if len(self.buffer) >= 5:
                size = int.from_bytes(self.buffer[1:5], "big")
                if size < 4:
                    raise AssertionError(f"a message of impossible length {size}: {bytes(self.buffer[:40])!r}")
                if len(self.buffer) > size:
                    found = Message(chr(self.buffer[0]), bytes(self.buffer[5 : size + 1]))
                    del self.buffer[: size + 1]
                    self._note(found)
                    return found
            self._fill(deadline)

    def _note(self, m: Message) -> None:
        if m.type == "S":
            name, value = m.body[:-1].split(b"\0")
            self.parameters[name.decode()] = value.decode()
        elif m.type == "Z":
            self.status = m.body.decode()
        elif m.type == "K":
            self.key = (int.from_bytes(m.body[:4], "big"), m.body[4:])
        elif m.type == "A":
            channel, payload, _ = m.body[4:].split(b"\0")
            self.notifications.append((channel.decode(), payload.decode()))

    def read_until(self, kinds: str = "Z", timeout: float | None = None) -> list[Message]:
        """Messages up to and with the first of one of these types; or to the end, if an error says why."""
        found: list[Message] = []
        while not found or found[-1].type not in kinds:
            try:
                found.append(self.read(timeout))
            except Closed:
                if any(m.type == "E" for m in found):
                    return found
                raise
        return found

    def read_to_end(self, timeout: float | None = None) -> list[Message]:
        """Messages until the other side closes."""
        found = []
        try:
            while True:
                found.append(self.read(timeout))
        except Closed:
            return found

    def ask(self, sql: str) -> None:
        """Sends a statement and does not wait for the answer."""
        self.send(query(sql))

    def answer(self) -> list[Message]:
        return self.read_until("Z")

    def quiet(self, seconds: float = 0.2) -> bool:
        """Does nothing come for so long?"""
        if self.buffer:
            return False
        return not select.select([self.socket], [], [], seconds)[0]

    # Conversations

    def login(self, user: str, password: str, database: str, version: int = PROTOCOL_30, **parameters) -> "Wire":
        self.send(startup(user, database, version, **parameters))
        self.authenticate(user, password)
        return self

    def authenticate(self, user: str, password: str) -> None:
        scram: ScramClient | None = None
        while True:
            m = self.read()
            self.login_messages.append(m)
            if m.type == "E":
                raise LoginFailed(fields(m.body))
            if m.type == "Z":
                return
            if m.type != "R":
                continue
            (kind,) = struct.unpack_from("!I", m.body)
            if kind == 3:
                self.send(message("p", text(password)))
            elif kind == 5:
                inner = hashlib.md5((password + user).encode()).hexdigest()
                self.send(message("p", text("md5" + hashlib.md5(inner.encode() + m.body[4:8]).hexdigest())))
            elif kind == 10:
                scram = ScramClient(password)
                self.send(scram.first())
            elif kind == 11:
                self.send(scram.final(m.body[4:]))
            elif kind == 12:
                scram.check(m.body[4:])

    def query(self, sql: str, timeout: float | None = None) -> list[Message]:
        self.send(query(sql))
        return self.read_until("Z", timeout)

    def value(self, sql: str) -> str | None:
        """The only value of the only row, an error as an exception."""
        replies = self.query(sql)
        for m in replies:
            if m.type == "E":
                raise ServerError(fields(m.body))
        found = row(next(m for m in replies if m.type == "D").body)[0]
        return None if found is None else found.decode()

    def reset(self) -> None:
        """Goes away without a word: RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_) -> None:
        self.close()


class ServerError(Exception):
    def __init__(self, found: dict[str, str]):
        super().__init__(f"{found.get('C')}: {found.get('M')}")
        self.fields = found
        self.code = found.get("C")


class LoginFailed(ServerError):
    pass


def types(messages: list[Message]) -> str:
    """`12DCZ`: a conversation at a glance."""
    return "".join(m.type for m in messages)
