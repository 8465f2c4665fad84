"""From the records of single runs to one figure a cell."""
from statistics import median


class Cells:
    """Medians over rounds, by backend, workload, clients and target."""

    def __init__(self, records: list):
        self.runs = {}
        self.failures = {}
        for record in records:
            key = (record["backend"], record["workload"], record["clients"], record["target"])
            if "failed" in record:
                self.failures.setdefault(key, []).append(record["failed"])
            else:
                self.runs.setdefault(key, []).append(record)

    def keys(self) -> list:
        return sorted(set(self.runs) | set(self.failures))

    def get(self, backend: str, workload: str, clients: int, target: str, field: str):
        """The median of a field, or None where it was not measured."""
        runs = self.runs.get((backend, workload, clients, target), [])
        if field in ("user_us", "system_us"):
            return self._split(runs, field)
        if field.startswith("syscalls."):
            found = [run["syscalls"][field[9:]] for run in runs if "syscalls" in run]
        else:
            found = [run[field] for run in runs if field in run]
        return median(found) if found else None

    def _split(self, runs: list, field: str):
        """User and system share of the median total. The kernel samples the split, so the rounds are pooled."""
        runs = [run for run in runs if "cpu_us" in run]
        if not runs:
            return None
        weight = sum(run["cpu_us"] * run["transactions"] for run in runs)
        user = sum(run["user_share"] * run["cpu_us"] * run["transactions"] for run in runs) / weight
        return median(run["cpu_us"] for run in runs) * (user if field == "user_us" else 1 - user)

    def clients(self, backend: str, workload: str) -> list:
        return sorted({key[2] for key in self.keys() if key[:2] == (backend, workload)})

    def targets(self, backend: str, workload: str, order: list) -> list:
        here = {key[3] for key in self.keys() if key[:2] == (backend, workload)}
        return [name for name in order if name in here]
