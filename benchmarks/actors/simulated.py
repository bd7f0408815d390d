"""In simulated time: local messages for a second of real time, and a day with one timer a minute."""

from __future__ import annotations

import asyncio
import time
from statistics import median

from actors.simulation import Simulation

from .ours import STATUS, Counter, Status

__all__ = ["measure_simulation"]

BURST = 1000


async def messages(simulation: Simulation) -> float:
    """Messages a second, in bursts with virtual time between them."""
    system = await simulation.start("here")
    upid = system.spawn(Counter())
    message = Status(**STATUS)
    bursts = 200
    began = time.perf_counter()
    for _ in range(bursts):
        for _ in range(BURST):
            system.send(upid, message)
        await asyncio.sleep(0.001)
    return bursts * BURST / (time.perf_counter() - began)


async def day(simulation: Simulation) -> float:
    """Milliseconds for a virtual day."""
    system = await simulation.start("here")
    upid = system.spawn(Counter())
    system.every(upid, 60, lambda: None)
    began = time.perf_counter()
    await asyncio.sleep(86_400)
    return (time.perf_counter() - began) * 1e3


def measure_simulation(quick: bool) -> tuple[float, float]:
    """Medians of both."""
    rounds = range(3 if quick else 9)
    return (
        median(Simulation(seed).run(messages) for seed in rounds),
        median(Simulation(seed).run(day) for seed in rounds),
    )
