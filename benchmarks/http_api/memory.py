"""What a subscriber takes, in a fresh process: `python -m benchmarks.http_api.memory KIND COUNT` prints the bytes."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

from actors import run

from .bare import BareServer
from .scene import Clients, Scene, clients
from .words import Kind, Subscribe

__all__ = ["bytes_per_subscriber"]

FIRST = 50
"""That are not counted: with them comes what all share."""


def bytes_per_subscriber(kind: Kind, count: int) -> float:
    """Bytes by which a process grows for each subscriber; the kernel's buffers are not among them."""
    command = [sys.executable, "-m", "benchmarks.http_api.memory", kind, str(count)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def resident() -> int:
    """Bytes in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def grown(clients: Clients, kind: Kind, address: str, count: int) -> float:
    """Bytes for each of so many."""
    await clients.do(Subscribe(kind, address, FIRST))
    before = resident()
    await clients.do(Subscribe(kind, address, count))
    return (resident() - before) / count


async def main(kind: Kind, count: int) -> float:
    """Measure it."""
    async with Scene() as scene, BareServer() as server, clients() as all_clients:
        if kind != "bare":
            return await grown(all_clients, kind, scene.address, count)
        found = await grown(all_clients, kind, server.address, count)
        await server.until(FIRST + count)
        return found


if __name__ == "__main__":
    print(run(main(sys.argv[1], int(sys.argv[2]))))  # type: ignore[arg-type]
