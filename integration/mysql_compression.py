"""Records what real clients and servers say to one another when they compress: `python mysql_compression.py FILE`.

For Tests/MySQLWireTests/Recorded/compression.txt. A relay between client and server writes down what follows the login, as
it came: C from the client, S from the server.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from support.mariadb import MariaDB
from support.mysql_server import MySQL, why_not
from support.processes import free_port

STATEMENTS = [
    "SELECT 1", "SELECT REPEAT('compressible ', 20000)", "SELECT nothing FROM nowhere",
    "DO LENGTH('" + "sent by the client " * 10000 + "')", "SELECT REPEAT('x', 20000000)",
    "SELECT seq FROM numbers", "DO 1",
]  # fmt: skip


class Relay:
    """Carries one connection and notes the bytes behind the login."""

    def __init__(self, server_port: int):
        self.port = free_port()
        self.server_port = server_port
        self.said: list[tuple[str, bytes]] = []
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _packet(self, source: socket.socket, target: socket.socket) -> bytes:
        data = b""
        while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:3], "little"):
            wanted = 4 if len(data) < 4 else 4 + int.from_bytes(data[:3], "little")
            part = source.recv(wanted - len(data))
            if not part:
                raise EOFError
            data += part
        target.sendall(data)
        return data[4:]

    def _login(self, client: socket.socket, server: socket.socket) -> None:
        self._packet(server, client)
        self._packet(client, server)
        while True:
            payload = self._packet(server, client)
            if payload[0] == 0x00:
                return
            if payload[0] == 0xFF:
                raise EOFError
            # Nothing follows "all is well" but the OK packet.
            if payload != b"\x01\x03":
                self._packet(client, server)

    def _carry(self, side: str, source: socket.socket, target: socket.socket) -> None:
        while part := source.recv(1 << 16):
            with self.lock:
                self.said.append((side, part))
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)

    def _run(self) -> None:
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.server_port))
        with client, server, self.listener:
            self._login(client, server)
            other = threading.Thread(target=self._carry, args=("S", server, client))
            other.start()
            try:
                self._carry("C", client, server)
            except OSError:
                pass
            other.join()

    def recorded(self) -> str:
        lines: list[list] = []
        for side, part in self.said:
            if lines and lines[-1][0] == side:
                lines[-1][1] += part
            else:
                lines.append([side, part])
        return "".join(f"{side} {part.hex()}\n" for side, part in lines)


def run(name: str, server, client: list[str]) -> str:
    relay = Relay(server.port)
    password = server.users()["app"][0]
    command = [*client, "--host=127.0.0.1", f"--port={relay.port}", "--user=app", "--batch", "--force", "app"]
    made = subprocess.run(
        command, input="".join(statement + ";\n" for statement in STATEMENTS).encode(), env=os.environ | {"MYSQL_PWD": password},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
    )  # fmt: skip
    relay.thread.join()
    if len(made.stdout) < 20_000_000 or b"nowhere" not in made.stderr:
        raise RuntimeError(f"{name}: {made.stderr[-2000:]!r}")
    return f"# {name}\n{relay.recorded()}"


def record(server) -> str:
    server.execute(
        "CREATE TABLE IF NOT EXISTS app.numbers (seq INT PRIMARY KEY)",
        "INSERT IGNORE INTO app.numbers VALUES " + ", ".join(f"({number})" for number in range(3000)),
    )
    plain = ["--no-defaults", "--max-allowed-packet=64M"]
    theirs = ["mariadb", *plain, "--skip-ssl"]
    found = run(f"{server.family} by mariadb zlib", server, [*theirs, "--compress"]) if server.family == "mariadb" else ""
    if not why_not():
        ours = [*MySQL.program("usr/bin/mysql"), *plain, "--ssl-mode=DISABLED", "--get-server-public-key"]
        if server.family == "mysql":
            for algorithm in ("zlib", "zstd"):
                found += run(
                    f"mysql by mysql {algorithm}", server,
                    [*ours, f"--compression-algorithms={algorithm}", "--zstd-compression-level=7"],
                )  # fmt: skip
    return found


def main() -> None:
    text = ""
    for make in (MariaDB, MySQL):
        if make is MySQL and why_not():
            print(f"skipped: {why_not()}")
            continue
        server = make()
        try:
            text += record(server.create())
        finally:
            server.remove()
    Path(sys.argv[1]).write_text(text)


if __name__ == "__main__":
    main()
