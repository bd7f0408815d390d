"""Launches a second of `true`, each waited for: with control groups of five controllers and more, and without."""

from __future__ import annotations

import asyncio
import subprocess
import time
from statistics import median

from benchmarks.report import Row, row
from isolation import Limits

from .box import Box, opened

__all__ = ["launches"]

LIMITS = Limits(cpus=0.5, cpu_quota=0.5, memory=64 << 20, pids=100)
AT_ONCE = 8


async def launches(quick: bool) -> list[Row]:
    """Rows of launches a second."""
    count, rounds = (100, 3) if quick else (400, 5)
    held: list[float] = []
    free: list[float] = []
    bare: list[float] = []
    async with opened(groups=True) as with_groups, opened(groups=False) as without:
        for number in range(rounds):
            held.append(await _rate(with_groups, count, number))
            free.append(await _rate(without, count, number))
            bare.append(await asyncio.to_thread(_bare, count))
    plain = median(free)
    return [
        row("launches_per_second", median(held), "1/s", at_least=400),
        row("launches_with_groups", median(held), "1/s", reference="without", reference_value=plain),
        row("launches_without_groups", plain, "1/s", reference="subprocess", reference_value=median(bare)),
    ]


async def _rate(box: Box, count: int, round_: int) -> float:
    numbers = iter(range(count))

    async def one_after_the_other() -> None:
        for number in numbers:
            container = await box.launcher.launch(box.spec(f"{round_}-{number}", "true", limits=LIMITS))
            await container.wait()

    began = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
    return count / (time.perf_counter() - began)


def _bare(count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        subprocess.run(["true"], check=True)
    return count / (time.perf_counter() - began)
