"""Host names whose addresses a test changes: a library in front of the pooler's getaddrinfo reads them from a file."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

from .processes import temporary_directory

SOURCE = Path(__file__).with_name("hosts.c")


class Hosts:
    def __init__(self):
        self.directory = temporary_directory("hosts")
        library = self.directory / "hosts.so"
        compiler = shutil.which("cc") or shutil.which("clang") or "gcc"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"], check=True)
        self.file = self.directory / "hosts"
        self.env = {"LD_PRELOAD": str(library), "HEADGATE_TEST_HOSTS": str(self.file)}

    def set(self, name: str, address: str | None) -> None:
        """From now on; None is a name that does not exist."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{name} {address or '-'}\n")
        os.replace(new, self.file)

    def remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


class Forwarder:
    """Another address of the same server."""

    def __init__(self, host: str, port: int):
        self.listener = socket.create_server((host, port))
        self.port = port
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                a, _ = self.listener.accept()
            except OSError:
                return
            b = socket.create_connection(("127.0.0.1", self.port))
            for source, target in ((a, b), (b, a)):
                threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            target.close()

    def close(self) -> None:
        self.listener.close()
