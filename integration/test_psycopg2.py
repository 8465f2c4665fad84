"""psycopg2: simple protocol, named cursors, COPY, notifications."""

import io
import select

import psycopg2
import psycopg2.extensions
import psycopg2.extras
import pytest


@pytest.fixture
def connection(pooler):
    c = psycopg2.connect(**pooler.conninfo())
    yield c
    c.close()


def test_psycopg2_transactions(connection):
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS pg2; CREATE TABLE pg2 (i int, t text)")
    psycopg2.extras.execute_values(cursor, "INSERT INTO pg2 VALUES %s", [(i, "x'\\") for i in range(500)])
    connection.commit()
    cursor.execute("DELETE FROM pg2")
    connection.rollback()
    cursor.execute("SELECT count(*), min(t) FROM pg2")
    assert cursor.fetchone() == (500, "x'\\")
    with pytest.raises(psycopg2.errors.DivisionByZero):
        cursor.execute("SELECT 1/0")
    with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
        cursor.execute("SELECT 1")
    connection.rollback()
    cursor.execute("SELECT 1")


def test_psycopg2_named_cursor(connection):
    with connection, connection.cursor("big") as cursor:
        cursor.itersize = 50
        cursor.execute("SELECT generate_series(1, 500)")
        assert sum(r[0] for r in cursor) == 125250


def test_psycopg2_copy(connection):
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS pg2c; CREATE TABLE pg2c (i int, t text)")
    cursor.copy_expert("COPY pg2c FROM STDIN", io.StringIO("".join(f"{i}\tt\n" for i in range(5000))))
    out = io.StringIO()
    cursor.copy_expert("COPY pg2c TO STDOUT", out)
    assert len(out.getvalue().splitlines()) == 5000
    connection.rollback()


def test_psycopg2_isolation_and_readonly(connection):
    connection.set_session(isolation_level="SERIALIZABLE", readonly=True)
    cursor = connection.cursor()
    cursor.execute("SHOW transaction_isolation")
    assert cursor.fetchone() == ("serializable",)
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        cursor.execute("CREATE TABLE no (i int)")
    connection.rollback()


@pytest.mark.requires_headgate
def test_psycopg2_autocommit_session_readonly(pooler):
    """In autocommit set_session becomes SET SESSION CHARACTERISTICS, which must follow the client."""
    connections = [psycopg2.connect(**pooler.conninfo()) for _ in range(4)]
    for n, c in enumerate(connections):
        c.set_session(autocommit=True, readonly=n % 2 == 0)
    for _ in range(5):
        for n, c in enumerate(connections):
            cursor = c.cursor()
            cursor.execute("SHOW transaction_read_only")
            assert cursor.fetchone() == ("on" if n % 2 == 0 else "off",)
    for c in connections:
        c.close()


@pytest.mark.requires_headgate
def test_psycopg2_notifications(pooler, connection):
    connection.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_AUTOCOMMIT)
    connection.cursor().execute("LISTEN pg2_chan")
    with pooler.connect() as other:
        other.execute("SELECT pg_notify('pg2_chan', 'payload')")
    assert select.select([connection], [], [], 5)[0]
    connection.poll()
    assert [(n.channel, n.payload) for n in connection.notifies] == [("pg2_chan", "payload")]
