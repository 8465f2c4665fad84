"""python -m chaos --seconds 60 --clients 2000 --protocol mysql"""

from __future__ import annotations

import argparse
import sys

from support.pooler import KIND, Options, make_pooler
from support.postgres import Primary

from .run import leaks


def stage(a):
    """Server, pooler (not started) and what runs the clients."""
    if a.protocol == "postgres":
        from .run import run

        server = Primary().create()
        return server, make_pooler(server, Options(default_pool_size=a.pool, threads=a.threads)), run
    from support.mariadb import MariaDB
    from support.mysql_pooler import make_mysql_pooler, mysql_options

    from .mysql.run import run

    server = MariaDB().create()
    return server, make_mysql_pooler(server, mysql_options(server, default_pool_size=a.pool, threads=a.threads)), run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protocol", choices=["postgres", "mysql"], default="postgres")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=2000)
    parser.add_argument("--pool", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    a = parser.parse_args()
    print(f"chaos: {KIND}, {a.protocol}, {a.clients} clients, {a.seconds:.0f} s", flush=True)
    server, pooler, run = stage(a)
    try:
        pooler.start()
        before, after, seen = run(pooler, server, a.seconds, a.clients)
        print(", ".join(f"{k} {v}" for k, v in seen.most_common()))
        print(f"before {before}\nafter  {after}")
        found = leaks(before, after, a.pool)
        print("\n".join(["leaks: " + (str(len(found)) if found else "none"), *found]))
        return 1 if found else 0
    finally:
        if pooler.process:
            if not pooler.process.alive():
                print("the pooler ended:", pooler.log()[-3000:])
            pooler.remove()
        server.remove()


if __name__ == "__main__":
    sys.exit(main())
