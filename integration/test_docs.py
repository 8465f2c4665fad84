"""The list of protocol traps names tests; they must be there."""

import re
from pathlib import Path

from differential.scripts import SCRIPTS

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs/design/protocol-traps.md"


def test_traps_name_tests_that_exist():
    defined = {name for file in HERE.glob("test_*.py") for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M)}
    page = PAGE.read_text()
    tests = set(re.findall(r"`(test_\w+)`", page))
    scripts = {name for cell in re.findall(r"script ((?:`[a-z0-9_]+`(?:, )?)+)", page) for name in re.findall(r"`(\w+)`", cell)}
    assert not tests - defined
    assert not {name for name in scripts if not name.startswith("test_")} - set(SCRIPTS)
    assert not {name for name in SCRIPTS if f"`{name}`" not in page} - NOT_TRAPS


#: Plain behaviour that nobody gets wrong, and what is listed by the trap rather than the script.
NOT_TRAPS = {
    "simple_select", "simple_many_at_once", "simple_error", "transaction_across_exchanges", "error_fields", "column_shapes",
    "explain_and_utility", "terminate", "named_statement", "copy_in", "copy_in_nothing", "copy_formats", "copy_in_a_transaction",
    "set_client_encoding", "discard_all_resets", "sequences", "cursor", "advisory_locks", "listen_self",
}  # fmt: skip
