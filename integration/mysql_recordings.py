"""Records real conversations with MariaDB and MySQL for the unit tests of MySQLWire, as hexadecimal text.

    python mysql_recordings.py ../Tests/MySQLWireTests/Recorded

A conversation begins with `# family: name`, has `capabilities` and `connection` lines, and then a line for each payload:
direction, sequence id, payload. `=` lines say what a second implementation (support/mysql_wire.py) made of the reply.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

from support import mysql_wire as w
from support.mariadb import MariaDB
from support.mysql_server import MySQL, why_not

MODERN = w.BASIC | w.DEPRECATE_EOF | w.SESSION_TRACK
OLD = w.BASIC
EVERYTHING = {
    "mariadb": MODERN | w.MARIADB_PROGRESS | w.MARIADB_BULK | w.MARIADB_EXTENDED_METADATA | w.MARIADB_CACHE_METADATA,
    "mysql": MODERN | w.OPTIONAL_METADATA | w.QUERY_ATTRIBUTES,
}


class Recorder:
    def __init__(self, server, directory: Path):
        self.server = server
        self.text = ""
        self.directory = directory

    def conversation(self, name: str, capabilities: int, talk, user: str = "app", **more) -> None:
        connection = self.server.connect(user, capabilities=capabilities, **more)
        self.text += f"# {self.server.family}: {name}\n"
        self.text += f"capabilities {connection.capabilities:x} {connection.offered:x}\n"
        self.text += f"user {user}\n"
        seen = 0

        def flush(result: str | None) -> None:
            nonlocal seen
            for who, sequence, payload in connection.transcript[seen:]:
                # Long payloads are told by their head only.
                self.text += f"{who} {sequence} {len(payload)} {payload[:600].hex() or '-'}\n"
            seen = len(connection.transcript)
            if result is not None:
                self.text += f"= {result}\n"

        flush(None)
        try:
            talk(connection, flush)
        except BaseException:
            flush("broken off")
            raise
        connection.close()
        flush(None)

    def save(self) -> None:
        (self.directory / f"{self.server.family}.txt").write_text(self.text)


def summary(result: w.Result) -> str:
    everything = [result, *result.more]
    last = everything[-1]
    rows = sum(len(r.rows) for r in everything)
    return f"rows={rows} results={len(everything)} affected={last.affected} id={last.insert_id} status={last.status} warnings={last.warnings}"


def attempt(connection, flush, run) -> None:
    try:
        result = run()
        flush(summary(result) if isinstance(result, w.Result) else result)
    except w.WireError as error:
        flush(f"error={error.code}")


def talk(connection: w.Connection, flush) -> None:
    """Everything a client can say, on a server of either family."""
    c = connection

    def query(sql: str) -> None:
        attempt(c, flush, lambda: c.query(sql))

    def command(byte: int, body: bytes = b"") -> None:
        def run():
            c.command(byte, body)
            return c.result()

        attempt(c, flush, run)

    query("DROP TABLE IF EXISTS t")
    query("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(50) DEFAULT 'none', data LONGBLOB)")
    query("INSERT INTO t (name) VALUES ('a'), ('b'), (NULL)")
    query("UPDATE t SET name = 'c'")
    query("SELECT id, name FROM t")
    query("SELECT id FROM t WHERE 1 = 0")
    query("SELECT nonsense")
    query("SELECT 1/0; SELECT 2; DO 1")
    query("SELECT 1; SELECT nonsense; SELECT 3")
    query("BEGIN")
    query("SELECT * FROM t WHERE id = 1 FOR UPDATE")
    query("COMMIT")
    query("SET autocommit = 0, time_zone = '+01:00'")
    query("USE other")
    query("USE app")
    query("DROP PROCEDURE IF EXISTS p")
    query("CREATE PROCEDURE p(OUT x INT) BEGIN SELECT 1; SELECT 2, 3; SET x = 5; END")
    query("CALL p(@x)")
    query("LOAD DATA LOCAL INFILE '/nowhere' INTO TABLE t (id)")
    command(0x02, b"app")
    command(0x02, b"nowhere")
    command(0x0E)
    command(0x1B, b"\1\0")
    query("SELECT 1; SELECT 2")
    command(0x1B, b"\0\0")
    command(0x0D)
    command(0x42)

    def statistics():
        c.command(0x09)
        c.read()

    attempt(c, flush, statistics)

    def field_list():
        c.command(0x04, b"t\0%")
        while True:
            payload = c._next()
            if payload[0] == 0xFE:
                return c.end(payload)

    attempt(c, flush, field_list)

    named = b"\0" if c.capabilities & w.QUERY_ATTRIBUTES else b""
    counted = b"\1" if c.capabilities & w.QUERY_ATTRIBUTES else b""
    flag = 8 if c.capabilities & w.QUERY_ATTRIBUTES else 0
    statements = []

    def prepare(sql: str):
        def run():
            statements.append(c.prepare(sql))
            return "prepared=%d,%d,%d" % statements[-1]

        attempt(c, flush, run)

    prepare("SELECT id, name FROM t WHERE id > ?")
    prepare("INSERT INTO t (name) VALUES (?)")
    prepare("SELECT 1")
    prepare("DO 1")
    prepare("SELECT nonsense")
    prepare("CALL p(?)")
    select, insert, one, nothing, call = (s[0] for s in statements)
    attempt(c, flush, lambda: c.execute(select, counted + b"\0\1\3\0" + named + struct.pack("<i", 1), flag))
    # Types are remembered from the execution before.
    attempt(c, flush, lambda: c.execute(select, counted + b"\0\0" + struct.pack("<i", 2), flag))
    c.command(0x18, struct.pack("<IH", insert, 0) + b"long ")
    c.command(0x18, struct.pack("<IH", insert, 0) + b"data")
    attempt(c, flush, lambda: c.execute(insert, counted + b"\0\1\xfc\0" + named, flag))
    attempt(c, flush, lambda: c.execute(insert, counted + b"\1\1\6\0" + named, flag))
    attempt(c, flush, lambda: c.execute(one))
    attempt(c, flush, lambda: c.execute(nothing))
    attempt(c, flush, lambda: c.execute(call, counted + b"\0\1\3\0" + named + struct.pack("<i", 1), flag))
    attempt(c, flush, lambda: c.execute(0x7777))
    # A cursor.
    attempt(c, flush, lambda: c.execute(select, counted + b"\0\1\3\0" + named + struct.pack("<i", 0), flag | 1))

    def fetch(count: int):
        c.command(0x1C, struct.pack("<II", select, count))
        rows = []
        while True:
            payload = c._next()
            if payload[0] == 0xFE:
                result = c.end(payload)
                result.rows = rows
                return result
            rows.append(payload)

    for _ in range(3):
        attempt(c, flush, lambda: fetch(2))
    command(0x1A, struct.pack("<I", select))
    c.command(0x19, struct.pack("<I", select))
    flush(None)
    if c.capabilities & w.MARIADB_BULK:
        rows = b"\0\1x" + b"\1" + b"\2"
        def bulk():
            c.command(0xFA, struct.pack("<IH", insert, 128) + b"\xfd\0" + rows)
            return c.results()
        attempt(c, flush, bulk)
    if c.capabilities & w.OPTIONAL_METADATA:
        query("SET resultset_metadata = NONE")
        query("SELECT id, name FROM t")
        query("SELECT 1 WHERE 1 = 0; DO 1")
        prepare("SELECT id, ? FROM t")
        attempt(c, flush, lambda: c.execute(one))
    if c.capabilities & w.QUERY_ATTRIBUTES:
        attributes = b"\2\1" + b"\0" + b"\1" + b"\xfd\0\3key" + b"\3\0\1n" + b"\5value" + struct.pack("<i", 7)
        attempt(c, flush, lambda: c.query("SELECT mysql_query_attribute_string('key')", attributes))
    query("SET SESSION session_track_system_variables = '*'")
    if c.server_version.startswith("9"):
        query("SET SESSION session_track_gtids = 'OWN_GTID', session_track_transaction_info = 'CHARACTERISTICS'")
    else:
        query("SET SESSION session_track_transaction_info = 'CHARACTERISTICS'")
    query("SET SESSION session_track_state_change = 1")
    query("SET autocommit = 1, sql_mode = 'ANSI'")
    query("START TRANSACTION READ ONLY")
    query("SELECT 1")
    query("COMMIT")
    query("INSERT INTO t (id) VALUES (1000)")
    query("USE other")
    command(0x1F)


def tracking(connection: w.Connection, flush) -> None:
    """GTIDs and transactions told of in OK packets."""

    def query(sql: str) -> None:
        attempt(connection, flush, lambda: connection.query(sql))

    if connection.server_version.startswith("9"):
        query("SET session_track_gtids = OWN_GTID")
    else:
        query("SET session_track_system_variables = 'last_gtid,autocommit'")
    query("SET session_track_transaction_info = 'CHARACTERISTICS'")
    query("CREATE TABLE IF NOT EXISTS g (id INT)")
    query("INSERT INTO g VALUES (1)")
    query("START TRANSACTION WITH CONSISTENT SNAPSHOT")
    query("UPDATE g SET id = id + 1")
    query("COMMIT")
    query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    query("SELECT * FROM g")


def big(connection: w.Connection, flush) -> None:
    """Values whose length takes 2, 3 and 8 bytes; the last begins a row like an EOF packet does."""
    for length in (250, 251, 65_535, 65_536, 0xFFFFFF - 5, 0xFFFFFF - 4, 0x1000000):
        attempt(connection, flush, lambda: connection.query(f"SELECT REPEAT('x', {length})"))


def record(server, directory: Path) -> None:
    if server.family == "mysql":
        # What earlier logins have left in its cache changes what a login says.
        server.execute("FLUSH PRIVILEGES")
    recorder = Recorder(server, directory)
    recorder.conversation("modern", MODERN, talk)
    recorder.conversation("with EOF packets", OLD, talk)
    recorder.conversation("everything", EVERYTHING[server.family], talk)
    recorder.conversation("everything with EOF packets", EVERYTHING[server.family] & ~w.DEPRECATE_EOF, talk)
    recorder.conversation("tracking", MODERN, tracking)
    recorder.conversation("big", MODERN, big)
    for user in server.users():
        for plugin in (None, "mysql_native_password"):
            for again in (1, 2):
                name = f"login of {user}, answering for {plugin or 'the default'}, time {again}"
                recorder.conversation(name, MODERN, lambda c, flush: flush(None), user=user, plugin=plugin)
    recorder.save()


def main() -> None:
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for make in (MariaDB, MySQL):
        if make is MySQL and why_not():
            print(f"skipped: {why_not()}")
            continue
        server = make()
        try:
            record(server.create(), directory)
        finally:
            server.remove()


if __name__ == "__main__":
    main()
