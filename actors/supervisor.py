"""Supervisors: actors that start others, and start them again when they fail."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from .actor import Actor
from .errors import ActorError
from .links import NORMAL, SHUTDOWN, Monitor
from .upid import UPID

__all__ = ["Child", "Restart", "RestartIntensityError", "Strategy", "Supervisor"]

log = logging.getLogger("ostrom.actors")


class Restart(enum.Enum):
    """When a child is started again after its end."""

    PERMANENT = "permanent"
    """Always."""
    TRANSIENT = "transient"
    """If it ended for another reason than `normal` or `shutdown`."""
    TEMPORARY = "temporary"
    """Never, and it is forgotten."""


class Strategy(enum.Enum):
    """Who is started again when one child ended."""

    ONE_FOR_ONE = "one for one"
    """That child."""
    ONE_FOR_ALL = "one for all"
    """All, after the others were ended, last first: they are of no use without each other."""
    REST_FOR_ONE = "rest for one"
    """That child and those started after it, which need it."""


class RestartIntensityError(ActorError):
    """More restarts than the supervisor allows: starting again does not help, so it gives up."""


@dataclass(frozen=True, slots=True)
class Child:
    """What a supervisor starts (OTP's child specification).

    `id` is the actor's id, the same after each restart, so that its UPID stays valid. `start` makes the actor;
    `shutdown` is how many seconds its `finalize` has at a shutdown, then it is killed (None: as long as it takes).
    """

    id: str
    start: Callable[[], Actor]
    restart: Restart = Restart.PERMANENT
    shutdown: float | None = 5.0

    def __post_init__(self) -> None:
        if not callable(self.start):
            raise TypeError(
                f"child {self.id!r}: start is {self.start!r}, not a class or function that makes the actor"
            )


class _Running:
    """A child and its present life."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.monitor: Monitor | None = None


class Restarts:
    """The restart intensity: at most so many restarts within so many seconds."""

    def __init__(self, most: int, period: float) -> None:
        self.most = most
        self.period = period
        self._times: deque[float] = deque()

    def allow(self, now: float) -> bool:
        """Note a restart; False if it is one too many."""
        self._times.append(now)
        while self._times[0] <= now - self.period:
            self._times.popleft()
        return len(self._times) <= self.most


class Supervisor(Actor):
    """Starts its children in order, and starts them again by its strategy (OTP's supervisor).

    After more than `max_restarts` within `period` seconds it ends with the reason, and so does what it supervises:
    its own supervisor decides then. When it ends, its children are ended first, the last one first.

    >>> class Worker(Actor):
    ...     pass
    >>> async def main():
    ...     async with ActorSystem() as system:
    ...         system.spawn(Supervisor([Child("db", Worker), Child("web", Worker)], strategy=Strategy.REST_FOR_ONE))
    """

    trap_exits: ClassVar[bool] = True

    def __init__(
        self,
        children: Iterable[Child] = (),
        *,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        max_restarts: int = 3,
        period: float = 5.0,
    ) -> None:
        if max_restarts < 0:
            raise ValueError(f"max_restarts is {max_restarts}, below 0")
        if not period > 0:
            raise ValueError(f"period is {period}, not above 0")
        self.strategy = strategy
        self._children: dict[str, _Running] = {}
        for child in children:
            if child.id in self._children:
                raise ValueError(f"two children with the id {child.id!r}")
            self._children[child.id] = _Running(child)
        self._restarts = Restarts(max_restarts, period)

    def initialize(self) -> None:
        """Start all children, in order."""
        for running in self._children.values():
            self._start(running)

    async def finalize(self) -> None:
        """End all children, the last first."""
        await self._stop(list(self._children.values()))

    @property
    def children(self) -> dict[str, UPID | None]:
        """The children in the order of their start; None for one that has ended and is not started again."""
        return {
            id_: running.monitor.target if running.monitor is not None else None
            for id_, running in self._children.items()
        }

    def start_child(self, child: Child) -> UPID:
        """Start one more. ValueError if its id is taken. To be called in a turn: `system.call(upid, ...)`."""
        if child.id in self._children:
            raise ValueError(f"there is a child {child.id!r} already")
        running = _Running(child)
        upid = self._start(running)
        self._children[child.id] = running
        return upid

    async def stop_child(self, id_: str) -> None:
        """End a child and forget it. KeyError if there is none. To be called in a turn."""
        running = self._children[id_]
        await self._stop([running])
        del self._children[id_]

    async def down(self, monitor: Monitor, reason: str) -> None:
        """A child ended: start again whom the strategy says."""
        ended = next((one for one in self._children.values() if one.monitor is monitor), None)
        if ended is None or self.system.closing:
            return
        ended.monitor = None
        child = ended.child
        if not _starts_again(child.restart, reason):
            if child.restart is Restart.TEMPORARY:
                del self._children[child.id]
            return
        log.warning("%s: %s ended: %s; starting again (%s)", self.upid, child.id, reason, self.strategy.value)
        if not self._restarts.allow(self.clock.monotonic()):
            raise RestartIntensityError(
                f"more than {self._restarts.most} restarts in {self._restarts.period:g} s; "
                f"the last to end was {child.id}: {reason}"
            )
        affected = self._affected(ended)
        await self._stop(affected)
        if self.system.closing:
            return
        for running in affected:
            if running is ended or running.child.restart is not Restart.TEMPORARY:
                self._start(running)
            else:
                del self._children[running.child.id]

    def _affected(self, ended: _Running) -> list[_Running]:
        """Whom an end concerns, in the order of their start."""
        children = list(self._children.values())
        if self.strategy is Strategy.ONE_FOR_ONE:
            return [ended]
        if self.strategy is Strategy.ONE_FOR_ALL:
            return children
        return children[children.index(ended) :]

    def _start(self, running: _Running) -> UPID:
        upid = self.system.spawn(running.child.start(), running.child.id)
        running.monitor = self.monitor(upid)
        return upid

    async def _stop(self, children: list[_Running]) -> None:
        """End those that run, one after the other, the last first."""
        for running in reversed(children):
            if running.monitor is None:
                continue
            self.demonitor(running.monitor)
            self.system.terminate(running.monitor.target, SHUTDOWN)
            await self._ended(running.monitor.target, running.child.shutdown)
            # Not before: if this is cancelled, because the supervisor is to end, then `finalize` waits for it.
            running.monitor = None

    async def _ended(self, upid: UPID, seconds: float | None) -> None:
        waiting = asyncio.ensure_future(self.system.wait(upid))
        if seconds is not None:
            timer = self.clock.call_at(self.clock.monotonic() + seconds, self._overdue, upid, seconds)
            waiting.add_done_callback(lambda _: timer.cancel())
        await waiting

    def _overdue(self, upid: UPID, seconds: float) -> None:
        log.warning("%s: %s did not end within %g s and is killed", self.upid, upid.id, seconds)
        self.system.kill(upid)


def _starts_again(restart: Restart, reason: str) -> bool:
    if restart is Restart.TRANSIENT:
        return reason not in (NORMAL, SHUTDOWN)
    return restart is Restart.PERMANENT
