"""What the MySQL side takes for granted, asked of real servers: the unit tests read recordings of them, and these tests see
to it that the recordings are still true."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

import mysql_digests
import mysql_recordings
from support.mysql_server import requires_mysql

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


@pytest.mark.timeout(120)
def test_a_replica_follows(mariadb, mariadb_replica):
    mariadb.execute("CREATE TABLE IF NOT EXISTS app.followed (id INT)", "INSERT INTO app.followed VALUES (1)")
    mariadb_replica.caught_up()
    assert mariadb_replica.query("SELECT COUNT(*) FROM app.followed")[0][0] >= "1"
