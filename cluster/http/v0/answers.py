"""One answer for all who ask for the same page, so that a hundred dashboards cost the master what one does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from cluster.http.snapshot import MIN_AGE, Snapshots
from cluster.master import Master

from .seen import Seen, see
from .writing import write

__all__ = ["PART", "Answers"]

PART = 0.1
"""The part of the time that goes into a page at most, however often it is asked for."""


class _Answer(Struct, frozen=True):
    version: int
    epoch: int
    until: float
    data: bytes


class Answers:
    """The latest answer of each page.

    It is made again when something has changed and not too often: every MIN_AGE seconds at most, and so that it takes
    no more than PART of the time. Who has changed something by a page of an operator's is shown it at once.
    """

    def __init__(self, master: Master, snapshots: Snapshots) -> None:
        self.made = 0
        """How many answers were made."""
        self._master = master
        self._snapshots = snapshots
        self._known: dict[str, _Answer] = {}
        self._making: dict[str, tuple[int, asyncio.Task[bytes]]] = {}

    def get(self, page: str, make: Callable[[Seen], Any]) -> Awaitable[bytes]:
        """The page, to be asked for in a turn of the master's; `make` makes it of what is seen in that."""
        snapshots, known = self._snapshots, self._known.get(page)
        if known is not None and known.epoch == snapshots.epoch and self._lasts(known):
            done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            done.set_result(known.data)
            return done
        epoch, task = self._making.get(page, (-1, None))
        if task is None or epoch != snapshots.epoch:
            seen = see(self._master)
            task = asyncio.get_running_loop().create_task(
                self._make(page, make, seen, snapshots.version, snapshots.epoch)
            )
            self._making[page] = snapshots.epoch, task
        # Whoever leaves does not take it from the others.
        return asyncio.shield(task)

    def _lasts(self, known: _Answer) -> bool:
        return known.version == self._snapshots.version or self._master.clock.monotonic() < known.until

    async def _make(
        self, page: str, make: Callable[[Seen], Any], seen: Seen, version: int, epoch: int
    ) -> bytes:
        self.made += 1
        try:
            data, seconds = await write(make(seen))
        finally:
            if self._making.get(page, (-1, None))[1] is asyncio.current_task():
                del self._making[page]
        until = self._master.clock.monotonic() + max(MIN_AGE, seconds / PART)
        if page not in self._known or self._known[page].epoch <= epoch:
            self._known[page] = _Answer(version, epoch, until, data)
        return data
