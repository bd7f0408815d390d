"""What an idle actor takes: the growth of a process that makes a hundred thousand."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from actors import ActorSystem

from .ours import Counter

__all__ = ["bytes_per_actor"]

ACTORS = 100_000


def resident() -> int:
    """Bytes in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def bytes_per_actor() -> float:
    """Bytes of memory for each of many idle actors. To be run in a fresh process."""
    async with ActorSystem() as system:
        for number in range(1000):
            system.spawn(Counter(), f"w{number}")
        await asyncio.sleep(0)
        before = resident()
        for _ in range(ACTORS):
            system.spawn(Counter())
        await asyncio.sleep(0)
        grown = resident() - before
        # Ending them in order is not what is measured.
        os.write(1, f"{grown / ACTORS:.1f}\n".encode())
        os._exit(0)


if __name__ == "__main__":
    asyncio.run(bytes_per_actor())
