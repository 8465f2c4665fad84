"""python -m siege --half-open 10000 --wrong 50000 --protocol mysql"""

from __future__ import annotations

import argparse
import sys

from support.pooler import Options, make_pooler
from support.postgres import Primary
from support.processes import raise_descriptor_limit

from .run import Siege


def stage(protocol: str, general: dict):
    if protocol == "postgres":
        server = Primary().create()
        return server, make_pooler(server, Options(general=general))
    from support.mariadb import MariaDB
    from support.mysql_pooler import make_mysql_pooler, mysql_options

    server = MariaDB().create()
    return server, make_mysql_pooler(server, mysql_options(server, general=general))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protocol", choices=["postgres", "mysql"], default="postgres")
    parser.add_argument("--half-open", type=int, default=10_000)
    parser.add_argument("--wrong", type=int, default=50_000)
    parser.add_argument("--parallel", type=int, default=50, help="wrong passwords at once")
    parser.add_argument("--max-login-clients", type=int, default=5_000)
    a = parser.parse_args()
    raise_descriptor_limit()
    general = {"max_login_clients": a.max_login_clients, "auth_delay": "100ms", "client_login_timeout": 60}
    server, pooler = stage(a.protocol, general)
    try:
        pooler.start()
        outcome = Siege(pooler, a.half_open, a.wrong, a.parallel).run()
    finally:
        pooler.remove()
        server.remove()
    print("SHOW LOGINS:", outcome.logins)
    for row in outcome.sources:
        print("SHOW FAILED_LOGINS:", row)
    print(f"a wrong password from there is answered after {', '.join(f'{w:.1f}' for w in outcome.waits)} s, "
          f"a right one after {outcome.neighbour:.1f} ms")  # fmt: skip
    print(f"siege: {outcome.ratio:.2f} x the idle time")
    return 0 if outcome.ratio <= 3 else 1


if __name__ == "__main__":
    sys.exit(main())
