"""pgjdbc as Debian has it, by a small program compiled here."""

import subprocess
from pathlib import Path

import pytest

DRIVER = "/usr/share/java/postgresql.jar"
SOURCE = Path(__file__).parent / "jdbc/Smoke.java"


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    out = tmp_path_factory.mktemp("jdbc")
    subprocess.run(["javac", "-cp", DRIVER, "-d", str(out), str(SOURCE)], check=True, timeout=60)
    return out


def jdbc(pooler, classes, *checks):
    result = subprocess.run(
        ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", f"{DRIVER}:{classes}", "Smoke", *checks],
        env=pooler.env(), capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_jdbc_batches_copy_cancel(pooler, classes):
    jdbc(pooler, classes, "prepared:0", "threads:0", "copy", "cancel")


@pytest.mark.requires_headgate
def test_jdbc_prepared_settings_portals(pooler, classes):
    jdbc(pooler, classes, "prepared:1", "prepared:5", "prepared:-1", "threads:1", "batches", "settings")
