"""What we replay of a SET does in another session what the original did in its own: each statement of the fixtures is run on
real servers, its replays in a second session, and all variables of the two are compared."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import mysql_variables
from support.mysql_server import requires_mysql
from support.mysql_wire import Connection, WireError, read_lenenc, read_string

FIXTURES = Path(__file__).resolve().parents[1] / "Tests/SQLTextTests/Replays"

#: What has other values in every session.
VOLATILE = {
    "timestamp", "pseudo_thread_id", "statement_id", "last_insert_id", "insert_id", "identity", "rand_seed1", "rand_seed2",
    "warning_count", "error_count", "in_transaction", "last_gtid", "gtid_owned", "session_track_system_variables",
}  # fmt: skip

#: Names that are set together, beside the one name the effects have for them.
ALSO = {
    "collation_connection": {"character_set_connection"}, "transaction_isolation": {"tx_isolation"},
    "transaction_read_only": {"tx_read_only"}, "default_storage_engine": {"storage_engine"},
    "database": {"character_set_database", "collation_database"}, "collation_server": {"character_set_server"},
}  # fmt: skip


#: What a session begins with by the will of its client.
CLIENTS = {"character_set_client", "character_set_results", "character_set_connection", "collation_connection"}


@pytest.fixture(params=["mariadb", "mysql"])
def server(request):
    if request.param == "mysql":
        requires_mysql()
    server = request.getfixturevalue(request.param)
    if server.family == "mysql":
        server.execute(
            "CREATE ROLE IF NOT EXISTS 'r1'@'%', r2, r3", "GRANT 'r1'@'%', r2, r3 TO root@localhost",
            "SET DEFAULT ROLE r3 TO root@localhost",
        )  # fmt: skip
    return server


@dataclass
class Case:
    family: str
    mode: str
    text: str
    #: (what, name, replay)
    effects: list[tuple[str, str, str]] = field(default_factory=list)


def cases() -> list[Case]:
    found: list[Case] = []
    for line in (FIXTURES / "statements.txt").read_text().splitlines():
        parts = line.split("\t")
        if line.startswith("#"):
            continue
        if parts[0] == "set":
            parts[2] = re.sub(r"\\x(..)", lambda byte: chr(int(byte[1], 16)), parts[2])
        if parts[0] in ("any", "mysql", "mariadb"):
            found.append(Case(*parts))
        else:
            found[-1].effects.append((parts[0], parts[1] if len(parts) > 1 else "", parts[2] if len(parts) > 2 else ""))
    return found


def tracked(connection: Connection) -> set[str]:
    """The variables the last reply told of."""
    payload = [payload for side, _, payload in connection.transcript if side == "S"][-1]
    at = read_lenenc(payload, read_lenenc(payload, 1)[1])[1] + 4
    if at >= len(payload):
        return set()
    _, at = read_string(payload, at)
    if at >= len(payload):
        return set()
    state, _ = read_string(payload, at)
    names = set()
    at = 0
    while at < len(state):
        kind = state[at]
        block, at = read_string(state, at + 1)
        inner = 0
        while kind == 0 and inner < len(block):
            name, inner = read_string(block, inner)
            _, inner = read_string(block, inner)
            names.add(name.decode())
        if kind == 1:
            names.add("database")
    return names


def user_variables(names) -> str:
    each = (f"@{name}, COLLATION(@{name})" for name in (f"`{name[1:].replace('`', '``')}`" for name in names))
    return ", ".join(each)


def state(connection: Connection, family: str, names) -> dict[str, str]:
    found = mysql_variables.session_variables(connection, family)
    found["database"] = connection.query("SELECT DATABASE()").rows[0][0]
    found["role"] = connection.query("SELECT REPLACE(CURRENT_ROLE(), '\"', '`')").rows[0][0]
    for name in names:
        if name.startswith("@"):
            found[name] = str(connection.query(f"SELECT {user_variables([name])}").rows[0])
    if "timestamp" in names:
        found["timestamp set"] = str(connection.query("SELECT @@timestamp").rows[0])
    return {name: value for name, value in found.items() if name not in VOLATILE}


def whole(text: str, charset: str, collation: str) -> str:
    """Plain strings in replays leave room for the character set of the session that wrote them."""
    found = re.search(r"(?<= = )_\?(?= ?X?')", text)
    return f"{text[: found.start()]}_{charset}{text[found.end() :]} COLLATE {collation}" if found else text


def replay(case: Case, connection: Connection, chance: random.Random) -> None:
    names = connection.query("SELECT @@character_set_connection, @@collation_connection").rows[0]
    last = {name: text for what, name, text in case.effects if what == "set"}
    for what, name, _ in case.effects:
        if what == "reset":
            last.pop(name, None)
    order = list(last)
    chance.shuffle(order)
    for name in sorted(order, key=lambda name: name.startswith("@")):
        connection.query(whole(last[name], *names))


def differences(one: dict, other: dict, names) -> list[str]:
    return [f"{name}: {one.get(name)} | {other.get(name)}" for name in names if one.get(name) != other.get(name)]


@pytest.mark.timeout(300)
def test_replays(server):
    chance = random.Random(5)
    wrong: list[str] = []
    for case in cases():
        if case.family not in ("any", server.family):
            continue
        original, second, third = server.admin("app"), server.admin("app"), server.admin("app")
        try:
            if case.mode != "-":
                for connection in (original, second):
                    connection.query(f"SET sql_mode = '{case.mode}'")
            original.query("SET session_track_system_variables = '*'")
            try:
                original.query(case.text)
            except WireError as error:
                wrong.append(f"{case.text}: {error}")
                continue
            told = tracked(original)
            names = {name for _, name, _ in case.effects if name}
            computed = {name for what, name, _ in case.effects if what == "computed" and not name.startswith("@")}
            plain = {what for what, _, _ in case.effects}
            hidden = computed | {also for name in computed for also in ALSO.get(name, ())}
            for name in computed:
                # What the text does not tell, the server tells.
                if "pins" not in plain and "once" not in plain and not {name, *ALSO.get(name, ())} & told:
                    wrong.append(f"{case.text}: {name} is not tracked: {sorted(told)}")
            replay(case, second, chance)
            names -= {name for what, name, _ in case.effects if what == "reset" and name == "timestamp"}
            before, after = state(original, server.family, names), state(second, server.family, names)
            pinned = {name for name in before if name.startswith("@") and ("computed", name, "") in case.effects}
            compared = set(before) - hidden - pinned - ({"pseudo_slave_mode"} if "pins" in plain else set())
            wrong += [f"{case.text}: {line}" for line in differences(before, after, compared)]

            # A session that reads quotes and backslashes in another way.
            third.query("SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
            replay(case, third, chance)
            compared = {name for what, name, _ in case.effects if what == "set"} - hidden
            after = state(third, server.family, names)
            wrong += [f"{case.text}, elsewhere: {line}" for line in differences(before, after, compared - {"role"})]
        finally:
            for connection in (original, second, third):
                connection.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(300)
def test_variables(server):
    """Every variable takes the value it was seen to have, and goes back to what a new session has."""
    wrong: list[str] = []
    fresh = server.admin()
    defaults = mysql_variables.session_variables(fresh, server.family)
    fresh.close()
    lines = (FIXTURES / f"{server.family}.txt").read_text().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    assert {row[0] for row in rows} == {name for name, value in defaults.items() if "\n" not in value}
    connection = server.admin()
    for name, value, handling, assignment, reset in rows:
        for statement, expected in ((assignment, value), (reset, defaults[name])):
            refused = None
            try:
                connection.query(statement)
            except WireError as error:
                refused = error
            if handling in ("once", "pins"):
                continue
            if (handling == "readOnly") != bool(refused):
                wrong.append(f"{handling}, but {statement}: {refused}")
            elif refused is None and name not in VOLATILE and not (statement is reset and name in CLIENTS):
                now = mysql_variables.session_variables(connection, server.family)[name]
                if now != expected:
                    wrong.append(f"{statement}: {now}, not {expected}")
    connection.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(300)
def test_values_in_place_of_reads_have_their_type(server):
    """See SessionReads.replacing: an expression with the type of the function it stands for."""
    connection = server.admin()

    def definition(expression: str) -> bytes:
        connection.transcript.clear()
        connection.query(f"SELECT {expression} AS x")
        return [payload for side, _, payload in connection.transcript if side == "S"][1][-13:]

    for expression in ("LAST_INSERT_ID()", *(("CONNECTION_ID()",) if server.family == "mysql" else ())):
        assert definition(expression) == definition("(5|0)")
    for expression in ("ROW_COUNT()", "FOUND_ROWS()"):
        assert definition(expression) == definition("CAST(-1|0 AS SIGNED)")
    assert connection.query("SELECT (18446744073709551615|0), CAST(-1|0 AS SIGNED)").rows == [
        ("18446744073709551615", "-1")
    ]
    connection.close()


@pytest.mark.timeout(120)
def test_columns_keep_their_names_and_types(server):
    """With numbers in place of calls, a result has the columns it had: see SessionReads.replacing."""
    connection = server.admin("app")

    def columns(statement: str) -> list[tuple[bytes, int]]:
        connection.transcript.clear()
        result = connection.query(statement)
        payloads = [payload for side, _, payload in connection.transcript if side == "S"]
        # The type stands in the 13 bytes at the end, behind character set and length.
        return [(name, payload[-6]) for name, payload in zip(result.columns, payloads[1:])]

    wrong = []
    for line in (FIXTURES / "reads.txt").read_text().splitlines():
        statement, _, replaced = line.partition("\t")
        if line.startswith("#"):
            continue
        before = columns(statement)
        if replaced != "-" and columns(replaced) != before:
            wrong.append(f"{statement}: {before}, {columns(replaced)}")
    connection.close()
    assert not wrong, "\n".join(wrong)
