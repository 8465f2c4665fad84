"""The audit trail as a whole: files, command line, console, disk trouble and sinks. What statements leave in it is in
test_audit_capture.py."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from support import audit
from support.certificates import Authority
from support.pooler import BINARY, KIND
from support.processes import Process, free_port, listening, temporary_directory, wait_until

pytestmark = pytest.mark.skipif(KIND != "headgate", reason="Headgate's own")


def command(*arguments, **more):
    return subprocess.run([BINARY, "audit", *map(str, arguments)], capture_output=True, text=True, timeout=60, **more)


def shown(pooler) -> dict[str, str]:
    return {row["key"]: row["value"] for row in pooler.console("SHOW AUDIT")}


def sink_row(pooler, name: str) -> str:
    return next(value for key, value in shown(pooler).items() if key.startswith("sink.") and key.endswith("." + name))


def stop(pooler):
    pooler.may_end = True
    pooler.stop()


def test_start_and_stop_are_records_and_the_trail_verifies(own_pooler):
    pooler = own_pooler(audit={})
    trail = audit.trail(pooler)
    start = trail.wait("audit.start")[0]
    assert start["headgate"]["policy"]["mode"] == "buffered"
    assert trail.records("lifecycle")[0]["headgate"]["lifecycle"]["phase"] == "start"
    stop(pooler)
    assert [r["event"]["action"] for r in trail.records()][-2:] == ["audit.stop", "lifecycle"]
    report = trail.assert_good("--public-key", str(pooler.directory / "state/audit-public-keys.pem"))
    assert report["signed_sequence"] >= report["last_sequence"] - 2
    pooler.start()
    trail.wait("audit.start", 2)
    pooler.may_end = True
    pooler.process.stop(signal.SIGKILL)
    pooler.start()
    trail.wait("audit.start", 3)
    assert trail.records("lifecycle")[-1]["headgate"]["lifecycle"]["phase"] == "start_after_crash"
    stop(pooler)
    report = trail.assert_good()
    assert report["segments"] == 3 and report["first_sequence"] == 1


def test_show_audit(own_pooler):
    pooler = own_pooler(audit={"mode": "buffered"})
    wait_until(lambda: int(shown(pooler)["durable_sequence"]) >= 3)
    # Who looked is in it.
    read = audit.trail(pooler).wait("audit.read")[0]
    assert read["headgate"]["read"] == {"what": "SHOW AUDIT", "by": "console"} and read["user"]["name"] == "dba"
    rows = shown(pooler)
    assert rows["enabled"] == "yes" and rows["state"] == "recording" and rows["gaps"] == "0"
    assert re.fullmatch("[0-9a-f]{16}", rows["key_id"])
    stop(pooler)
    assert {row["key"]: row["value"] for row in own_pooler().console("SHOW AUDIT")} == {"enabled": "no"}


def test_verify_names_the_first_broken_record(own_pooler):
    pooler = own_pooler(audit={})
    trail = audit.trail(pooler)
    trail.wait("audit.start")
    stop(pooler)
    path = trail.segments[0]
    lines = path.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b'"outcome":"success"', b'"outcome":"failure"')
    path.write_bytes(b"\n".join(lines))
    report = trail.verify()
    assert report["exit"] == 1 and report["first_broken_sequence"] == 2 and report["broken"][0]["kind"] == "altered"
    done = command("verify", trail.directory)
    assert done.returncode == 1 and done.stdout.startswith("BROKEN at record 2")
    assert command("verify").returncode == 2
    assert command("verify", "/nowhere").returncode == 1


def test_reading_is_recorded(own_pooler):
    pooler = own_pooler(audit={})
    trail = audit.trail(pooler)
    trail.wait("audit.start")
    done = command("cat", trail.directory, "--action", "audit.")
    assert done.returncode == 0
    actions = [audit.record(line)["event"]["action"] for line in done.stdout.splitlines()]
    assert "audit.start" in actions and "lifecycle" not in actions
    read = next(r for r in trail.wait("audit.read") if r["headgate"]["read"]["by"] == "headgate audit cat")
    assert "--action audit." in read["headgate"]["read"]["what"]
    assert read["headgate"]["read"]["user"] == f"uid {os.getuid()}"


def test_follow(own_pooler):
    pooler = own_pooler(audit={})
    trail = audit.trail(pooler)
    trail.wait("audit.start")
    reader = subprocess.Popen([BINARY, "audit", "cat", trail.directory, "--follow"], stdout=subprocess.PIPE, text=True)
    try:
        seen = []
        thread = threading.Thread(target=lambda: seen.extend(iter(reader.stdout.readline, "")), daemon=True)
        thread.start()
        # The reading itself is the first thing that is new; then a new file is begun.
        wait_until(lambda: any('"audit.read"' in line for line in seen))
        pooler.process.send(signal.SIGHUP)
        wait_until(lambda: len(trail.segments) > 1 or "rotate" in str(shown(pooler)))
        command("cat", trail.directory)
        wait_until(lambda: sum('"audit.read"' in line for line in seen) >= 2)
    finally:
        reader.kill()
        reader.wait()


def test_a_new_key_takes_over(own_pooler):
    pooler = own_pooler(audit={})
    trail = audit.trail(pooler)
    trail.wait("audit.start")
    before = shown(pooler)["key_id"]
    done = command("rotate-key", "--config", pooler.directory / "headgate.toml")
    assert done.returncode == 0, done.stderr
    pooler.process.send(signal.SIGHUP)
    wait_until(lambda: shown(pooler)["key_id"] != before)
    trail.wait("audit.key_rotated")
    stop(pooler)
    report = trail.assert_good("--public-key", str(pooler.directory / "state/audit-public-keys.pem"))
    assert len(report["keys"]) == 2
    assert not (pooler.directory / "state/audit-key.pem.previous").exists()
    assert (pooler.directory / "state/audit-key.pem").stat().st_mode & 0o777 == 0o600


def test_a_directory_somebody_else_writes_to_is_refused(own_pooler):
    first = own_pooler(audit={})
    audit.trail(first).wait("audit.start")
    other = first.directory / "other.toml"
    other.write_text((first.directory / "headgate.toml").read_text().replace(f":{first.port}", f":{free_port()}"))
    done = subprocess.run([BINARY, "run", "--config", other], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "another process writes its audit trail" in done.stderr


@pytest.fixture
def small_disk():
    """A file system of 8 MiB."""
    directory = temporary_directory("small-disk")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", directory], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted: {done.stderr}")
    (directory / "audit").mkdir()
    yield directory
    subprocess.run(["umount", "-l", directory], check=False)
    shutil.rmtree(directory, ignore_errors=True)


def fill(directory: Path) -> Path:
    path = directory / "fill"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    return path


def test_full_disk(own_pooler, small_disk):
    trail = audit.Trail(small_disk / "audit")
    pooler = own_pooler(
        audit={"directory": str(trail.directory), "emergency_size": "1MiB", "space_left": "0", "admin_space_left": "0"}
    )
    trail.wait("audit.start")
    filler = fill(small_disk)
    # Every look is recorded, and soon finds no room.
    wait_until(lambda: shown(pooler)["state"].startswith("refusing"), 20, what="a full disk")
    assert "disk" in shown(pooler)["state"]
    assert shown(pooler)["emergency_segment"] == "in use"
    assert trail.wait("audit.degraded")
    filler.unlink()
    wait_until(lambda: shown(pooler)["state"] == "recording", 20, what="recovery")
    trail.wait("audit.restored")
    assert pooler.process.alive()
    stop(pooler)
    trail.assert_good()


def _sleep(seconds: float) -> None:
    threading.Event().wait(seconds)


@pytest.fixture
def own_disk():
    """An ext4 of its own, which can be frozen and aborted."""
    directory = temporary_directory("own-disk")
    image = directory.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(24 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    done = subprocess.run(["mount", "-o", "loop", image, directory], capture_output=True, text=True)
    if done.returncode != 0:
        image.unlink()
        pytest.skip(f"no loop device can be mounted: {done.stderr}")
    (directory / "audit").mkdir()
    yield directory
    subprocess.run(["fsfreeze", "-u", directory], check=False, capture_output=True)
    subprocess.run(["umount", "-l", directory], check=False)
    image.unlink()
    shutil.rmtree(directory, ignore_errors=True)


SMALL = {"emergency_size": "1MiB", "space_left": "0", "admin_space_left": "0"}


def test_read_only_disk(own_pooler, own_disk):
    """As an ext4 with errors=remount-ro becomes when its device fails."""
    trail = audit.Trail(own_disk / "audit")
    pooler = own_pooler(audit={"directory": str(trail.directory), **SMALL})
    trail.wait("audit.start")
    subprocess.run(["mount", "-o", "remount,abort", own_disk], check=True)
    wait_until(lambda: shown(pooler)["state"].startswith("refusing"), 20, what="a read-only disk")
    assert "cannot be written" in shown(pooler)["state"]
    with pooler.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert pooler.process.alive()
    stop(pooler)
    assert trail.verify()["first_sequence"] == 1


def test_slow_disk(own_pooler, own_disk):
    trail = audit.Trail(own_disk / "audit")
    pooler = own_pooler(audit={"directory": str(trail.directory), **SMALL})
    trail.wait("audit.start")
    subprocess.run(["fsfreeze", "-f", own_disk], check=True)
    # Nothing waits for the disk but records: the console answers, and says for how long they have waited.
    wait_until(lambda: int(shown(pooler)["oldest_undurable_ms"]) > 500, 20, what="a record that waits")
    subprocess.run(["fsfreeze", "-u", own_disk], check=True)
    wait_until(lambda: int(shown(pooler)["oldest_undurable_ms"]) < 500, 20, what="the disk")
    wait_until(lambda: int(shown(pooler)["durable_sequence"]) > 3)
    assert shown(pooler)["state"] == "recording" and shown(pooler)["gaps"] == "0"
    stop(pooler)
    trail.assert_good()


class Receiver:
    """Takes syslog messages framed by their length (RFC 6587), over TCP, TLS or a unix socket."""

    def __init__(self, family=socket.AF_INET, address=("127.0.0.1", 0), context: ssl.SSLContext | None = None):
        self.messages: list[bytes] = []
        self.stalled = threading.Event()
        self.context = context
        self.socket = socket.socket(family)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(address)
        self.socket.listen()
        self.connections: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return self.socket.getsockname()[1]

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            self.connections.append(connection)
            data = b""
            while True:
                while self.stalled.is_set():
                    _sleep(0.05)
                chunk = connection.recv(65536)
                if not chunk:
                    return
                data += chunk
                while (match := re.match(rb"(\d+) ", data)) and len(data) >= match.end() + int(match[1]):
                    end = match.end() + int(match[1])
                    self.messages.append(data[match.end() : end])
                    data = data[end:]
        except OSError:
            pass

    def cut(self):
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.connections = []

    def records(self) -> list[dict]:
        return [audit.record(message[message.index(b"{") :]) for message in list(self.messages)]

    def sequences(self) -> list[int]:
        return [r["event"]["sequence"] for r in self.records()]

    def close(self):
        self.socket.close()
        self.cut()


def test_syslog_over_tcp(own_pooler):
    receiver = Receiver()
    pooler = own_pooler(audit={}, audit_sinks=[{"type": "syslog", "address": f"127.0.0.1:{receiver.port}"}])
    trail = audit.trail(pooler)
    trail.wait("audit.start")
    wait_until(lambda: "audit.start" in [r["event"]["action"] for r in receiver.records()])
    assert re.match(rb"<110>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ headgate \d+ audit - \{", receiver.messages[0])
    wait_until(lambda: sink_row(pooler, "lag_records") == "0")
    # Lost and made again: nothing is left out.
    receiver.cut()
    command("cat", trail.directory)
    trail.wait("audit.read")
    wait_until(lambda: "audit.sink.up" in [r["event"]["action"] for r in receiver.records()], 20)
    assert trail.records("audit.sink.down")[0]["headgate"]["sink"]["name"] == f"syslog:127.0.0.1:{receiver.port}"
    stop(pooler)
    last = max(r["event"]["sequence"] for r in trail.records(own=True))
    wait_until(lambda: set(receiver.sequences()) == set(range(1, last + 1)), what="every record")
    # A cursor of its own: after a restart it goes on where it was.
    before = len(receiver.messages)
    pooler.start()
    trail.wait("audit.start", 2)
    wait_until(lambda: len(receiver.messages) > before)
    assert min(receiver.sequences()[before:]) >= last - 1
    receiver.close()


def test_syslog_over_tls(own_pooler, tmp_path):
    authority = Authority(tmp_path / "ca")
    pair = authority.sign("receiver", "localhost", "DNS:localhost,IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    receiver = Receiver(context=context)
    pooler = own_pooler(
        audit={},
        audit_sinks=[
            {"type": "syslog", "address": f"127.0.0.1:{receiver.port}", "tls": "verify-full",
             "tls_ca": str(authority.certificate)},
        ],
    )  # fmt: skip
    wait_until(lambda: "audit.start" in [r["event"]["action"] for r in receiver.records()], 20)
    stranger = Authority(tmp_path / "other", "other")
    pooler.options.audit_sinks[0]["tls_ca"] = str(stranger.certificate)
    pooler.reload()
    wait_until(lambda: "certificate" in sink_row(pooler, "state"), 20, what="a receiver that is not trusted")
    receiver.close()


def test_unix_and_stdout(own_pooler, tmp_path):
    path = tmp_path / "sink.sock"
    received = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve():
        connection, _ = listener.accept()
        with connection.makefile("rb") as file:
            received.extend(iter(file.readline, b""))

    threading.Thread(target=serve, daemon=True).start()
    pooler = own_pooler(audit={}, audit_sinks=[{"type": "unix", "address": f"unix:{path}"}, {"type": "stdout"}])
    audit.trail(pooler).wait("audit.start")
    wait_until(lambda: any("audit.start" in r["event"]["action"] for r in map(audit.record, list(received))))
    wait_until(lambda: '"action":"audit.start"' in pooler.log())
    listener.close()


def test_a_stalled_sink_costs_disk_and_not_records(own_pooler):
    receiver = Receiver()
    receiver.stalled.set()
    pooler = own_pooler(
        audit={"rotate_size": "64KiB", "retain_bytes": "64KiB"},
        audit_sinks=[{"type": "syslog", "address": f"127.0.0.1:{receiver.port}"}],
    )
    trail = audit.trail(pooler)
    trail.wait("audit.start")
    for _ in range(4):
        pooler.reload()
        command("cat", trail.directory)
    trail.wait("audit.read")
    receiver.stalled.clear()
    wait_until(lambda: sink_row(pooler, "lag_records") == "0", 20)
    stop(pooler)
    last = max(r["event"]["sequence"] for r in trail.records(own=True))
    wait_until(lambda: set(receiver.sequences()) == set(range(1, last + 1)), what="every record")
    trail.assert_good()
    receiver.close()


@pytest.mark.skipif(not shutil.which("rsyslogd", path="/usr/sbin:/usr/bin"), reason="no rsyslogd")
@pytest.mark.parametrize("tls", [False, True])
def test_rsyslog(own_pooler, tmp_path, tls):
    """A receiver people really have."""
    port = free_port()
    out = tmp_path / "received"
    authority = Authority(tmp_path / "ca")
    pair = authority.sign("receiver", "localhost", "DNS:localhost,IP:127.0.0.1")
    driver = (
        f'''global(defaultNetstreamDriverCAFile="{authority.certificate}" defaultNetstreamDriverCertFile="{pair.certificate}"
            defaultNetstreamDriverKeyFile="{pair.key}")
            module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")'''
        if tls
        else 'module(load="imtcp")'
    )
    configuration = tmp_path / "rsyslog.conf"
    configuration.write_text(
        f"""{driver}
        template(name="raw" type="string" string="%msg:::drop-last-lf%\\n")
        ruleset(name="audit") {{ action(type="omfile" file="{out}" template="raw") }}
        input(type="imtcp" port="{port}" ruleset="audit" address="127.0.0.1")
        """
    )
    daemon = Process(["/usr/sbin/rsyslogd", "-n", "-f", str(configuration), "-i", str(tmp_path / "pid")], tmp_path / "log")
    try:
        wait_until(lambda: listening(port), 20, what=f"rsyslogd\n{daemon.log()}")
        sink = {"type": "syslog", "address": f"127.0.0.1:{port}"}
        if tls:
            sink |= {"tls": "verify-full", "tls_ca": str(authority.certificate)}
        pooler = own_pooler(audit={}, audit_sinks=[sink])
        audit.trail(pooler).wait("audit.start")
        wait_until(
            lambda: out.exists() and any("audit.start" in line for line in out.read_text().splitlines()), 20,
            what=f"a record at rsyslogd\n{daemon.log()}",
        )  # fmt: skip
        for line in out.read_text().splitlines():
            audit.record(line[line.index("{") :])
    finally:
        daemon.stop(signal.SIGTERM)
