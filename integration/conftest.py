"""Fixtures: servers and the shared pooler once a run, poolers with settings of their own a test."""

from __future__ import annotations

import pytest

from support.mariadb import MariaDB, MariaDBReplica
from support.mysql_pooler import make_mysql_pooler, mysql_options, requires_mysql_pooler
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


@pytest.fixture(scope="session", params=["mariadb", "mysql"])
def mysql_family(request):
    """Each of the two; MySQL skipped by name where it cannot be had."""
    requires_mysql_pooler()
    if request.param == "mysql":
        requires_mysql()
    return request.param


@pytest.fixture(scope="session")
def mysql_server(mysql_family, request):
    """The server of the family."""
    return request.getfixturevalue(mysql_family)


def _shared(pooler):
    yield pooler.start()
    if pooler.process:
        pooler.remove()


def _watched(pooler):
    if pooler.process and not pooler.process.alive():
        pooler.start()
    yield pooler
    if pooler.process and not pooler.process.alive():
        pytest.fail(f"the pooler ended during this test:\n{pooler.log()[-4000:]}")


def _own(server, make_one):
    made = []

    def make(options: Options | None = None, **changes):
        # What the server lists as connected must be this pooler's, so idle servers of the shared one go.
        server.end_backends()
        made.append(make_one(options, changes))
        return made[-1].start()

    yield make
    dead = [p.log()[-4000:] for p in made if p.process and not p.process.alive() and not p.may_end]
    for pooler in made:
        if pooler.process:
            pooler.remove()
    if dead:
        pytest.fail("a pooler ended during this test:\n" + "\n".join(dead))


@pytest.fixture(scope="session")
def shared_pooler(primary):
    yield from _shared(make_pooler(primary))


@pytest.fixture(scope="session")
def shared_mysql_pooler(mysql_server):
    yield from _shared(make_mysql_pooler(mysql_server))


@pytest.fixture
def pooler(shared_pooler):
    """Transaction mode, two threads, pools of two. Started again if a test before this one brought it down."""
    yield from _watched(shared_pooler)


@pytest.fixture
def mysql_pooler(shared_mysql_pooler):
    """The same in front of each family."""
    yield from _watched(shared_mysql_pooler)


@pytest.fixture
def own_pooler(primary):
    """Makes poolers with other settings: own_pooler(pool_mode="session")."""
    yield from _own(primary, lambda options, changes: make_pooler(primary, (options or Options()).with_(**changes)))


@pytest.fixture
def own_mysql_pooler(mysql_server):
    """Likewise, in front of each family: own_mysql_pooler(default_pool_size=1)."""

    def make_one(options, changes):
        return make_mysql_pooler(mysql_server, (options or mysql_options(mysql_server)).with_(**changes))

    yield from _own(mysql_server, make_one)
