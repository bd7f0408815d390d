"""What the programs for the peers have in common."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

__all__ = ["QUICK", "pin", "report", "resident", "rounds", "rounds_async"]

QUICK = "--quick" in sys.argv
ROUNDS = 3 if QUICK else 5


def rounds(operations: int, run: Callable[[], object]) -> float:
    """Nanoseconds for one operation: the median of some rounds, the first left out."""
    taken = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        run()
        taken.append((time.perf_counter() - began) / operations * 1e9)
    return median(taken[1:])


async def rounds_async(operations: int, run: Callable[[], Awaitable[object]]) -> float:
    """The same for what is awaited."""
    taken = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        await run()
        taken.append((time.perf_counter() - began) / operations * 1e9)
    return median(taken[1:])


def pin(*pids: int) -> None:
    """Keep this process and these on one processor, every thread, as ours are for the same question."""
    one = {min(os.sched_getaffinity(0))}
    for pid in (os.getpid(), *pids):
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), one)


def resident() -> int:
    """Bytes in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def report(figures: dict[str, float]) -> None:
    """Print the one line."""
    print(json.dumps(figures), flush=True)
