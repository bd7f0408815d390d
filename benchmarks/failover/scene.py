"""A cluster under load, whose leading master is lost again and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .crowd import Crowd, CrowdError, Tasks
from .events import Event
from .masters import Masters
from .recovery import Recovery, Seconds

__all__ = ["Loss", "Scene"]

LIMIT = 60.0
"""Seconds until all must be back, beyond the lease's."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What the loss of a leader has cost.

    `ran` and `waited`: seconds for which the next leader has run, and waited for a processor, from its election until
    all were back.
    """

    seconds: Seconds
    ran: float
    waited: float


class Scene:
    """Masters with a lease of `ttl` seconds in the etcd at these endpoints; agents and frameworks."""

    def __init__(self, endpoints: Sequence[str], ttl: int, directory: Path) -> None:
        directory.mkdir()
        self._ttl = ttl
        election = f"etcd://{','.join(endpoints)}/failover-{ttl}"
        self._masters = Masters(election, ttl, directory, self._elected)
        self._crowd = Crowd(election, directory / "crowd.log", self._noted)
        self._scheduled = 0.0, 0.0
        self._recoveries = [Recovery(self._crowd.members, time.monotonic())]

    def _elected(self, leader: str, at: float) -> None:
        self._recoveries[-1].leads(leader, at)
        self._scheduled = self._masters.scheduled()

    def _noted(self, event: Event) -> None:
        self._recoveries[-1].note(event)

    @property
    def unplanned(self) -> int:
        """Elections for which we gave no reason: a leader could not renew its lease in time."""
        return sum(max(0, recovery.elections - 1) for recovery in self._recoveries)

    async def start(self) -> None:
        """Start it, and return when all are there."""
        await self._masters.start()
        await self._crowd.start()
        await self._recovered()

    async def lose(self, how: Callable[[Masters], None]) -> Loss:
        """Lose the leader; return when all are back. CrowdError if that takes very long."""
        while not self._masters.leader:
            await asyncio.sleep(0.05)
        self._recoveries.append(Recovery(self._crowd.members, time.monotonic()))
        how(self._masters)
        seconds = await self._recovered()
        ran, waited = self._masters.scheduled()
        return Loss(seconds, ran - self._scheduled[0], waited - self._scheduled[1])

    async def _recovered(self) -> Seconds:
        end = time.monotonic() + self._ttl + LIMIT
        while (seconds := self._recoveries[-1].seconds()) is None or not self._masters.leader:
            self._crowd.check()
            self._masters.check()
            if time.monotonic() > end:
                missing = self._recoveries[-1].missing()
                raise CrowdError(f"{len(missing)} are not back: {', '.join(missing[:10])}")
            await asyncio.sleep(0.05)
        return seconds

    async def end(self) -> Tasks:
        """Let all tasks end; return what became of them."""
        return await self._crowd.end()

    async def stop(self) -> None:
        """End what is left."""
        await self._crowd.kill()
        await self._masters.stop()
