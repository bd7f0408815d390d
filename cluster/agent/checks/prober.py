"""The checks of one task, carried out: timers, probes, and what they have to tell."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from actors import Clock
from cluster.messages.checks import Check, CheckStatusInfo, HealthCheck

from .probes import LOOPBACK, ProbeResult, RunCommand, probe
from .rules import CheckState, HealthState, Verdict

__all__ = ["Prober", "Resumed"]


class Probe(Protocol):
    """`probes.probe`, or a test's."""

    def __call__(
        self, check: Check | HealthCheck, *, clock: Clock, run_command: RunCommand, target: str
    ) -> Awaitable[ProbeResult | None]:
        """Look at a task once."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """What is known of a task that ran before this agent process did: its checks go on from there.

    `age` is for how many seconds it has been running, the others are what was told of it last. The delay and the
    grace period count from its start: mostly they are over, and the first probe is made at once.
    """

    age: float
    healthy: bool | None = None
    check_status: CheckStatusInfo | None = None


class Prober:
    """Looks at a task that is running now, until `stop` or until its health check has it killed.

    `run_command` runs the commands of both checks. There is one probe of each at a time, the next an interval after
    the end of the last. `on_error` is told of an error that is not the task's (a callback's, say); that ends the
    prober. Raises ValueError for a check that has a problem.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        health: HealthCheck | None = None,
        check: Check | None = None,
        run_command: RunCommand,
        on_error: Callable[[BaseException], object],
        resumed: Resumed | None = None,
        target: str = LOOPBACK,
        probe: Probe = probe,
    ) -> None:
        for given in (health, check):
            if given is not None and (problem := given.problem()):
                raise ValueError(problem)
        self._clock = clock
        self._run_command = run_command
        self._on_error = on_error
        self._target = target
        self._probe = probe
        self._running: set[asyncio.Task[None]] = set()
        self._started = self._stopped = False
        known = resumed or Resumed(0.0)
        started_at = clock.monotonic() - known.age
        self._health = health and (health, HealthState(health, started_at, known.healthy))
        self._check = check and (check, CheckState(check, started_at, known.check_status))

    @property
    def healthy(self) -> bool | None:
        """What was told last of the task's health; None if nothing was. It belongs in every update of the task."""
        return self._health[1].healthy if self._health else None

    @property
    def check_status(self) -> CheckStatusInfo | None:
        """What was told last of the task's check; None if it has none. It belongs in every update of the task."""
        return self._check[1].status if self._check else None

    def start(
        self, on_health: Callable[[Verdict], object], on_check: Callable[[CheckStatusInfo], object]
    ) -> None:
        """Begin, once. The callbacks are called from the event loop, and not after `stop`.

        After a verdict that has the task killed nothing is looked at any more, and nothing told.
        """
        if self._started:
            raise RuntimeError("a prober is started once")
        self._started = True
        if self._stopped:
            return
        if self._health:
            self._spawn(self._look_after(*self._health, on_health))
        if self._check:
            self._spawn(self._watch(*self._check, on_check))

    def stop(self) -> None:
        """End, and have what is under way end. No effect if it has."""
        self._stopped = True
        for task in self._running:
            task.cancel()

    async def wait_stopped(self) -> None:
        """Return when nothing is under way any more: nothing is left of a command, either."""
        while self._running:
            await asyncio.wait(self._running)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.stop()
            self._on_error(error)

    async def _look_after(
        self, health: HealthCheck, state: HealthState, tell: Callable[[Verdict], object]
    ) -> None:
        while not self._stopped:
            result = await self._next(health, state.next_at)
            now = self._clock.monotonic()
            if result is None:
                state.skip(now)
            elif verdict := state.result(result.ok, result.text, now):
                if verdict.kill:
                    self.stop()
                tell(verdict)

    async def _watch(
        self, check: Check, state: CheckState, tell: Callable[[CheckStatusInfo], object]
    ) -> None:
        while not self._stopped:
            result = await self._next(check, state.next_at)
            now = self._clock.monotonic()
            if result is None:
                state.skip(now)
            elif status := state.result(result.status, now):
                tell(status)

    async def _next(self, check: Check | HealthCheck, when: float) -> ProbeResult | None:
        """Wait for the time of the next probe, and make it."""
        if when > self._clock.monotonic():
            reached = asyncio.Event()
            timer = self._clock.call_at(when, reached.set)
            try:
                await reached.wait()
            finally:
                timer.cancel()
        return await self._probe(check, clock=self._clock, run_command=self._run_command, target=self._target)
