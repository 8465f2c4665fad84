"""Writes the results as Markdown."""
from .limits import OURS, THEIRS, judge
from .medians import Cells
from .plan import MODES

ORDER = ["direct", "pgbouncer", "haproxy", "headgate-1", "headgate-2"]
BACKEND_TITLES = {"instant": "Instant backend", "real": "Real PostgreSQL"}


def number(value, digits: int = 2) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def table(head: list, rows: list) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join([" --- "] + [" ---: "] * (len(head) - 1)) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _header(about: dict, settings: dict, skipped: dict) -> str:
    v = about["versions"]
    text = f"""# Results

Written by `make bench` (`Benchmarks/run`); every figure is the median of {settings['rounds']} interleaved rounds of \
{settings['seconds']:g} s. How it is measured: [README.md](README.md).

| | |
| --- | --- |
| date | {about['date']} |
| machine | {about['cpu']}, {about['cores']} cores, {about['memory_gib']} GiB |
| system | {about['system']}, Linux {about['kernel']} |
| headgate | {v['headgate']} (commit {v['commit']}) |
| rivals | {v['pgbouncer']}; {v['haproxy']} |
| server, client | {v['postgres']}; {v['pgbench']} |
| system calls counted with | {settings['syscalls']} |

Server and clients on core 0, proxy on core 1 (headgate-2, two threads: both cores). Transaction mode, pool of 20, trust.
"""
    if about["load"] > 0.5:
        text += f"\n**The machine was busy (load {about['load']:.1f}) when the run began: do not trust these figures.**\n"
    for target, why in skipped.items():
        text += f"\n{target} was not measured: {why}\n"
    return text


def _verdicts(cells: Cells) -> str:
    verdicts = judge(cells)
    measured = [v for v in verdicts if v.ratio is not None]
    met = sum(v.word == "met" for v in measured)
    text = f"\n## Limits\n\n{met} of {len(verdicts)} met, {len(measured) - met} missed, " \
           f"{len(verdicts) - len(measured)} not measured. Headgate with one thread; `×` is to the rival of the row.\n\n"
    rows = []
    for v in verdicts:
        digits = 0 if v.limit.unit == "bytes" else 2
        rows.append([v.limit.text, number(v.ours, digits) + " " + v.limit.unit, number(v.theirs, digits),
                     number(v.ratio) if v.limit.theirs else "–", v.word])
    return text + table(["limit", "headgate", "rival", "×", ""], rows)


def _transactions(cells: Cells, backend: str, workload: str) -> str:
    rival = "extended" if workload == "prepared" else workload
    rows = []
    for clients in cells.clients(backend, workload):
        base = cells.get(backend, rival, clients, THEIRS, "cpu_us")
        for target in cells.targets(backend, workload, ORDER):
            def get(field):
                return cells.get(backend, workload, clients, target, field)
            if (backend, workload, clients, target) not in cells.runs:
                failed = cells.failures.get((backend, workload, clients, target))
                if failed:
                    rows.append([f"{clients} {target}", f"failed: {failed[0]}"] + [""] * 12)
                continue
            cpu = get("cpu_us")
            rows.append([
                f"{clients} {target}", number(get("tps"), 0), number(cpu), number(get("user_us")),
                number(get("system_us")), number(cpu / base) if cpu and base else "–",
                number(get("p50_ms"), 3), number(get("p95_ms"), 3), number(get("p99_ms"), 3),
                number(get("syscalls.total")), number(get("syscalls.wait")), number(get("syscalls.eagain")), number(get("syscalls.epoll_ctl")),
                number(get("switches"))])
    against = "pgbouncer's extended figure" if rival != workload else "pgbouncer"
    return f"CPU in µs per transaction; `×` is CPU to {against}; latencies in ms. System calls per \
transaction: all, of those waiting (epoll_wait), of those answered EAGAIN, epoll_ctl; sleeps are voluntary context \
switches.\n\n" + table(
        ["clients, target", "tx/s", "CPU", "user", "system", "×", "p50", "p95", "p99", "calls/tx",
         "waits/tx", "EAGAIN/tx", "epoll_ctl/tx", "sleeps/tx"], rows)


def _bulk(cells: Cells, backend: str) -> str:
    base = cells.get(backend, "bulk", 0, "haproxy", "cpu_s_per_gib")
    rows = []
    for target in cells.targets(backend, "bulk", ORDER):
        cpu = cells.get(backend, "bulk", 0, target, "cpu_s_per_gib")
        rows.append([target, number(cells.get(backend, "bulk", 0, target, "mib_per_s"), 0), number(cpu),
                     number(cpu / base) if cpu and base else "–"])
    return table(["target", "MiB/s", "CPU s/GiB", "× haproxy"], rows)


def _idle(cells: Cells, backend: str) -> str:
    rows = []
    base = cells.get(backend, "idle", 0, THEIRS, "login_bytes")
    for target in cells.targets(backend, "idle", ORDER):
        login, query = (cells.get(backend, "idle", 0, target, f) for f in ("login_bytes", "query_bytes"))
        empty = cells.get(backend, "idle", 0, target, "empty_bytes")
        rows.append([target, number(login, 0), number(query, 0), number(login / base) if login and base else "–",
                     number(empty / 2**20, 1) if empty else "–"])
    return table(["target", "bytes each, logged in", "after one query", "× pgbouncer", "process without clients, MiB"],
                 rows)


TITLES = {
    "simple": "pgbench -S -M simple", "extended": "pgbench -S -M extended", "prepared": "pgbench -S -M prepared",
    "connect": "A connection for every transaction (pgbench -C)", "bulk": "A result of 1 GiB",
    "idle": "Idle clients",
}


def markdown(document: dict) -> str:
    cells = Cells(document["records"])
    settings = document["settings"]
    text = _header(document["machine"], settings, document["skipped"])
    if any(key[3] == OURS for key in cells.keys()):
        text += _verdicts(cells)
    for backend, title in BACKEND_TITLES.items():
        workloads = [w for w in TITLES if any(key[:2] == (backend, w) for key in cells.keys())]
        if workloads:
            text += f"\n## {title}\n"
        for workload in workloads:
            text += f"\n### {TITLES[workload]}\n\n"
            if workload == "bulk":
                text += _bulk(cells, backend)
            elif workload == "idle":
                text += f"{settings['idle_clients']:,} clients.\n\n" + _idle(cells, backend)
            else:
                text += _transactions(cells, backend, workload)
    failures = [f"- {' '.join(map(str, key))}: {why[0]} ({len(why)} ×)" for key, why in cells.failures.items()]
    if failures:
        text += "\n## Runs that failed\n\n" + "\n".join(failures) + "\n"
    return text
