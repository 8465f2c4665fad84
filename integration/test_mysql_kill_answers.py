"""MySQL: what KILL is answered with, whichever worker the connection it names belongs to."""

from __future__ import annotations

import pytest

from support.mysql_wire import WireError
from support.processes import wait_until

#: A number whose worker is the second one, with a place nobody has.
ELSEWHERE = 1 << 24 | 4000


def refused(client, sql: str) -> tuple[int, str]:
    with pytest.raises(WireError) as error:
        client.query(sql)
    return error.value.code, error.value.message


def is_closed(client) -> bool:
    try:
        client.query("SELECT 1")
        return False
    except (OSError, WireError):
        return True


@pytest.mark.parametrize("number", [0, 99_999, ELSEWHERE, 4_000_000_000])
@pytest.mark.parametrize("how", ["KILL {}", "KILL QUERY {}"])
def test_mysql_kill_unknown(mysql_pooler, how, number):
    with mysql_pooler.wire() as client:
        assert refused(client, how.format(number)) == (1094, f"Unknown thread id: {number}")
        assert client.value("SELECT 1") == "1"


def test_mysql_process_kill_unknown(mysql_pooler):
    # MySQL has no COM_PROCESS_KILL since 8.3.
    expected = 1047 if mysql_pooler.family == "mysql" else 1094
    with mysql_pooler.wire() as client:
        for number in (0, ELSEWHERE):
            with pytest.raises(WireError) as error:
                client.process_kill(number)
            assert error.value.code == expected
        assert client.value("SELECT 1") == "1"


@pytest.mark.parametrize("how", ["KILL QUERY {}", "KILL QUERY CONNECTION_ID()"])
def test_mysql_kill_query_of_oneself(mysql_pooler, how):
    with mysql_pooler.wire() as client:
        assert refused(client, how.format(client.connection_id)) == (1317, "Query execution was interrupted")
        assert client.value("SELECT 1") == "1"


def test_mysql_kill_of_oneself(mysql_pooler):
    with mysql_pooler.wire() as client:
        expected = (1927, "Connection was killed") if mysql_pooler.family == "mariadb" else (1317, "Query execution was interrupted")
        assert refused(client, f"KILL {client.connection_id}") == expected
        assert is_closed(client)


@pytest.mark.requires_pooler
def test_mysql_kill_of_another_user(mysql_pooler):
    with mysql_pooler.wire() as client, mysql_pooler.wire("bob") as other, mysql_pooler.wire() as mine:
        # Until one of each is at the same worker, and one at another.
        for sql in ("KILL {}", "KILL QUERY {}"):
            for victim in [other, *(mysql_pooler.wire("bob") for _ in range(8))]:
                number = victim.connection_id
                assert refused(client, sql.format(number)) == (1095, f"You are not owner of thread {number}")
                assert victim.value("SELECT 1") == "1"
        client.query(f"KILL {mine.connection_id}")
        wait_until(lambda: is_closed(mine), what="the connection's end")


def test_mysql_kill_sent_ahead(mysql_pooler):
    """The answers of what follows a KILL stay behind its own."""
    with mysql_pooler.wire() as client:
        for number in (ELSEWHERE, 0) * 4:
            client.ask(f"KILL {number}")
            client.ask("SELECT 5")
            with pytest.raises(WireError):
                client.answer()
            assert client.answer().rows == [("5",)]


def test_mysql_kill_within_a_transaction(mysql_pooler):
    with mysql_pooler.wire() as client:
        client.query("BEGIN")
        client.query("SET @t = RAND()")
        assert refused(client, f"KILL {ELSEWHERE}")[0] == 1094
        assert client.value("SELECT @t IS NULL") == "0"
        client.query("COMMIT")


def test_mysql_kill_user(own_mysql_pooler):
    pooler = own_mysql_pooler(threads=2)
    if pooler.family != "mariadb" or pooler.kind == "direct":
        pytest.skip("KILL USER is MariaDB's, and kills the tests' own connections")
    mine = [pooler.wire() for _ in range(12)]
    with pooler.wire("bob") as other:
        assert refused(other, "KILL USER app")[0] == 1095
        assert mine[0].query("KILL USER app").affected == 12
        for client in mine:
            wait_until(lambda client=client: is_closed(client), what="the connection's end")
        assert other.value("SELECT 1") == "1"
    with pooler.wire() as client:
        assert client.value("SELECT 1") == "1"
