"""One answer for all who ask for the same page, so that a hundred dashboards cost the master what one does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from msgspec import Struct

from cluster.http.snapshot import Snapshots, lasts
from cluster.master import Master

from .seen import Seen, see
from .writing import write

__all__ = ["Answers"]


T = TypeVar("T")


class _Made(Struct, Generic[T], frozen=True):
    value: T
    version: int
    epoch: int
    until: float


class Answers:
    """The latest answer of each page.

    It is made again when something has changed and not too often: every MIN_AGE seconds at most, and so that it takes
    no more than a tenth of the time. Who has changed something by a page of an operator's is shown it at once.
    """

    def __init__(self, master: Master, snapshots: Snapshots) -> None:
        self.made = 0
        """How many answers were made."""
        self._master = master
        self._snapshots = snapshots
        self._known: dict[str, _Made[bytes]] = {}
        self._seen: _Made[Seen] | None = None
        self._making: dict[str, tuple[int, asyncio.Task[bytes]]] = {}

    def see(self) -> Seen:
        """What is seen of the master; to be called in a turn of the master's."""
        return self._look().value

    def _look(self) -> _Made[Seen]:
        seen, snapshots = self._seen, self._snapshots
        if seen is None or not self._lasts(seen):
            begun = self._master.clock.monotonic()
            value = see(self._master)
            now = self._master.clock.monotonic()
            until = now + lasts(now - begun)
            seen = self._seen = _Made(value, snapshots.version, snapshots.epoch, until)
        return seen

    def get(self, page: str, make: Callable[[Seen], Any]) -> Awaitable[bytes]:
        """The page, to be asked for in a turn of the master's; `make` makes it of what is seen in that."""
        snapshots, known = self._snapshots, self._known.get(page)
        if known is not None and self._lasts(known):
            done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            done.set_result(known.value)
            return done
        epoch, task = self._making.get(page, (-1, None))
        if task is None or epoch != snapshots.epoch:
            task = asyncio.get_running_loop().create_task(self._make(page, make, self._look()))
            self._making[page] = snapshots.epoch, task
        # Whoever leaves does not take it from the others.
        return asyncio.shield(task)

    def _lasts(self, made: _Made[Any]) -> bool:
        if made.epoch != self._snapshots.epoch:
            return False
        return made.version == self._snapshots.version or self._master.clock.monotonic() < made.until

    async def _make(self, page: str, make: Callable[[Seen], Any], seen: _Made[Seen]) -> bytes:
        self.made += 1
        try:
            data, seconds = await write(make(seen.value))
        finally:
            if self._making.get(page, (-1, None))[1] is asyncio.current_task():
                del self._making[page]
        until = self._master.clock.monotonic() + lasts(seconds)
        if page not in self._known or self._known[page].epoch <= seen.epoch:
            self._known[page] = _Made(data, seen.version, seen.epoch, until)
        return data
