"""python -m differential --exchanges 100000 --seed 1 --protocol mysql"""

from __future__ import annotations

import argparse
import random
import sys
import time

from support.pooler import KIND

from . import jobs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protocol", choices=["postgres", "mysql"], default="postgres")
    parser.add_argument("--exchanges", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2, help="the pooler's threads")
    parser.add_argument("--report", type=float, default=15, help="seconds between lines")
    parser.add_argument("--go-on", action="store_true", help="after a difference too, with the conversation behind it")
    parser.add_argument("--family", choices=["mariadb", "mysql"], default="mariadb", help="of the MySQL protocol's server")
    parser.add_argument("--conversation", type=int, help="only this one (MySQL), as a difference names it")
    parser.add_argument("--worker", type=int, default=0, help="whose conversation")
    arguments = parser.parse_args()
    if arguments.conversation is not None:
        arguments.jobs = max(arguments.jobs, arguments.worker + 1)
    kind = f"{KIND}, {arguments.protocol}" + (f" ({arguments.family})" if arguments.protocol == "mysql" else "")
    print(f"differential: {kind}, seed {arguments.seed}, {arguments.jobs} jobs, {arguments.exchanges} exchanges", flush=True)

    if arguments.protocol == "mysql":
        from .mysql.stage import Stage
    else:
        from .stage import Stage
    stage = Stage(arguments)
    started = time.monotonic()
    try:
        stage.start()
        if arguments.conversation is not None:
            print(difference := stage.replay(arguments.worker, arguments.conversation))
            return 1 if difference else 0
        found, count = jobs.run(
            stage.worker, arguments.jobs, arguments.exchanges, stage.trouble, arguments.report, arguments.go_on
        )
        stage.last_words()
    finally:
        stage.remove()
    seconds = time.monotonic() - started
    print(f"{count} exchanges in {seconds:.0f} s, {len(found)} differences, seed {arguments.seed}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
