"""Replication connections: each a server of its own, ended with its client."""

import subprocess
import threading
import time

import pytest

from support.processes import wait_until
from support.wire import Silent, cancel, fields, query, startup

pytestmark = [pytest.mark.requires_headgate]


def test_replication_identify_system(pooler):
    with pooler.wire(replication="true") as c:
        found = c.query("IDENTIFY_SYSTEM")
        assert [m.type for m in found] == ["T", "D", "C", "Z"]


def test_replication_logical_stream(pooler, primary, tmp_path):
    """pg_recvlogical: COPY both ways until it is told to stop."""
    primary.query("CREATE TABLE IF NOT EXISTS repl_t (i int)")
    out = tmp_path / "stream"
    common = ["pg_recvlogical", "-d", "app", "--slot=hg_slot"]
    env = pooler.env()
    subprocess.run([*common, "--create-slot", "-P", "test_decoding", "--if-not-exists"], env=env, check=True, timeout=30)
    try:
        stream = subprocess.Popen([*common, "--start", "-f", str(out), "--fsync-interval=0"], env=env)
        primary.query("INSERT INTO repl_t VALUES (12345)")
        wait_until(lambda: out.exists() and "12345" in out.read_text(), 20)
        stream.terminate()
        stream.wait(10)
        wait_until(lambda: primary.query("SELECT active FROM pg_replication_slots WHERE slot_name = 'hg_slot'") == [(False,)], 10)
    finally:
        primary.query("SELECT pg_drop_replication_slot('hg_slot')")


def test_replication_base_backup(pooler, tmp_path):
    subprocess.run(
        ["pg_basebackup", "-D", str(tmp_path / "backup"), "-X", "fetch", "-c", "fast", "--no-sync"],
        env=pooler.env(), check=True, timeout=100,
    )  # fmt: skip
    assert (tmp_path / "backup/PG_VERSION").read_text() == "15\n"


def test_replica_serves_reads(replica, primary):
    """The fixture itself: a streaming replica that follows."""
    primary.query("CREATE TABLE IF NOT EXISTS repl_seen (i int)")
    primary.query("INSERT INTO repl_seen VALUES (1)")
    assert replica.query("SELECT pg_is_in_recovery()") == [(True,)]
    wait_until(lambda: replica.query("SELECT to_regclass('repl_seen') IS NOT NULL") == [(True,)], 10)


def test_replication_unprivileged_is_refused_by_the_server(pooler):
    from support.wire import LoginFailed, ServerError

    with pytest.raises((LoginFailed, ServerError)):
        with pooler.wire("bob", replication="true") as c:
            c.value("IDENTIFY_SYSTEM")


def test_replication_takes_the_place_of_an_idle_server(own_pooler, primary):
    """It counts in the pool; when it ends its place is free again."""
    pooler = own_pooler(default_pool_size=1)
    with pooler.wire() as idle:
        assert idle.value("SELECT 1") == "1"
        with pooler.wire(replication="database") as c:
            assert c.value("SELECT 'of its own'") == "of its own"
            assert idle.quiet(0.1)
        assert idle.value("SELECT 2") == "2"


def test_replication_waits_for_a_place(own_pooler):
    pooler = own_pooler(default_pool_size=1)
    with pooler.wire() as busy:
        busy.query("BEGIN")
        with pooler.raw() as c:
            c.send(startup("app", "app", replication="true"))
            with pytest.raises(Silent):
                c.timeout = 1
                c.authenticate("app", "app secret")
            busy.query("COMMIT")
            c.timeout = 10
            assert c.read_until("Z")
            assert [m.type for m in c.query("IDENTIFY_SYSTEM")] == ["T", "D", "C", "Z"]


def test_replication_gets_a_place_among_busy_clients(own_pooler):
    """Clients that always have another statement do not keep it out for ever."""
    pooler = own_pooler(default_pool_size=2)
    over = threading.Event()

    def work():
        with pooler.wire() as c:
            while not over.is_set():
                c.query("SELECT pg_sleep(0.02)")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        with pooler.wire(replication="database") as c:
            assert c.value("SELECT 'in'") == "in"
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_replication_cancel(pooler):
    with pooler.wire(replication="database") as c:
        c.send(query("SELECT pg_sleep(30)"))
        time.sleep(0.3)
        with pooler.raw() as other:
            other.send(cancel(*c.key))
            other.read_to_end(5)
        found = c.read_until("Z", 10)
        assert fields(found[-2].body)["C"] == "57014"


def test_replication_parameters_reach_the_server(pooler):
    with pooler.wire(replication="database", application_name="walker", options="-c work_mem=1234kB") as c:
        assert c.value("SHOW application_name") == "walker"
        assert c.value("SHOW work_mem") == "1234kB"


def test_replication_slow_reader_costs_no_memory(pooler, primary):
    if not pooler.process:
        pytest.skip("no process to measure")
    primary.query("DROP TABLE IF EXISTS repl_big; CREATE TABLE repl_big AS SELECT repeat('x', 500) FROM generate_series(1, 200000)")
    backup = subprocess.Popen(
        "pg_basebackup -D - -Ft -X none -c fast 2>/dev/null | (sleep 3; wc -c)", shell=True, env=pooler.env(),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(2.5)
    status = open(f"/proc/{pooler.process.child.pid}/status").read()
    resident = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))
    assert int(backup.communicate(timeout=60)[0]) > 50_000_000
    assert resident < 60_000, f"{resident} kB"
