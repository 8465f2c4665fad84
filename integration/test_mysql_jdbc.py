"""MariaDB's Connector/J as Debian has it, in front of both families. Debian has no MySQL Connector/J; where one was put beside
it, it is tried as well, and skipped by name elsewhere."""

from __future__ import annotations

import glob

import pytest

from support.jdbc import compiled, jdbc

DRIVERS = {"mariadb": "/usr/share/java/mariadb-java-client.jar", "mysql": "/usr/share/java/mysql-connector-j*.jar"}
#: MariaDB's needs the logging interface, and the native access that it looks for.
LIBRARIES = ":".join(["", *glob.glob("/usr/share/java/slf4j-api.jar"), *glob.glob("/usr/share/java/jna.jar")])


@pytest.fixture(scope="module", params=DRIVERS)
def driver(request):
    found = sorted(glob.glob(DRIVERS[request.param]))
    if not found:
        pytest.skip(f"no {DRIVERS[request.param]}: Debian 12 does not package it")
    return request.param, found[0] + LIBRARIES


@pytest.fixture(scope="module")
def classes(tmp_path_factory, driver):
    return compiled("MySQLSmoke", tmp_path_factory.mktemp("jdbc"), driver[1])


@pytest.mark.parametrize(
    "checks",
    [
        ("prepared:false", "prepared:true"),
        ("threads:false", "threads:true"),
        ("batches:false:false:false", "batches:true:false:false", "batches:false:true:false", "batches:true:false:true"),
        ("procedures",),
        ("batches:false:false:false", "settings"),
        ("cancel",),
    ],
    ids=lambda checks: checks[-1].split(":")[0],
)
def test_mysql_jdbc(mysql_pooler, driver, classes, checks):
    scheme, path = driver
    jdbc(mysql_pooler, "MySQLSmoke", classes, path, *checks, JDBC_SCHEME=scheme)
