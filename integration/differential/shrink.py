"""Finds the fewest exchanges, then the fewest of their messages, that still differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator


class Difference(AssertionError):
    """Pooler and server did not answer alike; the text says all there is to say."""


class Unfit(RuntimeError):
    """The server itself did not answer an exchange: the exchange is no good."""


def smallest(
    plan: list, converse: Callable[[list], str | None], without_messages: Callable[[list], Iterator[list]], seconds: float = 60
) -> tuple[list, str | None]:
    """The shortest plan found in so many seconds, and what it differs in; None where it did not come again."""
    until = time.monotonic() + seconds
    last = converse(plan)
    if last is None:
        return plan, None
    for split in (halves_and_ones, without_messages):
        again = True
        while again and time.monotonic() < until:
            again = False
            for candidate in split(plan):
                try:
                    found = converse(candidate)
                except Unfit:
                    continue  # without that message the server itself waits for ever
                if found is not None:
                    plan, last, again = candidate, found, True
                    break
                if time.monotonic() > until:
                    break
    return plan, last


def halves_and_ones(plan: list) -> Iterator[list]:
    size = len(plan) // 2
    while size:
        for start in range(0, len(plan), size):
            rest = plan[:start] + plan[start + size :]
            if rest:
                yield rest
        size //= 2
