"""psql \\copy of a great many bytes, out and in: 64 MiB, or HEADGATE_COPY_MIB (1024 for what the issue asks)."""

import os
import subprocess

import pytest

MIB = int(os.environ.get("HEADGATE_COPY_MIB", 64))
PATIENCE = 120 + MIB // 2


@pytest.mark.timeout(PATIENCE * 2)
def test_copy_large_out_and_in(pooler, primary, tmp_path):
    rows = MIB * 1024  # a KiB each
    sql = f"SELECT n, repeat(chr(97 + n % 26), 1000) FROM generate_series(1, {rows}) n"

    def psql(*arguments, **more):
        return subprocess.run(
            ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", *arguments], env=pooler.env(), check=True, timeout=PATIENCE, **more
        )

    psql("-c", "DROP TABLE IF EXISTS copy_large", "-c", "CREATE UNLOGGED TABLE copy_large (n int, t text)")
    file = tmp_path / "data"
    before = pooler.rss() if pooler.process else 0
    psql("-c", f"\\copy ({sql}) TO '{file}'")
    assert file.stat().st_size > MIB * 1_000_000
    psql("-c", f"\\copy copy_large FROM '{file}'")
    if pooler.process:
        assert pooler.rss() - before < 32 << 20, "what passes through is not kept"
    assert primary.query("SELECT count(*), sum(length(t)), sum(n::bigint) FROM copy_large") == [
        (rows, rows * 1000, rows * (rows + 1) // 2)
    ]
    primary.query("DROP TABLE copy_large")


def test_copy_while_others_ask_for_one_row(own_pooler):
    """A client that streams must not keep the others of its event loop waiting."""
    import time

    pooler = own_pooler(default_pool_size=3, threads=1)
    streamer = subprocess.Popen(
        ["psql", "-X", "-c", "\\copy (SELECT repeat('x', 1000) FROM generate_series(1, 150000)) TO '/dev/null'"],
        env=pooler.env(), stdout=subprocess.DEVNULL,
    )  # fmt: skip
    slowest = 0.0
    with pooler.connect() as c:
        while streamer.poll() is None:
            start = time.monotonic()
            c.execute("SELECT 1")
            slowest = max(slowest, time.monotonic() - start)
    assert streamer.returncode == 0
    assert slowest < 0.5
