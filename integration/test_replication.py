"""Replication connections: each a server of its own, ended with its client."""

import subprocess

import pytest

from support.processes import wait_until

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
