"""Writes the results as Markdown: a part for each protocol, each of which a run may leave as it was."""
import re

from .limits import OURS, THEIRS, judge
from .medians import Cells
from .plan import BACKENDS
from .sysbench import WORKLOADS

ORDER = ["direct", "pgbouncer", "haproxy", "router", "headgate-1", "headgate-2"]
BACKEND_TITLES = {"instant": "Instant backend", "real": "Real PostgreSQL",
                  "instant-mysql": "Instant backend", "mariadb": "Real MariaDB"}
PART_TITLES = {"postgres": "# Results: PostgreSQL", "mysql": "# Results: MySQL and MariaDB"}
RUN_AS = {
    "postgres": ("Server and clients on core 0, proxy on core 1 (headgate-2, two threads: both cores). Transaction mode, pool of "
                 "20, trust."),
    "mysql": ("Server and sysbench on core 0, proxy on core 1 (headgate-2, two threads: both cores). Transaction mode, pool of "
              "16, mysql_native_password."),
}


def number(value, digits: int = 2) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def table(head: list, rows: list) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join([" --- "] + [" ---: "] * (len(head) - 1)) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _header(protocol: str, about: dict, settings: dict, skipped: dict) -> str:
    v = about["versions"]
    rivals, tools = f"{v['pgbouncer']}; {v['haproxy']}", f"{v['postgres']}; {v['pgbench']}"
    if protocol == "mysql":
        rivals, tools = f"{v['haproxy']}; {v['router']}", f"mariadbd {v['mariadb']}; {v['sysbench']}"
    text = f"""{PART_TITLES[protocol]}

Written by `make bench` (`Benchmarks/run`); every figure is the median of {settings['rounds']} interleaved rounds of \
{settings['seconds']:g} s. How it is measured: [README.md](README.md).

| | |
| --- | --- |
| date | {about['date']} |
| machine | {about['cpu']}, {about['cores']} cores, {about['memory_gib']} GiB |
| system | {about['system']}, Linux {about['kernel']} |
| headgate | {v['headgate']} (commit {v['commit']}) |
| rivals | {rivals} |
| server, client | {tools} |
| system calls counted with | {settings['syscalls']} |

{RUN_AS[protocol]}
"""
    if about["load"] > 0.5:
        text += f"\n**The machine was busy (load {about['load']:.1f}) when the run began: do not trust these figures.**\n"
    for target, why in skipped.items():
        text += f"\n{target} was not measured: {why}\n"
    return text


def _verdicts(cells: Cells, protocol: str) -> str:
    verdicts = judge(cells, protocol)
    measured = [v for v in verdicts if v.ratio is not None]
    met = sum(v.word == "met" for v in measured)
    text = f"\n## Limits\n\n{met} of {len(verdicts)} met, {len(measured) - met} missed, " \
           f"{len(verdicts) - len(measured)} not measured. Headgate with one thread; `×` is to the rival of the row.\n\n"
    rows = []
    for v in verdicts:
        digits = 0 if v.limit.unit in ("bytes", "/s") else 2
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


def _queries(cells: Cells, backend: str, workload: str) -> str:
    rows = []
    for threads in cells.clients(backend, workload):
        def of(target, field, threads=threads):
            return cells.get(backend, workload, threads, target, field)
        base, straight = of("haproxy", "cpu_us"), of("direct", "qps")
        for target in cells.targets(backend, workload, ORDER):
            if (backend, workload, threads, target) not in cells.runs:
                failed = cells.failures.get((backend, workload, threads, target))
                if failed:
                    rows.append([f"{threads} {target}", f"failed: {failed[0]}"] + [""] * 13)
                continue
            cpu, qps, rss = of(target, "cpu_us"), of(target, "qps"), of(target, "rss_bytes")
            rows.append([
                f"{threads} {target}", number(of(target, "tps"), 0), number(qps, 0),
                number(qps / straight) if straight else "–", number(cpu), number(of(target, "user_us")),
                number(of(target, "system_us")), number(cpu / base) if cpu and base else "–",
                *(number(of(target, field), 3) for field in ("p50_ms", "p95_ms", "p99_ms")),
                *(number(of(target, f"syscalls.{name}")) for name in ("total", "wait", "eagain")),
                number(rss / 2**20, 1) if rss else "–"])
    return "CPU in µs per query; `×` is CPU to haproxy; latencies of a transaction in ms, from a histogram whose buckets are " \
        "1.8 % apart. System calls per query: all, of those waiting (epoll_wait), of those answered EAGAIN. RSS of the " \
        "process in MiB.\n\n" + table(
            ["threads, target", "tx/s", "queries/s", "of direct", "CPU", "user", "system", "×", "p50", "p95", "p99",
             "calls/query", "waits/query", "EAGAIN/query", "RSS"], rows)


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
    **{f"{script}-{way}": f"sysbench {name}, {way}" for way in ("text", "prepared")
       for script, name in (("point", "oltp_point_select"), ("read", "oltp_read_only"), ("write", "oltp_read_write"))},
}


def markdown(document: dict, before: str = "") -> str:
    """The results; of a protocol that was not run, what `before` says of it."""
    parts = {protocol: _part_of(before, title) for protocol, title in PART_TITLES.items()}
    for protocol in parts:
        records = [r for r in document["records"] if BACKENDS[r["backend"]].protocol == protocol]
        if records:
            parts[protocol] = _part(protocol, Cells(records), document)
    return "\n".join(part for part in parts.values() if part)


def _part_of(text: str, title: str) -> str:
    found = re.search(rf"^{re.escape(title)}\n.*?(?=^# |\Z)", text, re.M | re.S)
    return found[0].rstrip("\n") + "\n" if found else ""


def _part(protocol: str, cells: Cells, document: dict) -> str:
    settings = document["settings"]
    measured = {key[3] for key in cells.keys()}
    skipped = {target: why for target, why in document["skipped"].items() if target not in measured}
    text = _header(protocol, document["machine"], settings, skipped)
    if any(key[3] == OURS for key in cells.keys()):
        text += _verdicts(cells, protocol)
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
            elif workload in WORKLOADS:
                text += _queries(cells, backend, workload)
            else:
                text += _transactions(cells, backend, workload)
    failures = [f"- {' '.join(map(str, key))}: {why[0]} ({len(why)} ×)" for key, why in cells.failures.items()]
    if failures:
        text += "\n## Runs that failed\n\n" + "\n".join(failures) + "\n"
    return text
