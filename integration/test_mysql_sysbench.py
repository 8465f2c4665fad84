"""sysbench's read-write transactions, short, with more threads than servers; text and prepared statements."""

from __future__ import annotations

import re
import subprocess

import pytest


def sysbench(pooler, script: str, command: str, *arguments: str) -> str:
    done = subprocess.run(
        [
            "sysbench", script, f"--mysql-host={pooler.host}", f"--mysql-port={pooler.port}", "--mysql-user=app",
            f"--mysql-password={pooler.password('app')}", "--mysql-db=test1", "--mysql-ssl=off", "--tables=2", "--table-size=500",
            *arguments, command,
        ],
        capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def tables(shared_mysql_pooler):
    with shared_mysql_pooler.wire(dbname="test1") as c:
        c.query("DROP TABLE IF EXISTS sbtest1, sbtest2")
    sysbench(shared_mysql_pooler, "oltp_read_write", "prepare")


@pytest.mark.parametrize("mode", ["disable", "auto"])
@pytest.mark.parametrize("script", ["oltp_point_select", "oltp_read_only", "oltp_read_write"])
def test_sysbench(mysql_pooler, script, mode):
    more = ["--mysql-ignore-errors=1213,1205,1062,1020"] if script == "oltp_read_write" else []
    text = sysbench(mysql_pooler, script, "run", "--threads=8", "--events=400", "--time=60", f"--db-ps-mode={mode}", *more)
    assert int(re.search(r"transactions: +(\d+)", text)[1]) == 400
    assert re.search(r"reconnects: +0 ", text)
