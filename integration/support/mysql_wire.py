"""A small MySQL client that sees every byte: for what drivers hide, and for recording real conversations.

It logs in with whatever a server asks for, runs statements in the text and the binary protocol, and keeps the payloads
of both sides. Not fast, not complete, and on purpose not built on any driver.
"""

from __future__ import annotations

import hashlib
import socket
import struct
import subprocess
import tempfile
from dataclasses import dataclass, field

from . import ed25519

LONG_PASSWORD, FOUND_ROWS, LONG_FLAG, CONNECT_WITH_DB = 1, 2, 4, 8
COMPRESS, LOCAL_FILES, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION = 0x20, 0x80, 0x200, 0x2000, 0x8000
MULTI_STATEMENTS, MULTI_RESULTS, PS_MULTI_RESULTS = 1 << 16, 1 << 17, 1 << 18
PLUGIN_AUTH, CONNECT_ATTRS, AUTH_LENENC = 1 << 19, 1 << 20, 1 << 21
INTERACTIVE, IGNORE_SPACE = 0x400, 0x100
SESSION_TRACK, DEPRECATE_EOF, OPTIONAL_METADATA, QUERY_ATTRIBUTES = 1 << 23, 1 << 24, 1 << 25, 1 << 27
MARIADB_PROGRESS, MARIADB_BULK, MARIADB_EXTENDED_METADATA, MARIADB_CACHE_METADATA = 1 << 32, 1 << 34, 1 << 35, 1 << 36

BASIC = (
    LONG_PASSWORD | LONG_FLAG | LOCAL_FILES | PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION | MULTI_STATEMENTS
    | MULTI_RESULTS | PS_MULTI_RESULTS | PLUGIN_AUTH | CONNECT_ATTRS | AUTH_LENENC
)  # fmt: skip


class WireError(Exception):
    def __init__(self, code: int, state: str, message: str):
        super().__init__(f"{code} ({state}): {message}")
        self.code, self.state, self.message = code, state, message


@dataclass
class Result:
    rows: list[tuple] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    affected: int = 0
    insert_id: int = 0
    status: int = 0
    warnings: int = 0
    more: list["Result"] = field(default_factory=list)


def lenenc(value: int) -> bytes:
    if value < 0xFB:
        return bytes([value])
    if value < 1 << 16:
        return b"\xfc" + struct.pack("<H", value)
    if value < 1 << 24:
        return b"\xfd" + struct.pack("<I", value)[:3]
    return b"\xfe" + struct.pack("<Q", value)


def read_lenenc(data: bytes, at: int) -> tuple[int | None, int]:
    first = data[at]
    if first < 0xFB:
        return first, at + 1
    if first == 0xFB:
        return None, at + 1
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}[first]
    return int.from_bytes(data[at + 1 : at + 1 + size], "little"), at + 1 + size


def read_string(data: bytes, at: int) -> tuple[bytes | None, int]:
    length, at = read_lenenc(data, at)
    return (None, at) if length is None else (data[at : at + length], at + length)


def scramble_native(password: bytes, nonce: bytes) -> bytes:
    if not password:
        return b""
    one = hashlib.sha1(password).digest()
    two = hashlib.sha1(nonce + hashlib.sha1(one).digest()).digest()
    return bytes(a ^ b for a, b in zip(one, two))


def scramble_sha256(password: bytes, nonce: bytes) -> bytes:
    if not password:
        return b""
    one = hashlib.sha256(password).digest()
    two = hashlib.sha256(hashlib.sha256(one).digest() + nonce).digest()
    return bytes(a ^ b for a, b in zip(one, two))


def encrypt_password(password: bytes, nonce: bytes, key: bytes) -> bytes:
    """The password, xor'ed with the nonce, under the server's public key (RSAES-OAEP)."""
    plain = bytes(b ^ nonce[i % len(nonce)] for i, b in enumerate(password + b"\0"))
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(key)
        file.flush()
        command = ["openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", file.name, "-pkeyopt", "rsa_padding_mode:oaep"]
        return subprocess.run(command, input=plain, stdout=subprocess.PIPE, check=True).stdout


class Connection:
    def __init__(
        self, port: int = 0, unix: str | None = None, user: str = "root", password: str = "", database: str = "",
        capabilities: int = BASIC | DEPRECATE_EOF | SESSION_TRACK, attributes: dict[str, str] | None = None,
        plugin: str | None = None, timeout: float = 30, collation: int = 45,
    ):  # fmt: skip
        if unix:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(unix)
        else:
            self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.user, self.password = user, password.encode()
        self.wanted, self.first_plugin, self.wanted_collation = capabilities, plugin, collation
        #: ("C" or "S", sequence id, payload) of everything that went over the wire.
        self.transcript: list[tuple[str, int, bytes]] = []
        self.sequence = 0
        self.capabilities = 0
        self.is_secure = unix is not None
        try:
            self._login(database, attributes or {"program_name": "headgate tests"})
        except BaseException:
            self.socket.close()
            raise

    # Packets

    def _exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError("the server closed the connection")
            data += part
        return bytes(data)

    def read(self) -> bytes:
        payload = b""
        while True:
            header = self._exactly(4)
            length = int.from_bytes(header[:3], "little")
            payload += self._exactly(length)
            self.sequence = (header[3] + 1) & 0xFF
            if length < 0xFFFFFF:
                self.transcript.append(("S", header[3], payload))
                return payload

    def write(self, payload: bytes) -> None:
        self.transcript.append(("C", self.sequence, payload))
        while True:
            part, payload = payload[:0xFFFFFF], payload[0xFFFFFF:]
            self.socket.sendall(len(part).to_bytes(3, "little") + bytes([self.sequence]) + part)
            self.sequence = (self.sequence + 1) & 0xFF
            if len(part) < 0xFFFFFF:
                return

    def command(self, byte: int, body: bytes = b"") -> None:
        self.sequence = 0
        self.write(bytes([byte]) + body)

    def error(self, payload: bytes) -> WireError:
        code = struct.unpack_from("<H", payload, 1)[0]
        if payload[3:4] == b"#":
            return WireError(code, payload[4:9].decode(), payload[9:].decode(errors="replace"))
        return WireError(code, "", payload[3:].decode(errors="replace"))

    # Login

    def _login(self, database: str, attributes: dict[str, str]) -> None:
        greeting = self.read()
        if greeting[0] == 0xFF:
            raise self.error(greeting)
        end = greeting.index(b"\0", 1)
        self.server_version = greeting[1:end].decode()
        self.connection_id = struct.unpack_from("<I", greeting, end + 1)[0]
        nonce = greeting[end + 5 : end + 13]
        low, self.collation, self.status, high, length = struct.unpack_from("<HBHHB", greeting, end + 14)
        offered = low | high << 16
        if not offered & LONG_PASSWORD:
            offered |= struct.unpack_from("<I", greeting, end + 28)[0] << 32
        second = max(13, length - 8)
        nonce += greeting[end + 32 : end + 32 + second].rstrip(b"\0")
        plugin = greeting[end + 32 + second :].split(b"\0")[0].decode() or "mysql_native_password"
        self.offered, self.nonce = offered, nonce
        wanted = self.wanted | (CONNECT_WITH_DB if database else 0)
        if not offered & LONG_PASSWORD:
            wanted &= ~LONG_PASSWORD
        self.capabilities = wanted & offered
        plugin = self.first_plugin or plugin
        answer = self._answer(plugin, nonce)
        payload = struct.pack("<IIB19x", self.capabilities & 0xFFFFFFFF, 1 << 24, self.wanted_collation)
        payload += struct.pack("<I", self.capabilities >> 32)
        payload += self.user.encode() + b"\0" + lenenc(len(answer)) + answer
        if database:
            payload += database.encode() + b"\0"
        payload += plugin.encode() + b"\0"
        if self.capabilities & CONNECT_ATTRS:
            pairs = b"".join(lenenc(len(t)) + t for k, v in attributes.items() for t in (k.encode(), v.encode()))
            payload += lenenc(len(pairs)) + pairs
        self.write(payload)
        self._authenticate(plugin, nonce)

    def _answer(self, plugin: str, nonce: bytes) -> bytes:
        if plugin == "mysql_native_password":
            return scramble_native(self.password, nonce[:20])
        if plugin == "caching_sha2_password":
            return scramble_sha256(self.password, nonce[:20])
        if plugin == "sha256_password":
            return b"\0" if not self.password else self.password + b"\0" if self.is_secure else b"\1"
        if plugin == "client_ed25519":
            return ed25519.sign(self.password, nonce[:32])
        if plugin == "mysql_clear_password":
            return self.password + b"\0"
        return b""

    def _authenticate(self, plugin: str, nonce: bytes) -> None:
        while True:
            #: The one that was used last.
            self.plugin = plugin
            reply = self.read()
            if reply[0] == 0x00:
                self.last_ok = reply
                return
            if reply[0] == 0xFF:
                raise self.error(reply)
            if reply[0] == 0xFE:
                name, data = reply[1:].split(b"\0", 1)
                plugin, nonce = name.decode(), data
                if data.endswith(b"\0") and plugin != "client_ed25519":
                    nonce = data[:-1]
                self.nonce = nonce
                self.write(self._answer(plugin, nonce))
            elif reply[0] == 0x01 and plugin == "caching_sha2_password":
                if reply[1:] == b"\x04":
                    if self.is_secure:
                        self.write(self.password + b"\0")
                    else:
                        self.write(b"\x02")
                elif reply[1:2] != b"\x03":
                    self.write(encrypt_password(self.password, nonce[:20], reply[1:]))
            elif reply[0] == 0x01 and plugin == "sha256_password":
                self.write(encrypt_password(self.password, nonce[:20], reply[1:]))
            else:
                raise RuntimeError(f"unexpected {reply!r} during {plugin}")

    # Commands

    def query(self, sql: str, attributes: bytes | None = None) -> Result:
        head = b"" if not self.capabilities & QUERY_ATTRIBUTES else attributes or b"\0\1"
        self.command(0x03, head + sql.encode())
        return self.results()

    def results(self, binary: bool = False) -> Result:
        first = self.result(binary)
        last = first
        while last.status & 8:
            last = self.result(binary)
            first.more.append(last)
        return first

    def _next(self) -> bytes:
        while True:
            payload = self.read()
            if payload[:3] == b"\xff\xff\xff" and self.capabilities & MARIADB_PROGRESS:
                continue
            if payload[:1] == b"\xff":
                raise self.error(payload)
            return payload

    def ok(self, payload: bytes) -> Result:
        affected, at = read_lenenc(payload, 1)
        insert_id, at = read_lenenc(payload, at)
        status, warnings = struct.unpack_from("<HH", payload, at)
        return Result(affected=affected, insert_id=insert_id, status=status, warnings=warnings)

    def end(self, payload: bytes) -> Result:
        if len(payload) != 5:
            return self.ok(payload)
        warnings, status = struct.unpack_from("<HH", payload, 1)
        return Result(status=status, warnings=warnings)

    def result(self, binary: bool = False) -> Result:
        payload = self._next()
        if payload[0] == 0x00:
            return self.ok(payload)
        if payload[0] == 0xFE:
            return self.end(payload)
        if payload[0] == 0xFB:
            self.write(b"1\n2\n")
            self.write(b"")
            return self.ok(self._next())
        count, at = read_lenenc(payload, 0)
        follows = 1
        # MySQL's documentation has the flag before the count; its servers send it behind.
        if self.capabilities & (MARIADB_CACHE_METADATA | OPTIONAL_METADATA) and at < len(payload):
            follows = payload[at]
        columns, types = [], []
        for _ in range(count if follows else 0):
            name, kind = self.definition(self._next())
            columns.append(name)
            types.append(kind)
        kept = 0
        if not self.capabilities & DEPRECATE_EOF:
            end = self.end(self._next())
            # The EOF behind OUT parameters does not repeat what the first one said.
            kept = end.status & 0x1008 if end.status & 0x1000 else 0
            if end.status & 0x40:
                end.columns = columns
                return end
        rows = []
        while True:
            payload = self._next()
            limit = 0xFFFFFF if self.capabilities & DEPRECATE_EOF else 9
            if payload[0] == 0xFE and len(payload) < limit:
                result = self.end(payload)
                result.rows, result.columns, result.status = rows, columns, result.status | kept
                return result
            rows.append(payload if binary else self.text_row(payload, count))

    def definition(self, payload: bytes) -> tuple[str, int]:
        at, texts = 0, []
        for _ in range(6):
            text, at = read_string(payload, at)
            texts.append(text)
        if self.capabilities & MARIADB_EXTENDED_METADATA:
            _, at = read_string(payload, at)
        return texts[4].decode(), payload[at + 7]

    def text_row(self, payload: bytes, count: int) -> tuple:
        row, at = [], 0
        for _ in range(count):
            value, at = read_string(payload, at)
            row.append(None if value is None else value.decode(errors="replace"))
        return tuple(row)

    def prepare(self, sql: str) -> tuple[int, int, int]:
        """The statement's id and how many columns and parameters it has."""
        self.command(0x16, sql.encode())
        head = self._next()
        statement, columns, parameters = struct.unpack_from("<IHH", head, 1)
        follows = head[12] if self.capabilities & OPTIONAL_METADATA and len(head) > 12 else 1
        for count in (parameters, columns):
            if count:
                for _ in range(count if follows else 0):
                    self._next()
                if not self.capabilities & DEPRECATE_EOF:
                    self._next()
        return statement, columns, parameters

    def execute(self, statement: int, body: bytes = b"", flags: int = 0) -> Result:
        self.command(0x17, struct.pack("<IBI", statement, flags, 1) + body)
        return self.results(binary=True)

    def recorded(self) -> str:
        """The transcript as lines of direction, sequence id and payload in hexadecimal."""
        return "".join(f"{who} {sequence} {payload.hex() or '-'}\n" for who, sequence, payload in self.transcript)

    def close(self) -> None:
        try:
            self.command(0x01)
        except OSError:
            pass
        self.socket.close()
