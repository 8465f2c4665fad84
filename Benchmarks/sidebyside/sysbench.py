"""sysbench's OLTP workloads against one port, and what was measured."""
import math
import re
import subprocess
import time

from .machine import DATABASE, PASSWORD, USER
from .process import resident_bytes, usage
from .workloads import SYSCALL_WINDOW, Failed, on_workload_core

ROWS = 100_000
SCRIPTS = {"point": "oltp_point_select", "read": "oltp_read_only", "write": "oltp_read_write"}
WAYS = {"text": "disable", "prepared": "auto"}
WORKLOADS = tuple(f"{script}-{way}" for script in SCRIPTS for way in WAYS)
WARM_UP = 1
#: Between the ends of the CPU's window and those of sysbench's, which are ahead and behind.
MARGIN = 0.1


def command(port: int, *options) -> list:
    return [
        "sysbench", "--db-driver=mysql", "--mysql-host=127.0.0.1", f"--mysql-port={port}", f"--mysql-user={USER}",
        f"--mysql-password={PASSWORD}", f"--mysql-db={DATABASE}", "--mysql-ssl=off", "--tables=1",
        f"--table-size={ROWS}", *options]


def prepare(port: int) -> None:
    """Fills the table."""
    subprocess.run(command(port, "oltp_read_write", "prepare"), check=True, capture_output=True)


def sysbench(target, workload: str, threads: int, seconds: float, syscall_window=None) -> dict:
    """Runs a workload and measures a window inside the run, after everyone is connected and warm.

    sysbench counts from one checkpoint to the next. CPU is what the kernel charged to the proxy in a window that begins
    and ends a little inside of sysbench's; both are rates, and their quotient is CPU per query.
    """
    script, way = workload.split("-")
    count_calls = bool(syscall_window and target.pid)
    # sysbench's clock has whole seconds. System calls are counted between the first two checkpoints, and what counted them
    # has until the third to end.
    counted = WARM_UP + math.ceil(SYSCALL_WINDOW)
    checkpoints = [WARM_UP, counted, counted + 1] if count_calls else [WARM_UP]
    seconds = math.ceil(seconds)
    whole = on_workload_core(*command(
        target.port, f"--threads={threads}", f"--db-ps-mode={WAYS[way]}", f"--time={checkpoints[-1] + seconds}",
        f"--report-checkpoints={','.join(map(str, checkpoints))}", "--histogram=on", "--percentile=99",
        SCRIPTS[script], "run"))
    bench = subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said, before, after, resident, calls, counting = [], None, None, None, None, None
    try:
        if count_calls:
            counting = syscall_window(target.pid)
        reached = 0
        for text in bench.stdout:
            said.append(text)
            if "Checkpoint report:" not in text:
                continue
            reached += 1
            if counting and reached == 1:
                begin, end, calls = counting.measure(counted - WARM_UP)
                calls = {name: value / (end - begin) for name, value in calls.items()}
            elif reached == len(checkpoints) and target.pid:
                time.sleep(MARGIN)
                before = usage(target.pid)
                time.sleep(seconds - 2 * MARGIN)
                after = usage(target.pid)
                resident = resident_bytes(target.pid)
        bench.wait(60)
    except BaseException:
        if bench.poll() is None:
            bench.kill()
            bench.communicate()
        raise
    finally:
        if counting:
            counting.close()
    if bench.returncode != 0:
        raise Failed(_complaint(said))
    result = _result("".join(said))
    if after:
        used = after - before
        result |= {
            "cpu_us": used.cpu_us / used.at / result["qps"],
            "user_share": used.user_us / max(1, used.user_us + used.system_us),
            "busy": used.cpu_us / 1e6 / used.at,
            "switches": used.switches / used.at / result["qps"],
            "rss_bytes": resident,
        }
    if calls:
        rate = _rates("".join(said))[1][1]
        result["syscalls"] = {name: value / rate for name, value in calls.items()}
    return result


def _rates(text: str) -> list:
    """Transactions and queries a second, of each report."""
    found = re.findall(r"transactions: +\d+ +\(([\d.]+) per sec.*?queries: +\d+ +\(([\d.]+) per sec", text, re.S)
    return [(float(transactions), float(queries)) for transactions, queries in found]


def _complaint(said: list) -> str:
    grave = [line.strip() for line in said if re.search("FATAL|error|invalid", line)]
    return (grave or [line.strip() for line in said if line.strip()] or ["sysbench said nothing"])[0]


def _result(text: str) -> dict:
    rates = _rates(text)
    errors = re.findall(r"ignored errors: +(\d+)", text)
    buckets = [(float(value), int(count)) for value, count in re.findall(r"^ +([\d.]+) \|\**\s+(\d+)$", text, re.M)]
    if not rates or not rates[-1][1] or not buckets:
        raise Failed("no transaction ended in the window")
    return {
        "tps": rates[-1][0], "qps": rates[-1][1], "errors": int(errors[-1]),
        "transactions": sum(count for _, count in buckets),
        **{f"p{share}_ms": _percentile(buckets, share / 100) for share in (50, 95, 99)},
    }


def _percentile(buckets: list, share: float) -> float:
    """The value of the bucket the percentile is in; buckets are 1.8 % apart."""
    wanted = share * sum(count for _, count in buckets)
    for value, count in buckets:
        wanted -= count
        if wanted <= 0:
            return value
    return buckets[-1][0]
