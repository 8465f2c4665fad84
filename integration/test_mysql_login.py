"""MySQL: what a client gets when it logs in, and when it logs in again on the same connection (COM_CHANGE_USER)."""

from __future__ import annotations

import pytest

from support.mysql_session import CHANGE_USER
from support.mysql_wire import BASIC, DEPRECATE_EOF, SESSION_TRACK, WireError, lenenc
from support.processes import wait_until
from support.sharing import neighbours

SCHEMA_TOLD = "000000024000000006010403617070"  # OK, status 0x4002, the schema is "app"


def change(client, pooler, user: str, dbname: str = "", **more) -> None:
    client.change_user(user, pooler.password(user), dbname, **more)


def test_mysql_login_tells_of_the_schema(mysql_pooler):
    with mysql_pooler.wire() as client:
        assert client.last_ok.hex() == SCHEMA_TOLD
    with mysql_pooler.wire(dbname="") as client:
        assert client.last_ok.hex() == "00000002000000"
    with mysql_pooler.wire(capabilities=BASIC | DEPRECATE_EOF) as client:
        assert client.last_ok.hex() == "00000002000000"


def test_mysql_change_user(mysql_pooler):
    with mysql_pooler.wire() as client, neighbours(mysql_pooler) as turn:
        number = client.connection_id
        change(client, mysql_pooler, "bob", "other")
        told = client.transcript[-1]
        assert client.transcript[-1][1] in (3, 4, 7), "the OK goes on behind the exchange"
        assert told[2].hex() == "0000000240000000080106056f74686572"
        for _ in range(3):
            turn()
            assert client.value("SELECT USER()").startswith("bob@")
            assert client.value("SELECT DATABASE()") == "other"
            assert client.value("SELECT CONNECTION_ID()") == str(number)
        change(client, mysql_pooler, "app")
        assert client.last_ok.hex() == "00000002000000"
        assert client.value("SELECT DATABASE()") is None
        assert client.value("SELECT USER()").startswith("app@")


def test_mysql_change_user_forgets_everything(mysql_pooler):
    with mysql_pooler.wire() as client, mysql_pooler.wire() as other:
        statement = client.prepare("SELECT 1")[0]
        client.query("SET @a = 5, time_zone = '+03:00', @b = RAND()")
        client.query("CREATE TEMPORARY TABLE login_t (i INT)")
        assert client.value("SELECT GET_LOCK('login lock', 0)") == "1"
        client.query("BEGIN")
        client.query("CREATE TABLE IF NOT EXISTS app.login_real (i INT)")
        client.query("BEGIN")
        client.query("INSERT INTO app.login_real VALUES (1)")
        change(client, mysql_pooler, "app", "app")
        assert client.value("SELECT CONCAT_WS(',', @a, @b)") == ""
        assert client.value("SELECT @@time_zone = @@global.time_zone") == "1"
        assert client.outcome("SELECT * FROM login_t") == 1146
        assert client.value("SELECT COUNT(*) FROM app.login_real") == "0", "what was not committed is not there"
        wait_until(lambda: other.value("SELECT IS_FREE_LOCK('login lock')") == "1", what="the lock's end")
        with pytest.raises(WireError) as error:
            client.run(statement)
        assert error.value.code == 1243
        other.query("DROP TABLE app.login_real")


@pytest.mark.parametrize("collation,expected", [(33, "utf8"), (8, "latin1"), (45, "utf8mb4")])
def test_mysql_change_user_sets_the_collation(mysql_pooler, collation, expected):
    with mysql_pooler.wire() as client:
        change(client, mysql_pooler, "app", "app", collation=collation)
        assert client.value("SELECT @@character_set_client").startswith(expected)


@pytest.mark.parametrize("user,password", [("app", "wrong"), ("nobody there", "x"), ("app", "")])
def test_mysql_change_user_refused(mysql_pooler, user, password):
    client = mysql_pooler.wire()
    with pytest.raises(WireError) as error:
        client.change_user(user, password, "app")
    assert error.value.code == 1045
    assert f"Access denied for user '{user}'@'127.0.0.1'" in error.value.message
    if mysql_pooler.family == "mariadb":
        # MariaDB keeps the connection, with a new session, and lets it try three times.
        assert client.value("SELECT CURRENT_USER()").startswith("app@")
        client.query("SET @a = 5")
        for code in (1045, 1045, 1047):
            with pytest.raises(WireError) as error:
                client.change_user(user, password, "app")
            assert error.value.code == code
        assert client.value("SELECT CONCAT_WS(',', @a, DATABASE())") == "app"
    else:
        with pytest.raises((OSError, WireError)):
            client.query("SELECT 1")


def test_mysql_change_user_to_a_database_that_is_not_there(mysql_pooler):
    client = mysql_pooler.wire()
    with pytest.raises(WireError) as error:
        change(client, mysql_pooler, "app", "nowhere")
    assert error.value.code == 1049


def test_mysql_change_user_malformed(mysql_pooler):
    client = mysql_pooler.wire()
    client.command(CHANGE_USER, b"app")
    with pytest.raises((OSError, WireError)):
        client.query("SELECT 1")
    with mysql_pooler.wire() as other:
        assert other.value("SELECT 1") == "1"


def test_mysql_change_user_with_the_next_command_sent_ahead(mysql_pooler):
    """What comes in one piece with the proof is answered behind the OK."""
    with mysql_pooler.wire() as client:
        client.user, client.password = "app", mysql_pooler.password("app").encode()
        plugin = "mysql_native_password"
        client.command(CHANGE_USER, b"app\0\0app\0\x2d\0" + plugin.encode() + b"\0" + lenenc(0))
        request = client.read()
        assert request[0] == 0xFE
        name, nonce = request[1:].split(b"\0", 1)
        proof = client._answer(name.decode(), nonce[:20])
        ahead = len(proof).to_bytes(3, "little") + bytes([client.sequence]) + proof
        ahead += b"\x09\0\0\0\x03SELECT 7"
        if name == b"mysql_native_password":
            client.socket.sendall(ahead)
            assert client.read()[0] == 0
            assert client.answer().rows == [("7",)]


@pytest.mark.requires_pooler
def test_mysql_change_user_counts_in_its_new_pool(own_mysql_pooler, mysql_server):
    from support.mysql_pooler import mysql_options

    options = mysql_options(mysql_server)
    options.users["app"]["max_user_client_connections"] = 1
    options.users["bob"]["max_user_client_connections"] = 1
    pooler = own_mysql_pooler(options)
    with pooler.wire() as client:
        change(client, pooler, "app", "app")
        assert client.value("SELECT 1") == "1", "its own place is free for itself"
        with pooler.wire("bob"):
            with pytest.raises(WireError) as error:
                change(client, pooler, "bob", "app")
            assert error.value.code == 1040
    wait_until(lambda: not [c for c in pooler.console("SHOW CLIENTS") if c["database"] == "app"], what="their end")
    with pooler.wire() as client:
        change(client, pooler, "bob", "app")
        with pooler.wire() as other, pytest.raises(WireError) as error:
            assert other.value("SELECT 1") == "1"
            change(other, pooler, "bob", "app")
        assert error.value.code == 1040


@pytest.mark.parametrize("how", ["COMMIT RELEASE", "ROLLBACK AND NO CHAIN RELEASE", "completion_type"])
def test_mysql_release_ends_the_connection(mysql_pooler, how):
    client = mysql_pooler.wire()
    if how == "completion_type":
        client.query("SET completion_type = 2")
        client.query("BEGIN")
        assert client.query("COMMIT").status & 3 == 2
    else:
        client.query("BEGIN")
        assert client.query(how).status & 3 == 2
    with pytest.raises(OSError):
        client.query("SELECT 1")
    with mysql_pooler.wire() as other:
        other.query("BEGIN")
        other.query("COMMIT NO RELEASE")
        assert other.value("SELECT @@completion_type") == "NO_CHAIN"
