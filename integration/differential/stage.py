"""What a run needs: PostgreSQL with its two databases, and the pooler in front of one."""

from __future__ import annotations

from support.pooler import Options, make_pooler
from support.postgres import Primary

from .pair import Endpoints
from .run import Worker
from .scripts import prepare


class Stage:
    def __init__(self, arguments):
        self.arguments = arguments
        self.server = Primary()
        self.pooler = None

    def start(self) -> None:
        self.server.create()
        prepare(self.server)
        databases = {name: {"dbname": name} for name in ("diff_direct", "diff_pooled")}
        # Each job needs a server for itself and one for its rivals; a pinned client must not starve the others.
        a = self.arguments
        options = Options(databases=databases, default_pool_size=2 * a.jobs, threads=a.threads)
        self.pooler = make_pooler(self.server, options).start()

    def worker(self, number: int) -> Worker:
        endpoints = Endpoints(("127.0.0.1", self.server.port), ("127.0.0.1", self.pooler.port))
        return Worker(endpoints, self.server, self.arguments.seed, number)

    def trouble(self) -> str | None:
        if self.pooler.process and not self.pooler.process.alive():
            return f"the pooler ended:\n{self.pooler.log()[-3000:]}"
        return None

    def last_words(self) -> None:
        if self.server.process.log().count("was terminated by signal"):
            print("==== PostgreSQL itself crashed:\n" + self.server.process.log()[-3000:], flush=True)

    def remove(self) -> None:
        if self.pooler and self.pooler.process:
            self.pooler.remove()
        self.server.remove()
