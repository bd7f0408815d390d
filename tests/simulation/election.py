"""An election over simulated masters: sessions that end, and a leader that is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from actors import UPID

__all__ = ["SimulatedContender", "SimulatedDetector", "SimulatedElection"]


class SimulatedElection:
    """The service in which masters contend: whoever contended first leads until its session ends.

    The old leader is told before the next leads. Whoever watches learns of it some time later, each for itself.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, rng: Random, note: Callable[[str], None]) -> None:
        self.leader: UPID | None = None
        self._loop = loop
        self._rng = rng
        self._note = note
        self._candidates: list[SimulatedContender] = []
        self._watchers: dict[SimulatedDetector, float] = {}

    def enter(self, contender: SimulatedContender) -> None:
        """A candidate more."""
        self._candidates.append(contender)
        if len(self._candidates) == 1:
            self._lead()

    def leave(self, contender: SimulatedContender, reason: str) -> None:
        """A candidate less; if it led, the next does so after a while."""
        if contender not in self._candidates:
            return
        led = self._candidates[0] is contender
        self._candidates.remove(contender)
        if contender.end is not None and not contender.end.done():
            contender.end.set_result(reason)
        if led:
            self._tell(None)
            self._loop.call_later(self._rng.uniform(0.01, 2.0), self._lead)

    def expire(self) -> None:
        """The leader's session ends, though it lives."""
        if self._candidates and self.leader is not None:
            self.leave(self._candidates[0], "its session ended")

    def _lead(self) -> None:
        if self._candidates and self.leader is None:
            first = self._candidates[0]
            if not first.won.done():
                first.won.set_result(None)
            self._tell(first.candidate)

    def _tell(self, leader: UPID | None) -> None:
        self.leader = leader
        self._note(f"election: {leader}")
        for detector in self._watchers:
            self._tell_one(detector)

    def _tell_one(self, detector: SimulatedDetector) -> None:
        # In order for each.
        when = max(self._watchers[detector], self._loop.time() + self._rng.expovariate(5.0))
        self._watchers[detector] = when + 1e-6
        self._loop.call_at(when, detector.tell, self.leader)

    def watch(self, detector: SimulatedDetector) -> None:
        """A watcher more: it is told at once who leads, then each change."""
        self._watchers[detector] = 0.0
        self._tell_one(detector)

    def unwatch(self, detector: SimulatedDetector) -> None:
        """A watcher less."""
        self._watchers.pop(detector, None)


class SimulatedContender:
    """A master's side. `crash` is what the service sees when the master's process dies."""

    def __init__(self, election: SimulatedElection) -> None:
        self.candidate: UPID | None = None
        loop = asyncio.get_running_loop()
        self.won: asyncio.Future[None] = loop.create_future()
        self.end: asyncio.Future[str] | None = loop.create_future()
        self._election = election

    @property
    def leads(self) -> bool:
        """The service tells the old leader before there is a new one."""
        return self.won.done() and self.end is not None and not self.end.done()

    async def contend(self, candidate: UPID) -> None:
        """Wait until the candidate leads."""
        self.candidate = candidate
        self._election.enter(self)
        await self.won

    async def lost(self) -> str:
        """Wait until it does no longer."""
        assert self.end is not None
        return await asyncio.shield(self.end)

    async def resign(self) -> None:
        """Leave."""
        self._election.leave(self, "it resigned")

    def crash(self, session_timeout: float) -> None:
        """Its process is gone: the service sees that after a while."""
        self.end = None
        asyncio.get_running_loop().call_later(session_timeout, self._election.leave, self, "it is gone")


class SimulatedDetector:
    """Tells one process who leads, until the process is gone."""

    spread = 0.0

    def __init__(self, election: SimulatedElection) -> None:
        self._election = election
        self._changed: Callable[[UPID | None], None] | None = None

    def watch(self, changed: Callable[[UPID | None], None]) -> None:
        """Call back with the leader now (soon), and at every change."""
        self._changed = changed
        self._election.watch(self)

    async def on_this_machine(self) -> bool:
        """They are elsewhere."""
        return False

    def tell(self, leader: UPID | None) -> None:
        """The election has news."""
        if self._changed is not None:
            self._changed(leader)

    def close(self) -> None:
        """No more; also when its process crashed."""
        self._changed = None
        self._election.unwatch(self)
