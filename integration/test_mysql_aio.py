"""aiomysql: its pool in front of ours, many tasks, streaming, and cancelled tasks."""

import asyncio

import aiomysql
import pytest


@pytest.fixture
def options(mysql_pooler, mysql_server):
    mysql_server.execute("DROP TABLE IF EXISTS app.aio", "CREATE TABLE app.aio (id INT AUTO_INCREMENT PRIMARY KEY, n INT, t TEXT)")
    return {
        "host": mysql_pooler.host, "port": mysql_pooler.port, "user": "app", "password": mysql_pooler.password("app"),
        "db": "app", "charset": "utf8mb4",
    }  # fmt: skip


def test_aiomysql_pool_and_transactions(options):
    async def work(pool, n):
        async with pool.acquire() as connection, connection.cursor() as cursor:
            for turn in range(5):
                await connection.begin()
                await cursor.execute("SET @n = %s", (n,))
                await cursor.execute("INSERT INTO aio (n, t) VALUES (%s, @n)", (turn,))
                number = cursor.lastrowid
                await connection.commit() if turn % 2 else await connection.rollback()
                await cursor.execute("SELECT COUNT(*), @n FROM aio WHERE id = %s", (number,))
                assert await cursor.fetchone() == (turn % 2, n)

    async def main():
        async with aiomysql.create_pool(minsize=1, maxsize=10, autocommit=True, **options) as pool:
            await asyncio.gather(*(work(pool, n) for n in range(30)))

    asyncio.run(main())


def test_aiomysql_streams_and_names_its_columns(options):
    async def main():
        connection = await aiomysql.connect(autocommit=True, **options)
        async with connection.cursor() as cursor:
            await cursor.executemany("INSERT INTO aio (n, t) VALUES (%s, %s)", [(n, "x" * 100) for n in range(3000)])
        async with connection.cursor(aiomysql.SSDictCursor) as cursor:
            await cursor.execute("SELECT n, t FROM aio ORDER BY n")
            assert (await cursor.fetchone()) == {"n": 0, "t": "x" * 100}
            assert len(await cursor.fetchmany(99)) == 99
            assert len(await cursor.fetchall()) == 2900
        await connection.ensure_closed()

    asyncio.run(main())


def test_aiomysql_cancelled_task_harms_nobody(options):
    """The driver closes a connection whose statement was cancelled; the server's state is nobody's then."""

    async def main():
        async with aiomysql.create_pool(minsize=1, maxsize=4, autocommit=True, **options) as pool:

            async def slow():
                async with pool.acquire() as connection, connection.cursor() as cursor:
                    await cursor.execute("SELECT SLEEP(0.5), 'slow'")

            tasks = [asyncio.create_task(slow()) for _ in range(4)]
            await asyncio.sleep(0.1)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for n in range(10):
                async with pool.acquire() as connection, connection.cursor() as cursor:
                    await cursor.execute("SELECT %s", (n,))
                    assert await cursor.fetchall() == ((n,),)

    asyncio.run(main())
