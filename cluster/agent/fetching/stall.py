"""Waiting by a clock that a test can hold."""

from __future__ import annotations

import asyncio
from types import TracebackType

from actors import Clock, Timer

__all__ = ["Stall", "sleep"]


class Stall:
    """As `asyncio.timeout`, by a clock from outside: what takes longer ends in a TimeoutError. Seconds."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._fired = False
        self._timer: Timer | None = None
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0

    async def __aenter__(self) -> None:
        self._task = asyncio.current_task()
        self._cancelling = self._task.cancelling() if self._task is not None else 0
        self._timer = self._clock.call_at(self._clock.monotonic() + self._seconds, self._expired)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._fired or self._task is None:
            return
        # Whoever cancels the task at the same time has the last word: then it stays a CancelledError.
        if self._task.uncancel() <= self._cancelling and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error

    def _expired(self) -> None:
        self._fired = True
        if self._task is not None:
            self._task.cancel()


async def sleep(clock: Clock, seconds: float) -> None:
    """Wait that long by the clock."""
    over = asyncio.Event()
    timer = clock.call_at(clock.monotonic() + seconds, over.set)
    try:
        await over.wait()
    finally:
        timer.cancel()
