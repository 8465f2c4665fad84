"""MySQL clients that vanish at every point; `make soak` has 2,000 of them for a minute."""

import os

import pytest
from chaos.mysql.run import run
from chaos.run import leaks
from differential.mysql.allowed import differs_yet

from support.mysql_pooler import make_mysql_pooler, mysql_options

SECONDS = float(os.environ.get("HEADGATE_CHAOS_SECONDS", 8))


@pytest.mark.requires_pooler
@pytest.mark.timeout(SECONDS * 3 + 120)
def test_mysql_chaos_leaves_nothing_behind(request, mariadb):
    differs_yet(request, "chaos")
    mariadb.end_backends()  # those of other tests' poolers would be counted
    pooler = make_mysql_pooler(mariadb, mysql_options(mariadb, default_pool_size=10)).start()
    try:
        before, after, seen = run(pooler, mariadb, SECONDS, clients=300)
        print(seen)
        assert not leaks(before, after, 10)
        assert pooler.process.alive()
    finally:
        pooler.remove()
