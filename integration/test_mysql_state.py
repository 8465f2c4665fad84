"""Each kind of session state in transaction mode: who made it keeps it, nobody else ever sees it, whatever happens in
between. mysql_state/ describes the kinds; here is what is done with every one of them."""

from __future__ import annotations

import pytest

import mysql_state.schema
from mysql_state import KINDS, Kind, do
from support.processes import wait_until
from support.sharing import is_free, neighbours

#: How a client is told that its server has gone, and its state with it.
LOST = (1927, 1053, 2006, 2013)
BOB = "bob"


def kinds(condition=lambda kind: True):
    return pytest.mark.parametrize("kind", [k for k in KINDS if condition(k)], ids=lambda k: k.name)


@pytest.fixture(scope="module", autouse=True)
def schema(mysql_server):
    mysql_state.schema.create(mysql_server)


@pytest.fixture(autouse=True)
def of_this_family(kind, mysql_family):
    if mysql_family not in kind.families:
        pytest.skip(f"{mysql_family} has no such thing")


@pytest.fixture
def absent(kind: Kind, mysql_server) -> list:
    """What a client reads that has done nothing: the server itself is asked, within a transaction and without."""
    if kind.absent is not None:
        return list(kind.absent)
    return [read_behind(mysql_server, kind, first) for first in (None, "DO 1", "BEGIN")]


def read_behind(server, kind: Kind, first):
    with server.session() as client:
        if first is not None:
            do(client, first)
        return kind.seen_by(client)


def made(client, kind: Kind, end: str = "COMMIT") -> None:
    """The state, made in or behind a transaction that ends so."""
    client.query("BEGIN")
    client.query("INSERT INTO app.state_scratch VALUES (1)")
    if kind.in_transaction:
        kind.made_by(client)
    client.query(end)
    if not kind.in_transaction:
        kind.made_by(client)


def others_see_nothing(pooler, kind: Kind, absent: list) -> None:
    if kind.others_not_asked:
        return
    with pooler.wire() as directly_behind:
        assert kind.seen_by(directly_behind) in absent
    # One on each server that others can have; the second waits for the first if that is one only.
    with pooler.wire() as one, pooler.wire() as two:
        one.query("BEGIN")
        two.ask("BEGIN")
        waits = two.quiet(0.02)
        assert kind.seen_by(one) in absent
        if waits:
            one.close()
        two.answer()
        assert kind.seen_by(two) in absent
        for client in (two,) if waits else (two, one):
            client.query("ROLLBACK")


def allowed(outlives: bool | None, found, kind: Kind, absent: list) -> None:
    assert found in [*([kind.mine] if outlives is not False else []), *(absent if not outlives else [])]


def can_be_made_again(pooler, kind: Kind) -> None:
    with pooler.wire() as client:
        made(client, kind)
        assert kind.seen_by(client) == kind.mine


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
@kinds()
def test_state_is_the_clients(mysql_pooler, kind, end, absent):
    with mysql_pooler.wire() as client:
        made(client, kind, end)
        others_see_nothing(mysql_pooler, kind, absent)
        with neighbours(mysql_pooler) as turn:
            for _ in range(1 if kind.fleeting else 3):
                turn()
                assert kind.seen_by(client) == kind.mine
        others_see_nothing(mysql_pooler, kind, absent)


@kinds(lambda kind: kind.rival)
def test_state_of_two_clients(mysql_pooler, kind):
    with mysql_pooler.wire() as client, mysql_pooler.wire() as other:
        kind.made_by(client)
        kind.rival_made_by(other)
        for _ in range(3):
            assert kind.seen_by(client) == kind.mine
            assert kind.seen_by(other) == kind.theirs
        if not kind.pins:
            with neighbours(mysql_pooler) as turn:
                for _ in range(3):
                    turn()
                    assert kind.seen_by(client) == kind.mine
                    assert kind.seen_by(other) == kind.theirs


@pytest.mark.parametrize("how", ["quit", "vanishes"])
@kinds()
def test_state_ends_with_its_client(mysql_pooler, kind, how, absent):
    client = mysql_pooler.wire()
    made(client, kind)
    client.close() if how == "quit" else client.reset()
    others_see_nothing(mysql_pooler, kind, absent)
    can_be_made_again(mysql_pooler, kind)
    others_see_nothing(mysql_pooler, kind, absent)


@kinds()
def test_state_after_a_server_ends(mysql_pooler, mysql_server, kind, absent):
    """What can be carried is carried; what went with the server is told to its client, and is never silently gone."""
    with mysql_pooler.wire() as client, mysql_pooler.wire() as other:
        made(client, kind)
        mysql_server.end_backends()
        if mysql_pooler.kind != "direct":
            wait_until(lambda: not mysql_pooler.console("SHOW SERVERS"), what="the pooler's notice of it")
        told = False
        try:
            found = kind.seen_by(client)
            told = found in LOST
        except OSError:
            told = True
        if mysql_pooler.kind == "direct":
            assert told
        else:
            assert (told and kind.may_be_lost) or (not told and found == kind.mine)
            assert other.value("SELECT 'there'") == "there", "who had no server notices nothing"
        others_see_nothing(mysql_pooler, kind, absent)
        can_be_made_again(mysql_pooler, kind)


@kinds(lambda kind: not kind.others_not_asked)
def test_state_ends_with_reset_connection(mysql_pooler, mysql_server, kind, absent):
    with mysql_pooler.wire() as client:
        made(client, kind)
        client.reset_connection()
        again = [read_behind(mysql_server, kind, lambda c: c.reset_connection())]
        allowed(kind.outlives_reset, kind.seen_by(client), kind, absent if kind.absent else again)
        others_see_nothing(mysql_pooler, kind, absent)


@kinds(lambda kind: not kind.others_not_asked)
def test_state_ends_with_change_user(mysql_pooler, kind, absent):
    with mysql_pooler.wire() as client:
        made(client, kind)
        client.change_user(BOB, mysql_pooler.password(BOB), "app")
        allowed(kind.outlives_change_user, kind.seen_by(client), kind, absent)
        assert client.value("SELECT USER()").startswith("bob@")
        client.change_user("app", mysql_pooler.password("app"), "app")
        assert client.value("SELECT USER()").startswith("app@")
        others_see_nothing(mysql_pooler, kind, absent)


@kinds(lambda kind: kind.undo)
def test_server_is_kept_as_long_as_the_state(mysql_pooler, kind):
    """And no longer, or until the session is reset if its end cannot be seen; SHOW PINS says why."""
    with mysql_pooler.wire() as client:
        kind.made_by(client)
        assert kind.seen_by(client) == kind.mine
        pooled = mysql_pooler.kind != "direct"
        if pooled:
            assert not is_free(mysql_pooler, 0.1)
            assert bool(mysql_pooler.console("SHOW PINS")) == kind.pins
        kind.undone_by(client)
        if not kind.others_not_asked:
            assert kind.seen_by(client) != kind.mine
        if pooled:
            if not kind.end_is_seen and not is_free(mysql_pooler, 0.1):
                assert mysql_pooler.console("SHOW PINS")
                client.reset_connection()
            wait_until(lambda: is_free(mysql_pooler, 0.2), 5, what="the server given back")
            assert not mysql_pooler.console("SHOW PINS")
