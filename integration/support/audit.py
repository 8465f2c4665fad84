"""Reads audit trails, and holds every record against docs/audit-schema.json."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator

from .pooler import BINARY, ROOT
from .processes import wait_until

#: What the trail says of itself.
OWN = {"audit.checkpoint", "audit.heartbeat", "audit.segment.start", "audit.segment.end"}


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads((ROOT / "docs/audit-schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _unique(pairs: list[tuple]) -> dict:
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), f"a name is there twice: {names}"
    return dict(pairs)


def record(line: bytes | str) -> dict:
    """A line as a record; fails where it is none, or where the schema does not know it."""
    try:
        value = json.loads(line, object_pairs_hook=_unique)
    except ValueError as error:
        raise AssertionError(f"{error}: {line!r}") from error
    problem = next(iter(_validator().iter_errors(value)), None)
    assert problem is None, f"{problem.json_path}: {problem.message}\n{line!r}"
    return value


class Trail:
    """The files of a trail."""

    def __init__(self, directory: Path):
        self.directory = Path(directory)

    @property
    def segments(self) -> list[Path]:
        return sorted(self.directory.glob("audit-*.ndjson"))

    def lines(self) -> list[bytes]:
        """Every whole line, oldest first; the last one may be half written."""
        return [line for path in self.segments for line in path.read_bytes().split(b"\n")[:-1]]

    def records(self, *actions: str, own: bool = False) -> list[dict]:
        """Every record, checked; of these actions, or all but what the trail says of itself."""
        found = [record(line) for line in self.lines()]
        if actions:
            return [r for r in found if r["event"]["action"] in actions]
        return [r for r in found if own or r["event"]["action"] not in OWN]

    def statements(self, phase: str = "complete", **equal) -> list[dict]:
        """Records of statements: `class_` and members of headgate.statement by name."""
        wanted = {name.rstrip("_"): value for name, value in equal.items()}
        return [
            r for r in self.records("statement")
            if r["headgate"]["statement"].get("phase", "complete") == phase
            and all(r["headgate"]["statement"].get(name) == value for name, value in wanted.items())
        ]  # fmt: skip

    def wait(self, action: str, count: int = 1, timeout: float = 10) -> list[dict]:
        """Records of an action, once there are so many."""
        wait_until(lambda: len(self.records(action)) >= count, timeout, what=f"{count} records of {action}")
        return self.records(action)

    def verify(self, *options: str) -> dict:
        """What `headgate audit verify` says, as JSON, with its exit code."""
        done = subprocess.run(
            [BINARY, "audit", "verify", self.directory, "--json", *options], capture_output=True, text=True, timeout=120
        )
        assert done.stdout, done.stderr
        return {**json.loads(done.stdout), "exit": done.returncode}

    def assert_good(self, *options: str) -> dict:
        report = self.verify(*options)
        assert report["good"] and report["exit"] == 0, report
        return report


def trail(pooler) -> Trail:
    """The trail of a pooler started with `audit`."""
    configured = (pooler.options.audit or {}).get("directory")
    return Trail(configured or pooler.directory / "audit")
