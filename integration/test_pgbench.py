"""pgbench in its three query modes, with more clients than servers."""

import re
import subprocess

import pytest


@pytest.fixture(scope="module")
def accounts(shared_pooler):
    subprocess.run(
        ["pgbench", "-i", "-s", "1", "-q"], env=shared_pooler.env(), check=True, capture_output=True, timeout=60
    )


def run(pooler, *arguments):
    result = subprocess.run(
        ["pgbench", "-n", *arguments], env=pooler.env(), capture_output=True, text=True, timeout=90
    )
    assert result.returncode == 0, result.stderr
    assert "number of failed transactions: 0 (" in result.stdout
    return int(re.search(r"actually processed: (\d+)", result.stdout).group(1))


@pytest.mark.parametrize("mode", ["simple", "extended", pytest.param("prepared", marks=pytest.mark.requires_headgate)])
@pytest.mark.parametrize("script", ["select-only", "tpcb-like"])
def test_pgbench(pooler, accounts, mode, script):
    # A thread for each client: pgbench prepares with a blocking call, which would keep a thread from the COMMITs of its
    # other clients while they hold all servers.
    assert run(pooler, "-b", script, "-M", mode, "-c", "10", "-j", "10", "-t", "50") == 500


@pytest.mark.parametrize("mode", ["simple", "extended", pytest.param("prepared", marks=pytest.mark.requires_headgate)])
def test_pgbench_connection_per_transaction(pooler, accounts, mode):
    assert run(pooler, "-S", "-C", "-M", mode, "-c", "5", "-t", "20") == 100


@pytest.mark.parametrize("mode", ["extended", pytest.param("prepared", marks=pytest.mark.requires_headgate)])
def test_pgbench_pipeline(pooler, accounts, mode, tmp_path):
    script = tmp_path / "pipeline.sql"
    script.write_text(
        "\\set aid random(1, 100000)\n\\startpipeline\n"
        + "SELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n" * 5
        + "\\endpipeline\n"
    )
    assert run(pooler, "-f", str(script), "-M", mode, "-c", "8", "-j", "2", "-t", "50") == 400
