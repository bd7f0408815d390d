"""Clocks of elections: a lease runs out while its holder's machine sleeps, too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from actors import Clock, Timer

__all__ = ["BootClock", "sleep"]


class BootClock:
    """Seconds since the machine was started, sleep included, which the event loop's clock does not count."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def monotonic(self) -> float:
        """Those seconds."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def time(self) -> float:
        """The machine's wall clock."""
        return time.time()

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> Timer:
        """A timer of the loop: late by as long as the machine slept."""
        return self._loop.call_later(max(0.0, when - self.monotonic()), callback, *args)


async def sleep(clock: Clock, seconds: float) -> None:
    """Wait for so many seconds of a clock."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    timer = clock.call_at(clock.monotonic() + seconds, _wake, future)
    try:
        await future
    finally:
        timer.cancel()


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
