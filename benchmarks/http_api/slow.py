"""A subscriber that does not read, and the others beside it."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import NamedTuple

from .scene import Clients, Scene
from .words import Drop, Latencies, Stall, Subscribe

__all__ = ["BOUND", "Round", "measured"]

BOUND = 4 * 2**20
"""Of what waits for one subscriber here, in bytes: with the 64 MiB of a master it would take longer to see."""
SUBSCRIBERS = 10
INTERVAL = 0.01
"""Seconds between two events to each of them."""
MOMENT = 0.3
LARGE = 64 * 1024
"""Bytes of data in each event to the first; there are 256 in those to the others."""


class Round(NamedTuple):
    """What the others saw: the ages of the events when they came, and for how many seconds that was.

    And when the one that did not read was cut off, in seconds and in bytes that waited, or 0.
    """

    ages: list[float]
    seconds: float
    cut_after: float
    waited: int


class _Warnings(logging.Handler):
    """How many bytes waited for whom was cut off."""

    waited = 0

    def emit(self, record: logging.LogRecord) -> None:
        if "does not read" in record.msg and isinstance(record.args, tuple):
            self.waited = int(str(record.args[1]))


async def measured(scene: Scene, clients: Clients, seconds: float, *, stalled: bool) -> Round:
    """Send to all for so long; the first gets large events.

    If it is `stalled`, it reads none of them, and this ends a moment after it was cut off. RuntimeError if it was not.
    """
    await clients.do(Subscribe("json", scene.address, SUBSCRIBERS))
    (agent,), ids = scene.agents, scene.frameworks()
    await clients.do(Latencies())
    if stalled:
        await clients.do(Stall())
    log, warnings = logging.getLogger("ostrom.http"), _Warnings()
    log.addHandler(warnings)
    began = due = time.monotonic()
    cut_after = 0.0
    try:
        while due < began + seconds:
            for number, framework_id in enumerate(ids):
                agent.tell(framework_id, "task-1", bytes(256 if number else LARGE))
            due += INTERVAL
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if not cut_after and len(scene.frameworks()) < SUBSCRIBERS:
                cut_after = time.monotonic() - began
                seconds = cut_after + MOMENT
    finally:
        log.removeHandler(warnings)
    if stalled != bool(cut_after):
        raise RuntimeError(f"{'nobody' if stalled else 'somebody'} was cut off")
    ages = await clients.do(Latencies())
    await clients.do(Drop())
    await scene.until_gone()
    return Round(ages, due - began, cut_after, warnings.waited)
