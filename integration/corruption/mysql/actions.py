"""What clients do. Each action leaves the session as `Client` knows it, or ends the connection."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Awaitable, Callable

from support.mysql_aiowire import AsyncMySQL
from support.mysql_reply import frame
from support.mysql_wire import WireError
from support.wire import Closed

from .client import Client, Fault

ACTIONS: dict[str, tuple[Callable[[Client], Awaitable[None]], float]] = {}


def action(weight: float):
    def add(function):
        ACTIONS[function.__name__] = (function, weight)
        return function

    return add


@action(30)
async def simple(c: Client) -> None:
    t = c.token()
    await c.expect(f"SELECT '{t}'", t)


@action(8)
async def pipeline(c: Client) -> None:
    """Sent ahead, as MariaDB's drivers do."""
    tokens = [c.token() for _ in range(c.dice.randrange(2, 10))]
    c.wire.send(b"".join(frame(b"\3SELECT '%s'" % t.encode()) for t in tokens))
    for t in tokens:
        said = await c.receive("a pipeline")
        c.check("a pipeline", [[t]], said.rows)


@action(20)
async def statement(c: Client) -> None:
    """One of a few that stay prepared; the text has a token of its own."""
    if not c.prepared or (len(c.prepared) < 6 and c.dice.random() < 0.3):
        t = c.token()
        c.prepared[await c.prepare(f"SELECT CONCAT('{t}', ?)")] = t
    number = c.dice.choice(list(c.prepared))
    for _ in range(c.dice.choice([1, 1, 3])):
        t = c.token()
        c.start(number, t)
        said = await c.receive("a statement", binary=True)
        c.check("a statement", [[c.prepared[number] + t]], said.rows)
    if c.dice.random() < 0.1:
        del c.prepared[number]
        c.wire.send(frame(b"\x19" + struct.pack("<I", number)))


@action(5)
async def last_prepared(c: Client) -> None:
    """MariaDB's id for what was prepared just now."""
    t = c.token()
    c.wire.send(frame(b"\x16" + f"SELECT '{t}'".encode()) + frame(b"\x17" + struct.pack("<IBI", 0xFFFFFFFF, 0, 1)))
    number = (await c.receive("a PREPARE sent ahead", "prepare")).statement
    said = await c.receive("an EXECUTE sent ahead", binary=True)
    c.check("an EXECUTE sent ahead", [[t]], said.rows)
    c.wire.send(frame(b"\x19" + struct.pack("<I", number)))


@action(4)
async def cursor(c: Client) -> None:
    t = c.token()
    number = await c.prepare(f"SELECT CONCAT('{t}', i) FROM corruption_numbers ORDER BY i")
    c.start(number, flags=1)
    await c.receive("a cursor", binary=True)
    got: list[str] = []
    while len(got) < 20:
        c.wire.send(frame(b"\x1c" + struct.pack("<II", number, c.dice.choice([1, 7, 20]))))
        said = await c.receive("FETCH", "fetch", binary=True)
        if not said.rows:
            break
        got += [row[0] for row in said.rows]
        if c.dice.random() < 0.1:
            break
    c.check("a cursor", [f"{t}{i}" for i in range(1, len(got) + 1)], got)
    c.wire.send(frame(b"\x19" + struct.pack("<I", number)))


@action(3)
async def long_data(c: Client) -> None:
    t = c.token()
    number = await c.prepare("SELECT CONCAT('>', ?)")
    pieces = [t[:7], t[7:], "x" * c.dice.choice([0, 10, 100_000])]
    for piece in pieces:
        c.wire.send(frame(b"\x18" + struct.pack("<IH", number, 0) + piece.encode()))
        await asyncio.sleep(c.dice.choice([0, 0, 0.002]))
    c.wire.send(frame(b"\x17" + struct.pack("<IBI", number, 0, 1) + b"\0\1\xfc\0"))
    said = await c.receive("long data", binary=True)
    c.check("long data", [[">" + "".join(pieces)]], said.rows)
    c.wire.send(frame(b"\x19" + struct.pack("<I", number)))


@action(12)
async def variables(c: Client) -> None:
    """User variables that must follow, in literal and in computed form."""
    name = c.dice.choice("abc")
    if name not in c.variables or c.dice.random() < 0.3:
        t = c.token()
        await c.query(c.dice.choice([f"SET @{name} = '{t}'", f"SET @{name} := CONCAT('{t}', '')",
            f"SELECT '{t}' INTO @{name}"]))
        c.variables[name] = t
    await c.expect(f"SELECT @{name}", c.variables[name])


@action(3)
async def no_variables(c: Client) -> None:
    """What nobody here has set is not set."""
    await c.expect("SELECT @d", None)


@action(12)
async def settings(c: Client) -> None:
    """Session variables that take numbers large enough to be nobody else's."""
    name = c.dice.choice(["group_concat_max_len", "time_zone", "max_length_for_sort_data", "sql_select_limit"])
    if name not in c.settings or c.dice.random() < 0.3:
        value = {
            "group_concat_max_len": str(c.dice.randrange(1000, 1_000_000_000)),
            # Whole hours: MariaDB takes some others for each other.
            "time_zone": f"{c.dice.choice('+-')}{c.dice.randrange(1, 12):02}:00",
            "max_length_for_sort_data": str(c.dice.randrange(100, 8_000_000)),
            "sql_select_limit": str(c.dice.randrange(10_000_000, 2**60)),
        }[name]
        literal = f"'{value}'" if name == "time_zone" else value
        await c.query(c.dice.choice([f"SET {name} = {literal}", f"SET SESSION {name} = {literal}",
            f"SET @@{name} := {literal}"]))
        c.settings[name] = value
    await c.expect(f"SELECT @@{name}", c.settings[name])


@action(4)
async def schema(c: Client) -> None:
    if c.dice.random() < 0.4:
        c.schema = c.dice.choice(["app", "other"])
        if c.dice.random() < 0.5:
            await c.query(f"USE {c.schema}")
        else:
            c.wire.send(frame(b"\2" + c.schema.encode()))
            await c.receive("COM_INIT_DB", "one")
    await c.expect("SELECT DATABASE()", c.schema)


@action(8)
async def transaction(c: Client) -> None:
    tokens = [c.token() for _ in range(3)]
    await c.query(c.dice.choice(["BEGIN", "START TRANSACTION", "SET autocommit = 0"]))
    for t in tokens:
        await c.query(f"INSERT INTO app.corruption_rows (token) VALUES ('{t}')")
        await c.expect(f"SELECT token FROM app.corruption_rows WHERE i = LAST_INSERT_ID()", t)
    end = c.dice.choice(["COMMIT", "ROLLBACK"])
    await c.query(end)
    await c.query("SET autocommit = 1")
    await c.expect(f"SELECT COUNT(*) FROM app.corruption_rows WHERE token IN ('{tokens[0]}', '{tokens[2]}')",
        "2" if end == "COMMIT" else "0")


@action(8)
async def write(c: Client) -> None:
    t = c.token()
    said = await c.query(f"INSERT INTO app.corruption_rows (token) VALUES ('{t}'), ('{t}')")
    c.check("rows affected", 2, said.affected)
    if c.dice.random() < 0.5:
        await c.expect("SELECT LAST_INSERT_ID()", str(said.insert_id))
    await c.expect(f"SELECT token FROM app.corruption_rows WHERE i = {said.insert_id}", t)


@action(5)
async def row_count(c: Client) -> None:
    t = c.token()
    await c.query(f"INSERT INTO app.corruption_rows (token) VALUES ('{t}'), ('{t}'), ('{t}')")
    await asyncio.sleep(c.dice.choice([0, 0, 0.003]))
    await c.expect("SELECT ROW_COUNT()", "3")


@action(3)
async def found_rows(c: Client) -> None:
    limit = c.dice.randrange(1, 20)
    await c.query(f"SELECT i FROM app.corruption_numbers LIMIT {limit}")
    await asyncio.sleep(c.dice.choice([0, 0, 0.003]))
    await c.expect("SELECT FOUND_ROWS()", str(limit))


@action(6)
async def failing(c: Client) -> None:
    t, after = c.token(), c.token()
    sql = c.dice.choice([f"SELECT `{t}`", f"SELECT * FROM app.`{t}`", f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{t}'",
        f"SELEC '{t}'"])
    await c.query(sql, wanted=t)
    await c.expect(f"SELECT '{after}'", after)


@action(6)
async def warnings(c: Client) -> None:
    t = c.token()
    await c.query(f"SELECT CAST('{t}' AS SIGNED)")
    await asyncio.sleep(c.dice.choice([0, 0, 0.003]))
    shown = await c.query("SHOW WARNINGS")
    if len(shown.rows) != 1 or t not in (shown.rows[0][2] or ""):
        c.violation("SHOW WARNINGS", f"one about {t}", shown.rows)


@action(5)
async def procedure(c: Client) -> None:
    t = c.token()
    await c.expect(f"CALL app.corruption_echo('{t}')", t + "1", t + "2")


@action(5)
async def several(c: Client) -> None:
    tokens = [c.token() for _ in range(c.dice.randrange(2, 5))]
    await c.expect("; ".join(f"SELECT '{t}'" for t in tokens), *tokens)


@action(2)
async def large(c: Client) -> None:
    t = c.token()
    c.say(f"SELECT CONCAT('{t}', REPEAT('x', 500)) FROM app.corruption_numbers a, app.corruption_numbers b")
    await asyncio.sleep(c.dice.choice([0, 0, 0.05]))
    said = await c.receive("a large result")
    c.check("a large result", [[t + "x" * 500]] * 400, said.rows)


@action(2)
async def temporary(c: Client) -> None:
    t = c.token()
    await c.query(f"CREATE TEMPORARY TABLE mine AS SELECT '{t}' AS t")
    await c.expect("SELECT t FROM mine", t)
    await c.query("DROP TEMPORARY TABLE mine")


@action(2)
async def named_lock(c: Client) -> None:
    t = c.token()
    await c.expect(f"SELECT GET_LOCK('{t}', 0)", "1")
    await c.expect(f"SELECT IS_USED_LOCK('{t}') = CONNECTION_ID()", "1")
    await c.expect(f"SELECT RELEASE_LOCK('{t}')", "1")


@action(3)
async def sql_prepared(c: Client) -> None:
    t = c.token()
    await c.query(f"PREPARE q FROM 'SELECT ''{t}'''")
    await c.expect("EXECUTE q", t)
    await c.query("DEALLOCATE PREPARE q")


@action(2)
async def load(c: Client) -> None:
    t = c.token()
    rows = tuple(f"{t}\n".encode() for _ in range(5))
    said = await c.query("LOAD DATA LOCAL INFILE 'x' INTO TABLE app.corruption_rows (token)", file=rows)
    c.check("rows loaded", 5, said.affected)
    await c.expect(f"SELECT COUNT(*) FROM app.corruption_rows WHERE token = '{t}'", "5")


@action(3)
async def reset(c: Client) -> None:
    c.wire.send(frame(b"\x1f"))
    await c.receive("COM_RESET_CONNECTION", "one")
    was = c.schema
    c.begin_session()
    c.schema = was
    await c.expect("SELECT CONCAT_WS(',', @a, @b, @c)", "")


@action(1)
async def change_user(c: Client) -> None:
    from differential.mysql.commands import scramble_native, scramble_sha256

    user, password, database = c.login
    scramble = scramble_sha256 if c.wire.plugin == "caching_sha2_password" else scramble_native
    answer = scramble(password.encode(), c.wire.nonce[:20])
    payload = b"\x11" + user.encode() + b"\0" + bytes([len(answer)]) + answer + database.encode() + b"\0" + struct.pack("<H",
        45)
    c.wire.send(frame(payload + c.wire.plugin.encode() + b"\0" + b"\0"))
    try:
        await c.wire.authenticate(password)
    except WireError as problem:
        c.note_fault(problem, "COM_CHANGE_USER")
        raise Fault from None
    c.begin_session()
    await c.expect("SELECT CONCAT_WS(',', @a, @b, @c)", "")


@action(2)
async def ping(c: Client) -> None:
    c.wire.send(frame(b"\x0e"))
    await c.receive("COM_PING", "one")


@action(2)
async def kill_query(c: Client) -> None:
    """From another connection, by the number of ours: sometimes in time, sometimes late."""
    t = c.token()
    c.killed_at = time.monotonic()
    c.say(f"SELECT '{t}' FROM (SELECT SLEEP({c.dice.choice([0, 0, 0.005, 0.5])})) s")
    await asyncio.sleep(c.dice.choice([0, 0.001, 0.005]))
    try:
        other = await AsyncMySQL.open(*c.address)
        await other.login(*c.login)
        other.send(frame(b"\3KILL QUERY %d" % c.wire.id))
        await other.reply()
        other.close()
    except (Closed, OSError, WireError):
        pass
    c.killed_at = time.monotonic()
    said = await c.receive("a query somebody may kill")
    # SLEEP() itself does not fail when it is interrupted.
    c.check("a query somebody may kill", [[t]], said.rows)


@action(3)
async def pause(c: Client) -> None:
    await asyncio.sleep(c.dice.random() * 0.05)


@action(2)
async def vanish(c: Client) -> None:
    t = c.token().encode()
    whole = c.dice.choice(
        [
            frame(b"\3SELECT '%s', SLEEP(0.05)" % t),
            frame(b"\3SELECT CONCAT('%s', REPEAT('y', 1000)) FROM app.corruption_numbers a, app.corruption_numbers b" % t),
            frame(b"\x16SELECT '%s'" % t) + frame(b"\x17" + struct.pack("<IBI", 0xFFFFFFFF, 0, 1)),
            frame(b"\3BEGIN") + frame(b"\3SELECT '%s'" % t), frame(b"\3SELECT '%s'" % t) * 20,
            frame(b"\3LOAD DATA LOCAL INFILE 'x' INTO TABLE app.corruption_rows (token)"), frame(b"\3SET @d = '%s'" % t),
            frame(b"\3CREATE TEMPORARY TABLE mine AS SELECT '%s' AS t" % t),
            frame(b"\3SET @@time_zone = '+11:11', @d = '%s'" % t), frame(b"\3LOCK TABLES app.corruption_vanish WRITE"),
            frame(b"\3SELECT GET_LOCK('%s', 0)" % t),
        ]
    )  # fmt: skip
    if c.dice.random() < 0.4:
        whole = whole[: c.dice.randrange(1, len(whole))]
    c.wire.send(whole)
    await asyncio.sleep(c.dice.choice([0, 0.002, 0.02]))
    raise Fault
