"""The raw MySQL connection again, for hundreds of clients in one thread. Logs in with mysql_native_password or by the quick way of
caching_sha2_password, or with the server's key."""

from __future__ import annotations

import asyncio
import socket
import struct

from .aiowire import AsyncWire
from .mysql_reply import LONGEST, Packet, Reply, frame
from .mysql_wire import (
    BASIC, CONNECT_WITH_DB, DEPRECATE_EOF, LONG_PASSWORD, MARIADB_BULK, WireError, encrypt_password, lenenc, scramble_native,
    scramble_sha256,
)  # fmt: skip
from .wire import Closed

WANTED = BASIC | DEPRECATE_EOF | MARIADB_BULK


def error(payload: bytes) -> WireError:
    (code,) = struct.unpack_from("<H", payload, 1)
    marked = payload[3:4] == b"#"
    return WireError(code, payload[4:9].decode() if marked else "", payload[9 if marked else 3 :].decode(errors="replace"))


def response(user: str, password: str, database: str, capabilities: int, plugin: str, nonce: bytes) -> bytes:
    """What a client answers to the greeting."""
    answer = (scramble_sha256 if plugin == "caching_sha2_password" else scramble_native)(password.encode(), nonce[:20])
    payload = struct.pack("<IIB19xI", capabilities & 0xFFFFFFFF, 1 << 24, 45, capabilities >> 32)
    payload += user.encode() + b"\0" + lenenc(len(answer)) + answer
    if capabilities & CONNECT_WITH_DB:
        payload += database.encode() + b"\0"
    return payload + plugin.encode() + b"\0" + lenenc(0)


class AsyncMySQL:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer = reader, writer
        self.capabilities, self.id, self.nonce, self.plugin = 0, 0, b"", ""

    @classmethod
    async def open(cls, host: str, port: int) -> "AsyncMySQL":
        reader, writer = await asyncio.open_connection(host, port)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(reader, writer)

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def read(self) -> tuple[int, bytes]:
        whole, first = b"", -1
        try:
            while True:
                header = await self.reader.readexactly(4)
                length = int.from_bytes(header[:3], "little")
                whole += await self.reader.readexactly(length)
                first = header[3] if first < 0 else first
                if length < LONGEST:
                    return first, whole
        except asyncio.IncompleteReadError as error:
            raise Closed(f"{len(error.partial)} bytes left over") from None
        except OSError:
            raise Closed("reset") from None

    async def login(self, user: str, password: str, database: str) -> "AsyncMySQL":
        _, greeting = await self.read()
        if greeting[0] == 0xFF:
            raise error(greeting)
        end = greeting.index(b"\0", 1)
        (self.id,) = struct.unpack_from("<I", greeting, end + 1)
        low, _, _, high = struct.unpack_from("<HBHH", greeting, end + 14)
        offered = low | high << 16
        if not offered & LONG_PASSWORD:
            offered |= struct.unpack_from("<I", greeting, end + 28)[0] << 32
        self.nonce = greeting[end + 5 : end + 13] + greeting[end + 32 : end + 44]
        self.plugin = greeting[end + 45 :].split(b"\0")[0].decode() or "mysql_native_password"
        self.capabilities = (WANTED | (CONNECT_WITH_DB if database else 0)) & offered
        self.send(frame(response(user, password, database, self.capabilities, self.plugin, self.nonce), 1))
        await self.authenticate(password)
        return self

    async def authenticate(self, password: str) -> None:
        """Until OK; after the answer to a greeting or COM_CHANGE_USER."""
        while True:
            sequence, reply = await self.read()
            if reply[0] == 0x00:
                return
            if reply[0] == 0xFF:
                raise error(reply)
            if reply[0] == 0xFE:
                name, data = reply[1:].split(b"\0", 1)
                self.plugin, self.nonce = name.decode(), data[:20]
                scramble = scramble_sha256 if self.plugin == "caching_sha2_password" else scramble_native
                self.send(frame(scramble(password.encode(), self.nonce), sequence + 1))
            elif reply[1:] == b"\x04":
                self.send(frame(b"\x02", sequence + 1))
            elif reply[1:2] != b"\x03":
                key = await asyncio.to_thread(encrypt_password, password.encode(), self.nonce, reply[1:])
                self.send(frame(key, sequence + 1))

    async def reply(self, kind: str = "result", file: tuple[bytes, ...] = ()) -> list[Packet]:
        """All packets of a reply."""
        packets: list[Packet] = []
        reply = Reply(kind, self.capabilities)
        while not reply.done:
            sequence, payload = await self.read()
            packets.append(Packet(sequence, payload, reply.take(payload)))
            if packets[-1].role == "file":
                for number, part in enumerate((*file, b"")):
                    self.send(frame(part, sequence + 1 + number))
        return packets

    abort = AsyncWire.abort
    close = AsyncWire.close
