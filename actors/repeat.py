"""Periodic timers."""

from __future__ import annotations

from collections.abc import Callable

from .clock import Clock

__all__ = ["Repeat"]


class Repeat:
    """A periodic timer: the next is set when the last fired, from its due time, so that it does not drift.

    `act` is called every `seconds`, until it returns False or the timer is cancelled.
    """

    def __init__(self, clock: Clock, seconds: float, act: Callable[[], bool]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._act = act
        self._due = clock.monotonic() + seconds
        self._timer = clock.call_at(self._due, self._fire)

    def _fire(self) -> None:
        if self._act():
            # A loop that was held up does not catch up with a burst.
            self._due = max(self._due + self._seconds, self._clock.monotonic())
            self._timer = self._clock.call_at(self._due, self._fire)

    def cancel(self) -> None:
        """Do not call any more."""
        self._timer.cancel()
