"""Clients that make each other's servers change, in PostgreSQL's words or MySQL's."""

from __future__ import annotations

from contextlib import contextmanager

from .pooler import Pooler


@contextmanager
def neighbours(pooler: Pooler, user: str = "app", dbname: str = "app"):
    """Gives a function; after each call the next transaction of any other client runs on the other of two servers."""
    free, holding = pooler.wire(user, dbname, 20), pooler.wire(user, dbname, 20)
    holding.query("BEGIN")

    def turn() -> None:
        nonlocal free, holding
        free.ask("BEGIN")
        if free.quiet(0.05):
            holding.query("COMMIT")
            free.answer()
        else:
            free.answer()
            holding.query("COMMIT")
        free, holding = holding, free

    try:
        yield turn
    finally:
        free.close()
        holding.close()


def on_both_servers(pooler: Pooler, client, sql: str) -> list[str | None]:
    """The value as one server gives it, then as the other."""
    with neighbours(pooler) as turn:
        first = client.value(sql)
        turn()
        return [first, client.value(sql)]


def is_free(pooler: Pooler, patience: float = 1) -> bool:
    """Can two others hold both servers at once?"""
    others = [pooler.wire() for _ in range(2)]
    try:
        for other in others:
            other.ask("BEGIN")
        return not any(other.quiet(patience) for other in others)
    finally:
        for other in others:
            other.reset()
