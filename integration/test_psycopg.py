"""psycopg 3: synchronous, asynchronous, pipeline mode, server-side cursors, binary, prepared statements, COPY."""

import asyncio

import psycopg
import pytest
from psycopg.types.json import Jsonb


def test_psycopg_types_round_trip(pooler):
    with pooler.connect() as c:
        row = c.execute(
            "SELECT %s::int, %s::text, %s::bytea, %s::jsonb, %s::float8[], NULL",
            (7, "ünï ''\\", b"\0\xff", Jsonb({"a": [1]}), [1.5, 2.5]),
        ).fetchone()
    assert row == (7, "ünï ''\\", b"\0\xff", {"a": [1]}, [1.5, 2.5], None)


def test_psycopg_binary_results(pooler):
    with pooler.connect() as c, c.cursor(binary=True) as cursor:
        assert cursor.execute("SELECT 1::int8, 'x'::text, 1.25::numeric").fetchone()[0] == 1


@pytest.mark.requires_headgate
def test_psycopg_prepares_on_whichever_server(pooler):
    """More clients than servers, each with prepared statements of the same name and different text."""
    connections = [pooler.connect(prepare_threshold=0) for _ in range(5)]
    try:
        for turn in range(20):
            for i, c in enumerate(connections):
                assert c.execute(f"SELECT {i}, %s::int, 'text {i}'", (turn,)).fetchone() == (i, turn, f"text {i}")
                assert c.execute(f"SELECT %s::text || '{i}'", ("a",)).fetchone() == (f"a{i}",)
    finally:
        for c in connections:
            c.close()


@pytest.mark.requires_headgate
def test_psycopg_more_prepared_statements_than_the_limit(pooler):
    with pooler.connect(prepare_threshold=0) as a, pooler.connect(prepare_threshold=0) as b:
        a.prepared_max = b.prepared_max = 1000
        for _ in range(2):
            for i in range(450):
                assert a.execute(f"SELECT {i} + %s", (1,)).fetchone() == (i + 1,)
                assert b.execute(f"SELECT {i} + %s", (2,)).fetchone() == (i + 2,)


@pytest.mark.parametrize("threshold", [None, pytest.param(0, marks=pytest.mark.requires_headgate)])
def test_psycopg_pipeline(pooler, threshold):
    with pooler.connect(prepare_threshold=threshold) as c:
        with c.pipeline() as p:
            cursors = [c.execute("SELECT %s::int", (i,)) for i in range(200)]
            p.sync()
            more = [c.execute("SELECT %s::text", (str(i),)) for i in range(50)]
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(200))
        assert [cursor.fetchone()[0] for cursor in more] == [str(i) for i in range(50)]


def test_psycopg_pipeline_error_in_the_middle(pooler):
    with pooler.connect(prepare_threshold=None) as c, c.cursor() as good, c.cursor() as bad, c.cursor() as skipped:
        with pytest.raises(psycopg.errors.DivisionByZero):
            with c.pipeline() as p:
                good.execute("SELECT 1")
                bad.execute("SELECT 1/%s", (0,))
                skipped.execute("SELECT 2")
                p.sync()
        assert good.fetchone() == (1,)
        assert c.execute("SELECT 3").fetchone() == (3,)


def test_psycopg_transactions_and_savepoints(pooler):
    with pooler.connect() as c:
        c.execute("DROP TABLE IF EXISTS psycopg_tx")
        c.execute("CREATE TABLE psycopg_tx (i int)")
        with c.transaction():
            c.execute("INSERT INTO psycopg_tx VALUES (1)")
            with pytest.raises(psycopg.errors.DivisionByZero), c.transaction():
                c.execute("INSERT INTO psycopg_tx VALUES (2)")
                c.execute("SELECT 1/0")
            c.execute("INSERT INTO psycopg_tx VALUES (3)")
        with pytest.raises(ZeroDivisionError), c.transaction():
            c.execute("INSERT INTO psycopg_tx VALUES (4)")
            raise ZeroDivisionError
        assert c.execute("SELECT array_agg(i ORDER BY i) FROM psycopg_tx").fetchone() == ([1, 3],)


def test_psycopg_server_side_cursor(pooler):
    with pooler.connect(autocommit=False) as c:
        with c.cursor("named") as cursor:
            cursor.itersize = 100
            cursor.execute("SELECT generate_series(1, 1000)")
            assert sum(row[0] for row in cursor) == 500500
        with c.cursor("scrolled", scrollable=True) as cursor:
            cursor.execute("SELECT generate_series(1, 10)")
            cursor.scroll(5)
            assert cursor.fetchone() == (6,)


def test_psycopg_copy_both_ways(pooler):
    with pooler.connect() as c:
        c.execute("DROP TABLE IF EXISTS psycopg_copy")
        c.execute("CREATE TABLE psycopg_copy (i int, t text)")
        with c.cursor().copy("COPY psycopg_copy FROM STDIN") as copy:
            for i in range(1000):
                copy.write_row((i, f"row {i}\t\\"))
        with c.cursor().copy("COPY (SELECT * FROM psycopg_copy ORDER BY i) TO STDOUT") as copy:
            copy.set_types(["int4", "text"])
            rows = list(copy.rows())
        assert rows[999] == (999, "row 999\t\\") and len(rows) == 1000
        with pytest.raises(psycopg.errors.QueryCanceled), c.cursor().copy("COPY psycopg_copy FROM STDIN") as copy:
            copy.write_row((1, "x"))
            raise psycopg.errors.QueryCanceled
        assert c.execute("SELECT count(*) FROM psycopg_copy").fetchone() == (1000,)


def test_psycopg_async_many_clients_few_servers(pooler):
    async def client(number: int) -> int:
        async with await psycopg.AsyncConnection.connect(
            **pooler.conninfo(), autocommit=True, prepare_threshold=None
        ) as c:
            for turn in range(10):
                async with c.transaction():
                    cursor = await c.execute("SELECT %s::int * 100 + %s::int", (number, turn))
                    assert (await cursor.fetchone()) == (number * 100 + turn,)
        return number

    async def everybody():
        return await asyncio.gather(*(client(n) for n in range(30)))

    assert asyncio.run(everybody()) == list(range(30))


@pytest.mark.requires_headgate
def test_psycopg_async_pipeline_prepared(pooler):
    async def client(number: int) -> None:
        async with await psycopg.AsyncConnection.connect(
            **pooler.conninfo(), autocommit=True, prepare_threshold=0
        ) as c:
            for _ in range(5):
                async with c.pipeline():
                    cursors = [await c.execute("SELECT %s::int, %s::int", (number, i)) for i in range(20)]
                for i, cursor in enumerate(cursors):
                    assert await cursor.fetchone() == (number, i)

    async def everybody():
        await asyncio.gather(*(client(n) for n in range(10)))

    asyncio.run(everybody())


def test_psycopg_notices_reach_their_client(pooler):
    with pooler.connect() as a, pooler.connect() as b:
        seen_a, seen_b = [], []
        a.add_notice_handler(lambda d: seen_a.append(d.message_primary))
        b.add_notice_handler(lambda d: seen_b.append(d.message_primary))
        for i in range(5):
            a.execute(f"DO $$ BEGIN RAISE NOTICE 'a {i}'; END $$")
            b.execute(f"DO $$ BEGIN RAISE NOTICE 'b {i}'; END $$")
    assert seen_a == [f"a {i}" for i in range(5)]
    assert seen_b == [f"b {i}" for i in range(5)]
