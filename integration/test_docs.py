"""The list of protocol traps names tests; they must be there."""

import re
from pathlib import Path

from differential.mysql.scripts import SCRIPTS as MYSQL_SCRIPTS
from differential.scripts import SCRIPTS

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs/design/protocol-traps.md"


def named(page: str, what: str) -> set[str]:
    cells = re.findall(rf"{what}((?:`[a-z0-9_]+`(?:, )?)+)", page)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell) if not name.startswith("test_")}


def test_traps_name_tests_that_exist():
    defined = {name for file in HERE.glob("test_*.py") for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M)}
    page = PAGE.read_text()
    tests = set(re.findall(r"`(test_\w+)`", page))
    assert not tests - defined
    mysql_scripts, scripts = named(page, "MySQL script "), named(page, "(?<!MySQL )script ")
    assert not scripts - set(SCRIPTS)
    assert mysql_scripts == set(MYSQL_SCRIPTS)
    assert not {name for name in SCRIPTS if f"`{name}`" not in page} - NOT_TRAPS


#: Plain behaviour that nobody gets wrong, and what is listed by the trap rather than the script.
NOT_TRAPS = {
    "simple_select", "simple_many_at_once", "simple_error", "transaction_across_exchanges", "error_fields", "column_shapes",
    "explain_and_utility", "terminate", "named_statement", "copy_in", "copy_in_nothing", "copy_formats", "copy_in_a_transaction",
    "set_client_encoding", "discard_all_resets", "sequences", "cursor", "advisory_locks", "listen_self",
}  # fmt: skip
