"""python -m corruption --seconds 600"""

from __future__ import annotations

import argparse
import sys

from support.pooler import KIND, Options, make_pooler
from support.postgres import Primary

from .run import run

GROWTH = 1.25


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=300)
    parser.add_argument("--pool", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--kill-every", type=float, default=1)
    parser.add_argument("--crash-every", type=float, default=20, help="seconds between kill -9, from which PostgreSQL recovers")
    parser.add_argument("--without", action="append", default=[], help="an action to leave out, e.g. sql_prepared")
    a = parser.parse_args()
    print(f"corruption: {KIND}, {a.clients} clients, pool {a.pool}, {a.seconds:.0f} s", flush=True)
    server = Primary().create()
    pooler = make_pooler(server, Options(default_pool_size=a.pool, threads=a.threads)).start()
    try:
        tally = run(pooler, server, a.seconds, a.clients, a.kill_every, a.crash_every, report=10, without=set(a.without))
        print("\n".join(tally.lines()))
        growth = tally.memory_growth()
        if growth > GROWTH:
            tally.violation(f"memory grew {growth:.2f} times")
        return 1 if tally.violations else 0
    finally:
        if pooler.process:
            if a.seconds < 30 or not pooler.process.alive():
                print(pooler.log()[-2000:])
            pooler.remove()
        server.remove()


if __name__ == "__main__":
    sys.exit(main())
