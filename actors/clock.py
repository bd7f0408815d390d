"""Time, given to a system from outside: real, or paused and advanced by a test."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Clock", "LoopClock", "PausedClock", "Timer"]


class Timer(Protocol):
    """A call that will be made, until it is cancelled."""

    def cancel(self) -> None:
        """Do not make the call. No effect once it was made."""


class Clock(Protocol):
    """What an actor system knows of time. Seconds, as floats."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""

    def time(self) -> float:
        """Seconds since the epoch."""

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call back when `monotonic()` has reached `when`."""


class LoopClock:
    """The running event loop's time, and the machine's."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        # The bound method itself: a wrapper would cost each ask twice as much.
        self.monotonic: Callable[[], float] = self._loop.time
        """The loop's time."""

    def time(self) -> float:
        """The machine's wall clock."""
        return time.time()

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> Timer:
        """A timer of the loop."""
        return self._loop.call_at(when, callback, *args)


class _Entry:
    __slots__ = ("args", "callback", "when")

    def __init__(self, when: float, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.when = when
        self.callback: Callable[..., object] | None = callback
        self.args = args

    def cancel(self) -> None:
        self.callback = None
        self.args = ()


class PausedClock:
    """Time that stands still until `step_to` moves it: for tests and simulations.

    `actors.testing.advance` moves it and lets the actors work between one timer and the next.
    """

    def __init__(self, start: float = 1_000_000.0) -> None:
        self._now = start
        self._count = 0
        self._queue: list[tuple[float, int, _Entry]] = []

    def monotonic(self) -> float:
        """The time this clock stands at."""
        return self._now

    def time(self) -> float:
        """The same: the epoch of a paused clock is its zero."""
        return self._now

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> Timer:
        """A timer that fires when the clock is moved to or past `when`."""
        entry = _Entry(when, callback, args)
        self._count += 1
        heapq.heappush(self._queue, (when, self._count, entry))
        return entry

    def next_timer(self) -> float | None:
        """When the next timer is due, or None if there is none."""
        while self._queue and self._queue[0][2].callback is None:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def step_to(self, when: float) -> None:
        """Move to `when` and fire what is due by then, in order. ValueError if it lies in the past."""
        if when < self._now:
            raise ValueError(f"time cannot go back from {self._now} to {when}")
        while (due := self.next_timer()) is not None and due <= when:
            self._now = max(self._now, due)
            _, _, entry = heapq.heappop(self._queue)
            callback, args = entry.callback, entry.args
            entry.cancel()
            if callback is not None:
                callback(*args)
        self._now = when
