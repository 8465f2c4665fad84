"""Small programs for the JVM's drivers, compiled here."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[1] / "jdbc"


def compiled(program: str, directory: Path, driver: str) -> Path:
    command = ["javac", "-cp", driver, "-d", str(directory), str(SOURCES / f"{program}.java")]
    subprocess.run(command, check=True, timeout=60)
    return directory


def jdbc(pooler, program: str, classes: Path, driver: str, *checks: str, **env: str) -> str:
    result = subprocess.run(
        ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", f"{driver}:{classes}", program, *checks],
        env={**pooler.env(), **env}, capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
