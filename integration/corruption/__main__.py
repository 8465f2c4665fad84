"""python -m corruption --seconds 600 --protocol mysql"""

from __future__ import annotations

import argparse
import sys

from support.pooler import KIND, Options, make_pooler
from support.postgres import Primary

GROWTH = 1.25


def stage(a):
    """Server, pooler (not started) and what runs the clients."""
    if a.protocol == "postgres":
        from .run import run

        server = Primary().create()
        return server, make_pooler(server, Options(default_pool_size=a.pool, threads=a.threads)), run, a.crash_every or 20
    from support.mariadb import MariaDB
    from support.mysql_pooler import make_mysql_pooler, mysql_options
    from support.mysql_server import MySQL

    from .mysql.run import run

    server = (MySQL if a.family == "mysql" else MariaDB)().create()
    options = mysql_options(server, default_pool_size=a.pool, threads=a.threads)
    return server, make_mysql_pooler(server, options), run, a.crash_every or 60


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protocol", choices=["postgres", "mysql"], default="postgres")
    parser.add_argument("--family", choices=["mariadb", "mysql"], default="mariadb", help="of the MySQL protocol's server")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=300)
    parser.add_argument("--pool", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--kill-every", type=float, default=1)
    parser.add_argument("--crash-every", type=float, help="seconds between kill -9, from which the database recovers")
    parser.add_argument("--without", action="append", default=[], help="an action to leave out, e.g. sql_prepared")
    a = parser.parse_args()
    print(f"corruption: {KIND}, {a.protocol}, {a.clients} clients, pool {a.pool}, {a.seconds:.0f} s", flush=True)
    server, pooler, run, crash_every = stage(a)
    try:
        pooler.start()
        tally = run(pooler, server, a.seconds, a.clients, a.kill_every, crash_every, report=10, without=set(a.without))
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
