"""How long it takes until nothing is left of processes that fork, leave their session, and ignore signals."""

from __future__ import annotations

import asyncio
import time
from statistics import median

from benchmarks.report import Row, row

from .box import Box, opened

__all__ = ["kills"]

HOSTILE = """\
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("here", flush=True)
for _ in range(12):
    if os.fork() == 0:
        os.setsid()
        while True:
            if os.fork():
                time.sleep(0.0005)
                os._exit(0)
            os.setsid()
while True:
    time.sleep(0.001)
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        pass
"""


async def kills(quick: bool) -> list[Row]:
    """Rows of milliseconds, of 20 kills; without groups for comparison."""
    count = 8 if quick else 20
    held, free = [], []
    async with opened(groups=True) as with_groups, opened(groups=False) as without:
        for number in range(count):
            held.append(await _kill(with_groups, f"k{number}"))
            free.append(await _kill(without, f"k{number}"))
    return [
        row("kill_ms", max(held), "ms", at_most=100),
        row("kill_median_ms", median(held), "ms", reference="without groups", reference_value=median(free)),
        row("kill_without_groups_ms", max(free), "ms"),
    ]


async def _kill(box: Box, id_: str) -> float:
    container = await box.launcher.launch(box.spec(id_, "python3", "-c", HOSTILE))
    output = box.path / f"{id_}.out"
    while not output.stat().st_size:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    began = time.perf_counter()
    await container.destroy()
    return (time.perf_counter() - began) * 1000
