"""Settings do what docs/configuration.md says of them."""

import threading
import time

import psycopg
import pytest

from support.hosts import Forwarder, Hosts
from support.pooler import ADMIN_PASSWORD, ADMIN_USER
from support.processes import wait_until
from support.wire import Closed, LoginFailed, ServerError, Wire, bind, execute, fields, parse, query, types, SYNC

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]

PID = "SELECT pg_backend_pid()"


def console(pooler) -> Wire:
    return Wire(pooler.host, pooler.port).login(ADMIN_USER, ADMIN_PASSWORD, "headgate")


# server_fast_close


@pytest.mark.parametrize("fast", [True, False])
def test_server_fast_close(own_pooler, fast):
    """Session pooling: RECONNECT ends the client after its transaction, or leaves it its server until it goes."""
    pooler = own_pooler(pool_mode="session", default_pool_size=3, general={"server_fast_close": fast})
    with pooler.wire() as idle, pooler.wire() as busy, console(pooler) as c:
        pid = idle.value(PID)
        busy.query("BEGIN")
        c.query("RECONNECT")
        assert busy.value("SELECT 'goes on'") == "goes on"
        if not fast:
            busy.query("COMMIT")
            assert idle.value(PID) == pid
            return
        assert fields(idle.read_to_end()[-1].body)["C"] == "57P01"
        busy.send(query("COMMIT"))
        found = busy.read_to_end()
        assert "E" in types(found) and fields(found[-1].body)["C"] == "57P01"
    with pooler.wire() as again:
        assert again.value(PID) != pid


def test_server_fast_close_and_a_pinned_client(own_pooler):
    pooler = own_pooler(general={"server_fast_close": True})
    with pooler.wire() as a, pooler.wire() as free, console(pooler) as c:
        a.query("SELECT pg_advisory_lock(1)")
        c.query("RECONNECT")
        assert fields(a.read_to_end()[-1].body)["C"] == "57P01"
        assert free.value("SELECT 1") == "1"


# secrets


def secret_file(pooler_directory, text):
    path = pooler_directory / "secret"
    path.write_text(text)
    return path


@pytest.fixture
def rotating(primary, tmp_path):
    """A role whose password a test changes."""
    tmp_path.chmod(0o755)
    primary.query("DROP ROLE IF EXISTS rotating")
    primary.query("CREATE ROLE rotating LOGIN PASSWORD 'first'")
    (tmp_path / "password").write_text("first\n")
    yield tmp_path / "password"
    primary.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rotating'")
    primary.query("DROP ROLE IF EXISTS rotating")


def with_server_secret(source):
    return {
        "app": {"password": "client's own", "server_user": "rotating", "server_password": source},
        ADMIN_USER: {"password": ADMIN_PASSWORD},
    }


@pytest.mark.parametrize("kind", ["file", "command"])
def test_secret_is_asked_for_again_when_its_time_ends(own_pooler, primary, rotating, kind):
    source = {"file": str(rotating)} if kind == "file" else {"command": ["/bin/cat", str(rotating)]}
    pooler = own_pooler(
        users=with_server_secret({**source, "ttl": "200ms"}), general={"server_login_retry": "1h"},
        defaults={"server_lifetime": 0},
    )  # fmt: skip
    with pooler.wire() as a:
        assert a.value("SELECT current_user") == "rotating"
        primary.query("ALTER ROLE rotating PASSWORD 'second'")
        rotating.write_text("second")
        wait_until(lambda: "secrets have changed" in pooler.log(), 10)
        assert a.value("SELECT current_user") == "rotating"
        assert "refused the login" not in pooler.log()


def test_a_changed_secret_leaves_servers_that_are_there(own_pooler, primary, rotating):
    pooler = own_pooler(users=with_server_secret({"file": str(rotating), "ttl": "200ms"}))
    with pooler.wire() as a:
        pid = a.value(PID)
        primary.query("ALTER ROLE rotating PASSWORD 'second'")
        rotating.write_text("second")
        wait_until(lambda: "secrets have changed" in pooler.log(), 10)
        assert a.value(PID) == pid


def test_secret_is_asked_for_again_when_a_server_refuses_it(own_pooler, primary, rotating):
    """No TTL: a wrong password is the reason to look. The client that waits for the server notices nothing."""
    pooler = own_pooler(users=with_server_secret({"file": str(rotating)}), general={"server_login_retry": "1h"})
    with pooler.wire() as a:
        assert a.value("SELECT 1") == "1"
        primary.query("ALTER ROLE rotating PASSWORD 'second'")
        rotating.write_text("second")
        primary.end_backends()
        assert a.value("SELECT 'still here'") == "still here"


def test_secret_that_stays_wrong_is_told_to_the_client(own_pooler, primary, rotating):
    pooler = own_pooler(users=with_server_secret({"file": str(rotating)}), general={"server_login_retry": "1h"})
    primary.query("ALTER ROLE rotating PASSWORD 'other'")
    with pytest.raises(LoginFailed) as refused:
        pooler.wire()
    assert refused.value.code == "28P01"


def test_client_secret_is_asked_for_again(own_pooler, rotating):
    pooler = own_pooler(
        users={
            "app": {
                "password": {"file": str(rotating), "ttl": "200ms"}, "server_user": "app", "server_password": "app secret",
            },
            ADMIN_USER: {"password": ADMIN_PASSWORD},
        }
    )  # fmt: skip
    Wire(pooler.host, pooler.port).login("app", "first", "app").close()
    rotating.write_text("second")
    wait_until(lambda: "secrets have changed" in pooler.log(), 10)
    Wire(pooler.host, pooler.port).login("app", "second", "app").close()
    with pytest.raises(LoginFailed):
        Wire(pooler.host, pooler.port).login("app", "first", "app")


def test_secret_that_cannot_be_had_again_stays(own_pooler, rotating):
    pooler = own_pooler(users=with_server_secret({"file": str(rotating), "ttl": "200ms"}), defaults={"server_lifetime": 0})
    with pooler.wire() as a:
        rotating.unlink()
        wait_until(lambda: "cannot be had again" in pooler.log(), 10)
        assert a.value("SELECT 1") == "1"
        assert "first" not in pooler.log()


def test_slow_command_holds_nobody_up(own_pooler, rotating):
    """The console and clients are answered while a program that prints a secret takes its time."""
    script = rotating.with_name("slow")
    script.write_text(f"#!/bin/sh\n[ -e {rotating}.slow ] && sleep 5\ncat {rotating}\n")
    script.chmod(0o755)
    pooler = own_pooler(users=with_server_secret({"command": [str(script)], "ttl": "200ms"}))
    with pooler.wire() as a:
        rotating.with_name(rotating.name + ".slow").touch()
        wait_until(lambda: "sleep" in _children(pooler), 10)
        assert a.value("SELECT 1") == "1"
        assert pooler.console("SHOW VERSION")
        assert "sleep" in _children(pooler), "it still runs"


def _children(pooler):
    import subprocess

    return subprocess.run(
        ["ps", "-o", "args=", "--forest", "-g", str(pooler.process.pid)], capture_output=True, text=True
    ).stdout + subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True).stdout.partition("sleep 5")[1]


# application_name_add_host


def test_application_name_add_host(own_pooler, primary):
    pooler = own_pooler(general={"application_name_add_host": True})
    with pooler.wire(application_name="shop") as a:
        port = a.socket.getsockname()[1]
        assert a.parameters["application_name"] == f"shop - 127.0.0.1:{port}"
        assert a.value("SHOW application_name") == f"shop - 127.0.0.1:{port}"
        a.query("BEGIN")
        assert [s["application_name"] for s in pooler.servers()] == [f"shop - 127.0.0.1:{port}"]
        a.query("COMMIT")
        a.query("SET application_name = 'its own'")
        assert a.value("SHOW application_name") == "its own"
    with pooler.wire() as b:
        assert b.value("SHOW application_name") == f"app - 127.0.0.1:{b.socket.getsockname()[1]}"
    with pooler.wire(application_name="ä" * 100) as c:
        name = c.value("SHOW application_name")
        assert name.endswith(f" - 127.0.0.1:{c.socket.getsockname()[1]}") and len(name.encode()) <= 63


# query_wait_notify


def test_query_wait_notify(own_pooler):
    pooler = own_pooler(default_pool_size=1, general={"query_wait_notify": "100ms"})
    with pooler.wire() as a, pooler.wire() as b:
        a.query("BEGIN")
        b.send(query("SELECT 'b'"))
        notice = b.read()
        assert notice.type == "N"
        told = fields(notice.body)
        assert (told["S"], told["M"]) == (
            "NOTICE", "No server connection available in postgres backend, client being queued",
        )  # fmt: skip
        assert b.quiet(0.5), "once"
        a.query("COMMIT")
        assert types(b.read_until("Z")) == "TDCZ"


def test_query_wait_notify_can_be_off(own_pooler):
    pooler = own_pooler(default_pool_size=1, general={"query_wait_notify": "0s"}, defaults={"query_wait_timeout": 1})
    with pooler.wire() as a, pooler.wire() as b:
        a.query("BEGIN")
        assert types(b.query("SELECT 1")) == "EZ"


# connect_query


def test_connect_query_runs_on_every_server(own_pooler):
    pooler = own_pooler(databases={"app": {"dbname": "app", "connect_query": "SELECT set_config('my.connected', 'yes', false)"}})
    with pooler.wire() as a, pooler.wire() as b:
        a.query("BEGIN")
        b.query("BEGIN")
        assert a.value("SHOW my.connected") == b.value("SHOW my.connected") == "yes"


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_connect_query_is_what_a_session_begins_with(own_pooler, mode):
    """Its settings hold for every client, are what RESET goes back to, and give way to what the client asks for."""
    pooler = own_pooler(
        pool_mode=mode, default_pool_size=1,
        databases={"app": {"dbname": "app", "connect_query": "SET search_path = other_schema; SET work_mem = '7MB'"}},
    )  # fmt: skip
    for _ in range(2):
        with pooler.wire() as a:
            assert a.value("SHOW search_path") == "other_schema"
            a.query("SET search_path = mine")
            if mode == "transaction":
                with pooler.wire() as b:
                    assert b.value("SHOW search_path") == "other_schema"
            assert a.value("SHOW search_path") == "mine"
            a.query("RESET search_path")
            assert a.value("SHOW search_path") == "other_schema"
            a.query("RESET ALL")
            assert a.value("SHOW work_mem") == "7MB"
    with pooler.wire(options="-c work_mem=9MB") as c:
        assert c.value("SHOW work_mem") == "9MB"
        assert c.value("SHOW search_path") == "other_schema"


@pytest.mark.parametrize("bad", ["SELECT 'the words' / 0", "BEGIN", "COPY pg_class FROM STDIN"])
def test_connect_query_that_fails(own_pooler, bad):
    pooler = own_pooler(
        databases={"app": {"dbname": "app", "connect_query": bad}, "other": {"dbname": "other"}},
        general={"server_login_retry": "200ms"},
    )  # fmt: skip
    with pytest.raises(LoginFailed) as refused:
        pooler.wire()
    assert refused.value.code == "08001" and "connect_query" in str(refused.value)
    wait_until(lambda: not pooler.servers(), 5, what="the server is closed")
    with pooler.wire(dbname="other") as fine:
        assert fine.value("SELECT 1") == "1"
    assert "connect_query" in pooler.log() and "the words" not in pooler.log()
    # Mended by a reload.
    pooler.reload(pooler.options.with_(databases={"app": {"dbname": "app", "connect_query": "SELECT 1"}}))
    with pooler.wire() as a:
        assert a.value("SELECT 1") == "1"


# autodb_idle_timeout


def test_autodb_idle_timeout(own_pooler):
    """Pools of databases that "*" stands for go; those of databases with a table stay."""
    pooler = own_pooler(
        databases={"*": {}, "other": {"dbname": "other"}}, general={"autodb_idle_timeout": "300ms"}, threads=2,
    )  # fmt: skip
    pools = lambda: {p["database"] for p in pooler.console("SHOW POOLS")}  # noqa: E731
    with pooler.wire() as a, pooler.wire(dbname="other") as b:
        assert a.value("SELECT 1") == b.value("SELECT 1") == "1"
        time.sleep(0.5)
        assert pools() == {"app", "other", "pgbouncer"}, "while somebody is there"
        held = a.value(PID)
    wait_until(lambda: pools() == {"other", "pgbouncer"}, 10, what="the pool goes")
    assert not pooler.servers(), "and its servers"
    with pooler.wire() as again:
        assert again.value(PID) != held
        assert "app" in pools()


def test_autodb_pools_come_and_go_under_load(own_pooler, primary):
    pooler = own_pooler(databases={"*": {}}, general={"autodb_idle_timeout": "1ms"}, threads=2, default_pool_size=1)
    problems = []

    def client():
        try:
            for _ in range(30):
                with pooler.wire() as c:
                    assert c.value("SELECT 1") == "1"
        except Exception as error:  # noqa: BLE001
            problems.append(error)

    threads = [threading.Thread(target=client) for _ in range(6)]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        assert len(primary.backends("app", "app")) <= 1
    assert not problems, problems[:3]


# Names


@pytest.fixture
def hosts():
    made = Hosts()
    yield made
    made.remove()


def test_changed_address_makes_old_servers_go(own_pooler, primary, hosts):
    hosts.set("db.test", "127.0.0.1")
    forwarder = Forwarder("127.0.0.2", primary.port)
    pooler = own_pooler(
        servers=[f"db.test:{primary.port}"], env=hosts.env, general={"dns_max_ttl": "1s"}, default_pool_size=3,
    )  # fmt: skip
    addresses = lambda: {s["addr"] for s in pooler.console("SHOW SERVERS")}  # noqa: E731
    try:
        with pooler.wire() as a, pooler.wire() as busy, pooler.wire() as listener:
            listener.query("LISTEN moved")
            assert a.value("SELECT 1") == "1"
            busy.query("BEGIN")
            held = busy.value(PID)
            known = {h["hostname"]: h for h in pooler.console("SHOW DNS_HOSTS")}
            assert known["db.test"]["addrs"] == "127.0.0.1" and 0 <= int(known["db.test"]["ttl"]) <= 1
            lists = {row["list"]: int(row["items"]) for row in pooler.console("SHOW LISTS")}
            assert lists["dns_names"] == 1
            hosts.set("db.test", "127.0.0.2")
            wait_until(lambda: pooler.console("SHOW DNS_HOSTS")[0]["addrs"] == "127.0.0.2", 10)
            wait_until(lambda: "a new connection listens" in pooler.log(), 10)
            assert a.value("SELECT 1") == "1"
            assert busy.value(PID) == held, "a transaction is not cut"
            busy.query("COMMIT")
            wait_until(lambda: addresses() <= {"127.0.0.2"}, 10)
            assert a.value("SELECT 1") == "1" and addresses() == {"127.0.0.2"}
            a.query("NOTIFY moved, 'heard'")
            assert listener.read().type == "A"
    finally:
        forwarder.close()


def test_name_that_is_unknown_for_a_while(own_pooler, primary, hosts):
    """dns_nxdomain_ttl: it is asked for again when that has passed."""
    hosts.set("db.test", None)
    pooler = own_pooler(
        servers=[f"db.test:{primary.port}"], env=hosts.env,
        general={"dns_nxdomain_ttl": "300ms", "server_login_retry": "100ms"}, defaults={"server_connect_timeout": 20},
    )  # fmt: skip
    thread, answers = None, []

    def come():
        with pooler.wire(timeout=20) as late:
            answers.append(late.value("SELECT 'came'"))

    thread = threading.Thread(target=come)
    thread.start()
    wait_until(lambda: "cannot resolve" in pooler.log(), 10)
    assert not answers
    hosts.set("db.test", "127.0.0.1")
    thread.join(20)
    assert answers == ["came"]


# server_lifetime, server_check_delay, server_reset_query_always, ignore_startup_parameters


def test_server_lifetime_0_is_used_once(own_pooler):
    pooler = own_pooler(defaults={"server_lifetime": 0})
    with pooler.wire() as a:
        assert len({a.value(PID) for _ in range(4)}) == 4
        a.query("BEGIN")
        assert a.value(PID) == a.value(PID)


def test_server_check_delay_0_checks_always(own_pooler):
    pooler = own_pooler(
        default_pool_size=1, defaults={"server_check_delay": 0},
        general={"server_check_query": "SELECT set_config('my.checks', coalesce(current_setting('my.checks', true), '') || 'x', false)"},
    )  # fmt: skip
    with pooler.wire() as a:
        a.value("SELECT 1")
        before = len(a.value("SHOW my.checks"))
        assert len(a.value("SHOW my.checks")) == before + 1


@pytest.mark.parametrize("timeout", ["server_connect_timeout", "cancel_wait_timeout"])
def test_timeouts_of_0_are_without_limit(own_pooler, timeout):
    where = "general" if timeout == "cancel_wait_timeout" else "defaults"
    pooler = own_pooler(default_pool_size=1, **{where: {timeout: "0s"}})
    with pooler.wire() as a:
        a.send(query("SELECT pg_sleep(60)"))
        wait_until(lambda: any("pg_sleep" in s["query"] and s["state"] == "active" for s in pooler.servers()), 5)
    with pooler.wire() as b:
        assert b.value("SELECT 1") == "1"


def test_server_reset_query_always(own_pooler):
    pooler = own_pooler(
        default_pool_size=1,
        general={
            "server_reset_query_always": True,
            "server_reset_query": "SELECT set_config('my.resets', coalesce(current_setting('my.resets', true), '') || 'x', false)",
        },
    )  # fmt: skip
    with pooler.wire() as a:
        a.send(parse("SELECT 1", "named"), bind("", "named"), execute(), SYNC)
        a.read_until("Z")
        a.query("SET my.own = 'kept'")
        for _ in range(3):
            a.send(bind("", "named"), execute(), SYNC)
            assert "E" not in types(a.read_until("Z"))
            assert a.value("SHOW my.own") == "kept"


def test_what_a_pinned_client_leaves_goes_whatever_the_reset_query(own_pooler):
    """server_reset_query is for session pooling: a vanished client's temporary table is dropped all the same."""
    pooler = own_pooler(default_pool_size=1, general={"server_reset_query": ""})
    with pooler.wire() as a:
        a.query("CREATE TEMP TABLE left_behind (x int)")
    with pooler.wire() as b:
        assert b.value("SELECT to_regclass('pg_temp.left_behind')") is None


def test_ignore_startup_parameters(own_pooler):
    pooler = own_pooler(general={"ignore_startup_parameters": ["Extra_Float_Digits"]})
    with pooler.wire(extra_float_digits="3") as a:
        assert a.value("SHOW extra_float_digits") == "1"


@pytest.mark.parametrize("keys", [{}, {"tcp_keepalive": True, "tcp_keepidle": "77s", "tcp_user_timeout": "9s"}])
def test_keepalive_of_sockets(own_pooler, keys):
    import subprocess

    pooler = own_pooler(general=keys)
    with pooler.wire() as a:
        a.query("BEGIN")

        def timers():
            shown = subprocess.run(
                ["ss", "-tno", "state", "established", f"( sport = :{pooler.port} or dport = :{pooler.server.port} )"],
                capture_output=True, text=True,
            ).stdout  # fmt: skip
            return [line for line in shown.splitlines() if "keepalive" in line]

        found = wait_until(lambda: len(timers()) >= 2 and timers(), 10, what="both sockets are idle")
        assert all(("1min" if keys else "119min") in line for line in found), found


def test_log_switches(own_pooler):
    quiet = {"log_connections": False, "log_disconnections": False, "log_pooler_errors": False, "log_stats": False, "stats_period": "1s"}
    pooler = own_pooler(general=quiet)
    with pooler.wire() as a:
        a.value("SELECT 1")
    with pytest.raises(LoginFailed):
        Wire(pooler.host, pooler.port).login("app", "wrong", "app")
    time.sleep(1.2)
    for event in ("client_login", "client_close", "client_error", "event=stats"):
        assert event not in pooler.log()


# Keys that no other test is about


def test_client_login_timeout(own_pooler):
    pooler = own_pooler(general={"client_login_timeout": "300ms"})
    raw = pooler.raw()
    found = raw.read_to_end(5)
    assert types(found) == "E" and "client_login_timeout" in fields(found[0].body)["M"]
    with pooler.wire() as a:
        time.sleep(0.6)
        assert a.value("SELECT 1") == "1", "only until it has logged in"


def test_listen_backlog(own_pooler):
    import subprocess

    pooler = own_pooler(general={"listen_backlog": 77})
    shown = subprocess.run(["ss", "-ltn", f"sport = :{pooler.port}"], capture_output=True, text=True).stdout
    assert {line.split()[2] for line in shown.splitlines()[1:]} == {"77"}


def test_log_level_can_be_changed_while_running(own_pooler):
    pooler = own_pooler(general={"log_level": "warning"})
    with pooler.wire() as a:
        assert a.value("SELECT 1") == "1"
    assert "level=info" not in pooler.log()
    pooler.console("SET log_level = 'debug'")
    pooler.console("RECONNECT")
    with pooler.wire() as a:
        assert a.value("SELECT 1") == "1"
    wait_until(lambda: "level=debug event=server_login" in pooler.log(), 5)


@pytest.mark.parametrize("most", [0, 1, 3])
def test_max_prepared_statements(own_pooler, most):
    """What a server keeps; the client has all it prepared."""
    pooler = own_pooler(default_pool_size=1, general={"max_prepared_statements": most})
    with pooler.wire() as a:
        for n in range(6):
            a.send(parse(f"SELECT {n}", f"s{n}"), SYNC)
            a.read_until("Z")
        for n in range(6):
            a.send(bind("", f"s{n}"), execute(), SYNC)
            assert types(a.read_until("Z")) == "2DCZ"
        assert int(a.value("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'hg_%'")) == max(1, most)


@pytest.mark.parametrize("on", [True, False])
def test_server_round_robin(own_pooler, on):
    pooler = own_pooler(default_pool_size=3, threads=1, general={"server_round_robin": on})
    with pooler.wire() as a, pooler.wire() as b, pooler.wire() as c:
        for client in (a, b, c):
            client.query("BEGIN")
        for client in (a, b, c):
            client.query("COMMIT")
        assert len({a.value(PID) for _ in range(6)}) == (3 if on else 1)


def test_shutdown_timeout(own_pooler):
    import signal

    pooler = own_pooler(general={"shutdown_timeout": "500ms"})
    pooler.may_end = True
    with pooler.wire() as busy:
        busy.query("BEGIN")
        pooler.process.send(signal.SIGTERM)
        assert fields(busy.read_to_end(10)[-1].body)["C"] == "57P01"
    wait_until(lambda: not pooler.process.alive(), 5)


def test_stats_users_may_look_and_no_more(own_pooler):
    pooler = own_pooler()
    file = pooler.directory / "headgate.toml"
    file.write_text(file.read_text() + 'stats_users = ["bob"]\n')
    pooler.console("RELOAD")
    with pooler.wire("bob", "headgate") as c:
        assert types(c.query("SHOW POOLS")).startswith("T")
        for command in ("PAUSE", "RELOAD", "SET log_stats = 0", "SHOW FDS", "KILL", "SHUTDOWN"):
            found = c.query(command)
            assert types(found) == "EZ" and "admin access needed" in str(found), command


def test_keepalive_counts(own_pooler):
    """tcp_keepintvl, tcp_keepcnt and tcp_user_timeout, asked of the process's own sockets."""
    import ctypes
    import os
    import socket

    pooler = own_pooler(general={"tcp_keepintvl": "7s", "tcp_keepcnt": 3, "tcp_user_timeout": "9s"})
    with pooler.wire() as a:
        a.query("BEGIN")
        found = set()
        pidfd = os.pidfd_open(pooler.process.pid)
        for fd in map(int, os.listdir(f"/proc/{pooler.process.pid}/fd")):
            # pidfd_getfd(2)
            copy = ctypes.CDLL(None).syscall(438, pidfd, fd, 0)
            if copy < 0:
                continue
            try:
                s = socket.socket(fileno=copy)
                if s.family == socket.AF_INET and s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE):
                    found.add(tuple(s.getsockopt(socket.IPPROTO_TCP, o) for o in (socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)))
                s.close()
            except OSError:
                os.close(copy)
        os.close(pidfd)
        assert found == {(7, 3, 9000)}


def test_unix_socket_mode(own_pooler):
    import os

    pooler = own_pooler()
    path = pooler.directory / "sock"
    file = pooler.directory / "headgate.toml"
    pooler.stop()
    text = file.read_text() + f'\n[[listen]]\naddress = "unix:{path}"\nunix_socket_mode = "0700"\n'
    pooler.write = lambda: file.write_text(text)
    pooler.start()
    wait_until(path.exists, 5)
    assert os.stat(path).st_mode & 0o777 == 0o700


def test_user_settings_come_before_those_of_the_database(own_pooler):
    own = {
        "password": "app secret", "pool_size": 1, "pool_mode": "session", "query_timeout": "300ms",
        "query_wait_timeout": "200ms", "idle_transaction_timeout": "400ms", "max_user_client_connections": 2,
    }  # fmt: skip
    pooler = own_pooler(users={"app": own, "bob": {"password": "bob'ß\\secret"}, ADMIN_USER: {"password": ADMIN_PASSWORD}})
    with pooler.wire("bob") as other:
        assert types(other.query("SELECT pg_sleep(0.6)")) == "TDCZ", "another user has none of these"
        with pooler.wire() as a, pooler.wire() as b:
            a.query("SET my.session = 'is kept'")
            assert "E" in types(a.query("SELECT pg_sleep(5)"))
            assert fields(b.query("SELECT 1")[0].body)["C"] == "57014", "one server, which a keeps"
            with pytest.raises(LoginFailed):
                pooler.wire()
            a.query("BEGIN")
            assert fields(a.read_to_end(5)[-1].body)["C"] == "25P03"
