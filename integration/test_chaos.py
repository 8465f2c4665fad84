"""Clients that vanish at every point; `make soak` has 2,000 of them for a minute."""

import os

import pytest
from chaos.run import leaks, run

SECONDS = float(os.environ.get("HEADGATE_CHAOS_SECONDS", 8))


@pytest.mark.requires_pooler
@pytest.mark.timeout(SECONDS * 3 + 120)
def test_chaos_leaves_nothing_behind(primary, own_pooler):
    pooler = own_pooler(default_pool_size=10)
    before, after, seen = run(pooler, primary, SECONDS, clients=400)
    print(seen)
    assert not leaks(before, after, 10)
