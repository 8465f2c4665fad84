"""The limits Headgate is held to, each as one row: what, against what, at most how many times."""
from dataclasses import dataclass

OURS = "headgate-1"  # one thread, as the rivals have
THEIRS = "pgbouncer"


@dataclass(frozen=True)
class Limit:
    text: str
    ours: tuple       # backend, workload, clients, target, field
    theirs: tuple     # the same of the rival; () = `most` is absolute
    most: float
    unit: str
    is_least: bool = False  # `most` is the least it may be: for what is better when larger


def _count(clients: int) -> str:
    return "1 client" if clients == 1 else f"{clients} clients"


def _cpu(backend: str, mode: str, clients: int, most: float) -> Limit:
    # Debian's pgbouncer cannot do prepared statements in transaction mode: there the ratio is to its extended figure.
    rival = "extended" if mode == "prepared" else mode
    against = f"pgbouncer's{' extended' if mode != rival else ''}"
    return Limit(
        f"{backend}, {mode}, {_count(clients)}: CPU ≤ {most} × {against}",
        (backend, mode, clients, OURS, "cpu_us"), (backend, rival, clients, THEIRS, "cpu_us"), most, "µs")


def _user(backend: str, mode: str, clients: int) -> Limit:
    rival = "extended" if mode == "prepared" else mode
    return Limit(
        f"{backend}, {mode}, {clients} clients: user-mode CPU ≤ 2 × pgbouncer's",
        (backend, mode, clients, OURS, "user_us"), (backend, rival, clients, THEIRS, "user_us"), 2.0, "µs")


def _calls(mode: str, clients: int) -> Limit:
    return Limit(
        f"instant, {mode}, {_count(clients)}: ≤ 4.5 system calls per transaction",
        ("instant", mode, clients, OURS, "syscalls.total"), (), 4.5, "calls")


def limits_of(protocol: str) -> list:
    return _postgres() if protocol == "postgres" else _mysql()


def _mysql() -> list:
    limits = []
    for workload in ("point-text", "point-prepared"):
        for clients in (16, 64):
            def both(field, target, place=("mariadb", workload, clients)):
                return (*place, target, field)
            name = f"{' '.join(reversed(workload.split('-')))} select, {clients} threads"
            limits += [
                Limit(f"{name}: CPU per query ≤ 1.1 × haproxy's", both("cpu_us", OURS), both("cpu_us", "haproxy"),
                      1.1, "µs"),
                Limit(f"{name}: queries a second ≥ haproxy's", both("qps", OURS), both("qps", "haproxy"), 1.0, "/s",
                      is_least=True)]
    return limits


def _postgres() -> list:
    limits = []
    for mode in ("simple", "extended"):
        limits += [_cpu("instant", mode, clients, most)
                   for clients, most in ((1, 1.0), (16, 1.0), (64, 0.85), (200, 0.85))]
    limits.append(_cpu("instant", "prepared", 64, 1.0))
    for mode in ("simple", "extended", "prepared"):
        limits += [_calls(mode, clients) for clients in (1, 16, 64, 200, 2000)]
    for mode in ("simple", "extended", "prepared"):
        limits += [_cpu("real", mode, clients, most)
                   for clients, most in ((1, 1.0), (16, 1.0), (64, 0.95), (200, 0.95), (2000, 0.95))]
    for mode in ("simple", "extended", "prepared"):
        rival = "extended" if mode == "prepared" else mode
        limits.append(Limit(
            f"real, {mode}, 200 clients: p99 ≤ pgbouncer's", ("real", mode, 200, OURS, "p99_ms"),
            ("real", rival, 200, THEIRS, "p99_ms"), 1.0, "ms"))
    for backend in ("instant", "real"):
        for mode in ("simple", "extended", "prepared"):
            limits += [_user(backend, mode, clients) for clients in (16, 64, 200)]
    limits += [
        Limit("idle client, logged in: memory ≤ pgbouncer's", ("instant", "idle", 0, OURS, "login_bytes"),
              ("instant", "idle", 0, THEIRS, "login_bytes"), 1.0, "bytes"),
        Limit("idle client, after a query: memory ≤ pgbouncer's", ("instant", "idle", 0, OURS, "query_bytes"),
              ("instant", "idle", 0, THEIRS, "query_bytes"), 1.0, "bytes"),
        Limit("1 GiB result, instant: CPU ≤ 1.1 × haproxy's", ("instant", "bulk", 0, OURS, "cpu_s_per_gib"),
              ("instant", "bulk", 0, "haproxy", "cpu_s_per_gib"), 1.1, "s/GiB"),
        Limit("1 GiB result, real: CPU ≤ 1.1 × haproxy's", ("real", "bulk", 0, OURS, "cpu_s_per_gib"),
              ("real", "bulk", 0, "haproxy", "cpu_s_per_gib"), 1.1, "s/GiB"),
    ]
    return limits


@dataclass(frozen=True)
class Verdict:
    limit: Limit
    ours: float | None
    theirs: float | None

    @property
    def ratio(self):
        if self.ours is None:
            return None
        if not self.limit.theirs:
            return self.ours
        return self.ours / self.theirs if self.theirs else None

    @property
    def word(self) -> str:
        if self.ratio is None:
            return "not measured"
        over = self.ratio / self.limit.most - 1
        if self.limit.is_least:
            over = -over
        return "met" if over <= 0 else f"**missed by {100 * over:.0f} %**"


def judge(cells, protocol: str) -> list:
    return [Verdict(limit, cells.get(*limit.ours), cells.get(*limit.theirs) if limit.theirs else None)
            for limit in limits_of(protocol)]
