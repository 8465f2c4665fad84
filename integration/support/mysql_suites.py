"""The own test suites of drivers, from their source distributions, run against whatever is wanted and reported test by test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from .mysql_pooler import Face

CACHE = Path(__file__).resolve().parents[2] / ".build/suites"
PATIENCE = 300


@dataclass(frozen=True)
class Suite:
    #: The name of the project, and a version whose source distribution has tests.
    project: str
    version: str
    #: What pytest is given, inside the unpacked source.
    tests: str
    #: Writes where the server is, and gives what more the environment needs.
    configure: Callable[[Path, Face], dict[str, str]]


def _pymysql(source: Path, pooler: Face) -> dict[str, str]:
    login = {"host": pooler.host, "port": pooler.port, "user": "app", "passwd": pooler.password("app")}
    (source / "pymysql/tests/databases.json").write_text(
        json.dumps([{**login, "db": "test1", "use_unicode": True, "local_infile": True}, {**login, "db": "test2"}])
    )
    # The distribution leaves out what is loaded; of it only the number of lines is tested.
    data = source / "pymysql/tests/data"
    data.mkdir(exist_ok=True)
    (data / "load_local_data.txt").write_text("1,2\n" * 22749)
    # The suite runs the driver it came with.
    return {"PYTHONPATH": str(source)}


def _mysqlclient(source: Path, pooler: Face) -> dict[str, str]:
    file = source / "tests/here.cnf"
    file.write_text(
        "[MySQLdb-tests]\n"
        f"host = {pooler.host}\nport = {pooler.port}\nuser = app\npassword = {pooler.password('app')}\ndatabase = test1\n"
        "default-character-set = utf8mb4\nskip-ssl\n"
    )
    return {"TESTDB": str(file)}


SUITES = {
    # Later source distributions have no tests in them.
    "pymysql": Suite("PyMySQL", "0.10.1", "pymysql/tests", _pymysql),
    "mysqlclient": Suite("mysqlclient", "2.3.1", "tests", _mysqlclient),
}


def source(suite: Suite) -> Path:
    """The unpacked distribution; fetched once, and a reason to skip where it cannot be had."""
    archive = CACHE / f"{suite.project}-{suite.version}.tar.gz"
    if not archive.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", suite.project,
            "--dest", str(CACHE), f"{suite.project}=={suite.version}",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        found = sorted(CACHE.glob(f"[{suite.project[0]}{suite.project[0].lower()}]*-{suite.version}.tar.gz"))
        if done.returncode or not found:
            pytest.skip(f"no source distribution of {suite.project} {suite.version}: {done.stderr[-300:]}")
        if found[0] != archive:
            found[0].rename(archive)
    return archive


def outcomes(suite: Suite, pooler: Face, directory: Path) -> dict[str, str]:
    """Every test of the suite: passed, skipped or failed, with the reason."""
    with tarfile.open(source(suite)) as archive:
        archive.extractall(directory)
    unpacked = next(path for path in directory.iterdir() if path.is_dir())
    env = {**os.environ, **suite.configure(unpacked, pooler)}
    env.pop("PYTEST_ADDOPTS", None)
    report = directory / "report.xml"
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "--timeout=60", "--tb=short",
        "--rootdir", str(unpacked), "-c", os.devnull, f"--junitxml={report}", suite.tests,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=unpacked, env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        problem = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
        what = "passed" if problem is None else f"{problem.tag}: {problem.get('message', '')[:300]}"
        name = f"{case.get('classname')}.{case.get('name')}"
        # An error behind the test counts, whatever the test itself said.
        found[name] = what if found.get(name, "passed") == "passed" else found[name]
    shutil.rmtree(unpacked, ignore_errors=True)
    return found
