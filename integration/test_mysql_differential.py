"""Conversations written by hand and by chance, to MariaDB or MySQL and to the pooler, packet by packet."""

from __future__ import annotations

import random

import pytest
from differential.mysql import objects, starter
from differential.mysql.allowed import differs_yet
from differential.mysql.conversation import Conversation, Rivals
from differential.mysql.run import Worker, database_of, pool_size
from differential.mysql.scripts import ABILITIES, SCRIPTS, kinds, names
from differential.mysql.stage import endpoints_for, make_server, offered

from support.mysql_pooler import requires_mysql_pooler
from support.mysql_server import why_not
from support.pooler import KIND

#: Its own database, so that what a script leaves is nobody's.
DATABASE = "scripts"
FAMILIES = ["mariadb", "mysql"]


def pytest_generate_tests(metafunc):
    """Every conversation for MariaDB with old and new clients; for MySQL with old ones, as the other test's are new."""
    if "abilities" in metafunc.fixturenames:
        cases = [(f, n, a) for f in FAMILIES for n in names(f) for a in ABILITIES if f == "mariadb" or a == "old"]
        metafunc.parametrize(("family", "name", "abilities"), cases, ids=map("-".join, cases))
    elif "name" in metafunc.fixturenames:
        cases = [(f, n) for f in FAMILIES for n in names(f)]
        metafunc.parametrize(("family", "name"), cases, ids=map("-".join, cases))
    elif "family" in metafunc.fixturenames:
        metafunc.parametrize("family", FAMILIES)


class Stage:
    """Two servers alike, the pooler in front of the second."""

    def __init__(self, family: str):
        self.family = family
        self.servers = (make_server(family), make_server(family))
        for server in self.servers:
            objects.create(server, DATABASE)
        self.pooler = None
        if KIND == "headgate":
            generated = [(database_of(number), pool_size(number)) for number in (0, 1)]
            pools = [(DATABASE, 4), ("app", 2), *generated]
            self.pooler = starter.start([(self.servers[1], name, size) for name, size in pools])
        self.endpoints = endpoints_for(self.servers, self.pooler.port if self.pooler else self.servers[1].port)
        # Ids of connections are not to be numbers of one digit, which mean other things as well.
        for _ in range(10):
            offered(self.endpoints, DATABASE)

    def remove(self) -> None:
        if self.pooler:
            self.pooler.remove()
        for server in self.servers:
            server.remove()


@pytest.fixture(scope="module")
def stages():
    """The stage of the family whose turn it is, which the next family's takes the place of: four servers are too many."""
    held: list[Stage] = []

    def of(family: str) -> Stage:
        if not held or held[0].family != family:
            while held:
                held.pop().remove()
            held.append(Stage(family))
        return held[0]

    yield of
    for stage in held:
        stage.remove()


@pytest.fixture
def endpoints(stages, family):
    """The pooler is started again if a test before this one brought it down."""
    requires_mysql_pooler()
    if family == "mysql" and (reason := why_not()):
        pytest.skip(reason)
    stage = stages(family)
    if stage.pooler and not stage.pooler.process.alive():
        stage.pooler.start()
    yield stage.endpoints
    if stage.pooler and not stage.pooler.process.alive():
        pytest.fail(f"the pooler ended during this test:\n{stage.pooler.log()[-4000:]}")


def converse(endpoints, name, abilities, dice=None, rivals=False):
    script, family = SCRIPTS[name], endpoints.servers[0].family
    for server in endpoints.servers:
        admin = server.admin()
        objects.renew(admin, family, DATABASE, 2)
        admin.close()
    common = offered(endpoints, DATABASE)
    able = [kind.within(common[0] & common[1]) for kind in kinds(script, family, abilities, DATABASE)]
    others = Rivals(endpoints, DATABASE) if rivals else None
    try:
        with Conversation(endpoints, able, len(able) + 1, timeout=10) as talk:
            for exchange in script.exchanges:
                if others:
                    others.turn()
                talk.check(exchange, dice)
                if talk.parted:
                    break
    finally:
        if others:
            others.close()


def test_mysql_differential(request, endpoints, family, name, abilities):
    differs_yet(request, name, family)
    converse(endpoints, name, ABILITIES[abilities])


@pytest.mark.requires_pooler
def test_mysql_differential_cut_anywhere_on_other_servers(request, endpoints, family, name):
    """The bytes in random pieces, and each turn on another server than the one before."""
    differs_yet(request, name, family)
    converse(endpoints, name, ABILITIES["modern"], random.Random(name), rivals=True)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.timeout(300)
def test_mysql_differential_generated(request, endpoints, family, seed, number):
    """A few hundred generated exchanges, the same in every run; `make fuzz` runs new ones by the hundred thousand."""
    differs_yet(request, "generated", family)
    common = offered(endpoints, database_of(number))
    Worker(endpoints, seed=seed, number=number, offered=common[0] & common[1]).run(600)
