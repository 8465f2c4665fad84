"""Just enough of a PostgreSQL client to ask whether something answers."""
import socket
import struct
import time

from .machine import DATABASE, USER


class NotAnswering(Exception):
    pass


def _read(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise NotAnswering("it hung up")
        data += more
    return data


def _until_ready(connection: socket.socket) -> None:
    while True:
        kind, length = struct.unpack("!ci", _read(connection, 5))
        body = _read(connection, length - 4)
        if kind == b"E":
            raise NotAnswering(body.replace(b"\0", b" ").decode(errors="replace"))
        if kind == b"Z":
            return


def probe(port: int) -> None:
    """Logs in and runs one query; raises when that does not work."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        body = struct.pack("!i", 196608) + f"user\0{USER}\0database\0{DATABASE}\0\0".encode()
        connection.sendall(struct.pack("!i", len(body) + 4) + body)
        _until_ready(connection)
        text = b"SELECT 1\0"
        connection.sendall(b"Q" + struct.pack("!i", len(text) + 4) + text)
        _until_ready(connection)
        connection.sendall(b"X" + struct.pack("!i", 4))


def wait_until_answering(port: int, daemon, patience: float = 15) -> None:
    """Probes until it works; raises with the last reason, or at once when the process has ended."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return probe(port)
        except (OSError, NotAnswering) as why:
            if not daemon.alive:
                raise NotAnswering(f"it ended: {daemon.last_words()}") from why
            if time.monotonic() > deadline:
                raise NotAnswering(f"{why}; its log ends: {daemon.last_words()}") from why
        time.sleep(0.05)
