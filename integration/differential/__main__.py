"""python -m differential --exchanges 100000 --seed 1"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import time

from support.pooler import KIND, Options, make_pooler
from support.postgres import Primary

from .pair import Difference, Endpoints
from .run import Worker
from .scripts import prepare


def work(endpoints, server, seed, number, share, counts, problems):
    worker = Worker(endpoints, server, seed, number)
    try:
        while worker.done < share:
            worker.run(min(share, worker.done + 400))
            counts[number] = worker.done
    except Difference as difference:
        problems.put(str(difference))
    finally:
        counts[number] = worker.done


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exchanges", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2, help="the pooler's threads")
    parser.add_argument("--report", type=float, default=15, help="seconds between lines")
    arguments = parser.parse_args()
    print(f"differential: {KIND}, seed {arguments.seed}, {arguments.jobs} jobs, {arguments.exchanges} exchanges", flush=True)

    server = Primary().create()
    prepare(server)
    databases = {name: {"dbname": name} for name in ("diff_direct", "diff_pooled")}
    # Each job needs a server for itself and one for its rivals; a pinned client must not starve the others.
    pooler = make_pooler(
        server, Options(databases=databases, default_pool_size=2 * arguments.jobs, threads=arguments.threads)
    ).start()
    endpoints = Endpoints(("127.0.0.1", server.port), ("127.0.0.1", pooler.port))
    counts = multiprocessing.Array("q", arguments.jobs)
    problems = multiprocessing.Queue()
    share = -(-arguments.exchanges // arguments.jobs)
    children = [
        multiprocessing.Process(
            target=work, args=(endpoints, server, arguments.seed, n, share, counts, problems), daemon=True
        )
        for n in range(arguments.jobs)
    ]
    started = time.monotonic()
    found = []
    try:
        for child in children:
            child.start()
        said = started
        while any(child.is_alive() for child in children):
            time.sleep(0.2)
            while not problems.empty():
                found.append(problems.get())
                print(f"==== difference {len(found)}\n{found[-1]}", flush=True)
            if pooler.process and not pooler.process.alive():
                found.append("the pooler ended")
                print(f"==== the pooler ended:\n{pooler.log()[-3000:]}", flush=True)
                break
            if time.monotonic() - said > arguments.report:
                said = time.monotonic()
                print(f"{sum(counts)} exchanges in {said - started:.0f} s", flush=True)
        if server.process.log().count("was terminated by signal"):
            print("==== PostgreSQL itself crashed:\n" + server.process.log()[-3000:], flush=True)
        failed = [child for child in children if child.exitcode not in (0, None)]
        while not problems.empty():
            found.append(problems.get())
            print(f"==== difference {len(found)}\n{found[-1]}", flush=True)
    finally:
        for child in children:
            child.kill()
        if pooler.process:
            pooler.remove()
        server.remove()
    seconds = time.monotonic() - started
    print(f"{sum(counts)} exchanges in {seconds:.0f} s, {len(found)} differences, seed {arguments.seed}")
    return 1 if found or failed else 0


if __name__ == "__main__":
    sys.exit(main())
