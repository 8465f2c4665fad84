"""Every kind of state a MySQL session has, in one table; test_mysql_state.py makes tests of it."""

from .carried import CARRIED
from .diagnostics import DIAGNOSTICS
from .kept import KEPT
from .kind import Kind, do

KINDS: list[Kind] = [*CARRIED, *KEPT, *DIAGNOSTICS]

__all__ = ["KINDS", "Kind", "do"]
