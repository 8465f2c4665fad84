"""Fixtures: servers and the shared pooler once a run, poolers with settings of their own a test."""

from __future__ import annotations

import pytest

from support.mariadb import MariaDB, MariaDBReplica
from support.mysql_server import MySQL, requires_mysql
from support.pooler import KIND, Options, make_pooler
from support.postgres import Primary, Replica


def pytest_configure(config):
    config.addinivalue_line("markers", "requires_headgate: PgBouncer 1.18 is known not to do this")
    config.addinivalue_line("markers", "requires_pooler: says nothing about PostgreSQL itself")


def pytest_report_header(config):
    return f"pooler under test: {KIND}"


def pytest_collection_modifyitems(items):
    for item in items:
        if KIND == "pgbouncer" and item.get_closest_marker("requires_headgate"):
            item.add_marker(pytest.mark.skip(reason="PgBouncer 1.18 does not do this"))
        if KIND == "direct" and item.get_closest_marker("requires_pooler"):
            item.add_marker(pytest.mark.skip(reason="needs a pooler"))


@pytest.fixture(scope="session")
def primary():
    server = Primary().create()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def replica(primary):
    server = Replica(primary).create()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def mariadb():
    server = MariaDB().create()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def mariadb_replica(mariadb):
    server = MariaDBReplica(mariadb).create()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def mysql():
    requires_mysql()
    server = MySQL().create()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def shared_pooler(primary):
    pooler = make_pooler(primary)
    pooler.start()
    yield pooler
    if pooler.process:
        pooler.remove()


@pytest.fixture
def pooler(shared_pooler):
    """Transaction mode, two threads, pools of two. Started again if a test before this one brought it down."""
    if shared_pooler.process and not shared_pooler.process.alive():
        shared_pooler.start()
    yield shared_pooler
    if shared_pooler.process and not shared_pooler.process.alive():
        pytest.fail(f"the pooler ended during this test:\n{shared_pooler.log()[-4000:]}")


@pytest.fixture
def own_pooler(primary):
    """Makes poolers with other settings: own_pooler(pool_mode="session")."""
    made = []

    def make(options: Options | None = None, **changes):
        # What pg_stat_activity shows must be this pooler's, so idle servers of the shared one go.
        primary.end_backends()
        pooler = make_pooler(primary, (options or Options()).with_(**changes))
        made.append(pooler)
        return pooler.start()

    yield make
    dead = [p.log()[-4000:] for p in made if p.process and not p.process.alive() and not p.may_end]
    for pooler in made:
        if pooler.process:
            pooler.remove()
    if dead:
        pytest.fail("a pooler ended during this test:\n" + "\n".join(dead))
