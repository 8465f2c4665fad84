"""asyncpg: prepares everything, names its statements alike on every connection, resets on release."""

import asyncio

import asyncpg
import pytest

pytestmark = pytest.mark.requires_headgate


def info(pooler):
    c = pooler.conninfo()
    return {"host": c["host"], "port": c["port"], "user": c["user"], "password": c["password"], "database": c["dbname"]}


def test_asyncpg_statement_cache_on_shared_servers(pooler):
    async def client(number):
        c = await asyncpg.connect(**info(pooler))
        for turn in range(15):
            assert await c.fetchval(f"SELECT $1::int + {number}", turn) == turn + number
            assert [r["n"] for r in await c.fetch("SELECT generate_series(1, $1::int) AS n", turn)] == list(range(1, turn + 1))
        await c.close()

    async def everybody():
        await asyncio.gather(*(client(n) for n in range(12)))

    asyncio.run(everybody())


def test_asyncpg_pool_with_reset(pooler):
    """The pool of asyncpg sends its reset query (locks, cursors, UNLISTEN, RESET ALL) on every release."""

    async def main():
        async with asyncpg.create_pool(**info(pooler), min_size=4, max_size=8) as pool:

            async def one(n):
                async with pool.acquire() as c:
                    await c.execute(f"SET work_mem = '{n + 1}MB'")
                    return await c.fetchval("SHOW work_mem")

            assert await asyncio.gather(*(one(n) for n in range(40))) == [f"{n + 1}MB" for n in range(40)]

    asyncio.run(main())


def test_asyncpg_transactions_cursors_copy(pooler):
    async def main():
        c = await asyncpg.connect(**info(pooler))
        await c.execute("DROP TABLE IF EXISTS apg; CREATE TABLE apg (i int PRIMARY KEY, t text)")
        async with c.transaction():
            await c.executemany("INSERT INTO apg VALUES ($1, $2)", [(i, f"t{i}") for i in range(200)])
            with pytest.raises(asyncpg.UniqueViolationError):
                async with c.transaction():
                    await c.execute("INSERT INTO apg VALUES ($1, $2)", 1, "again")
            seen = [r["i"] async for r in c.cursor("SELECT i FROM apg ORDER BY i", prefetch=17)]
            assert seen == list(range(200))
        await c.copy_records_to_table("apg", records=[(i, None) for i in range(1000, 1500)])
        assert await c.fetchval("SELECT count(*) FROM apg") == 700
        await c.close()

    asyncio.run(main())


def test_asyncpg_types_are_introspected(pooler):
    async def main():
        c = await asyncpg.connect(**info(pooler))
        await c.execute("DROP TYPE IF EXISTS mood CASCADE; CREATE TYPE mood AS ENUM ('sad', 'ok')")
        assert await c.fetchval("SELECT $1::mood", "ok") == "ok"
        assert await c.fetchval("SELECT ARRAY['sad','ok']::mood[]") == ["sad", "ok"]
        await c.close()

    asyncio.run(main())


def test_asyncpg_listen(pooler):
    async def main():
        a, b = await asyncpg.connect(**info(pooler)), await asyncpg.connect(**info(pooler))
        heard = asyncio.Queue()
        await a.add_listener("apg_chan", lambda *args: heard.put_nowait(args[2:]))
        await b.execute("NOTIFY apg_chan, 'hello'")
        assert await asyncio.wait_for(heard.get(), 5) == ("apg_chan", "hello")
        await a.close()
        await b.close()

    asyncio.run(main())


def test_asyncpg_timeout_cancels(pooler):
    async def main():
        c = await asyncpg.connect(**info(pooler))
        with pytest.raises(asyncio.TimeoutError):
            await c.fetchval("SELECT pg_sleep(30)", timeout=0.3)
        assert await c.fetchval("SELECT 5") == 5
        await c.close()

    asyncio.run(main())
