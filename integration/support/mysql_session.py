"""The raw client of mysql_wire.py as a test wants it: values, errors as numbers, and the commands that are not SQL."""

from __future__ import annotations

import select
import socket
import struct

from .mysql_wire import CONNECT_ATTRS, DEPRECATE_EOF, Connection, Result, WireError, lenenc, read_lenenc, read_string

QUIT, INIT_DB, QUERY, FIELD_LIST, STATISTICS, PROCESS_KILL, PING, CHANGE_USER = 1, 2, 3, 4, 9, 12, 14, 17
STMT_PREPARE, STMT_EXECUTE, STMT_LONG_DATA, STMT_CLOSE, STMT_RESET = 0x16, 0x17, 0x18, 0x19, 0x1A
SET_OPTION, STMT_FETCH, RESET_CONNECTION = 0x1B, 0x1C, 0x1F

#: Of the status in OK and EOF packets.
IN_TRANSACTION, AUTOCOMMIT, MORE_RESULTS, CURSOR_EXISTS, LAST_ROW_SENT = 1, 2, 8, 0x40, 0x80


#: A parameter whose bytes were sent by long_data().
LONG = object()


class Session(Connection):
    """A connection that closes itself, keeps what a test wants to remember, and has the last status at hand."""

    def __init__(self, *arguments, **more):
        self.notes: dict = {}
        self.status = 0
        super().__init__(*arguments, **more)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    # SQL

    def result(self, binary: bool = False) -> Result:
        found = super().result(binary)
        self.status = found.status
        return found

    def value(self, sql: str) -> str | None:
        """The first value of the last result that has rows."""
        first = self.query(sql)
        rows = [r.rows for r in (first, *first.more) if r.rows]
        return rows[-1][0][0] if rows else None

    def outcome(self, sql: str):
        """The value, or the number of the error."""
        try:
            return self.value(sql)
        except WireError as error:
            return error.code

    def ask(self, sql: str) -> None:
        """Sends a statement and does not wait for the answer."""
        self.command(QUERY, sql.encode())

    def answer(self) -> Result:
        return self.results()

    def quiet(self, seconds: float) -> bool:
        """Is there nothing to read for so long?"""
        return not select.select([self.socket], [], [], seconds)[0]

    def reset(self) -> None:
        """Gone without a word, with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    # Other commands that are answered with OK or an error

    def simple(self, byte: int, body: bytes = b"") -> Result:
        self.command(byte, body)
        return self.result()

    def ping(self) -> Result:
        return self.simple(PING)

    def init_db(self, name: str) -> Result:
        return self.simple(INIT_DB, name.encode())

    def reset_connection(self) -> Result:
        return self.simple(RESET_CONNECTION)

    def process_kill(self, number: int) -> Result:
        return self.simple(PROCESS_KILL, struct.pack("<I", number))

    def set_option(self, option: int) -> Result:
        return self.simple(SET_OPTION, struct.pack("<H", option))

    def statistics(self) -> str:
        self.command(STATISTICS)
        return self.read().decode()

    def change_user(self, user: str, password: str, database: str = "", collation: int = 45) -> None:
        """The password is answered for by the challenge of the login, as drivers do; the server may ask again."""
        plugin = "mysql_native_password" if "MariaDB" in self.server_version else "caching_sha2_password"
        self.user, self.password = user, password.encode()
        answer = self._answer(plugin, self.nonce)
        body = user.encode() + b"\0" + lenenc(len(answer)) + answer + database.encode() + b"\0"
        body += struct.pack("<H", collation) + plugin.encode() + b"\0"
        if self.capabilities & CONNECT_ATTRS:
            body += lenenc(0)
        self.command(CHANGE_USER, body)
        self._authenticate(plugin, self.nonce)

    # Prepared statements. Parameters are sent as strings, and values read as what they are in the text protocol.

    def run(self, statement: int, *parameters, flags: int = 0, types: bool = True) -> Result:
        """Executes; rows have only their first column, read as a string of the binary protocol."""
        return self._strings(self.execute_raw(statement, parameters, flags, types))

    def execute_raw(self, statement: int, parameters, flags: int = 0, types: bool = True) -> Result:
        body = b""
        if parameters:
            nulls = sum(1 << n for n, p in enumerate(parameters) if p is None)
            body = nulls.to_bytes((len(parameters) + 7) // 8, "little") + (b"\1" if types else b"\0")
            if types:
                body += b"\xfd\0" * len(parameters)
            body += b"".join(lenenc(len(p.encode())) + p.encode() for p in parameters if isinstance(p, str))
        return self.execute(statement, body, flags)

    def run_value(self, statement: int, *parameters, **more) -> str | None:
        rows = self.run(statement, *parameters, **more).rows
        return rows[0][0] if rows else None

    def long_data(self, statement: int, parameter: int, data: bytes) -> None:
        self.command(STMT_LONG_DATA, struct.pack("<IH", statement, parameter) + data)

    def fetch(self, statement: int, count: int) -> Result:
        self.command(STMT_FETCH, struct.pack("<II", statement, count))
        limit = 0xFFFFFF if self.capabilities & DEPRECATE_EOF else 9
        rows = []
        while True:
            payload = self._next()
            if payload[0] == 0xFE and len(payload) < limit:
                found = self.end(payload)
                found.rows = rows
                self.status = found.status
                return self._strings(found)
            rows.append(payload)

    def close_statement(self, statement: int) -> None:
        self.command(STMT_CLOSE, struct.pack("<I", statement))

    def reset_statement(self, statement: int) -> Result:
        return self.simple(STMT_RESET, struct.pack("<I", statement))

    def _strings(self, found: Result) -> Result:
        found.rows = [(_first_string(row, max(1, len(found.columns))),) for row in found.rows]
        return found


def _first_string(row: bytes, columns: int) -> str | None:
    nulls = (columns + 9) // 8
    if row[1] & 4:
        return None
    length, _ = read_lenenc(row, 1 + nulls)
    text, _ = read_string(row, 1 + nulls)
    return None if length is None else text.decode(errors="replace")
