"""Statements of many megabytes: passed on as they come, and what they do to the session is found out afterwards."""

import pytest

from support.processes import wait_until
from support.wire import query, types

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]

MIB = 1 << 20


def rows(size, table="long_statements"):
    """An INSERT of at least `size` bytes."""
    row = "(repeat('y', 3), '" + "x" * 1000 + "')"
    count = size // (len(row) + 1) + 1
    return f"INSERT INTO {table} VALUES " + ",".join([row] * count), count


@pytest.fixture
def table(primary):
    primary.query("DROP TABLE IF EXISTS long_statements")
    primary.query("CREATE TABLE long_statements (a text, b text)")
    primary.query("ALTER TABLE long_statements OWNER TO app")
    yield
    primary.query("DROP TABLE IF EXISTS long_statements")


@pytest.mark.parametrize("size", [1, 15, 64])
def test_long_insert(own_pooler, table, size):
    pooler = own_pooler(default_pool_size=1)
    text, count = rows(size * MIB)
    with pooler.wire(timeout=60) as a, pooler.wire() as b:
        assert types(a.query(text)) == "CZ"
        assert b.value("SELECT count(*) FROM long_statements") == str(count), "the server is free again"


def test_long_statements_do_not_stay_in_memory(own_pooler):
    """Of what is read whole (up to max_inspected_statement) and of what is not."""
    pooler = own_pooler(default_pool_size=2)
    with pooler.wire(timeout=60) as a:
        a.query("SELECT 1")
        before = pooler.rss()
        most = 0
        for size in (8, 64):
            for n in range(12):
                a.send(query(f"SELECT {n}, length('" + str(n) * (size * MIB) + "')"))
                most = max(most, pooler.rss())
                a.read_until("Z")
                most = max(most, pooler.rss())
    assert most - before < 160 * MIB
    with pooler.wire() as b:
        b.query("SELECT 1")
    wait_until(lambda: pooler.rss() - before < 64 * MIB, 10, what="memory is given back")


@pytest.mark.parametrize("size", [1, 20])
def test_what_a_long_dump_sets_is_not_lost(own_pooler, table, size):
    """Many statements in one Query, SET at the very end: the setting follows the client and reaches nobody else."""
    pooler = own_pooler(default_pool_size=2)
    insert, _ = rows(size * MIB)
    with pooler.wire(timeout=60) as a, pooler.wire() as b, pooler.wire() as c:
        assert types(a.query(insert + "; SELECT 1; SET search_path = hidden; SET work_mem = '9MB'")).endswith("CCZ")
        # Both servers are taken: wherever a comes, its settings are there, and wherever b comes they are not.
        for first, second in ((a, b), (b, a), (c, a), (a, c)):
            first.query("BEGIN")
            second.query("BEGIN")
            for client in (first, second):
                expected = "hidden" if client is a else '"$user", public'
                assert client.value("SHOW search_path") == expected
            first.query("COMMIT")
            second.query("COMMIT")
        assert (a.value("SHOW work_mem"), b.value("SHOW work_mem")) == ("9MB", "4MB")
        assert not pooler.console("SHOW PINS")


def test_what_a_long_statement_leaves_keeps_the_server(own_pooler):
    pooler = own_pooler(default_pool_size=2)
    padding = "/*" + "x" * (20 * MIB) + "*/"
    with pooler.wire(timeout=60) as a:
        a.query(padding + "CREATE TEMP TABLE hidden_temp (x int)")
        wait_until(lambda: pooler.console("SHOW PINS"), 5)
        assert a.value("SELECT count(*) FROM hidden_temp") == "0"
        a.query(padding + "DROP TABLE hidden_temp")
        wait_until(lambda: not pooler.console("SHOW PINS"), 5)


def test_long_statement_that_rolls_back(own_pooler):
    pooler = own_pooler(default_pool_size=1)
    padding = "/*" + "x" * (20 * MIB) + "*/"
    with pooler.wire(timeout=60) as a, pooler.wire() as b:
        a.query("SET work_mem = '3MB'")
        a.query(padding + "BEGIN; SET work_mem = '5MB'")
        assert a.status == "T"
        assert a.value("SHOW work_mem") == "5MB"
        a.query("ROLLBACK")
        assert a.value("SHOW work_mem") == "3MB"
        assert types(a.query(padding + "SET work_mem = '7MB'; SELECT 1/0")) == "CEZ"
        assert a.value("SHOW work_mem") == "3MB"
        assert b.value("SHOW work_mem") == "4MB"
