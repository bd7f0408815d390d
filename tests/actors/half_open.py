"""Run in a network of its own by test_half_open.py: two systems, and a cable that is pulled.

`idle`: nothing is under way, the heartbeats find it. `busy`: something was sent that nobody acknowledges.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import sys

from actors import ActorSystem
from actors.sockets import connection

from .probes import Echo, Note, Probe

SIOCSIFFLAGS = 0x8914
IFF_UP = 1
SECOND = {
    socket.TCP_KEEPIDLE: 1,
    socket.TCP_KEEPINTVL: 1,
    socket.TCP_KEEPCNT: 1,
    socket.TCP_USER_TIMEOUT: 1000,
}
"""The same as in earnest, sooner. It is the kernel's time, which no test can pause."""


def set_loopback(flags: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags))


async def main(kind: str) -> None:
    connection.KEEPALIVE.update(SECOND)
    set_loopback(IFF_UP)
    async with asyncio.timeout(20), ActorSystem() as here, ActorSystem() as there:
        watcher, target = Probe(), Probe()
        here.spawn(watcher)
        there.spawn(target)
        watcher.link(target.upid)
        await here.ask(target.upid, Echo())
        set_loopback(0)
        if kind == "busy":
            here.send(target.upid, Note("lost"))
        sys.stdout.write(f"{await watcher.until_exits()}\n")
        set_loopback(IFF_UP)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
