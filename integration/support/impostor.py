"""A server of PostgreSQL's protocol that does not mean well: what it says is a test's."""

from __future__ import annotations

import socket
import struct
import threading

from .wire import SSL_CODE, message


class Impostor:
    """Serves each connection without TLS by `script(connection, start-up packet)`, on a thread of its own."""

    def __init__(self, script):
        self.script = script
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(20)
        try:
            with connection:
                packet = self._packet(connection)
                if packet == struct.pack("!I", SSL_CODE):
                    connection.sendall(b"N")
                    packet = self._packet(connection)
                self.script(connection, packet)
        except OSError:
            pass

    @staticmethod
    def _packet(connection: socket.socket) -> bytes:
        return exactly(connection, struct.unpack("!I", exactly(connection, 4))[0] - 4)

    def __enter__(self) -> "Impostor":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()


def exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionError("the pooler closed")
        data += part
    return data


def read_message(connection: socket.socket) -> tuple[bytes, bytes]:
    head = exactly(connection, 5)
    return head[:1], exactly(connection, struct.unpack("!I", head[1:])[0] - 4)


#: What a server says when it lets somebody in without a question.
WELCOME = (
    message("R", struct.pack("!I", 0))
    + b"".join(
        message("S", name + b"\0" + value + b"\0")
        for name, value in {
            b"server_version": b"15.0", b"server_encoding": b"UTF8", b"client_encoding": b"UTF8", b"DateStyle": b"ISO, MDY",
            b"TimeZone": b"UTC", b"standard_conforming_strings": b"on", b"integer_datetimes": b"on",
        }.items()
    )
    + message("K", struct.pack("!II", 7, 7))
    + message("Z", b"I")
)  # fmt: skip
