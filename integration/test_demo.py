"""`headgate demo`: every address it prints works, and nothing of it stays, however it ends."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pymysql
import pytest

from support.pooler import BINARY, KIND
from support.processes import free_port, unprivileged, wait_until

pytestmark = pytest.mark.skipif(KIND != "headgate", reason="headgate's own")

READY = "press Ctrl-C"


def port_open(port: int) -> bool:
    with socket.socket() as s:
        s.settimeout(5)
        return s.connect_ex(("127.0.0.1", port)) == 0


class Demo:
    def __init__(self, tmp_path: Path, *options: str, binary: str | Path = BINARY, unprivileged_user: bool = False, prefix: list[str] = ()):  # fmt: skip
        command = [*prefix, str(binary), "demo", *options]
        self.out, self.err = tmp_path / "out", tmp_path / "err"
        with open(self.out, "w") as out, open(self.err, "w") as err:
            self.child = subprocess.Popen(
                unprivileged(*command) if unprivileged_user else command,
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd="/", start_new_session=True,
            )  # fmt: skip

    def ready(self) -> "Demo":
        wait_until(self._answered, 90, what="the demo")
        return self

    def _answered(self) -> bool:
        if self.child.poll() is not None:
            raise RuntimeError(f"the demo ended with {self.child.returncode}: {self.err.read_text()}")
        return "servers' logs" in self.out.read_text()

    def dsns(self) -> list[str]:
        """As printed, each once: the proxy's primary, replica and console, then the servers'."""
        return list(dict.fromkeys(re.findall(r'"(postgresql://[^"]+)"', self.out.read_text())))

    def mysql_dsns(self) -> list[str]:
        """As printed: the proxy's primary and replica, then the servers'."""
        return re.findall(r"\b(mysql://\S+)", self.out.read_text())

    def ports(self) -> list[int]:
        return sorted({urlsplit(dsn).port for dsn in self.dsns() + self.mysql_dsns()})

    def directory(self) -> Path:
        found = re.search(r"in (\S+headgate-demo-\S+)", self.err.read_text())
        assert found, self.err.read_text()
        return Path(found[1])

    def end(self, number: signal.Signals, timeout: float = 30) -> int:
        self.child.send_signal(number)
        return self.child.wait(timeout)

    def processes(self) -> list[str]:
        """Command lines of servers in our directory, and of whoever else has it for an argument."""
        name = str(self.directory()).encode()
        lines = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = path.read_bytes()
            except OSError:
                continue
            if name in line:
                lines.append(line.replace(b"\0", b" ").decode())
        return lines

    def group_alive(self) -> bool:
        """Whether anything of the demo's own session is left."""
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[3]) == self.child.pid and fields[0] != "Z":
                return True
        return False

    def assert_gone(self, ports: list[int]) -> None:
        wait_until(lambda: not self.processes(), 10, what="the servers to end")
        wait_until(lambda: not self.directory().exists(), 10, what="the directory to go")
        assert not [port for port in ports if port_open(port)]
        assert not self.group_alive()


@pytest.fixture
def start(tmp_path):
    made = []

    def make(*options: str, **more) -> Demo:
        made.append(Demo(tmp_path, *options, **more))
        return made[-1]

    yield make
    for demo in made:
        if demo.child.poll() is None:
            demo.end(signal.SIGTERM)


def ask(dsn: str, sql: str) -> list[tuple]:
    with psycopg.connect(dsn, connect_timeout=10, autocommit=True) as connection:
        return connection.execute(sql).fetchall()


def mysql(dsn: str) -> pymysql.Connection:
    parts = urlsplit(dsn)
    return pymysql.connect(
        host=parts.hostname, port=parts.port, user=parts.username, password=parts.password,
        database=parts.path.lstrip("/"), autocommit=True, connect_timeout=10, read_timeout=20,
    )  # fmt: skip


def ask_mysql(dsn: str, sql: str) -> tuple:
    with mysql(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def check_serves(demo: Demo) -> list[int]:
    check_postgres(demo.dsns())
    check_mysql(demo.mysql_dsns())
    return demo.ports()


def check_postgres(dsns: list[str]) -> None:
    assert len(dsns) == 5
    primary, replica, console, direct_primary, direct_replica = dsns
    for dsn in (primary, direct_primary):
        assert ask(dsn, "SHOW cluster_name") == [("primary",)]
        assert ask(dsn, "SELECT count(*) FROM account") == [(5,)]
        assert ask(dsn, "UPDATE account SET balance = balance + 1 WHERE id = 1 RETURNING id") == [(1,)]
    for dsn in (replica, direct_replica):
        assert ask(dsn, "SHOW cluster_name") == [("replica",)]
        assert ask(dsn, "SELECT pg_is_in_recovery()") == [(True,)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            ask(dsn, "DELETE FROM account RETURNING id")
    wait_until(
        lambda: ask(replica, "SELECT balance FROM account WHERE id = 1") == ask(primary, "SELECT balance FROM account WHERE id = 1"),
        10, what="the replica to follow",
    )  # fmt: skip
    with pytest.raises(psycopg.OperationalError, match="password|28P01|authentication"):
        ask(re.sub(r":[0-9a-f]+@", ":wrong@", primary), "SELECT 1")
    check_console(console)


def check_mysql(dsns: list[str]) -> None:
    assert len(dsns) in (2, 4)
    primaries, replicas = dsns[::2], dsns[1::2]
    for dsn in primaries:
        assert ask_mysql(dsn, "SELECT @@report_host, @@read_only") == (("primary", 0),)
        assert ask_mysql(dsn, "SELECT count(*) FROM account") == ((5,),)
        assert ask_mysql(dsn, "UPDATE account SET balance = balance + 1 WHERE id = 1") in ((), [])
    for dsn in replicas:
        assert ask_mysql(dsn, "SELECT @@report_host, @@read_only") == (("replica", 1),)
        assert ask_mysql(dsn, "SHOW SLAVE STATUS")[0][10:12] == ("Yes", "Yes")
        with pytest.raises(pymysql.err.OperationalError, match="read-only"):
            ask_mysql(dsn, "DELETE FROM account")
    balance = "SELECT balance FROM account WHERE id = 1"
    wait_until(
        lambda: ask_mysql(replicas[0], balance) == ask_mysql(primaries[0], balance), 10, what="MariaDB's replica to follow"
    )
    with pytest.raises(pymysql.err.OperationalError, match="1045"):
        ask_mysql(re.sub(r":[0-9a-f]+@", ":wrong@", primaries[0]), "SELECT 1")
    root = re.sub(r"//\w+:[0-9a-f]+@", "//root:@", dsns[-2])
    with pytest.raises(pymysql.err.OperationalError, match="1045"):
        ask_mysql(root, "SELECT 1")


def console_is_there(dsn: str) -> bool:
    """Until the console is built, it says so."""
    try:
        psycopg.connect(dsn, connect_timeout=10).close()
    except psycopg.OperationalError as error:
        if "the console is not ready" in str(error):
            return False
        raise
    return True


def check_console(dsn: str) -> None:
    if not console_is_there(dsn):
        return
    with psycopg.connect(dsn, connect_timeout=10, autocommit=True) as connection:
        cursor = connection.cursor(row_factory=psycopg.rows.dict_row)
        pools = {(row["database"], row["user"]) for row in cursor.execute("SHOW POOLS").fetchall()}
    assert {("demo", "demo"), ("demo_replica", "demo")} <= pools


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_it_prints_works_and_nothing_stays(start, number):
    demo = start().ready()
    ports = check_serves(demo)
    assert demo.end(number) == 0
    demo.assert_gone(ports)


def test_what_it_says_to_try_works(start):
    demo = start().ready()
    console = demo.dsns()[2]
    to_try = demo.out.read_text().partition("to try\n")[2]
    commands = re.findall(r"^      (psql .*|pgbench .*|mariadb .*|mariadb-slap .*)$", to_try, re.MULTILINE)
    assert len(commands) >= 7 + 5
    said = []
    for command in commands:
        if console in command and not console_is_there(console):
            continue
        done = subprocess.run(command.replace("-T 10", "-T 1").replace("=40000", "=4000"), shell=True, capture_output=True, text=True, timeout=60)
        refused = "read-only" in done.stderr
        assert done.returncode == 0 or ("DELETE" in command and refused), f"{command}\n{done.stdout}\n{done.stderr}"
        said.append(done.stdout)
    assert "7MB" in "".join(said) and "ANSI_QUOTES" in "".join(said)
    assert "count(*)\n5\n" in said
    assert "number of failed transactions: 0" in "".join(said)


def test_ports_from_the_base(start):
    base = free_port()
    while any(port_open(base + step) for step in range(6)):
        base = free_port()
    demo = start("--port-base", str(base)).ready()
    assert set(demo.ports()) <= set(range(base, base + 6))
    assert {base, base + 1, base + 2, base + 4, base + 5} <= set(demo.ports())


def test_clients_in_a_transaction_do_not_keep_it(start):
    demo = start().ready()
    ports = demo.ports()
    with psycopg.connect(demo.dsns()[0]) as one, psycopg.connect(demo.dsns()[3]) as two:
        one.execute("UPDATE account SET balance = 0 WHERE id = 2")
        two.execute("UPDATE account SET balance = 0 WHERE id = 3")
        three = mysql(demo.mysql_dsns()[0])
        three.begin()
        three.cursor().execute("UPDATE account SET balance = 0 WHERE id = 2")
        assert demo.end(signal.SIGINT, 15) == 0
        one.close()
        two.close()
    demo.assert_gone(ports)


def test_nothing_stays_even_when_killed(start):
    demo = start().ready()
    ports = demo.ports()
    demo.end(signal.SIGKILL)
    demo.assert_gone(ports)


def test_interrupted_while_it_starts(start):
    demo = start()
    wait_until(lambda: "headgate-demo-" in demo.err.read_text(), 10, what="the first line")
    time.sleep(0.3)
    assert demo.end(signal.SIGINT) == 0
    assert READY not in demo.out.read_text()
    demo.assert_gone([])


@pytest.mark.parametrize("file", ["primary/postmaster.pid", "mysql-replica.pid"])
def test_a_server_that_dies_ends_it(start, file):
    demo = start().ready()
    ports = demo.ports()
    pid = int((demo.directory() / "servers" / file).read_text().split()[0])
    subprocess.run(["kill", "-QUIT", str(pid)], check=True)
    assert demo.child.wait(30) == 1
    assert "a server, ended with" in demo.err.read_text()
    demo.assert_gone(ports)


def test_as_an_ordinary_user(start):
    # Where the checkout is, an ordinary user may not look.
    place = Path(subprocess.check_output(["mktemp", "-d", "/tmp/headgate-binary-XXXXXX"], text=True).strip())
    try:
        shutil.copy(BINARY, place / "headgate")
        place.chmod(0o755)
        demo = start(binary=place / "headgate", unprivileged_user=True).ready()
        ports = check_serves(demo)
        assert demo.end(signal.SIGTERM) == 0
        demo.assert_gone(ports)
    finally:
        shutil.rmtree(place)


def test_a_port_in_use_is_named(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        demo = start("--port-base", str(port))
        assert demo.child.wait(10) == 1
        assert f"port {port} of 127.0.0.1 is in use" in demo.err.read_text()


@pytest.mark.parametrize("options", [["--port-base"], ["--port-base", "0"], ["--port-base=x"], ["now"]])
def test_wrong_usage(start, options):
    demo = start(*options)
    assert demo.child.wait(10) == 2
    assert "usage: headgate demo" in demo.err.read_text()


#: Programs that run what follows without one database's server, in a mount namespace of their own.
WITHOUT = {
    "postgresql": ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /usr/lib/postgresql && exec "$@"', "sh"],
    "mariadb-server": [
        "unshare", "--mount", "sh", "-c", 'mount --bind /dev/null "$(readlink -f /usr/sbin/mariadbd)" && exec "$@"', "sh",
    ],
}  # fmt: skip


def without(*packages: str) -> list[str]:
    command = [word for package in packages for word in WITHOUT[package]]
    if subprocess.run([*command, "true"], capture_output=True).returncode != 0:
        pytest.skip("may not hide a database server from a process")
    return command


def test_without_postgresql_it_is_mariadb(tmp_path, start):
    demo = start(prefix=without("postgresql")).ready()
    assert "apt-get install postgresql\n" in demo.err.read_text()
    check_mysql(demo.mysql_dsns())
    (console,) = demo.dsns()
    with psycopg.connect(console, autocommit=True) as connection:
        assert connection.execute("SHOW VERSION").fetchall()
    ports = demo.ports()
    assert demo.end(signal.SIGINT) == 0
    demo.assert_gone(ports)


def test_without_mariadb_it_is_postgresql(start):
    demo = start(prefix=without("mariadb-server")).ready()
    assert "apt-get install mariadb-server\n" in demo.err.read_text()
    assert demo.mysql_dsns() == []
    check_postgres(demo.dsns())
    ports = demo.ports()
    assert demo.end(signal.SIGINT) == 0
    demo.assert_gone(ports)


def test_without_any_database_the_packages_are_named(start):
    demo = start(prefix=[*without("postgresql"), *without("mariadb-server")])
    assert demo.child.wait(10) == 1
    said = demo.err.read_text()
    assert "apt-get install postgresql\n" in said and "apt-get install mariadb-server\n" in said
