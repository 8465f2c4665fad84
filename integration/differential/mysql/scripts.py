"""All conversations written by hand."""

from __future__ import annotations

from . import scripts_flow, scripts_generated, scripts_other, scripts_prepared, scripts_session
from .generator import ALWAYS, Kind
from .script import MODERN, OLD, Script

SCRIPTS: dict[str, Script] = {
    **scripts_flow.SCRIPTS, **scripts_session.SCRIPTS, **scripts_prepared.SCRIPTS, **scripts_other.SCRIPTS,
    **scripts_generated.SCRIPTS,
}  # fmt: skip

ABILITIES = {"modern": MODERN, "old": OLD}


def kinds(script: Script, family: str, abilities: int, database: str) -> list[Kind]:
    database = database if script.database is None else script.database
    more = script.more.get(family, 0)
    return [
        Kind((ALWAYS | abilities | more | extra) & ~script.without, script.collation, "app", database)
        for extra in script.clients
    ]  # fmt: skip


def names(family: str) -> list[str]:
    return [name for name, script in SCRIPTS.items() if family in script.families]
