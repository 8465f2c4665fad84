"""The console: what DBAs and tools type into the database `headgate` (or `pgbouncer`)."""

import threading
import time

import psycopg
import pytest

from support.pooler import ADMIN_PASSWORD, ADMIN_USER
from support.processes import wait_until
from support.wire import SYNC, Closed, LoginFailed, ServerError, Wire, bind, columns, execute, fields, parse, query, send_cancel, types

pytestmark = pytest.mark.requires_pooler

#: PgBouncer 1.18's columns, in this order; later versions have more between and behind them.
COLUMNS = {
    "POOLS": ["database", "user", "cl_active", "cl_waiting"],
    "CLIENTS": ["type", "user", "database", "state", "addr", "port", "local_addr", "local_port", "connect_time", "request_time", "wait", "wait_us"],
    "SERVERS": ["type", "user", "database", "state", "addr", "port", "local_addr", "local_port", "connect_time", "request_time", "wait", "wait_us"],
    "DATABASES": ["name", "host", "port", "database", "force_user", "pool_size"],
    "LISTS": ["list", "items"],
    "CONFIG": ["key", "value", "default", "changeable"],
    "VERSION": ["version"],
    "STATS": ["database", "total_xact_count", "total_query_count", "total_received", "total_sent", "total_xact_time", "total_query_time", "total_wait_time"],
}  # fmt: skip


def console(pooler, dbname="pgbouncer") -> Wire:
    return Wire(pooler.host, pooler.port).login(ADMIN_USER, ADMIN_PASSWORD, dbname)


@pytest.mark.parametrize("what", COLUMNS)
def test_console_show(pooler, what):
    with pooler.wire() as client, console(pooler) as c:
        client.query("SELECT 1")
        found = c.query(f"SHOW {what}")
        assert types(found).startswith("T") and types(found).endswith("CZ")
        there = [name for name in columns(found[0].body) if name in COLUMNS[what]]
        assert there == COLUMNS[what]


@pytest.mark.requires_headgate
@pytest.mark.parametrize("dbname", ["headgate", "pgbouncer"])
def test_console_names_forms_and_extended_protocol(pooler, dbname):
    with console(pooler, dbname) as c:
        for statement in ("SHOW VERSION", "show version;", "SELECT * FROM version", "SELECT version", "  Show  Version ; "):
            assert types(c.query(statement)) == "TDCZ", statement
    info = {**pooler.conninfo(ADMIN_USER, dbname), "autocommit": True}
    with psycopg.connect(**info) as c:  # extended protocol
        assert c.execute("SHOW POOLS").description[0].name == "database"


def test_console_error_keeps_the_connection(pooler):
    with console(pooler) as c:
        with pytest.raises((ServerError, StopIteration)):
            c.value("SHOW NONSENSE")
        assert types(c.query("SHOW VERSION")) == "TDCZ"


def test_console_is_for_admins(pooler):
    with pytest.raises((LoginFailed, ServerError)):
        with pooler.wire("app", "pgbouncer") as c:
            c.value("SHOW VERSION")
    with pytest.raises(LoginFailed):
        Wire(pooler.host, pooler.port).login(ADMIN_USER, "wrong", "pgbouncer")


def test_console_counts_what_is_there(own_pooler):
    pooler = own_pooler(default_pool_size=2)
    with pooler.wire() as a, pooler.wire() as b, pooler.wire() as waiting:
        a.query("BEGIN")
        b.query("BEGIN")
        waiting.send(query("SELECT 1"))
        time.sleep(0.3)
        pool = next(p for p in pooler.console("SHOW POOLS") if p["database"] == "app" and p["user"] == "app")
        assert (int(pool["cl_active"]), int(pool["cl_waiting"]), int(pool["sv_active"])) == (2, 1, 2)
        assert len([c for c in pooler.console("SHOW CLIENTS") if c["database"] == "app"]) == 3
        assert len([s for s in pooler.console("SHOW SERVERS") if s["database"] == "app"]) == 2
        lists = {row["list"]: int(row["items"]) for row in pooler.console("SHOW LISTS")}
        assert lists["used_servers"] == 2
        b.query("COMMIT")
        waiting.read_until("Z")
    stats = next(s for s in pooler.console("SHOW STATS") if s["database"] == "app")
    assert int(stats["total_query_count"]) >= 1


def test_console_pause_and_resume(own_pooler):
    pooler = own_pooler()
    with pooler.wire() as busy, pooler.wire() as late, console(pooler) as c:
        busy.query("BEGIN")
        c.send(query("PAUSE"))
        assert c.quiet(0.5), "waits for the transaction"
        late.send(query("SELECT 'late'"))
        assert late.quiet(0.3), "nothing new begins"
        busy.query("COMMIT")
        assert types(c.read_until("Z", 5)) == "CZ"
        assert late.quiet(0.3)
        wait_until(lambda: not pooler.servers(), 5, what="PAUSE closes servers")
        c.query("RESUME")
        assert types(late.read_until("Z", 5)) == "TDCZ"


def test_console_pause_of_one_database(own_pooler):
    pooler = own_pooler()
    with pooler.wire() as a, pooler.wire(dbname="other") as b, console(pooler) as c:
        assert types(c.query("PAUSE app")) == "CZ"
        a.send(query("SELECT 1"))
        assert a.quiet(0.3)
        assert b.value("SELECT 2") == "2"
        c.query("RESUME app")
        a.read_until("Z")


def test_console_pause_and_new_clients(own_pooler):
    """Logging in while paused: waits, or gets in and waits; nobody is told of it twice (PgBouncer #1460)."""
    pooler = own_pooler()
    with pooler.wire() as warm, console(pooler) as c:
        warm.query("SELECT 1")
        c.query("PAUSE")
        answers = []

        def come():
            with pooler.wire(timeout=20) as late:
                answers.append(late.value("SELECT 'came'"))

        thread = threading.Thread(target=come)
        thread.start()
        time.sleep(0.5)
        assert not answers
        c.query("RESUME")
        thread.join(10)
        assert answers == ["came"]


def test_console_kill(own_pooler):
    pooler = own_pooler()
    with pooler.wire() as a, console(pooler) as c:
        a.query("BEGIN")
        assert types(c.query("KILL app")) == "CZ"
        found = a.read_to_end(5)
        assert types(found) in ("E", "")
        wait_until(lambda: not pooler.servers(), 5)
        c.query("RESUME app")
    with pooler.wire() as again:
        assert again.value("SELECT 1") == "1"


def test_console_reconnect(own_pooler):
    pooler = own_pooler()
    with pooler.wire() as a, pooler.wire() as b, console(pooler) as c:
        before = a.value("SELECT pg_backend_pid()")
        b.query("BEGIN")
        held = b.value("SELECT pg_backend_pid()")
        c.query("RECONNECT")
        assert b.value("SELECT pg_backend_pid()") == held, "not in a transaction"
        b.query("COMMIT")
        wait_until(lambda: a.value("SELECT pg_backend_pid()") not in (before, held), 5)


def test_console_reload_changes_what_differs(own_pooler):
    pooler = own_pooler(default_pool_size=1)
    with pooler.wire() as a, pooler.wire() as b, console(pooler) as c:
        a.query("BEGIN")
        b.send(query("SELECT 'b'"))
        assert b.quiet(0.3)
        pooler.options = pooler.options.with_(default_pool_size=2)
        pooler.write()
        assert types(c.query("RELOAD")).endswith("CZ")
        assert types(b.read_until("Z", 5)) == "TDCZ", "the pool has grown"
        assert a.status == "T"
        assert a.value("SELECT 'still in my transaction'") == "still in my transaction"


@pytest.mark.requires_headgate
def test_reload_of_a_bad_file_changes_nothing(own_pooler):
    pooler = own_pooler()
    with pooler.wire() as a, console(pooler) as c:
        file = pooler.directory / "headgate.toml"
        good = file.read_text()
        file.write_text(good.replace("default_pool_size", "default_pool_sise"))
        found = c.query("RELOAD")
        assert "E" in types(found)
        assert "default_pool_size" in str(found), "did you mean"
        assert a.value("SELECT 1") == "1"
        file.write_text(good)
        assert "E" not in types(c.query("RELOAD"))


@pytest.mark.requires_headgate
def test_reload_by_signal_removes_a_database(own_pooler):
    pooler = own_pooler()
    with pooler.wire(dbname="other") as a:
        assert a.value("SELECT 1") == "1"
        pooler.reload(pooler.options.with_(databases={"app": {"dbname": "app"}}))
        wait_until(lambda: _refused(pooler, "other"), 5)
    with pooler.wire() as c:
        assert c.value("SELECT 1") == "1"


def _refused(pooler, dbname):
    try:
        pooler.wire(dbname=dbname).close()
    except LoginFailed as error:
        return error.code == "3D000"
    return False


def test_console_shutdown(own_pooler):
    pooler = own_pooler()
    pooler.may_end = True
    with console(pooler) as c:
        c.send(query("SHUTDOWN"))
        wait_until(lambda: not pooler.process.alive(), 5)
    assert pooler.process.child.returncode in (0, 1)


@pytest.mark.requires_headgate
def test_sigterm_lets_transactions_finish(own_pooler):
    import signal

    pooler = own_pooler()
    pooler.may_end = True
    with pooler.wire() as busy, pooler.wire() as idle:
        busy.query("BEGIN")
        pooler.process.send(signal.SIGTERM)
        found = idle.read_to_end(5)
        assert types(found) == "E" and b"57P01" in found[0].body
        with pytest.raises((LoginFailed, OSError)):
            pooler.wire(timeout=2)
        assert busy.value("SELECT 'finishing'") == "finishing"
        busy.query("COMMIT")
        wait_until(lambda: not pooler.process.alive(), 5)
    assert pooler.process.child.returncode == 0


@pytest.mark.requires_headgate
def test_sigterm_twice_and_sigquit_end_at_once(own_pooler):
    import signal

    for signals in ([signal.SIGTERM, signal.SIGTERM], [signal.SIGQUIT]):
        pooler = own_pooler()
        pooler.may_end = True
        with pooler.wire() as busy:
            busy.query("BEGIN")
            for number in signals:
                pooler.process.send(number)
                time.sleep(0.2)
            wait_until(lambda p=pooler: not p.process.alive(), 5)


# SUSPEND


@pytest.mark.requires_headgate
def test_console_suspend_and_resume(own_pooler):
    pooler = own_pooler(default_pool_size=3)
    with pooler.wire() as a, pooler.wire() as busy, console(pooler) as c:
        a.query("SELECT 1")
        busy.query("BEGIN")
        busy.send(query("SELECT pg_sleep(0.5)"))
        assert types(c.query("SUSPEND")) == "CZ"
        state = {row["key"]: row["value"] for row in pooler.console("SHOW STATE")}
        assert state == {"active": "no", "paused": "no", "suspended": "yes"}
        a.send(query("SELECT 'waits'"))
        assert a.quiet(0.3) and busy.quiet(0.7), "nothing is read"
        late = pooler.wire()  # logs in, and waits
        late.send(query("SELECT 'late'"))
        assert late.quiet(0.3)
        for again in ("SUSPEND", "PAUSE"):
            assert "already suspended/paused" in str(c.query(again))
        assert types(c.query("RESUME")) == "CZ"
        assert types(a.read_until("Z")) == types(busy.read_until("Z")) == types(late.read_until("Z")) == "TDCZ"
        assert busy.value("SELECT 'same transaction'") == "same transaction"
        assert "E" in types(c.query("RESUME"))
        late.close()


@pytest.mark.requires_headgate
def test_console_suspend_cuts_who_does_not_read(own_pooler):
    """suspend_timeout: the command is done when all is sent, or cannot be."""
    pooler = own_pooler(general={"suspend_timeout": "500ms"})
    with pooler.wire() as deaf, pooler.wire() as other, console(pooler) as c:
        deaf.send(query("SELECT repeat('x', 1000) FROM generate_series(1, 100000)"))
        wait_until(lambda: max(int(s["send_remain"]) for s in pooler.console("SHOW SOCKETS")) > 0, 10)
        assert types(c.query("SUSPEND")) == "CZ"
        c.query("RESUME")
        assert other.value("SELECT 1") == "1"
        with pytest.raises(Closed):
            while True:
                deaf.read(5)


@pytest.mark.requires_headgate
def test_console_suspend_ends_with_a_cancel(own_pooler):
    pooler = own_pooler(general={"suspend_timeout": "0s"})
    with pooler.wire() as deaf, pooler.wire() as other, console(pooler) as c:
        deaf.send(query("SELECT repeat('x', 1000) FROM generate_series(1, 100000)"))
        wait_until(lambda: max(int(s["send_remain"]) for s in pooler.console("SHOW SOCKETS")) > 0, 10)
        c.send(query("SUSPEND"))
        assert c.quiet(0.5), "waits for as long as it takes"
        send_cancel(pooler.host, pooler.port, *c.key)
        assert fields(c.read_until("Z")[0].body)["C"] == "57014"
        assert other.value("SELECT 1") == "1"


# Counts of prepared statements


@pytest.mark.requires_headgate
def test_stats_count_prepared_statements(own_pooler):
    pooler = own_pooler(default_pool_size=1, threads=1)

    def counts(table="STATS", prefix="total_"):
        found = next((s for s in pooler.console(f"SHOW {table}") if s["database"] == "app"), {})
        return tuple(int(found.get(f"{prefix}{name}_count", 0)) for name in ("client_parse", "server_parse", "bind"))

    with pooler.wire() as a, pooler.wire() as b:
        for client in (a, b):
            client.send(parse("SELECT 42", "one"), bind("", "one"), execute(), bind("", "one"), execute(), SYNC)
            client.read_until("Z")
        assert counts() == (2, 1, 4), "the second client's statement is on the server already"
        a.send(parse("SELECT 43"), bind(), execute(), SYNC)
        a.read_until("Z")
        assert counts() == counts("STATS_TOTALS", "") == (3, 2, 5)
        a.query("SELECT 1")
        assert counts() == (3, 2, 5)
        totals = {row["name"]: int(row["value"]) for row in pooler.console("SHOW TOTALS")}
        assert [totals[f"total_ps_{n}_count"] for n in ("client_parse", "server_parse", "bind")] == [3, 2, 5]
        pooler.server.end_backends()
        a.send(bind("", "one"), execute(), SYNC)
        a.read_until("Z")
        assert counts() == (3, 3, 6), "the new server is given it again"


# What reaches the connection that listens


def listeners(pooler):
    return [s["pid"] for s in pooler.servers() if s["application_name"] == "headgate listen"]


@pytest.mark.requires_headgate
def test_reconnect_replaces_the_connection_that_listens(own_pooler):
    """No notification is lost meanwhile, and none comes twice."""
    pooler = own_pooler(default_pool_size=3)
    with pooler.wire() as a, pooler.wire() as b, pooler.wire() as talker, console(pooler) as c:
        a.query("LISTEN one")
        b.query("LISTEN one; LISTEN two")
        before = listeners(pooler)
        stop = threading.Event()
        sent = []

        def talk():
            while not stop.is_set():
                talker.query(f"NOTIFY one, '{len(sent)}'")
                sent.append(str(len(sent)))

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            for _ in range(3):
                seen = len(sent)
                wait_until(lambda s=seen: len(sent) > s + 20, 10)
                c.query("RECONNECT")
                wait_until(lambda: listeners(pooler) and not set(listeners(pooler)) & set(before), 10)
                wait_until(lambda: len(listeners(pooler)) == 1, 10)
                before = listeners(pooler)
        finally:
            stop.set()
            thread.join()
        for client in (a, b):
            while len(client.notifications) < len(sent):
                client.read(5)
            assert [payload for _, payload in client.notifications] == sent
            assert client.quiet(0.2)
        talker.query("NOTIFY two, 'x'")
        assert b.read().type == "A"


@pytest.mark.requires_headgate
def test_reconnect_when_there_is_no_place_for_a_second_listener(own_pooler):
    pooler = own_pooler(default_pool_size=1, defaults={"max_db_connections": 2})
    with pooler.wire() as a, pooler.wire() as b, console(pooler) as c:
        a.query("LISTEN tight")
        b.query("SELECT 1")
        before = listeners(pooler)
        c.query("RECONNECT")
        wait_until(lambda: listeners(pooler) not in ([], before), 10)
        wait_until(lambda: b.query("NOTIFY tight") and not a.quiet(0.1), 10)


@pytest.mark.requires_headgate
def test_pause_ends_although_somebody_listens(own_pooler):
    pooler = own_pooler()
    with pooler.wire() as a, pooler.wire() as b, console(pooler) as c:
        a.query("LISTEN paused")
        assert types(c.query("PAUSE app")) == "CZ"
        wait_until(lambda: not pooler.servers(), 5, what="PAUSE closes the connection that listens")
        time.sleep(0.5)
        assert not pooler.servers(), "and it does not come back"
        c.query("RESUME app")
        wait_until(lambda: listeners(pooler), 5)
        wait_until(lambda: b.query("NOTIFY paused") and not a.quiet(0.1), 10)


@pytest.mark.requires_headgate
def test_listen_while_paused_waits(own_pooler):
    pooler = own_pooler(defaults={"server_connect_timeout": 1})
    with pooler.wire() as a, console(pooler) as c:
        a.query("SELECT 1")
        c.query("PAUSE")
        a.send(query("LISTEN later"))
        assert a.quiet(1.5)
        c.query("RESUME")
        assert types(a.read_until("Z")) == "CZ"
        a.query("NOTIFY later")
        assert a.notifications or a.read().type == "A"


@pytest.mark.requires_headgate
def test_reload_reaches_the_connection_that_listens(own_pooler):
    """Another server user: the connection is made again as that one; an unrelated change leaves it."""
    pooler = own_pooler()
    with pooler.wire() as a, pooler.wire() as b:
        a.query("LISTEN reloaded")
        before = listeners(pooler)
        pooler.reload(pooler.options.with_(default_pool_size=3))
        wait_until(lambda: "is in force" in pooler.log(), 5)
        assert listeners(pooler) == before
        users = {**pooler.options.users, "app": {"password": "app secret", "server_user": "bob", "server_password": "bob'ß\\secret"}}
        pooler.reload(pooler.options.with_(users=users))
        wait_until(lambda: [s for s in pooler.servers("bob") if s["application_name"] == "headgate listen"], 10)
        wait_until(lambda: not listeners(pooler), 10)
        b.query("NOTIFY reloaded")
        assert a.read().type == "A"
