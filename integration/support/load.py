"""Many clients at once, and an eye on how many servers they have."""

from __future__ import annotations

import threading
import time

from .pooler import Pooler


class Watch:
    """Samples, in a thread, how many connections the server counts; `most` is the highest number seen."""

    def __init__(self, server, user: str | None = None, dbname: str | None = None):
        self.most = 0
        self.stop = threading.Event()

        def look():
            with server.counting(user, dbname) as count:
                lingers = getattr(server, "lists_those_that_have_gone", False)
                before = 0
                while not self.stop.is_set():
                    now = count()
                    # One too many is there at the next look as well; one that has gone is not.
                    self.most = max(self.most, min(before, now) if lingers else now)
                    before = now

        self.thread = threading.Thread(target=look)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def load(pooler: Pooler, clients: int, seconds: float, user: str = "app", dbname: str = "app", work: str = "SELECT 1") -> list[int]:
    """How often each client did its work; any error fails the test."""
    problems, done = [], [0] * clients
    until = time.monotonic() + seconds

    def client(n):
        try:
            with pooler.wire(user, dbname, 20) as c:
                while time.monotonic() < until:
                    c.value(work)
                    done[n] += 1
        except Exception as error:  # noqa: BLE001
            problems.append(error)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not problems, problems[:3]
    return done
