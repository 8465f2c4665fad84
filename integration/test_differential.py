"""Conversations written by hand, to PostgreSQL and to the pooler, message by message."""

import random

import pytest
from differential.pair import Endpoints, Pair, Rivals
from differential.scripts import PGBOUNCER_DIFFERS, SCRIPTS, prepare

from support.pooler import KIND, Options


@pytest.fixture(scope="module")
def endpoints(primary):
    from support.pooler import make_pooler

    prepare(primary)
    databases = {name: {"dbname": name} for name in ("diff_direct", "diff_pooled")}
    made = make_pooler(primary, Options(databases=databases))
    made.start()
    yield Endpoints(("127.0.0.1", primary.port), ("127.0.0.1", made.port))
    if made.process:
        made.remove()


def converse(endpoints, name, dice=None, rivals=None):
    with Pair(endpoints, timeout=5) as pair:
        for exchange in SCRIPTS[name]:
            if rivals:
                rivals.turn()
            pair.check(exchange, dice)
            if pair.direct_closed:
                break


@pytest.mark.parametrize("name", SCRIPTS)
def test_differential(endpoints, name):
    if KIND == "pgbouncer" and name in PGBOUNCER_DIFFERS:
        pytest.skip("PgBouncer 1.18 does not do this")
    converse(endpoints, name)


#: On a server that never saw the statement it is prepared anew, and so has no plan that could be stale.
ONE_SERVER_ONLY = {"cached_plan_in_transaction"}


@pytest.mark.requires_headgate
@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in ONE_SERVER_ONLY])
def test_differential_cut_anywhere_on_other_servers(endpoints, name):
    """The bytes in random pieces, and each exchange on another server than the one before."""
    with Rivals(endpoints) as rivals:
        converse(endpoints, name, random.Random(name), rivals)


@pytest.mark.requires_headgate
@pytest.mark.parametrize("seed", [2, 5, 6, 7])
def test_differential_generated(endpoints, primary, seed):
    """A few hundred generated exchanges, the same in every run; `make fuzz` runs new ones by the hundred thousand."""
    from differential.run import Worker

    Worker(endpoints, primary, seed=seed, number=0).run(600)
