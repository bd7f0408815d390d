"""Simulation: a seed, a scenario, what happened."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, Self, TypeVar

from actors.system import ActorSystem

from .clock import SimulatedClock
from .loop import SimulatedLoop, SimulationError
from .network import SimulatedNetwork, SimulatedTransport

__all__ = ["Simulation"]

T = TypeVar("T")


class Simulation:
    """Runs a scenario: a coroutine function that is given the simulation, starts systems in it, and is done.

    All that is left to chance comes from `seed`: latencies, and what the scenario draws from `rng`. So the same seed
    gives the same events, which `trace` lists: each message between systems when it arrives, each connection made
    or lost, crashes and partitions. `trace` is kept unless `keep_trace` is False; `digest` is of it in any case.
    """

    def __init__(self, seed: int = 0, *, keep_trace: bool = True) -> None:
        self.seed = seed
        self.rng = Random(f"scenario/{seed}")  # noqa: S311 - it is to be repeatable
        self.trace: list[str] = []
        self.systems: dict[str, ActorSystem] = {}
        self.disks: dict[str, dict[str, Any]] = {}
        """What each system finds again after a crash: a dict for each name, made by `disk`."""
        self._keep_trace = keep_trace
        self._digest = hashlib.sha256()
        self._transports: dict[str, SimulatedTransport] = {}
        self._clocks: dict[str, tuple[float, float]] = {}
        self._loop: SimulatedLoop | None = None
        self._network: SimulatedNetwork | None = None

    def run(self, scenario: Callable[[Self], Awaitable[T]]) -> T:
        """Run a scenario from its beginning to its end; return what it returns.

        SimulationError if nothing is left to happen and it still waits. To be called outside of any event loop,
        once.
        """
        if self._loop is not None:
            raise SimulationError("a simulation runs once; make another, with the same seed")
        loop = self._loop = SimulatedLoop()
        self._network = SimulatedNetwork(loop, Random(f"network/{self.seed}"), self.note)  # noqa: S311
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            return runner.run(self._whole(scenario))

    async def _whole(self, scenario: Callable[[Self], Awaitable[T]]) -> T:
        try:
            return await scenario(self)
        finally:
            for name in list(self.systems):
                self.crash(name)

    @property
    def loop(self) -> SimulatedLoop:
        """The loop that it runs on. SimulationError before it runs."""
        if self._loop is None:
            raise SimulationError("the simulation does not run yet")
        return self._loop

    @property
    def network(self) -> SimulatedNetwork:
        """The network between the systems. SimulationError before it runs."""
        if self._network is None:
            raise SimulationError("the simulation does not run yet")
        return self._network

    @property
    def now(self) -> float:
        """Virtual seconds since the beginning."""
        return self.loop.time()

    def note(self, event: str) -> None:
        """Add a line to the trace, with its time."""
        line = f"{self.now:.9f} {event}"
        self._digest.update(line.encode(errors="backslashreplace") + b"\n")
        if self._keep_trace:
            self.trace.append(line)

    @property
    def digest(self) -> str:
        """A hash of the trace: equal if every event was, and when it was."""
        return self._digest.hexdigest()

    def disk(self, name: str) -> dict[str, Any]:
        """What a system of that name keeps through a crash."""
        return self.disks.setdefault(name, {})

    async def start(self, name: str, *, offset: float = 0.0, rate: float = 1.0) -> ActorSystem:
        """Start a system; its address is (name, 1). Its clock is `offset` seconds ahead and runs at `rate`.

        OSError if one of that name runs.
        """
        transport = SimulatedTransport(self.network, name)
        system = ActorSystem(
            name, clock=SimulatedClock(self.loop, offset, rate), transport=transport, name=name
        )
        await system.start()
        self._clocks[name] = offset, rate
        self._transports[name] = transport
        self.systems[name] = system
        self.note(f"{name} started")
        return system

    def crash(self, name: str, *, lose_disk: bool = False, silent: bool = False) -> None:
        """End a system as `kill -9` would: no actor has another turn, what it had not sent is lost.

        Its peers see their connections end, unless `silent`, as when a machine loses its power. KeyError if none
        of that name runs.
        """
        system = self.systems.pop(name)
        self.note(f"{name} crashed")
        self._transports.pop(name).abort(silent=silent)
        system.abort()
        if lose_disk:
            self.disks.pop(name, None)

    async def restart(self, name: str) -> ActorSystem:
        """Start a system anew where one crashed, with the same clock. Its actors are for the caller to spawn."""
        offset, rate = self._clocks[name]
        return await self.start(name, offset=offset, rate=rate)
