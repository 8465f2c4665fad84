"""Clients that make each other's servers change."""

from __future__ import annotations

from contextlib import contextmanager

from .pooler import Pooler
from .wire import Wire


@contextmanager
def neighbours(pooler: Pooler, user: str = "app", dbname: str = "app"):
    """Gives a function; after each call the next transaction of any other client runs on the other of two servers."""
    free, holding = pooler.wire(user, dbname, 20), pooler.wire(user, dbname, 20)
    holding.query("BEGIN")

    def turn() -> None:
        nonlocal free, holding
        from .wire import query

        free.send(query("BEGIN"))
        if free.quiet(0.05):
            holding.query("COMMIT")
            free.read_until("Z")
        else:
            free.read_until("Z")
            holding.query("COMMIT")
        free, holding = holding, free

    try:
        yield turn
    finally:
        free.close()
        holding.close()


def on_both_servers(pooler: Pooler, client: Wire, sql: str) -> list[str | None]:
    """The value as one server gives it, then as the other."""
    with neighbours(pooler) as turn:
        first = client.value(sql)
        turn()
        return [first, client.value(sql)]
