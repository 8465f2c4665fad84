"""One client's connection to one of the two: sends exchanges, reads packets, keeps the ids that are its own."""

from __future__ import annotations

import random
import re
import select
import socket
import time
from dataclasses import dataclass, field

from support.mysql_reply import LONGEST, Packet, Reply, frame
from support.mysql_wire import Connection

from ..exchange import split
from .commands import Command, ResetConnection

AUTOCOMMIT, IN_TRANSACTION = 2, 1


class Ended(Exception):
    """The other side closed the connection."""


class Silent(Exception):
    """No packet in time."""


@dataclass
class Exchange:
    """What one client says before it is another's turn."""

    client: int
    commands: list[Command]
    #: All commands are sent before the first reply is read.
    pipelined: bool = False
    #: Ends the connection: replies are read until the other side closes.
    fatal: bool = False
    #: A connection of its own is allowed to keep its server from here on; see `Conversation`.
    holds: bool = False
    #: Its rows may contain ids of connections.
    has_ids: bool = False

    def lines(self) -> list[str]:
        how = [w for w, is_so in (("pipelined", self.pipelined), ("fatal", self.fatal), ("holds", self.holds)) if is_so]
        return [f"client {self.client}{' (' + ', '.join(how) + ')' if how else ''}: {command}" for command in self.commands]


@dataclass
class Outcome:
    #: A list of packets for each command.
    replies: list[list[Packet]] = field(default_factory=list)
    #: None, or why the replies are not whole.
    problem: str | None = None
    closed: bool = False

    def is_uncertain(self, side: "Side") -> bool:
        """Without autocommit an error does not say whether a transaction is open now, and the pooler keeps the server."""
        return side.may_begin and bool(self.replies and self.replies[-1]) and self.replies[-1][-1].role == "err"


class Side:
    def __init__(self, connection: Connection, timeout: float):
        self.connection, self.timeout = connection, timeout
        self.socket = connection.socket
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.capabilities = connection.capabilities
        self.nonce, self.plugin = connection.nonce, connection.plugin
        self.id = connection.connection_id
        #: The ids of all clients of the conversation on this side, by client.
        self.ids: dict[int, int] = {}
        #: Slot to statement id.
        self.statements: dict[int, int] = {}
        self.status = 2
        self.is_closed = False
        self.buffer = bytearray()
        self.at = 0

    # Bytes

    def _fill(self, count: int) -> None:
        """Until so many bytes lie behind `at`."""
        if self.at > 1 << 20:
            del self.buffer[: self.at]
            self.at = 0
        deadline = time.monotonic() + self.timeout
        while len(self.buffer) - self.at < count:
            try:
                data = self.socket.recv(1 << 18 if count > 65536 else 65536)
            except TimeoutError:
                data = None
            except (ConnectionResetError, BrokenPipeError):
                data = b""
            if data is None or time.monotonic() > deadline:
                raise Silent
            if not data:
                raise Ended
            self.buffer += data

    def read(self) -> tuple[int, bytes]:
        """Sequence id of the first and payload of all packets of one."""
        whole, first = b"", -1
        while True:
            self._fill(4)
            length, sequence = int.from_bytes(self.buffer[self.at : self.at + 3], "little"), self.buffer[self.at + 3]
            self._fill(4 + length)
            payload = bytes(self.buffer[self.at + 4 : self.at + 4 + length])
            self.at += 4 + length
            if self.at == len(self.buffer):
                self.buffer.clear()
                self.at = 0
            if first < 0:
                first = sequence
            elif sequence != (last + 1) & 0xFF:
                raise AssertionError(f"sequence id {sequence} behind {last} in one payload")
            last = sequence
            if length < LONGEST:
                return first, whole + payload if whole else payload
            whole += payload

    def send(self, data: bytes, dice: random.Random | None = None) -> None:
        """Sends in pieces, and keeps what comes meanwhile, so that neither side can block the other."""
        for piece in split(data, dice):
            if len(piece) < 1 << 16:
                self.socket.sendall(piece)
                continue
            view = memoryview(piece)
            while view:
                readable, writable, _ = select.select([self.socket], [self.socket], [], self.timeout)
                if not readable and not writable:
                    raise Silent
                if readable:
                    data = self.socket.recv(65536)
                    if not data:
                        raise Ended
                    self.buffer += data
                if writable:
                    self.socket.setblocking(False)
                    try:
                        view = view[self.socket.send(view[: 1 << 18]) :]
                    finally:
                        self.socket.settimeout(self.timeout)

    # Conversation

    def with_ids(self, text: bytes) -> bytes:
        return re.sub(rb"\$ID(\d)", lambda m: str(self.ids.get(int(m[1]), 0)).encode(), text)

    def run(self, exchange: Exchange, dice: random.Random | None = None) -> Outcome:
        outcome = Outcome()
        try:
            self.socket.settimeout(self.timeout)
            if exchange.pipelined:
                payloads = [frame(c.payload(self), c.sequence) for c in exchange.commands]
                self.send(b"".join(payloads), dice)
                for command in exchange.commands:
                    self._reply(command, outcome)
            else:
                for command in exchange.commands:
                    payload = command.payload(self)
                    self.send(frame(payload, command.sequence), dice if len(payload) < 1 << 16 else None)
                    self._reply(command, outcome)
            if exchange.fatal:
                self._until_closed(outcome)
        except Ended:
            outcome.closed = True
        except (BrokenPipeError, ConnectionResetError):
            outcome.closed = True
            self._drain(outcome)
        except (Silent, TimeoutError):
            outcome.problem = f"no reply for {self.timeout} s"
        except AssertionError as error:
            outcome.problem = str(error)
        self.is_closed = outcome.closed
        return outcome

    def _until_closed(self, outcome: Outcome) -> None:
        """What comes unasked, until the other side closes."""
        while True:
            sequence, payload = self.read()
            outcome.replies.append([Packet(sequence, payload, Reply("one", self.capabilities).take(payload))])

    def _drain(self, outcome: Outcome) -> None:
        try:
            self._until_closed(outcome)
        except (Ended, Silent, OSError, AssertionError):
            pass

    def _reply(self, command: Command, outcome: Outcome) -> None:
        packets: list[Packet] = []
        outcome.replies.append(packets)
        reply = Reply(command.kind, self.capabilities)
        while not reply.done:
            sequence, payload = self.read()
            try:
                role = reply.take(payload)
            except (IndexError, KeyError, ValueError, TypeError) as error:
                packets.append(Packet(sequence, payload, "odd"))
                raise AssertionError(f"a packet that makes no sense here ({error!r})") from None
            packets.append(Packet(sequence, payload, role))
            if role == "file":
                self._send_file(command, sequence + 1)
            elif role in ("switch", "more"):
                self._answer(role, payload, sequence + 1)
        if reply.status is not None:
            self.status = reply.status
        command.happened(self, packets)

    def _send_file(self, command: Command, sequence: int) -> None:
        data = b""
        for part in (*command.file, b""):
            framed = frame(part, sequence)
            sequence += 1 + len(part) // LONGEST
            data += framed
        self.send(data)

    def _answer(self, role: str, payload: bytes, sequence: int) -> None:
        """An authentication switch, or more of one, in answer to COM_CHANGE_USER."""
        connection = self.connection
        if role == "switch":
            name, data = payload[1:].split(b"\0", 1)
            self.plugin = name.decode()
            self.nonce = data[:-1] if data.endswith(b"\0") else data
            self.socket.sendall(frame(connection._answer(self.plugin, self.nonce), sequence))
        elif payload[1:] == b"\x04":
            self.socket.sendall(frame(b"\x02", sequence))
        elif payload[1:2] != b"\x03":
            from support.mysql_wire import encrypt_password

            self.socket.sendall(frame(encrypt_password(connection.password, self.nonce[:20], payload[1:]), sequence))

    def close(self) -> None:
        try:
            if not self.is_closed:
                self.socket.sendall(frame(b"\1"))
        except OSError:
            pass
        self.socket.close()

    # What it may hold

    @property
    def in_transaction(self) -> bool:
        return bool(self.status & IN_TRANSACTION)

    @property
    def may_begin(self) -> bool:
        """Whether any statement may open a transaction."""
        return not self.status & AUTOCOMMIT

    @staticmethod
    def letting_go() -> list[Command]:
        """What makes a client hold nothing. MariaDB keeps `FOUND_ROWS()` over a reset."""
        from .commands import Query

        return [Query("ROLLBACK"), Query("UNLOCK TABLES"), ResetConnection(), Query("SELECT 'let go'")]
