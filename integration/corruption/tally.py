"""What was counted, and what must be nought."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

#: SQLSTATE classes and codes that killed servers, cancels and vanished clients explain.
EXPLAINED = ("08", "57P01", "57P02", "57P03", "57P05", "25P02", "25P03", "53300", "58")


@dataclass
class Tally:
    statements: int = 0
    connections: int = 0
    actions: Counter = field(default_factory=Counter)
    faults: Counter = field(default_factory=Counter)
    kills: Counter = field(default_factory=Counter)
    #: Each is a sentence; the run is good if there is none.
    violations: list[str] = field(default_factory=list)
    kinds: Counter = field(default_factory=Counter)
    most_servers: int = 0
    memory: list[tuple[float, int]] = field(default_factory=list)

    def violation(self, what: str) -> None:
        """Counts all, shows a few of each kind: one frequent kind must not hide a rare one."""
        self.violations.append(what)
        kind = re.sub(r"\d+|tok-[0-9a-f-]+|b'.*'|\[.*", "", what)
        self.kinds[kind] += 1
        if self.kinds[kind] <= 5:
            print(f"VIOLATION: {what}", flush=True)

    def memory_growth(self) -> float:
        """Median of the last fifth over the median of the second fifth of the samples."""
        sizes = [size for _, size in self.memory]
        fifth = len(sizes) // 5
        if fifth < 2:
            return 1.0
        early, late = sorted(sizes[fifth : 2 * fifth]), sorted(sizes[-fifth:])
        return late[len(late) // 2] / early[len(early) // 2]

    def lines(self) -> list[str]:
        def counted(c: Counter) -> str:
            return ", ".join(f"{k} {v}" for k, v in c.most_common()) or "none"

        found = [
            f"statements {self.statements}, connections {self.connections}, most servers at once {self.most_servers}",
            f"actions: {counted(self.actions)}",
            f"faults seen by clients: {counted(self.faults)}",
            f"kills: {counted(self.kills)}",
        ]
        if self.memory:
            sizes = [size >> 10 for _, size in self.memory]
            found.append(f"memory KiB: first {sizes[0]}, last {sizes[-1]}, most {max(sizes)}, growth {self.memory_growth():.2f}")
        found += [f"  {count} × {kind}" for kind, count in self.kinds.most_common(20)]
        found.append(f"violations: {len(self.violations)}")
        return found
