"""What one simulated system knows of time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from actors.clock import Timer

__all__ = ["EPOCH", "SimulatedClock"]

EPOCH = 1_700_000_000.0
"""Wall-clock time at the beginning of every simulation, in seconds: the same in each, as the seed says all."""


class SimulatedClock:
    """A clock that is `offset` seconds ahead and runs `rate` times as fast as the simulation's time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, offset: float = 0.0, rate: float = 1.0) -> None:
        if not rate > 0:
            raise ValueError(f"rate is {rate}, not above 0")
        self._loop = loop
        self.offset = offset
        self.rate = rate

    def monotonic(self) -> float:
        """Seconds since the beginning, as this clock counts them."""
        return self._loop.time() * self.rate

    def time(self) -> float:
        """Seconds since the epoch, as this clock shows them."""
        return EPOCH + self.offset + self.monotonic()

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> Timer:
        """A timer by this clock."""
        return self._loop.call_at(when / self.rate, callback, *args)
