"""Just enough of a MySQL client to ask whether something answers."""
import hashlib
import socket
import struct
import time

from .machine import DATABASE, PASSWORD, USER
from .postgres_client import NotAnswering

CAPABILITIES = 0x1 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x80000  # long password, database, 4.1, transactions, plugin


def _read(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise NotAnswering("it hung up")
        data += more
    return data


def _packet(connection: socket.socket) -> bytes:
    head = _read(connection, 4)
    payload = _read(connection, int.from_bytes(head[:3], "little"))
    if payload[:1] == b"\xff":
        raise NotAnswering(payload[3:].decode(errors="replace"))
    return payload


def _send(connection: socket.socket, sequence: int, payload: bytes) -> None:
    connection.sendall(len(payload).to_bytes(3, "little") + bytes([sequence]) + payload)


def native(password: str, scramble: bytes) -> bytes:
    """What mysql_native_password answers."""
    once = hashlib.sha1(password.encode()).digest()
    mask = hashlib.sha1(scramble + hashlib.sha1(once).digest()).digest()
    return bytes(a ^ b for a, b in zip(once, mask))


def _log_in(connection: socket.socket) -> None:
    greeting = _packet(connection)
    at = greeting.index(b"\0", 1) + 5
    scramble = greeting[at:at + 8] + greeting[at + 27:at + 39]
    answer = native(PASSWORD, scramble)
    _send(connection, 1, struct.pack("<IIB23x", CAPABILITIES, 1 << 24, 45) + USER.encode() + b"\0"
          + bytes([len(answer)]) + answer + DATABASE.encode() + b"\0mysql_native_password\0")
    payload = _packet(connection)
    if payload[:1] == b"\xfe":  # another plugin: only ours is spoken here, with the new scramble
        _send(connection, 3, native(PASSWORD, payload[payload.index(b"\0") + 1:].rstrip(b"\0")[:20]))
        payload = _packet(connection)
    if payload[:1] != b"\0":
        raise NotAnswering(f"it answers the login with {payload[:1].hex()}")


def probe(port: int) -> None:
    """Logs in and runs one query; raises when that does not work."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        _log_in(connection)
        _send(connection, 0, b"\x03SELECT 1")
        for _ in range(2):  # one column and its definition, one row, each ended by EOF
            while not (payload := _packet(connection)).startswith(b"\xfe") or len(payload) > 8:
                pass
        _send(connection, 0, b"\x01")


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
