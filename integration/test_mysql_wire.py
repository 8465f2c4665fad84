"""What the MySQL side takes for granted, asked of real servers: the unit tests read recordings of them, and these tests see
to it that the recordings are still true."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

import mysql_compression
import mysql_digests
import mysql_recordings
from support.mysql_server import MySQL, requires_mysql, why_not
from support.mysql_wire import Connection, WireError
from support.processes import free_port, listening, wait_until

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "Tests/MySQLWireTests/Recorded"
DIGESTS = ROOT / "Tests/SQLTextTests/Digests"


@pytest.fixture(params=["mariadb", "mysql"])
def server(request):
    """Each family's server; MySQL only where it could be had."""
    if request.param == "mysql":
        requires_mysql()
    return request.getfixturevalue(request.param)


def shape(text: str) -> list[str]:
    """A recording without what differs from run to run: nonces, keys, the ids of connections and statements."""
    lines = []
    for line in text.splitlines():
        words = line.split(" ")
        if words[0] == "C" and words[1] != "0":
            lines.append("C")
        elif words[0] == "S":
            length = words[2] if int(words[2]) < 24 else "long"
            lines.append(f"S {words[1]} {length} {words[3][:2]}")
        elif words[0] == "=":
            lines.append(re.sub("prepared=[0-9]+", "prepared", line))
        elif words[0] in ("#", "capabilities"):
            lines.append(line)
    return lines


@pytest.mark.timeout(120)
def test_recordings_are_still_true(server, tmp_path):
    mysql_recordings.record(server, tmp_path)
    fresh = (tmp_path / f"{server.family}.txt").read_text()
    kept = (RECORDED / f"{server.family}.txt").read_text()
    assert shape(fresh) == shape(kept)


@pytest.mark.timeout(120)
def test_clients_compress_as_recorded(server):
    """What they say first, statement by statement; what servers answer differs in how it was cut."""

    def said(text: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for part in text.split("# ")[1:]:
            name, *lines = part.splitlines()
            if name.startswith(server.family):
                found[name] = [line for line in lines if line.startswith("C") and len(line) < 200]
        return found

    assert said(mysql_compression.record(server)) == said((RECORDED / "compression.txt").read_text())


@pytest.mark.timeout(120)
def test_digests_are_still_true(server):
    kept = (DIGESTS / f"{server.family}.txt").read_text()
    assert mysql_digests.text(mysql_digests.digests(server)) == kept


@pytest.mark.timeout(600)
def test_our_client_is_let_in(server):
    """The login machine itself, run by its unit test against this server."""
    logins = "\n".join(
        "\t".join([str(server.port), user, password, plugin]) for user, (password, plugin) in server.users().items()
    )
    command = [os.environ.get("SWIFT", "swift"), "test", "--filter", "MySQLLiveLoginTests"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "HEADGATE_MYSQL_LOGINS": logins}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert f"{len(server.users())} test cases passed" in done.stdout, done.stdout[-2000:]


def clients() -> dict[str, list[str]]:
    """The command-line clients there are, by name: MariaDB's always, MySQL's where its server is."""
    found = {"mariadb": ["mariadb", "--no-defaults", "--skip-ssl"]}
    if why_not() is None:
        program = MySQL.program("usr/bin/mysql")
        found["mysql"] = [*program, "--no-defaults", "--ssl-mode=DISABLED", "--get-server-public-key"]
    return found


@pytest.fixture(scope="module")
def letting_in():
    """The machine that lets clients in, run by its unit test on a port of its own."""
    port = free_port()
    command = [os.environ.get("SWIFT", "swift"), "test", "--filter", "MySQLLiveServerTests"]
    child = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "HEADGATE_MYSQL_LISTEN": str(port)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        wait_until(lambda: listening(port) or child.poll() is not None, 600, what="the test that listens")
        assert child.poll() is None, child.stdout.read()[-4000:]
        yield port
        with pytest.raises(WireError):
            Connection(port=port, user="stop", password="x")
        output, _ = child.communicate(timeout=60)
        assert child.returncode == 0, output[-4000:]
    finally:
        if child.poll() is None:
            child.kill()


@pytest.mark.timeout(700)
@pytest.mark.parametrize("name", ["mariadb", "mysql"])
@pytest.mark.parametrize("user", ["plain", "native", "sha", "ed", "nobody"])
def test_real_clients_log_in_to_us(letting_in, name, user):
    if name == "mysql":
        requires_mysql()
    if name == "mysql" and user in ("native", "ed"):
        pytest.skip("MySQL 9's client has neither mysql_native_password nor client_ed25519")

    def attempt(password: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*clients()[name], "--protocol=tcp", "-h127.0.0.1", f"-P{letting_in}", f"-u{user}", f"-p{password}", "-eDO 1"],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    # Twice: the second time the quick way of caching_sha2_password is enough.
    for _ in range(2):
        done = attempt(f"{user} secret")
        if user == "nobody":
            assert "1045" in done.stderr or "1045" in done.stdout or "native" in done.stderr, done.stderr
        else:
            assert done.returncode == 0, done.stderr
    wrong = attempt("wrong")
    assert wrong.returncode != 0


@pytest.mark.timeout(120)
@pytest.mark.parametrize("plugin", [None, "mysql_native_password", "caching_sha2_password"])
@pytest.mark.parametrize("user", ["plain", "native", "sha", "ed"])
def test_whatever_a_client_answers_for(letting_in, user, plugin):
    for _ in range(2):
        connection = Connection(port=letting_in, user=user, password=f"{user} secret", plugin=plugin)
        connection.query("DO 1")
        connection.close()


@pytest.mark.timeout(120)
def test_a_replica_follows(mariadb, mariadb_replica):
    mariadb.execute("CREATE TABLE IF NOT EXISTS app.followed (id INT)", "INSERT INTO app.followed VALUES (1)")
    mariadb_replica.caught_up()
    assert mariadb_replica.query("SELECT COUNT(*) FROM app.followed")[0][0] >= "1"
