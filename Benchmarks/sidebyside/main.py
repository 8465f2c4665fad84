"""The command line of Benchmarks/run."""
import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from . import machine, mysql_router, plan, syscalls
from .report import markdown
from .targets import all_targets


def arguments():
    parser = argparse.ArgumentParser(
        prog="Benchmarks/run", description="Measures Headgate beside PgBouncer, HAProxy and no proxy at all.")
    parser.add_argument("--protocol", choices=plan.PROTOCOLS, help="only this one's part of the plan")
    parser.add_argument("--rounds", type=int, default=5, help="medians are of this many rounds (5)")
    parser.add_argument("--seconds", type=float, default=3, help="length of each measured window (3)")
    parser.add_argument(
        "--only", action="append", default=[], metavar="WORD[,WORD]",
        help="targets (direct pgbouncer haproxy router headgate-1 headgate-2), backends (instant real instant-mysql mariadb), "
        "workloads (simple extended prepared connect idle bulk; point read write, each -text or -prepared) or client "
        "counts; words of one kind add up, kinds narrow down")
    parser.add_argument("--quick", action="store_true", help="one short round at 16 and 64 clients: does it all work?")
    parser.add_argument("--headgate", type=Path, default=machine.REPOSITORY / ".build/release/headgate", metavar="PATH")
    parser.add_argument("--no-syscalls", action="store_true", help="do not count system calls")
    parser.add_argument("--output", type=Path, metavar="FILE",
                        help="default Benchmarks/RESULTS.md for whole runs, .build/bench/RESULTS.md otherwise")
    parser.add_argument("--report", type=Path, metavar="JSON", help="write the report of an earlier run, measure nothing")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    partial = bool(options.only) or options.quick or options.rounds < 3
    output = options.output or (machine.BUILD if partial else machine.REPOSITORY / "Benchmarks") / "RESULTS.md"
    if options.report:
        output.write_text(markdown(json.loads(options.report.read_text()), _text(output)))
        print(f"wrote {output}")
        return 0

    protocols = [options.protocol] if options.protocol else list(plan.PROTOCOLS)
    targets = [*all_targets(options.headgate.absolute()), mysql_router.MySQLRouter()]
    only = plan.Only([word for words in options.only for word in words.split(",")], targets)
    if only.unknown:
        print(f"--only does not know: {', '.join(only.unknown)}", file=sys.stderr)
        return 2
    counting = None if options.no_syscalls else syscalls.counter()
    settings = plan.Options(options.rounds, options.seconds, syscall_window=counting)
    clients = plan.CLIENTS
    if options.quick:
        settings = plan.Options(1, 1, 1000, 256, counting)
        clients = dict.fromkeys(plan.PROTOCOLS, (16, 64))
    wanted = [part for protocol in protocols for section in plan.sections(protocol, clients[protocol])
              if (part := only.narrow(section))]

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    machine.raise_descriptor_limit()
    machine.BUILD.mkdir(parents=True, exist_ok=True)
    about = machine.describe(options.headgate)
    about["versions"]["router"] = mysql_router.version()
    fast = Path("/dev/shm")
    scratch = Path(tempfile.mkdtemp(prefix="headgate-bench-", dir=fast if fast.is_dir() else None))
    scratch.chmod(0o755)
    runner = plan.Runner([t for t in targets if only.target(t)], settings, scratch,
                         say=lambda text: print(text, flush=True))
    interrupted = False
    try:
        runner.run(wanted)
    except KeyboardInterrupt:
        interrupted = True
        print("interrupted: reporting what there is", file=sys.stderr)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)

    document = {
        "machine": about,
        "settings": {"rounds": settings.rounds, "seconds": settings.seconds, "idle_clients": settings.idle_clients,
                     "bulk_mebibytes": settings.bulk_mebibytes, "syscalls": _way_of_counting(counting)},
        "skipped": runner.skipped, "records": runner.records,
    }
    raw = machine.BUILD / time.strftime("run-%Y%m%d-%H%M%S.json")
    raw.write_text(json.dumps(document, indent=1))
    if interrupted and not options.output:
        output = machine.BUILD / "RESULTS.md"
    output.write_text(markdown(document, "" if partial else _text(output)))
    print(f"wrote {output} and {raw}")
    return 130 if interrupted else 0


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _way_of_counting(window) -> str:
    return {syscalls.PerfWindow: "perf stat (tracepoints)", syscalls.StraceWindow: "strace -c"}.get(window, "not counted")
