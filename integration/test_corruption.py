"""Twenty seconds of the corruption detector; `make soak` runs it for ten minutes."""

import os

import pytest
from corruption.run import run

from support.pooler import Options, make_pooler
from support.postgres import Primary

SECONDS = float(os.environ.get("HEADGATE_CORRUPTION_SECONDS", 20))


@pytest.mark.requires_pooler
@pytest.mark.timeout(SECONDS * 3 + 120)
def test_corruption_no_token_goes_astray():
    server = Primary().create()  # of its own: its backends are killed
    pooler = make_pooler(server, Options(default_pool_size=10)).start()
    try:
        tally = run(pooler, server, SECONDS, clients=200, crash_every=8)
        print("\n".join(tally.lines()))
        assert not tally.violations
        assert tally.statements > 1000
        assert tally.memory_growth() < 1.5
    finally:
        pooler.remove()
        server.remove()
