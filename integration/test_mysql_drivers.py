"""PyMySQL, mysqlclient and MySQL's connector in its two kinds do what applications do with them, in transaction mode with two
servers, and see no difference to the server itself."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from support.mysql_drivers import DRIVERS
from support.mysql_wire import COMPRESS
from support.sharing import neighbours

TABLE = (
    "id INT AUTO_INCREMENT PRIMARY KEY, n BIGINT, u BIGINT UNSIGNED, d DECIMAL(20,5), f DOUBLE, t TEXT, b BLOB, day DATE,"
    " at DATETIME(6), name VARCHAR(50) UNIQUE"
)
ROW = (
    -(2**62), 2**64 - 1, Decimal("-12345.67890"), 0.1, "ß \U0001f600 '\"\\\n\0", bytes(range(256)), datetime.date(2026, 2, 28),
    datetime.datetime(2026, 2, 28, 23, 59, 59, 123456), "one",
)  # fmt: skip
INSERT = "INSERT INTO drivers (n, u, d, f, t, b, day, at, name) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"


@pytest.fixture(params=DRIVERS)
def driver(request):
    return DRIVERS[request.param]


@pytest.fixture
def table(mysql_server):
    mysql_server.execute(
        "DROP TABLE IF EXISTS app.drivers, other.drivers", f"CREATE TABLE app.drivers ({TABLE})", f"CREATE TABLE other.drivers ({TABLE})",
        "DROP PROCEDURE IF EXISTS app.drivers_two", "DROP PROCEDURE IF EXISTS app.drivers_out",
        "CREATE PROCEDURE app.drivers_two(IN a INT) BEGIN SELECT a, 'first'; SELECT a + 1; END",
        "CREATE PROCEDURE app.drivers_out(IN a INT, INOUT b INT, OUT c VARCHAR(9)) BEGIN SET b = a + b, c = 'out'; END",
    )  # fmt: skip


@pytest.fixture
def connect(mysql_pooler, driver, table):
    """Connections that end with the test, whatever becomes of it."""
    made = []

    def make(**more):
        made.append(driver.connect(mysql_pooler, **more))
        return made[-1]

    yield make
    for connection in made:
        try:
            connection.close()
        except driver.module.Error:
            pass  # the test has closed it


@pytest.fixture
def connection(connect):
    return connect()


def rows(connection, sql: str, parameters=None) -> list[tuple]:
    cursor = connection.cursor()
    cursor.execute(sql, parameters)
    found = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
    cursor.close()
    return found


def test_driver_types_and_numbers(mysql_pooler, connection):
    cursor = connection.cursor()
    cursor.execute(INSERT, ROW)
    assert (cursor.rowcount, cursor.lastrowid) == (1, 1)
    connection.commit()
    with neighbours(mysql_pooler) as turn:
        turn()
        found = rows(connection, "SELECT n, u, d, f, t, b, day, at, name FROM drivers")[0]
        assert tuple(bytes(v) if isinstance(v, bytearray) else v for v in found) == ROW
    assert rows(connection, "SELECT NULL, %s, %s", (None, True)) == [(None, None, 1)]


def test_driver_transactions(connect, connection):
    other = connect()
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO drivers (n, t) VALUES (%s, %s)", [(n, f"row {n}") for n in range(1000)])
    assert cursor.rowcount == 1000
    assert rows(other, "SELECT COUNT(*) FROM drivers") == [(0,)]
    other.rollback()
    connection.commit()
    assert rows(other, "SELECT COUNT(*), SUM(n) FROM drivers") == [(1000, 499500)]
    cursor.execute("DELETE FROM drivers")
    connection.rollback()
    assert rows(connection, "SELECT COUNT(*) FROM drivers") == [(1000,)]
    connection.rollback()


def test_driver_errors_leave_the_connection_well(driver, connection):
    rows(connection, "INSERT INTO drivers (name) VALUES ('x')")
    connection.commit()
    for sql, kind, number in (
        ("INSERT INTO drivers (name) VALUES ('x')", driver.module.IntegrityError, 1062),
        ("SELECT * FROM nothing_such", driver.module.ProgrammingError, 1146),
        ("SELECT nonsense(", driver.module.ProgrammingError, 1064),
    ):
        with pytest.raises(kind) as error:
            rows(connection, sql)
        assert getattr(error.value, "errno", None) or error.value.args[0] == number
        connection.rollback()
        assert rows(connection, "SELECT 1 + 1") == [(2,)]


def test_driver_streams(driver, mysql_pooler, connection):
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO drivers (n, t) VALUES (%s, REPEAT('x', 500))", [(n,) for n in range(5000)])
    connection.commit()
    streaming = driver.streaming(connection)
    streaming.execute("SELECT n, t FROM drivers ORDER BY n")
    assert [streaming.fetchone()[0] for _ in range(10)] == list(range(10))
    assert sum(len(row[1]) for row in streaming.fetchmany(100)) == 50_000
    assert len(streaming.fetchall()) == 4890
    streaming.close()
    assert rows(connection, "SELECT COUNT(*) FROM drivers") == [(5000,)]


def test_driver_procedures(driver, connection):
    cursor = connection.cursor()
    found = cursor.callproc("drivers_two", (41,))
    results = []
    if hasattr(cursor, "stored_results"):
        results = [[tuple(r) for r in result.fetchall()] for result in cursor.stored_results()]
    else:
        more = True
        while more:
            if cursor.description:
                results.append(list(cursor.fetchall()))
            more = cursor.nextset()
    assert results == [[(41, "first")], [(42,)]]
    cursor.close()
    cursor = connection.cursor()
    found = cursor.callproc("drivers_out", (1, 2, ""))
    if not hasattr(cursor, "stored_results"):
        while cursor.nextset():
            pass
        cursor.execute("SELECT @_drivers_out_1, @_drivers_out_2")
        found = (1, *cursor.fetchone())
    assert tuple(found) == (1, 3, "out")
    connection.rollback()


def test_driver_character_sets(mysql_pooler, connect, connection):
    latin = connect(charset="latin1")
    with neighbours(mysql_pooler) as turn:
        for _ in range(2):
            turn()
            assert rows(latin, "SELECT 'ß', HEX('ß'), @@character_set_client") == [("ß", "DF", "latin1")]
            assert rows(connection, "SELECT 'ß', HEX('ß'), @@character_set_client") == [("ß", "C39F", "utf8mb4")]
            latin.rollback()
            connection.rollback()


def test_driver_session_state_follows(driver, mysql_pooler, connection):
    """What drivers offer of it, by their own names."""
    rows(connection, "SET time_zone = '+03:00'")
    rows(connection, "SET @mine = 'kept'")
    connection.autocommit(True) if callable(connection.autocommit) else setattr(connection, "autocommit", True)
    with neighbours(mysql_pooler) as turn:
        for _ in range(3):
            turn()
            assert rows(connection, "SELECT @@time_zone, @mine, @@autocommit") == [("+03:00", "kept", 1)]
    select_db = getattr(connection, "select_db", None) or (lambda name: setattr(connection, "database", name))
    select_db("other")
    rows(connection, "INSERT INTO drivers (t) VALUES ('of other')")
    with neighbours(mysql_pooler) as turn:
        for _ in range(3):
            turn()
            assert rows(connection, "SELECT DATABASE(), t FROM drivers") == [("other", "of other")]
    connection.ping()


def test_driver_threads_share_servers(connect):
    """Twelve connections, each with its own state and its own rows."""

    def work(n: int) -> bool:
        own = connect()
        rows(own, f"SET time_zone = '+{n:02}:00', @n = {n}")
        for turn in range(15):
            cursor = own.cursor()
            cursor.execute("INSERT INTO drivers (n, t) VALUES (%s, @n)", (turn,))
            number = cursor.lastrowid
            assert rows(own, "SELECT LAST_INSERT_ID(), @@time_zone, @n") == [(number, f"+{n:02}:00", n)]
            own.commit() if turn % 3 else own.rollback()
            assert rows(own, "SELECT COUNT(*) FROM drivers WHERE id = %s", (number,)) == [(1 if turn % 3 else 0,)]
            own.commit()
        own.close()
        return True

    with ThreadPoolExecutor(12) as threads:
        assert all(threads.map(work, range(12)))


def test_driver_load_data_local(driver, connect, tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("".join(f"{n},'row {n}'\n" for n in range(3000)))
    own = connect(**driver.local_infile)
    load = f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE drivers FIELDS TERMINATED BY ',' ENCLOSED BY '\\'' (n, t)"
    rows(own, load)
    assert rows(own, "SELECT COUNT(*), SUM(n), MAX(t) FROM drivers") == [(3000, 4498500, "row 999")]
    own.rollback()
    rows(own, "SET autocommit = 1")  # one of the drivers does not close what has failed so
    with pytest.raises(driver.module.Error):
        rows(own, load.replace(str(file), "/nonexistent/file"))
    # A connection that did not offer it is told so.
    refusing = connect(**{key: False for key in driver.local_infile})
    with pytest.raises(driver.module.Error):
        rows(refusing, load)


def test_driver_compressed(request, driver, mysql_pooler, connect):
    if driver.compressed is None:
        pytest.skip("the driver cannot")
    with mysql_pooler.wire() as plain:
        assert plain.offered & COMPRESS, "otherwise drivers go on without"
    own = connect(**driver.compressed)
    # The pure Python connector does not read a packet that was cut into several frames, as ours above 128 KiB are.
    big = "compressible " * (4_000 if "connector_pure" in request.node.name else 200_000)
    rows(own, "INSERT INTO drivers (n) VALUES (%s)", (1,))
    assert rows(own, "SELECT %s, 'short'", (big,)) == [(big, "short")]
    assert rows(own, "SELECT n FROM drivers") == [(1,)]


def test_driver_many_short_connections(connect):
    for n in range(20):
        own = connect()
        assert rows(own, "SELECT %s", (n,)) == [(n,)]
        own.close()
