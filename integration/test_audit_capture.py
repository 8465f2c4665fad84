"""What statements leave in the audit trail: for each exactly one completion record, with its class, rows and outcome."""

from __future__ import annotations

import psycopg
import pymysql
import pytest

from support import audit
from support.pooler import KIND
from support.processes import wait_until

pytestmark = pytest.mark.skipif(KIND != "headgate", reason="Headgate's own")


def line(record: dict) -> str:
    """A record of a statement in short: outcome, class, operation, and rows where there are any."""
    headgate = record["headgate"]
    statement = headgate["statement"]
    parts = [headgate.get("outcome", record["event"]["outcome"]), statement["class"], record["db"]["operation"]["name"]]
    response = record["db"].get("response", {})
    if "returned_rows" in response:
        parts.append(f"returned {response['returned_rows']}")
    if "rows_affected" in headgate:
        parts.append(f"affected {headgate['rows_affected']}")
    if response.get("status_code") not in (None, "", "00000", "0"):
        parts.append(response["status_code"])
    return " ".join(parts)


def recorded(pooler, count: int) -> list[str]:
    """Completion records, once there are so many; and no more come."""
    trail = audit.trail(pooler)
    wait_until(lambda: len(trail.statements()) >= count, 10, what=f"{count} statements on record: {[line(r) for r in trail.statements()]}")
    pooler.may_end = True
    pooler.stop()
    trail.assert_good()
    lines = [line(r) for r in trail.statements()]
    ids = [r["headgate"]["statement"]["id"] for r in trail.statements()]
    assert len(ids) == len(set(ids)), "a statement has two completion records"
    return lines


def test_every_kind_of_statement_of_postgresql(own_pooler, primary):
    pooler = own_pooler(audit={})
    with pooler.connect(autocommit=True) as c:
        c.execute("DROP TABLE IF EXISTS audited")
        c.execute("CREATE TABLE audited (a int PRIMARY KEY, b text)")
        c.execute("INSERT INTO audited VALUES (1, 'canary'), (2, 'x')")
        c.execute("SELECT * FROM audited WHERE a = %s", (1,)).fetchall()
        c.execute("UPDATE audited SET b = 'y' WHERE a = 2")
        with pytest.raises(psycopg.errors.UniqueViolation):
            c.execute("INSERT INTO audited VALUES (1, 'again')")
        with pytest.raises(psycopg.errors.SyntaxError):
            c.execute("SELEC 1")
        with c.cursor().copy("COPY audited FROM STDIN") as copy:
            copy.write_row((3, "three"))
        with c.cursor().copy("COPY audited TO STDOUT") as copy:
            assert sum(1 for _ in copy.rows()) == 3
        with c.transaction():
            c.execute("DELETE FROM audited WHERE a = 3")
        c.execute("SET work_mem = '5MB'")
        c.execute("DO $$BEGIN PERFORM 1; END$$")
        c.execute("TRUNCATE audited")
        c.execute("GRANT SELECT ON audited TO PUBLIC")
        c.execute("DROP TABLE audited")
    assert recorded(pooler, 17) == [
        "success DDL DROP TABLE", "success DDL CREATE TABLE", "success WRITE INSERT affected 2",
        "success READ SELECT returned 1", "success WRITE UPDATE affected 1", "failure WRITE INSERT 23505",
        "failure UNKNOWN SELEC 42601", "success WRITE COPY affected 1", "success READ COPY returned 3",
        "success TCL BEGIN", "success WRITE DELETE affected 1", "success TCL COMMIT", "success MISC_SET SET",
        "success FUNCTION DO", "success WRITE TRUNCATE", "success ROLE GRANT", "success DDL DROP TABLE",
    ]  # fmt: skip


def test_values_are_not_shown(own_pooler):
    pooler = own_pooler(audit={})
    with pooler.connect(autocommit=True) as c:
        c.execute("SELECT 'canary' AS a, %s::text", ("canary",))
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            c.execute("SELECT 'canary'::int")
        with pytest.raises(psycopg.errors.SyntaxError):
            c.execute("SELECT 'x' 'canary' FROM 'canary'")
    recorded(pooler, 3)
    for path in audit.trail(pooler).segments:
        assert b"canary" not in path.read_bytes()


def test_strict_statements_have_an_intent_first(own_pooler):
    pooler = own_pooler(audit={"mode": "strict"})
    with pooler.connect(autocommit=True) as c:
        for number in range(3):
            c.execute("SELECT %s::int", (number,))
    recorded(pooler, 3)
    trail = audit.trail(pooler)
    intents = {r["headgate"]["statement"]["id"] for r in trail.statements("intent")}
    assert intents == {r["headgate"]["statement"]["id"] for r in trail.statements()}


def test_statements_of_a_text_have_records_of_their_own(own_pooler):
    pooler = own_pooler(audit={})
    with pooler.connect(autocommit=True) as c:
        c.execute("SELECT 1; SELECT 2")
        with pytest.raises(psycopg.errors.DivisionByZero):
            c.execute("SELECT 1; SELECT 1/0; SELECT 3")
    assert recorded(pooler, 5) == [
        "success READ SELECT returned 1", "success READ SELECT returned 1", "success READ SELECT returned 1",
        "failure READ SELECT 22012", "skipped READ SELECT",
    ]  # fmt: skip


def test_who_and_where(own_pooler, primary):
    pooler = own_pooler(audit={})
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with pooler.connect(autocommit=True, application_name="checkout") as c:
        user = c.info.user
        c.execute(f"SELECT 1 /*traceparent='{trace}'*/")
    recorded(pooler, 1)
    record = audit.trail(pooler).statements()[0]
    assert record["user"]["name"] == user
    assert record["source"]["ip"] == "127.0.0.1"
    assert record["server"]["port"] == primary.port
    assert record["headgate"]["client"]["application_name"] == "checkout"
    assert record["trace"]["id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert audit.trail(pooler).records("auth.success")
    assert audit.trail(pooler).records("connection.close")


def test_wrong_passwords_are_recorded(own_pooler):
    pooler = own_pooler(audit={})
    with pytest.raises(psycopg.OperationalError):
        pooler.connect(password="canary")
    failure = audit.trail(pooler).wait("auth.failure")[0]
    assert failure["event"]["outcome"] == "failure" and failure["source"]["ip"] == "127.0.0.1"
    assert "canary" not in str(failure)


def test_every_kind_of_statement_of_mysql(own_mysql_pooler, mysql_server):
    pooler = own_mysql_pooler(audit={})
    c = pooler.connect(autocommit=True, client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS)
    with c, c.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS audited")
        cursor.execute("CREATE TABLE audited (a int PRIMARY KEY, b text)")
        cursor.execute("INSERT INTO audited VALUES (1, 'canary'), (2, 'x')")
        cursor.execute("SELECT * FROM audited")
        cursor.execute("UPDATE audited SET b = 'y' WHERE a = 2")
        with pytest.raises(pymysql.err.IntegrityError):
            cursor.execute("INSERT INTO audited VALUES (1, 'again')")
        with pytest.raises(pymysql.err.ProgrammingError):
            cursor.execute("SELEC 1")
        cursor.execute("SELECT 1; DELETE FROM audited WHERE a = 2; SELECT 2")
        while cursor.nextset():
            pass
        c.ping(reconnect=False)
        c.select_db("app")
        cursor.execute("DROP TABLE audited")
    lines = recorded(pooler, 12)
    lines = [text for text in lines if not text.startswith(("success MISC_SET SET", "success TCL"))]
    assert lines == [
        "success DDL DROP TABLE", "success DDL CREATE TABLE", "success WRITE INSERT affected 2",
        "success READ SELECT returned 2", "success WRITE UPDATE affected 1", "failure WRITE INSERT 1062",
        "failure UNKNOWN SELEC 1064", "success READ SELECT returned 1", "success WRITE DELETE affected 1",
        "success READ SELECT returned 1", "success MISC PING", "success MISC_SET USE", "success DDL DROP TABLE",
    ]  # fmt: skip
    for path in audit.trail(pooler).segments:
        assert b"canary" not in path.read_bytes()


def test_who_waits_too_long_for_a_server_is_recorded(own_pooler):
    pooler = own_pooler(default_pool_size=1, defaults={"query_wait_timeout": 1}, audit={})
    with pooler.connect(autocommit=True) as holder, pooler.connect(autocommit=True) as waiter:
        holder.execute("BEGIN")
        with pytest.raises(psycopg.errors.QueryCanceled):
            waiter.execute("SELECT 2")
        holder.execute("ROLLBACK")
    assert sorted(recorded(pooler, 3)) == ["denied READ SELECT 57014", "success TCL BEGIN", "success TCL ROLLBACK"]
