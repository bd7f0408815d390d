"""Work that is done again and again: one timer, and one piece of work at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

__all__ = ["CallLater", "Rounds", "Timer"]

log = logging.getLogger("ostrom.isolation")


class Timer(Protocol):
    """What `asyncio.AbstractEventLoop.call_later` returns."""

    def cancel(self) -> None:
        """Have it not happen."""


CallLater = Callable[[float, Callable[[], None]], Timer]


class Rounds:
    """Calls `work` `interval` seconds after it was started, and then after each end of it: rounds never pile up.

    `call_later` is the running loop's, unless told otherwise. An OSError of the work is logged, and the next round
    comes all the same. ValueError for an interval that is not above 0.
    """

    def __init__(
        self, name: str, interval: float, work: Callable[[], Awaitable[None]], call_later: CallLater | None
    ) -> None:
        if not interval > 0:
            raise ValueError(f"{name}: an interval of {interval!r} s is not above 0")
        self._name = name
        self._interval = interval
        self._work = work
        self._call_later = call_later
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._on = False

    def start(self) -> None:
        """Begin, unless it has."""
        self._on = True
        if self._timer is None and self._task is None:
            call_later = self._call_later or asyncio.get_running_loop().call_later
            self._timer = call_later(self._interval, self._begin)

    def stop(self) -> None:
        """Begin no other round; one that is at work comes to its end."""
        self._on = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self) -> None:
        self._timer = None
        self._task = asyncio.get_running_loop().create_task(self._round())

    async def _round(self) -> None:
        try:
            await self._work()
        except OSError as error:
            log.warning("%s: not all was looked at in this round: %s", self._name, error)
        finally:
            self._task = None
            if self._on:
                self.start()
