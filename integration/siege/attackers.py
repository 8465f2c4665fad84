"""Who besieges the front door: clients that begin to log in and go no further, and clients with wrong passwords. Each kind is a
process of its own, which the machine serves last: what is measured is the pooler, not the attack.

python -m siege.attackers half-open|wrong-passwords PORT postgres|mysql COUNT PARALLEL"""

from __future__ import annotations

import asyncio
import itertools
import os
import struct
import sys

from support.mysql_wire import LONG_PASSWORD, PLUGIN_AUTH, PROTOCOL_41, SECURE_CONNECTION
from support.processes import raise_descriptor_limit
from support.wire import SSL_CODE, ScramClient, startup

#: Where they come from; the well-behaved come from 127.0.0.1.
SOURCES = [f"127.0.0.{n}" for n in range(50, 54)]
#: Longer no attacker waits for an answer: it hangs up and tries the next password.
IMPATIENT = 0.05

HALVES = {
    "postgres": [b"", startup("app", "app")[:7], startup("app", "app"), struct.pack("!II", 8, SSL_CODE)],
    "mysql": [b"", b"\x20\0\0", b"\x20\0\0\1\1"],
}


def _mysql_response(user: str) -> bytes:
    """A HandshakeResponse with a proof that is none."""
    body = struct.pack("<IIB23x", LONG_PASSWORD | PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH, 1 << 24, 45)
    body += user.encode() + b"\0\x14" + os.urandom(20) + b"mysql_native_password\0"
    return struct.pack("<I", len(body))[:3] + b"\1" + body


class Attacker:
    def __init__(self, port: int, protocol: str, count: int, parallel: int):
        self.port, self.protocol, self.count, self.parallel = port, protocol, count, parallel
        self.sources = itertools.cycle(SOURCES)

    async def connect(self):
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=(next(self.sources), 0))


class HalfOpen(Attacker):
    """`count` clients that begin and go no further. Whoever is sent away comes again."""

    async def stay(self, number: int) -> None:
        halves = HALVES[self.protocol]
        await asyncio.sleep(number / 2000)
        while True:
            try:
                reader, writer = await self.connect()
            except OSError:
                await asyncio.sleep(1)
                continue
            try:
                writer.write(halves[number % len(halves)])
                while await reader.read(4096):
                    pass
            except OSError:
                pass
            writer.close()
            await asyncio.sleep(10)

    async def attack(self) -> None:
        await asyncio.gather(*(self.stay(number) for number in range(self.count)))


class WrongPasswords(Attacker):
    """`count` logins with wrong passwords, `parallel` at once, half of them of users there are."""

    async def attempt(self, user: str) -> None:
        reader, writer = await self.connect()
        try:
            if self.protocol == "postgres":
                client = ScramClient("wrong")
                writer.write(startup(user, "app"))
                head = await reader.readexactly(5)
                await reader.readexactly(int.from_bytes(head[1:], "big") - 4)
                writer.write(client.first())
                head = await reader.readexactly(9)
                if head[:1] != b"R":
                    raise ConnectionError("sent away")
                challenge = await reader.readexactly(int.from_bytes(head[1:5], "big") - 8)
                writer.write(client.final(challenge))
            else:
                head = await reader.readexactly(4)
                await reader.readexactly(int.from_bytes(head[:3], "little"))
                writer.write(_mysql_response(user))
            try:
                await asyncio.wait_for(reader.read(4096), IMPATIENT)
            except TimeoutError:
                pass
        finally:
            writer.close()

    async def attack(self) -> None:
        left = iter(range(self.count))

        async def one_after_the_other() -> None:
            for number in left:
                while True:
                    try:
                        await self.attempt(("app", "nobody")[number % 2])
                        break
                    except (OSError, EOFError):
                        await asyncio.sleep(0.1)

        await asyncio.gather(*(one_after_the_other() for _ in range(self.parallel)))


if __name__ == "__main__":
    os.nice(19)
    raise_descriptor_limit()
    kind = {"half-open": HalfOpen, "wrong-passwords": WrongPasswords}[sys.argv[1]]
    asyncio.run(kind(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])).attack())
