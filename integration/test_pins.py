"""State that only one server has keeps the client on that server, and no longer than it lives."""

import time

import pytest

from support.processes import wait_until
from support.sharing import is_free, neighbours
from support.wire import ServerError

pytestmark = pytest.mark.requires_headgate


def backend(client):
    return client.value("SELECT pg_backend_pid()")


PINS = {
    "temporary_table": (["CREATE TEMP TABLE pin_t AS SELECT 41 AS v"], "SELECT v FROM pin_t", "41", ["DROP TABLE pin_t"]),
    "temporary_table_discard": (["CREATE TEMPORARY TABLE pin_d (v int)", "INSERT INTO pin_d VALUES (42)"], "SELECT v FROM pin_d", "42", ["DISCARD TEMP"]),
    "select_into_temp": (["SELECT 43 AS v INTO TEMP pin_i"], "SELECT v FROM pin_i", "43", ["DISCARD ALL"]),
    "advisory_lock": (["SELECT pg_advisory_lock(777)"], "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 777 AND pid = pg_backend_pid()", "1", ["SELECT pg_advisory_unlock(777)"]),
    "advisory_lock_twice": (["SELECT pg_advisory_lock(778)", "SELECT pg_advisory_lock(778)", "SELECT pg_advisory_unlock(778)"], "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 778 AND pid = pg_backend_pid()", "1", ["SELECT pg_advisory_unlock(778)"]),
    "advisory_try_lock": (["SELECT pg_try_advisory_lock(779)"], "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 779 AND pid = pg_backend_pid()", "1", ["SELECT pg_advisory_unlock_all()"]),
    "hold_cursor": (["BEGIN", "DECLARE pin_c CURSOR WITH HOLD FOR SELECT 44", "COMMIT"], "MOVE 0 pin_c; SELECT 44", "44", ["CLOSE pin_c"]),
}  # fmt: skip


@pytest.mark.parametrize("what", PINS)
def test_pin_lasts_as_long_as_the_state(pooler, what):
    statements, read, expected, undo = PINS[what]
    with pooler.wire() as client:
        for statement in statements:
            client.value(statement) if statement.startswith("SELECT pg") else client.query(statement)
        where = backend(client)
        with neighbours(pooler) as turn:
            for _ in range(3):
                turn()
                assert backend(client) == where
                assert client.value(read) == expected
        if pooler.kind != "direct":
            assert not is_free(pooler)
        for statement in undo:
            client.query(statement)
        if pooler.kind != "direct":
            wait_until(lambda: is_free(pooler), 5, what="the server unpinned")


def test_pin_ends_with_the_client(pooler, primary):
    client = pooler.wire()
    client.query("CREATE TEMP TABLE pin_gone (v int)")
    client.query("SELECT pg_advisory_lock(780)")
    client.reset()
    wait_until(lambda: not primary.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 780"), 5)
    with neighbours(pooler) as turn, pooler.wire() as other:
        for _ in range(3):
            turn()
            with pytest.raises(ServerError):
                other.value("SELECT count(*) FROM pin_gone")


def test_transaction_locks_and_on_commit_drop_do_not_pin(pooler):
    if pooler.kind == "direct":
        pytest.skip("needs a pooler")
    with pooler.wire() as client:
        client.query("BEGIN")
        client.query("SELECT pg_advisory_xact_lock(781)")
        client.query("CREATE TEMP TABLE pin_short ON COMMIT DROP AS SELECT 1")
        client.query("COMMIT")
        assert is_free(pooler)


def test_lock_taken_in_a_transaction_that_fails_still_pins(pooler, primary):
    """Session locks outlive ROLLBACK."""
    with pooler.wire() as client:
        client.query("BEGIN; SELECT pg_advisory_lock(782)")
        client.query("SELECT 1/0")
        client.query("ROLLBACK")
        with neighbours(pooler) as turn:
            turn()
            assert client.value("SELECT pg_advisory_unlock(782)") == "t"


def test_temporary_table_rolled_back_does_not_stay(pooler):
    with pooler.wire() as client:
        client.query("BEGIN; CREATE TEMP TABLE pin_rb (i int); ROLLBACK")
        if pooler.kind != "direct":
            wait_until(lambda: is_free(pooler), 5)


@pytest.mark.requires_pooler
def test_pins_are_shown(pooler):
    with pooler.wire() as client:
        client.query("CREATE TEMP TABLE pin_shown (v int)")
        time.sleep(0.1)
        log = pooler.log()
        assert "pin" in log.lower()


@pytest.mark.requires_pooler
@pytest.mark.parametrize("statement", ["CREATE TEMP TABLE r (i int)", "SELECT pg_advisory_lock(1)", "LISTEN r"])
def test_session_state_reject(own_pooler, statement):
    pooler = own_pooler(defaults={"session_state": "reject"})
    with pooler.wire() as client:
        with pytest.raises(ServerError) as error:
            client.value(statement)
        assert "session_state" in str(error.value.fields)
        assert client.value("SELECT 1") == "1"
