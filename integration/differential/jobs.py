"""Several workers, each a process with its own stream of exchanges, and what they found."""

from __future__ import annotations

import multiprocessing
import time
import traceback
from collections.abc import Callable

from .shrink import Difference

AT_ONCE = 400


def work(make_worker: Callable, number: int, share: int, counts, problems, go_on: bool) -> None:
    worker = make_worker(number)
    try:
        while worker.done < share:
            try:
                worker.run(min(share, worker.done + AT_ONCE))
            except Difference as difference:
                problems.put(str(difference))
                if not go_on:
                    return
            counts[number] = worker.done
    except Exception:
        problems.put(f"worker {number} failed\n{traceback.format_exc()}")
        raise
    finally:
        counts[number] = worker.done


def run(
    make_worker: Callable, jobs: int, exchanges: int, trouble: Callable[[], str | None], report: float, go_on: bool = False
) -> tuple[list[str], int]:
    """Runs so many exchanges in all; answers what was found and how many exchanges were alike.

    `make_worker(number)` is called in the worker's own process. `trouble()` says when going on makes no sense."""
    counts = multiprocessing.Array("q", jobs)
    problems = multiprocessing.Queue()
    share = -(-exchanges // jobs)
    children = [
        multiprocessing.Process(target=work, args=(make_worker, n, share, counts, problems, go_on), daemon=True)
        for n in range(jobs)
    ]
    found: list[str] = []

    def collect() -> None:
        while not problems.empty():
            found.append(problems.get())
            print(f"==== difference {len(found)}\n{found[-1]}", flush=True)

    started = said = time.monotonic()
    try:
        for child in children:
            child.start()
        while any(child.is_alive() for child in children):
            time.sleep(0.2)
            collect()
            if what := trouble():
                found.append(what)
                print(f"==== {what}", flush=True)
                break
            if time.monotonic() - said > report:
                said = time.monotonic()
                print(f"{sum(counts)} exchanges in {said - started:.0f} s", flush=True)
        collect()
        found += [f"worker {n} ended with {c.exitcode}" for n,
            c in enumerate(children) if c.exitcode not in (0, None) and not found]
    finally:
        for child in children:
            child.kill()
    return found, sum(counts)
