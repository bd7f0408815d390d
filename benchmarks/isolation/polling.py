"""What it takes to ask what 1,000 containers use."""

from __future__ import annotations

import time
from statistics import median

from benchmarks.report import Row, row
from isolation import Container, Limits

from .box import opened

__all__ = ["polls"]

COUNT = 1000
FULL = 100


async def polls(quick: bool) -> list[Row]:
    """Rows of milliseconds: for processor, memory, throttling and kills of all; and for everything of some."""
    async with opened(groups=True) as box:
        containers: list[Container] = []
        for number in range(COUNT):
            spec = box.spec(f"c{number}", "sleep", "1000", limits=Limits(cpus=0.01, memory=32 << 20))
            containers.append(await box.launcher.launch(spec))
        if box.groups is None:
            raise TypeError("a box without groups")
        core, full = [], []
        for _ in range(5 if quick else 20):
            began = time.perf_counter()
            found = box.groups.poll()
            core.append((time.perf_counter() - began) * 1000)
            if len(found) != COUNT:
                raise RuntimeError(f"{len(found)} of {COUNT} containers were polled")
            began = time.perf_counter()
            for container in containers[:FULL]:
                container.usage()
            full.append((time.perf_counter() - began) * 1000 * COUNT / FULL)
    return [
        row("poll_1000_ms", median(core), "ms", at_most=10),
        row("usage_1000_ms", median(full), "ms"),
    ]
