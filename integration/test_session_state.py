"""What a session set follows it to whichever server, and stays its own. More of it is in the differential scripts."""

import pytest

from support.sharing import neighbours, on_both_servers
from support.wire import FLUSH, SYNC, ServerError, bind, describe, execute, fields, parse, query, types

pytestmark = pytest.mark.requires_headgate

SET_AND_READ = {
    "set": ("SET work_mem = '7MB'", "SHOW work_mem", "7MB"),
    "set_session": ("SET SESSION work_mem TO '8MB'", "SHOW work_mem", "8MB"),
    "set_config": ("SELECT set_config('work_mem', '9MB', false)", "SHOW work_mem", "9MB"),
    "set_config_in_a_list": ("SELECT 1, set_config('work_mem', '10MB', false), 2", "SHOW work_mem", "10MB"),
    "reported": ("SET DateStyle = 'German'", "SELECT DATE '2026-02-01'::text", "01.02.2026"),
    "time_zone": ("SET TIME ZONE 'Asia/Tokyo'", "SHOW TimeZone", "Asia/Tokyo"),
    "search_path": ("SET search_path = \"$user\", 'a \"b', public", "SHOW search_path", '"$user", "a ""b", public'),
    "custom": ("SET my.very_own = 'it''s'", "SHOW my.very_own", "it's"),
    "role": ("SET ROLE bob", "SELECT current_user", "bob"),
    "characteristics": ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SHOW transaction_read_only", "on"),
    "after_a_comment": ("/* x */ -- y\nSET work_mem = '11MB'", "SHOW work_mem", "11MB"),
    "multi_statement": ("SELECT 1; SET work_mem = '12MB'; SELECT 2", "SHOW work_mem", "12MB"),
    "in_a_transaction": ("BEGIN; SET work_mem = '13MB'; COMMIT", "SHOW work_mem", "13MB"),
    "rolled_back": ("BEGIN; SET work_mem = '14MB'; ROLLBACK", "SHOW work_mem", "4MB"),
    "local": ("BEGIN; SET LOCAL work_mem = '15MB'; COMMIT", "SHOW work_mem", "4MB"),
    "savepoint": ("BEGIN; SET work_mem = '16MB'; SAVEPOINT a; SET work_mem = '17MB'; ROLLBACK TO a; COMMIT", "SHOW work_mem", "16MB"),
    "reset": ("SET work_mem = '18MB'; RESET work_mem", "SHOW work_mem", "4MB"),
    "reset_all": ("SET work_mem = '19MB'; RESET ALL", "SHOW work_mem", "4MB"),
    "by_function": ("DO $$ BEGIN PERFORM set_config('work_mem', '20MB', false); END $$", "SHOW work_mem", "20MB"),
}


@pytest.fixture(autouse=True)
def may_be_bob(primary):
    primary.query("GRANT bob TO app")


@pytest.mark.parametrize("how", [k for k in SET_AND_READ if k != "by_function"])
def test_state_follows_the_client(pooler, how):
    statement, read, expected = SET_AND_READ[how]
    with pooler.wire() as client, pooler.wire() as other:
        default = other.value(read.replace("SHOW my.very_own", "SELECT current_setting('my.very_own', true)"))
        client.query(statement)
        assert on_both_servers(pooler, client, read) == [expected, expected]
        other_read = read.replace("SHOW my.very_own", "SELECT current_setting('my.very_own', true)")
        assert set(on_both_servers(pooler, other, other_read)) <= {default, ""} | {None}, "what is one client's is not another's"


def test_state_set_by_extended_protocol_with_a_parameter(pooler):
    with pooler.wire() as client:
        client.send(parse("SELECT set_config('work_mem', $1, false)"), bind("", "", ("21MB",)), execute(), SYNC)
        client.read_until("Z")
        assert on_both_servers(pooler, client, "SHOW work_mem") == ["21MB", "21MB"]


def test_state_custom_setting_made_by_code_is_not_the_next_clients(own_pooler):
    pooler = own_pooler(default_pool_size=1)
    with pooler.wire() as client, pooler.wire() as other:
        client.query("SET work_mem = '23MB'")
        client.query("DO $$ BEGIN PERFORM set_config('app.tenant', 'mine', false), set_config('DateStyle', 'German', false); END $$")
        assert other.value("SELECT nullif(current_setting('app.tenant', true), '')") is None
        assert other.value("SELECT DATE '2026-02-01'::text") == "2026-02-01"
        assert client.value("SELECT DATE '2026-02-01'::text") == "01.02.2026"
        assert client.value("SHOW work_mem") == "23MB"


@pytest.mark.parametrize("how", ["sql", "protocol"])
def test_state_set_by_executing_a_prepared_statement(pooler, how):
    with pooler.wire() as client:
        if how == "sql":
            client.query("PREPARE sets AS SELECT set_config('work_mem', $1, false)")
        else:
            client.send(parse("SELECT set_config('work_mem', $1, false)", "sets"), SYNC)
            client.read_until("Z")
        assert on_both_servers(pooler, client, "SHOW work_mem") == ["4MB", "4MB"]
        client.query("EXECUTE sets ('22MB')")
        assert on_both_servers(pooler, client, "SHOW work_mem") == ["22MB", "22MB"]


def test_sql_prepare_an_error_tells_the_place_in_the_clients_text(pooler):
    with pooler.wire() as client:
        for sql in ("PREPARE p AS SELECT nothing_such", "PREPARE a_much_longer_name AS SELECT 'ä', nothing_such"):
            found = fields(client.query(sql)[0].body)
            assert (found["C"], found["P"]) == ("42703", str(sql.index("nothing_such") + 1))
            client.send(parse(sql), bind(), execute(), SYNC)
            error = next(m for m in client.read_until("Z") if m.type == "E")
            assert fields(error.body)["P"] == str(sql.index("nothing_such") + 1)


def test_state_a_bad_set_fails_at_once(pooler):
    with pooler.wire() as client:
        for statement, code in [("SET work_mem = 'x'", "22023"), ("SET nothing_such = 1", "42704"), ("SET ROLE nobody_such", "22023")]:
            with pytest.raises(ServerError) as error:
                client.query(statement) and client.value(statement)
            assert error.value.code == code
        assert on_both_servers(pooler, client, "SHOW work_mem") == ["4MB", "4MB"]


def test_state_set_on_every_statement_is_not_replayed_when_equal(pooler, primary):
    """DateStyle `ISO` reads back as `ISO, MDY`: no pooler may think them different for ever (PgBouncer #879)."""
    with pooler.wire() as client:
        client.query("SET DateStyle = 'ISO'")
        client.query("SELECT 1")
        seen = set()
        for _ in range(10):
            client.query("SELECT 1")
            seen |= {b["query"] for b in pooler.servers() if "datestyle" in b["query"].lower()}
        assert not seen


@pytest.mark.parametrize(
    ("parameters", "read", "expected"),
    [
        ({"application_name": "my app"}, "SHOW application_name", "my app"),
        ({"application_name": ""}, "SHOW application_name", ""),
        ({"TimeZone": "Asia/Tokyo"}, "SHOW TimeZone", "Asia/Tokyo"),
        ({"client_encoding": "LATIN1"}, "SHOW client_encoding", "LATIN1"),
        ({"extra_float_digits": "2"}, "SHOW extra_float_digits", "2"),
        ({"statement_timeout": "12s"}, "SHOW statement_timeout", "12s"),
        ({"search_path": "pg_catalog"}, "SHOW search_path", "pg_catalog"),
        ({"options": "-c work_mem=5MB"}, "SHOW work_mem", "5MB"),
        ({"options": "-cwork_mem=6MB"}, "SHOW work_mem", "6MB"),
        ({"options": "--work-mem=7MB"}, "SHOW work_mem", "7MB"),
        ({"options": "-c  work_mem=8MB   -c my.own=a\\ b"}, "SHOW my.own", "a b"),
        ({"options": "-c my.own=x\\\\y"}, "SHOW my.own", "x\\y"),
        ({"options": "-c geqo=off", "geqo": "on"}, "SHOW geqo", "on"),
        ({"DateStyle": "SQL, DMY"}, "SELECT DATE '2026-02-01'::text", "01/02/2026"),
    ],
)
def test_state_startup_parameters(pooler, parameters, read, expected):
    with pooler.wire(**parameters) as client, pooler.wire() as other:
        default = other.value("SHOW work_mem"), other.value("SHOW search_path")
        assert on_both_servers(pooler, client, read) == [expected, expected]
        client.query("RESET ALL")  # back to what the startup said, not to the server's default
        assert on_both_servers(pooler, client, read) == [expected, expected]
        assert (other.value("SHOW work_mem"), other.value("SHOW search_path")) == default


def test_state_reported_parameters_are_told_to_the_client(pooler):
    with pooler.wire() as client:
        assert {"server_version", "client_encoding", "DateStyle", "TimeZone", "integer_datetimes"} <= set(client.parameters)
        client.query("SET DateStyle = 'German'")
        assert client.parameters["DateStyle"] == "German, DMY"
        client.query("BEGIN; SET DateStyle = 'SQL'")
        assert client.parameters["DateStyle"] == "SQL, DMY"
        client.query("ROLLBACK")
        assert client.parameters["DateStyle"] == "German, DMY"
        client.query("SET application_name = 'told'")
        assert client.parameters["application_name"] == "told"


def test_state_application_name_is_seen_at_the_server(pooler):
    with pooler.wire(application_name="who am i") as client:
        pid = client.value("SELECT pg_backend_pid()")
        client.query("SELECT 1")
        assert any(s["application_name"] == "who am i" for s in pooler.servers()), pid


def test_sql_prepare_follows_the_client(pooler):
    with pooler.wire() as client, pooler.wire() as other, neighbours(pooler) as turn:
        client.query("PREPARE mine (int) AS SELECT $1 * 2")
        other.query("PREPARE mine AS SELECT 'other'")
        for n in range(4):
            turn()
            assert client.value(f"EXECUTE mine ({n})") == str(n * 2)
            assert other.value("EXECUTE mine") == "other"
        client.query("DEALLOCATE mine")
        turn()
        assert fields(client.query("EXECUTE mine (1)")[0].body)["C"] == "26000"
        assert other.value("EXECUTE mine") == "other"


def test_protocol_prepare_follows_the_client_and_discard_all_forgets(pooler):
    use = bind("", "st") + describe("P") + execute() + SYNC
    with pooler.wire() as client, neighbours(pooler) as turn:
        client.send(parse("SELECT 'st'", "st"), SYNC)
        client.read_until("Z")
        for _ in range(4):
            turn()
            client.send(use)
            assert types(client.read_until("Z")) == "2TDCZ"
        client.query("DISCARD ALL")
        turn()
        client.send(use)
        assert types(client.read_until("Z")) == "EZ"


STAR = parse("SELECT * FROM mended WHERE $1 <> 'nobody'", "star")
USES = {
    "bind": (bind("", "star", ("x",)) + describe("P") + execute() + SYNC, "2TDCZ"),
    "describe": (describe("S", "star") + SYNC, "tTZ"),
    "describe_and_bind": (describe("S", "star") + bind("", "star", ("x",)) + execute() + SYNC, "tT2DCZ"),
    "long": (bind("", "star", ("x" * 50_000,)) + describe("P") + execute() + SYNC, "2TDCZ"),
}


@pytest.fixture
def stale(own_pooler):
    """A client with a statement whose result type has changed since the server prepared it, and another client."""
    pooler = own_pooler(default_pool_size=1)
    with pooler.wire() as client, pooler.wire() as other:
        other.query("DROP TABLE IF EXISTS mended; CREATE TABLE mended AS SELECT 1 AS a")
        client.send(STAR, bind("", "star", ("x",)), execute(), SYNC)
        assert types(client.read_until("Z")) == "12DCZ"
        other.query("ALTER TABLE mended ADD b int DEFAULT 2")
        yield client, other


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("how", ["at_once", "in_pieces", "by_a_new_client"])
def test_plan_that_changed_its_result_type_is_mended(stale, use, how):
    """0A000 outside a transaction: prepared again, and the client sees rows (PostgreSQL itself would fail)."""
    client, other = stale
    messages, answer = USES[use]
    if how == "at_once":
        client.send(messages)
    elif how == "in_pieces":
        client.send_pieces([messages[:20], messages[20:40], messages[40:]], 0.02)
    else:
        client, answer = other, "1" + answer
        client.send(STAR + messages)
    assert types(client.read_until("Z")) == answer
    assert client.value("SELECT 'after'") == "after"


def test_plan_that_changed_fails_in_a_transaction_and_only_there(stale):
    client, _ = stale
    client.query("BEGIN")
    client.send(USES["bind"][0])
    found = client.read_until("Z")
    assert types(found) == "EZ" and fields(found[0].body)["C"] == "0A000"
    client.query("ROLLBACK")
    client.query("BEGIN")
    client.send(USES["bind"][0])
    assert types(client.read_until("Z")) == "2TDCZ"
    client.query("COMMIT")


def test_plan_that_changed_who_flushes_gets_the_error(stale):
    """The batch is not whole, so nothing can be sent again: the error must not be kept from who waits for it."""
    client, other = stale
    for before in (b"", describe("S", "star")):
        client.send(before + bind("", "star", ("x",)), FLUSH)
        assert types(client.read_until("E"))[-1] == "E"
        client.send(SYNC)
        assert types(client.read_until("Z")) == "Z"
        client.send(USES["bind"][0])
        assert types(client.read_until("Z")) == "2TDCZ"
        other.query("ALTER TABLE mended ADD c int DEFAULT 3")


def test_plan_that_changed_behind_other_work_is_the_servers_error(stale):
    """What came before in the batch was undone with it: sent again it would not be."""
    client, _ = stale
    client.send(parse("SELECT 'first'"), bind(), execute(), USES["bind"][0])
    found = client.read_until("Z")
    assert types(found) == "12DCEZ" and fields(found[4].body)["C"] == "0A000"
    client.send(USES["bind"][0])
    assert types(client.read_until("Z")) == "2TDCZ"
