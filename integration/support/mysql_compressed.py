"""A raw connection whose bytes are compressed with zlib once it is logged in, seen frame by frame."""

from __future__ import annotations

import zlib

from .mysql_session import Session
from .mysql_wire import BASIC, COMPRESS, DEPRECATE_EOF, SESSION_TRACK

CAPABILITIES = BASIC | DEPRECATE_EOF | SESSION_TRACK | COMPRESS


class Frames:
    """In the place of a socket."""

    def __init__(self, socket):
        self.socket = socket
        self.plain = bytearray()
        self.next = 0
        #: How many bytes came, and how many they were when uncompressed.
        self.received = self.unpacked = 0
        #: Of the frames sent from now on.
        self.compresses = True

    def __getattr__(self, name):
        return getattr(self.socket, name)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError("the server closed the connection")
            data += part
        return data

    def recv(self, count: int) -> bytes:
        while not self.plain:
            header = self._exactly(7)
            body = self._exactly(int.from_bytes(header[:3], "little"))
            assert header[3] == self.next & 0xFF, f"frame {header[3]} came, {self.next & 0xFF} was expected"
            self.next += 1
            length = int.from_bytes(header[4:], "little")
            if length:
                body = zlib.decompress(body)
                assert len(body) == length
            self.received += 7 + int.from_bytes(header[:3], "little")
            self.unpacked += len(body)
            self.plain += body
        found = bytes(self.plain[:count])
        del self.plain[:count]
        return found

    def sendall(self, data: bytes, part: int = 60_000) -> None:
        for at in range(0, len(data), part):
            piece = data[at : at + part]
            packed = zlib.compress(piece) if self.compresses and len(piece) > 50 else piece
            length = len(piece) if packed is not piece else 0
            header = len(packed).to_bytes(3, "little") + bytes([self.next & 0xFF]) + length.to_bytes(3, "little")
            self.socket.sendall(header + packed)
            self.next += 1


class Compressed(Session):
    def __init__(self, *arguments, **more):
        more.setdefault("capabilities", CAPABILITIES)
        super().__init__(*arguments, **more)
        if not self.capabilities & COMPRESS:
            raise AssertionError("the server does not compress")
        self.socket = Frames(self.socket)

    def command(self, byte: int, body: bytes = b"") -> None:
        self.socket.next = 0
        super().command(byte, body)
