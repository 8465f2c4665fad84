"""haproxy in front of a pooler, which it tells by PROXY headers for whom it connects."""

from __future__ import annotations

import shutil
import signal

from .processes import Process, free_port, listening, mortal, temporary_directory, wait_until

#: Where it comes from: whoever else tests connect from is somebody else.
SOURCE = "127.0.0.9"


class HAProxy:
    """Passes on what comes to `port` to `target`, an address of haproxy's; `how` is `send-proxy` or `send-proxy-v2`, with more."""

    def __init__(self, target: str, how: str):
        self.directory = temporary_directory("haproxy")
        self.port = free_port()
        source = "" if target.startswith("unix@") else f"source {SOURCE}"
        (self.directory / "haproxy.cfg").write_text(
            "global\n  maxconn 200\n"
            "defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n"
            f"listen pooler\n  bind 127.0.0.1:{self.port}\n  bind [::1]:{self.port}\n"
            f"  server one {target} {how} {source}\n"
        )

    def start(self) -> "HAProxy":
        command = mortal("/usr/sbin/haproxy", "-db", "-f", str(self.directory / "haproxy.cfg"), signal_name="KILL")
        self.process = Process(command, self.directory / "haproxy.log")
        wait_until(lambda: listening(self.port) or not self.process.alive(), 10, what="haproxy")
        assert self.process.alive(), self.process.log()
        return self

    def remove(self) -> None:
        self.process.stop(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)
