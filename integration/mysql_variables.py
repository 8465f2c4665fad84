"""Writes down the session variables of real servers, for Tests/SQLTextTests/Replays: `python mysql_variables.py DIRECTORY`."""

from __future__ import annotations

import sys
from pathlib import Path

from support.mariadb import MariaDB
from support.mysql_server import MySQL, why_not

SCOPES = {
    "mariadb": "SELECT lower(variable_name) FROM information_schema.system_variables "
    "WHERE variable_scope <> 'GLOBAL' ORDER BY 1",
    "mysql": "SELECT variable_name FROM performance_schema.variables_metadata WHERE variable_scope <> 'GLOBAL' ORDER BY 1",
}


def session_variables(connection, family: str) -> dict[str, str]:
    names = {row[0] for row in connection.query(SCOPES[family]).rows}
    return {row[0]: row[1] for row in connection.query("SHOW SESSION VARIABLES").rows if row[0] in names}


def main() -> None:
    for make in (MariaDB, MySQL):
        if make is MySQL and why_not():
            print(f"skipped: {why_not()}")
            continue
        server = make()
        try:
            connection = server.create().admin()
            found = session_variables(connection, server.family)
            version = connection.query("SELECT VERSION()").rows[0][0]
        finally:
            server.remove()
        lines = [f"# Session variables of {version}, their values, what becomes of them, and how they are set and reset.\n"]
        for name, value in found.items():
            if "\n" not in value and "\t" not in value:
                lines.append(f"{name}\t{value}\n")
        (Path(sys.argv[1]) / f"{server.family}.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
