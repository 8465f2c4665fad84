"""The own suites of PyMySQL and mysqlclient: whatever passes on the server itself passes through the pooler."""

from __future__ import annotations

import pytest

from support.mysql_pooler import make_mysql_pooler
from support.mysql_suites import SUITES, outcomes


@pytest.fixture
def empty_databases(mysql_server):
    def make() -> None:
        for name in ("test1", "test2"):
            mysql_server.execute(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")

    make()
    yield make
    make()

#: What is known to fail through Headgate; docs/compatibility.md has the reasons by name.
OPEN = ["pymysql.tests.test_issues.TestNewIssues.test_issue_36"]  # processlist-ids


@pytest.mark.timeout(700)
@pytest.mark.parametrize("suite", SUITES)
def test_mysql_suite(own_mysql_pooler, mysql_server, empty_databases, suite, tmp_path):
    pooler = own_mysql_pooler(databases={"*": {}})  # the suites go to `mysql` as well
    direct = make_mysql_pooler(mysql_server, kind="direct")
    baseline = outcomes(SUITES[suite], direct, tmp_path / "direct")
    passed = [name for name, what in baseline.items() if what == "passed"]
    print(f"{suite}, {mysql_server.family}: {len(passed)} of {len(baseline)} pass on the server itself")
    assert len(passed) > 50, baseline
    if pooler.kind == "direct":
        return
    empty_databases()
    found = outcomes(SUITES[suite], pooler, tmp_path / "pooled")
    worse = {name: found.get(name, "not run") for name in passed if name not in OPEN and found.get(name) != "passed"}
    assert not worse, "\n".join(f"{name}: {what}" for name, what in worse.items())
