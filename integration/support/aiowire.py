"""The raw connection again, for hundreds of clients in one thread."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct

from . import wire
from .wire import Closed, LoginFailed, Message, ScramClient, fields


class AsyncWire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer = reader, writer
        self.buffer = bytearray()
        self.key: tuple[int, bytes] | None = None
        self.status = ""

    @classmethod
    async def open(cls, host: str, port: int) -> "AsyncWire":
        reader, writer = await asyncio.open_connection(host, port)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(reader, writer)

    def send(self, *parts: bytes) -> None:
        self.writer.write(b"".join(parts))

    async def read(self) -> Message:
        while True:
            if len(self.buffer) >= 5:
                size = int.from_bytes(self.buffer[1:5], "big")
                if size < 4:
                    raise AssertionError(f"a message of impossible length {size}: {bytes(self.buffer[:40])!r}")
                if len(self.buffer) > size:
                    found = Message(chr(self.buffer[0]), bytes(self.buffer[5 : size + 1]))
                    del self.buffer[: size + 1]
                    if found.type == "Z":
                        self.status = found.body.decode()
                    elif found.type == "K":
                        self.key = (int.from_bytes(found.body[:4], "big"), found.body[4:])
                    return found
            try:
                data = await self.reader.read(65536)
            except OSError:
                raise Closed("reset") from None
            if not data:
                raise Closed(f"{len(self.buffer)} bytes left over")
            self.buffer += data

    async def login(self, user: str, password: str, database: str) -> "AsyncWire":
        self.send(wire.startup(user, database))
        scram = ScramClient(password)
        while True:
            m = await self.read()
            if m.type == "E":
                raise LoginFailed(fields(m.body))
            if m.type == "Z":
                return self
            if m.type != "R":
                continue
            (kind,) = struct.unpack_from("!I", m.body)
            if kind == 3:
                self.send(wire.message("p", wire.text(password)))
            elif kind == 5:
                inner = hashlib.md5((password + user).encode()).hexdigest()
                self.send(wire.message("p", wire.text("md5" + hashlib.md5(inner.encode() + m.body[4:8]).hexdigest())))
            elif kind == 10:
                self.send(scram.first())
            elif kind == 11:
                self.send(scram.final(m.body[4:]))

    def abort(self) -> None:
        """Gone at once, with RST if bytes are unread or unsent."""
        sock = self.writer.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def close(self) -> None:
        self.writer.close()
