"""Who has not logged in: wrong passwords cost, slow logins end, and nobody keeps others out."""

from __future__ import annotations

import socket
import struct

import psycopg
import pymysql
import pytest

from siege.run import Siege
from support.mysql_pooler import make_mysql_pooler, mysql_options
from support.pooler import Options, make_pooler
from support.processes import wait_until
from support.secure import Certificates
from support.wire import SSL_CODE, Closed, LoginFailed, Silent, Wire, fields, message, startup, text

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]


def from_address(pooler, source: str) -> Wire:
    """A raw connection from an address of our choice."""
    connect = socket.create_connection
    socket.create_connection = lambda address, timeout=None: connect(address, timeout, (source, 0))
    try:
        return pooler.raw()
    finally:
        socket.create_connection = connect


def failures(pooler) -> dict[str, tuple[int, int]]:
    """By address: how many logins have failed, and how long the last was made to wait, in milliseconds."""
    rows = pooler.console("SHOW FAILED_LOGINS")
    return {row["addr"]: (int(row["failed"]), row["delay_us"] // 1000) for row in rows}


def test_front_door_wrong_passwords_cost_their_address(own_pooler):
    pooler = own_pooler(general={"auth_delay": "40ms", "auth_delay_max": "200ms"})
    delays = []
    for user in "app", "nobody", "app", "app", "bob":
        wire = from_address(pooler, "127.0.0.60")
        with pytest.raises(LoginFailed, match="28P01"):
            wire.login(user, "wrong", "app")
        # What it was told is all there is.
        with pytest.raises(Closed):
            wire.read()
        delays.append(failures(pooler)["127.0.0.60"])
    assert delays == [(1, 40), (2, 80), (3, 160), (4, 200), (5, 200)]
    # Others do not wait for that, and who knows the password does not, wherever it comes from.
    with pytest.raises(LoginFailed):
        from_address(pooler, "127.0.0.61").login("app", "wrong", "app")
    assert failures(pooler)["127.0.0.61"] == (1, 40)
    from_address(pooler, "127.0.0.60").login("app", pooler.options.users["app"]["password"], "app")
    assert failures(pooler)["127.0.0.60"] == (5, 200)
    assert "delay_ms=160" in pooler.log()
    row = pooler.console("SHOW LOGINS")[0]
    assert (row["failed"], row["delayed"], row["sources"]) == (6, 0, 2)


def test_front_door_an_answer_is_held_back_and_the_right_one_is_not(own_pooler):
    """The delay is so long that whoever gets an answer has not waited for it."""
    pooler = own_pooler(general={"auth_delay": "1h", "auth_delay_max": "1h"}, auth_type="md5")
    wire = from_address(pooler, "127.0.0.60")
    wire.send(startup("app", "app"))
    assert wire.read().type == "R"
    wire.send(message("p", text("wrong")))
    wait_until(lambda: pooler.console("SHOW LOGINS")[0]["delayed"] == 1, what="a delayed answer")
    # What it sends meanwhile changes nothing.
    wire.send(message("p", text("again")), b"x" * 100_000)
    from_address(pooler, "127.0.0.60").login("app", pooler.options.users["app"]["password"], "app")
    assert pooler.console("SHOW LOGINS")[0]["delayed"] == 1
    # Who hangs up is not kept.
    wire.socket.close()
    wait_until(lambda: pooler.console("SHOW LOGINS")[0]["delayed"] == 0, what="its end")


def test_front_door_mysql_wrong_passwords_cost_their_address(own_mysql_pooler):
    pooler = own_mysql_pooler(general={"auth_delay": "40ms", "auth_delay_max": "100ms"})
    delays = []
    for user in "app", "nobody", "app":
        with pytest.raises(pymysql.OperationalError, match="1045"):
            pooler.connect(user=user, password="wrong", bind_address="127.0.0.60")
        delays.append(failures(pooler)["127.0.0.60"])
    assert delays == [(1, 40), (2, 80), (3, 100)]
    pooler.connect(bind_address="127.0.0.60").close()
    # Nor can passwords be tried for nothing by COM_CHANGE_USER.
    wire = pooler.wire()
    before = failures(pooler).get("127.0.0.1", (0, 0))[0]
    try:
        wire.change_user("app", "wrong")
    except Exception as error:  # noqa: BLE001 - MySQL ends the connection, MariaDB does not
        assert "denied" in str(error)
    assert failures(pooler)["127.0.0.1"] == (before + 1, 40)
    if pooler.family == "mariadb":
        assert wire.query("SELECT 1").rows == [("1",)] or wire.query("SELECT 1").rows == [(b"1",)]


SLOW = {
    "nothing": b"",
    "half a start-up packet": startup("app", "app")[:9],
    "no answer to the challenge": startup("app", "app"),
    "half an answer": startup("app", "app") + b"p\0\0\1\0SCRAM",
    "TLS and then nothing": struct.pack("!II", 8, SSL_CODE),
    "half a hello": b"\x16\x03\x01\x02\0\1\0",
}


@pytest.mark.parametrize("said", SLOW)
def test_front_door_logins_end_in_time(own_pooler, tmp_path, said):
    certificates = Certificates.make(tmp_path)
    pooler = own_pooler(listen=certificates.listen("prefer"), general={"client_login_timeout": 1})
    wire = pooler.raw()
    wire.send(SLOW[said])
    told = b""
    try:
        while data := wire.socket.recv(4096):
            told += data
    except ConnectionResetError:
        pass
    if "TLS" not in said and "hello" not in said:
        assert b"client_login_timeout" in told
    assert pooler.console("SHOW LOGINS")[0]["too_slow"] >= 1
    assert "client_login_timeout" in pooler.log()


@pytest.mark.parametrize("said", [b"", b"\x20\0\0\1", b"\x20\0\0\1\x85\xae\xff\0" + bytes(28)])
def test_front_door_mysql_logins_end_in_time(own_mysql_pooler, tmp_path, said):
    certificates = Certificates.make(tmp_path)
    pooler = own_mysql_pooler(listen=certificates.listen("prefer"), general={"client_login_timeout": 1})
    with socket.create_connection((pooler.host, pooler.port), 20) as s:
        s.sendall(said)
        told = b""
        while data := s.recv(4096):
            told += data
    assert len(said) > 30 or b"client_login_timeout" in told
    assert pooler.console("SHOW LOGINS")[0]["too_slow"] >= 1


def test_front_door_who_crowds_it_makes_room(own_pooler):
    pooler = own_pooler(general={"max_login_clients": 20, "client_login_timeout": 0}, threads=1)
    crowd = [from_address(pooler, "127.0.0.60") for _ in range(20)]
    alone = from_address(pooler, "127.0.0.61")
    alone.send(startup("app", "app"))
    assert alone.read().type == "R"
    more = [from_address(pooler, "127.0.0.60") for _ in range(40)]
    wait_until(lambda: int(pooler.console("SHOW LOGINS")[0]["crowded_out"]) >= 40, what="those that make room")
    assert pooler.console("SHOW LOGINS")[0]["logging_in"] <= 20
    told = 0
    for wire in crowd + more:
        wire.socket.settimeout(0.01)
        try:
            error = fields(wire.read(0.01).body)
            assert error["C"] == "53300" and "max_login_clients = 20" in error["M"]
            told += 1
        except Exception:  # noqa: BLE001 - those that were left alone
            pass
    assert told >= 40
    # Who came alone is still there, and who comes now gets in.
    with pytest.raises(Silent):
        alone.read(0.2)
    with psycopg.connect(**pooler.conninfo()) as c:
        assert c.execute("SELECT 1").fetchone() == (1,)


def test_front_door_half_open_clients_do_not_count_as_clients(own_pooler):
    pooler = own_pooler(general={"max_client_conn": 3})
    waiting = [pooler.raw() for _ in range(10)]
    wait_until(lambda: pooler.console("SHOW LOGINS")[0]["logging_in"] >= 10, what="ten at the door")
    with pooler.connect(), pooler.connect():
        pooler.console("SHOW VERSION")
        with pooler.connect(), pytest.raises(psycopg.OperationalError, match="max_client_conn = 3"):
            pooler.connect()
    assert len(waiting) == 10


@pytest.mark.parametrize("protocol", ["postgres", "mysql"])
def test_front_door_under_siege(request, protocol):
    """Small numbers; `python -m siege` has 10,000 half-open logins and 50,000 wrong passwords, and measures."""
    general = {"max_login_clients": 100, "auth_delay": "50ms", "auth_delay_max": "300ms"}
    if protocol == "postgres":
        pooler = make_pooler(request.getfixturevalue("primary"), Options(general=general)).start()
    else:
        server = request.getfixturevalue("mariadb")
        pooler = make_mysql_pooler(server, mysql_options(server, general=general)).start()
    try:
        outcome = Siege(pooler, half_open=300, wrong=400, parallel=10).run()
    finally:
        pooler.remove()
    # Not one of theirs was refused, or `run` had failed. What the others tried has been counted, and cost them.
    assert int(outcome.logins["crowded_out"]) >= 190
    assert int(outcome.logins["failed"]) >= 350
    assert {row["addr"] for row in outcome.sources} == {f"127.0.0.{n}" for n in range(50, 54)}
    assert all(row["delay_us"] == 300_000 for row in outcome.sources)
    assert all(waited >= 0.3 for waited in outcome.waits)
    assert outcome.both.rss < outcome.idle.rss + (16 << 20)
