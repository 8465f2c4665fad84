"""`[[app]]` with MySQL's protocol: the application's name is the connection attribute `program_name`."""

from __future__ import annotations

import pymysql
import pytest

from support.processes import wait_until

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]


def apps(pooler) -> dict[str, dict]:
    return {row["name"]: row for row in pooler.console("SHOW APPS")}


def clients(pooler) -> dict[str, int]:
    return {name: row["clients"] for name, row in apps(pooler).items()}


def test_mysql_apps_by_program_name_and_again_after_change_user(own_mysql_pooler):
    pooler = own_mysql_pooler(
        apps=[
            {"name": "tests", "match": {"application_name": "headgate *", "user": "app"}},
            {"name": "others", "match": {"database": "other"}},
        ]
    )
    with pooler.wire() as one, pooler.wire(dbname="other", attributes={"program_name": "x"}):
        assert clients(pooler) == {"tests": 1, "others": 1, "default": 0}
        assert sorted(row["app"] for row in pooler.console("SHOW CLIENTS") if row["app"]) == ["others", "tests"]
        one.change_user("bob", pooler.password("bob"), "app")
        assert clients(pooler) == {"tests": 0, "others": 1, "default": 1}
        assert one.value("SELECT 1") == "1"
    wait_until(lambda: not any(clients(pooler).values()), 5)


def test_mysql_max_client_connections(own_mysql_pooler):
    pooler = own_mysql_pooler(apps=[{"name": "small", "match": {"user": "app"}, "max_client_connections": 2}])
    held = [pooler.wire() for _ in range(2)]
    with pytest.raises(pymysql.err.OperationalError) as error:
        pooler.connect()
    assert error.value.args[0] == 1040
    assert "max_client_connections" in error.value.args[1] and '"small"' in error.value.args[1]
    assert apps(pooler)["small"]["refused"] == 1
    held.pop().close()
    wait_until(lambda: clients(pooler)["small"] == 1, 5)
    pooler.connect().close()
    held.pop().close()
