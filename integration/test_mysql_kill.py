"""MySQL: a connection has one number, whatever server it is on, and KILL of that number reaches whatever it does now."""

from __future__ import annotations

import pytest

from support.mysql_wire import WireError
from support.processes import wait_until
from support.sharing import neighbours

LONG = "SELECT COUNT(*), SLEEP(30) FROM app.kill_rows"
#: What a statement that was interrupted ends with; SLEEP may as well answer 1.
INTERRUPTED = (1317, 1969, 3024)


@pytest.fixture(autouse=True)
def rows(mysql_server):
    mysql_server.execute(
        "DROP TABLE IF EXISTS app.kill_rows", "CREATE TABLE app.kill_rows (i INT PRIMARY KEY)", "INSERT INTO app.kill_rows VALUES (1)"
    )


def running(pooler, what: str):
    return lambda: [s for s in pooler.servers(None) if what in (s["info"] or "")]


def ended(client):
    """What a statement that was sent ended with: an error's number, the value of SLEEP, or the connection's end."""
    try:
        return client.answer().rows[0][-1]
    except WireError as error:
        return error.code
    except OSError:
        return "closed"


def closed(client) -> bool:
    try:
        client.query("SELECT 1")
        return False
    except (OSError, WireError):
        return True


def test_mysql_connection_id_is_constant(mysql_pooler):
    with mysql_pooler.wire() as client, mysql_pooler.wire() as other, neighbours(mysql_pooler) as turn:
        assert client.connection_id != other.connection_id
        for _ in range(4):
            turn()
            assert client.value("SELECT CONNECTION_ID()") == str(client.connection_id), "as the greeting said"
            assert other.value("SELECT connection_id( )") == str(other.connection_id)
            assert client.run_value(client.prepare("SELECT CAST(CONNECTION_ID() AS CHAR)")[0]) == str(client.connection_id)


@pytest.mark.parametrize("how", ["KILL QUERY {}", "KILL /* QUERY */ QUERY {}", "kill query({})"])
def test_mysql_kill_query(mysql_pooler, how):
    with mysql_pooler.wire(timeout=40) as client, mysql_pooler.wire() as other:
        client.query("SET @mine = 5")
        client.ask(LONG)
        wait_until(running(mysql_pooler, "SLEEP(30)"), what="the statement running")
        other.query(how.format(client.connection_id))
        assert ended(client) in (*INTERRUPTED, "1")
        assert client.value("SELECT @mine") == "5", "only the statement has ended"
        assert not running(mysql_pooler, "SLEEP(30)")()


@pytest.mark.parametrize("how", ["KILL {}", "KILL CONNECTION {}", "KILL /*QUERY*/ {}", "COM_PROCESS_KILL"])
@pytest.mark.parametrize("doing", ["a statement", "a transaction", "nothing"])
def test_mysql_kill_connection(mysql_pooler, mysql_server, how, doing):
    if how == "COM_PROCESS_KILL" and mysql_server.family == "mysql":
        pytest.skip("MySQL 9 has no COM_PROCESS_KILL")
    client = mysql_pooler.wire(timeout=40)
    with mysql_pooler.wire() as other:
        if doing == "a statement":
            client.ask(LONG)
            wait_until(running(mysql_pooler, "SLEEP(30)"), what="the statement running")
        elif doing == "a transaction":
            client.query("BEGIN")
            client.query("INSERT INTO kill_rows VALUES (2)")
        if how == "COM_PROCESS_KILL":
            other.process_kill(client.connection_id)
        else:
            other.query(how.format(client.connection_id))
        if doing == "a statement":
            assert ended(client) in (*INTERRUPTED, "1", 1927, "closed")
        wait_until(lambda: closed(client), what="the connection's end")
        wait_until(lambda: not running(mysql_pooler, "SLEEP(30)")(), what="the statement's end")
        wait_until(lambda: mysql_server.query("SELECT COUNT(*) FROM app.kill_rows") == [("1",)])
        # The lock on the row has gone as well.
        assert other.query("INSERT INTO kill_rows VALUES (2)").affected == 1


def test_mysql_kill_oneself(mysql_pooler):
    with mysql_pooler.wire() as client, mysql_pooler.wire() as other:
        with pytest.raises((OSError, WireError)):
            client.query(f"KILL {client.connection_id}")
            client.query("SELECT 1")
        assert other.value("SELECT 'there'") == "there"
    with mysql_pooler.wire() as client:
        with pytest.raises((OSError, WireError)):
            client.query("KILL CONNECTION_ID()")
            client.query("SELECT 1")


def test_mysql_kill_of_a_number_nobody_has(mysql_pooler):
    with mysql_pooler.wire() as client:
        for sql in ("KILL 4000000000", "KILL QUERY 4000000000"):
            assert client.outcome(sql) == 1094
        assert client.value("SELECT 1") == "1"


def test_mysql_kill_reaches_nobody_else(mysql_pooler):
    """The statement has ended and somebody else's runs on its server: that one goes on."""
    with mysql_pooler.wire() as client, mysql_pooler.wire() as other:
        client.query("SELECT 1")
        for n in range(30):
            other.ask(f"SELECT {n} + SLEEP(0.01)")
            with mysql_pooler.wire() as killer:
                killer.query(f"KILL QUERY {client.connection_id}")
            assert other.answer().rows == [(str(n),)]
        # Nor does it wait for the client's next statement.
        assert client.outcome("SELECT SLEEP(0.05)") in ("0", "1", *INTERRUPTED)
        assert client.value("SELECT SLEEP(0.05)") == "0"


def test_mysql_kill_while_waiting_for_a_server(own_mysql_pooler):
    pooler = own_mysql_pooler(default_pool_size=1)
    if pooler.kind == "direct":
        pytest.skip("needs a pooler")
    with pooler.wire() as holder, pooler.wire() as waiter, pooler.wire(dbname="other") as killer:
        holder.query("BEGIN")
        waiter.ask("SELECT 'waited'")
        assert waiter.quiet(0.1)
        killer.query(f"KILL QUERY {waiter.connection_id}")
        assert ended(waiter) in INTERRUPTED
        holder.query("COMMIT")
        assert waiter.value("SELECT 'after'") == "after"


def test_mysql_client_vanishes_in_mid_statement(mysql_pooler):
    """Nobody will read the answer: the statement is ended, and its server serves the next."""
    if mysql_pooler.kind == "direct":
        pytest.skip("a server notices when it writes")
    client = mysql_pooler.wire()
    client.ask("SELECT SLEEP(60)")
    wait_until(running(mysql_pooler, "SLEEP(60)"), what="the statement running")
    client.reset()
    wait_until(lambda: not running(mysql_pooler, "SLEEP(60)")(), what="the statement's end")


def test_mysql_processlist_shows_the_pools_servers(mysql_pooler):
    with mysql_pooler.wire() as client:
        client.query("SELECT 1")
        assert client.query("SHOW PROCESSLIST").rows
        assert client.query("SHOW FULL PROCESSLIST").rows
