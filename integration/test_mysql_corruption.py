"""Twenty seconds of the corruption detector for MySQL; `make soak` runs it for ten minutes."""

import os

import pytest
from corruption.mysql.run import run
from differential.mysql.allowed import differs_yet

from support.mariadb import MariaDB
from support.mysql_pooler import make_mysql_pooler, mysql_options, requires_mysql_pooler

SECONDS = float(os.environ.get("HEADGATE_CORRUPTION_SECONDS", 20))


@pytest.mark.requires_pooler
@pytest.mark.timeout(SECONDS * 3 + 120)
def test_mysql_corruption_no_token_goes_astray(request):
    differs_yet(request, "corruption")
    requires_mysql_pooler()
    server = MariaDB().create()  # of its own: its connections are killed, and it is
    pooler = None
    try:
        pooler = make_mysql_pooler(server, mysql_options(server, default_pool_size=10)).start()
        tally = run(pooler, server, SECONDS, clients=150, crash_every=9)
        print("\n".join(tally.lines()))
        assert not tally.violations
        assert tally.statements > 1000
        assert tally.memory_growth() < 1.5
    finally:
        if pooler:
            pooler.remove()
        server.remove()
