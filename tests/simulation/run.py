"""One seed, run: chaos, recovery, the end of all tasks, the end of all frameworks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Any
from unittest import mock
from uuid import UUID

from actors.simulation import Simulation

from .checker import Checker
from .faults import cause
from .operators import put_back
from .plan import Fault, Plan, make_plan
from .tempers import make_driver
from .world import World

__all__ = ["Result", "Violation", "run_seed"]

QUIET_WITHIN = 1200.0
"""Virtual seconds after the last fault in which everything must come to rest: the longest pause of an agent (pings that
fail for 90 s, then a minute until it registers again), a retry of an update that has waited as long as the chaos
lasted, and the longest task, some times over."""
SETTLED_AFTER = 60.0
"""Virtual seconds after which an operator looks at what is left: agents that never come back, and that are drained."""
TAIL = 60
MOMENT_TURNS = 20_000
MOST_TURNS = 5_000_000


@dataclass(frozen=True)
class Violation:
    """What does not hold: a short name, and the text."""

    kind: str
    text: str
    at: float


@dataclass
class Result:
    """What became of a seed."""

    plan: Plan
    violation: Violation | None
    digest: str
    seconds: float
    events: int
    counts: Counter[str] = field(default_factory=Counter)
    tolerated: Counter[str] = field(default_factory=Counter)
    tail: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """What failed, and how to see it again."""
        if self.violation is None:
            return f"seed {self.plan.seed}: all held"
        what = self.violation
        return (
            f"seed {self.plan.seed}: {what.kind} after {what.at:.3f} s: {what.text}\n"
            f"replay: python -m tests.simulation --seed {self.plan.seed} --seeds 1 -v"
        )

    def report(self) -> str:
        """The same, after what came before it."""
        return "\n".join([*self.tail, self.summary()])


class _Campaign:
    def __init__(self, plan: Plan, tolerate: frozenset[str]) -> None:
        self.plan = plan
        self.tolerate = tolerate
        self.violation: Violation | None = None
        self.stopped: asyncio.Future[None]
        self.checker: Checker

    def broken(self, kind: str, text: str) -> None:
        if self.violation is None:
            self.violation = Violation(kind, text, self.simulation.now)
            self.simulation.note(f"VIOLATION {kind}: {text}")
            if not self.stopped.get_loop().is_closed():
                self.stopped.set_result(None)

    async def scenario(self, simulation: Simulation) -> None:
        self.simulation = simulation
        _watch(simulation)
        self.stopped = simulation.loop.create_future()
        self.checker = Checker(lambda: simulation.now, self.broken, self.tolerate)
        self.world = World(simulation, self.plan, self.checker)
        story = asyncio.ensure_future(self._story())
        await asyncio.wait([story, self.stopped], return_when=asyncio.FIRST_COMPLETED)
        if story.done():
            story.result()
        else:
            story.cancel()

    async def _story(self) -> None:
        world, simulation = self.world, self.simulation
        await world.start()
        faults = [asyncio.ensure_future(self._at(fault)) for fault in self.plan.faults]
        await asyncio.sleep(self.plan.chaos)
        for fault in faults:
            fault.cancel()
        await asyncio.gather(*(_settled(fault) for fault in faults))
        simulation.note("the last fault is over")
        await world.recover()
        world.drain()
        await asyncio.sleep(SETTLED_AFTER)
        await put_back(world, 20)
        await world.clean_up()
        await self._quiet(QUIET_WITHIN, final=False)
        for node in world.frameworks:
            if node.framework is not None and node.up:
                if node.plan.leaves == "teardown":
                    node.framework.stop()
                else:
                    node.gone = True
                    node.crash()
        # Executors use what is reserved for as long as their frameworks live, or are waited for.
        putting_back = asyncio.ensure_future(put_back(world, 1000))
        patience = max(
            (f.failover_timeout for f in self.plan.frameworks if f.leaves == "vanishes"), default=0.0
        )
        await self._quiet(QUIET_WITHIN + 1.1 * patience, final=True)
        putting_back.cancel()
        await _settled(putting_back)

    async def _at(self, fault: Fault) -> None:
        await asyncio.sleep(max(0.0, fault.at - self.simulation.now))
        await cause(self.world, fault)

    async def _quiet(self, within: float, *, final: bool) -> None:
        end = self.simulation.now + within
        step = 1.0
        while any(True for _ in self.world.unquiet(final=final)):
            if self.simulation.now >= end:
                what = "; ".join(islice(self.world.unquiet(final=final), 8))
                self.checker.violation("not-quiet", f"{within:g} s later: {what}")
                return
            await asyncio.sleep(step)
            step = min(step * 1.5, 60.0)
        leader = self.world.leader
        if leader is not None and leader.master is not None:
            self.checker.check_master(leader.master.state)


async def _settled(task: asyncio.Future[None]) -> None:
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


class _LivelockError(Exception):
    """Time does not pass any more."""


def _watch(simulation: Simulation) -> None:
    """Raise when the loop turns and turns at one moment, or takes more turns than any seed should."""
    loop: Any = simulation.loop
    turn, turns, since, moment = loop._run_once, 0, 0, -1.0

    def watched() -> None:
        nonlocal turns, since, moment
        turns += 1
        if loop._now != moment:
            moment, since = loop._now, turns
        elif turns - since > MOMENT_TURNS:
            loop._run_once = turn
            raise _LivelockError(f"the loop has turned {MOMENT_TURNS} times, and no time has passed")
        if turns > MOST_TURNS:
            loop._run_once = turn
            raise _LivelockError(f"the loop has turned {MOST_TURNS} times")
        turn()

    loop._run_once = watched


def run_seed(seed: int, *, tolerate: frozenset[str] = frozenset(), whole: bool = False) -> Result:
    """Run a seed to its end, or to the first violation. The trace is kept if it fails; all of it if `whole`."""
    plan = make_plan(seed)
    campaign = _Campaign(plan, tolerate)
    simulation = Simulation(seed)
    lines = 0
    note = simulation.note

    def count(event: str) -> None:
        nonlocal lines
        lines += 1
        note(event)

    simulation.note = count  # type: ignore[method-assign]
    with (
        mock.patch("cluster.framework.base.SchedulerDriver", make_driver),
        mock.patch("cluster.executor.driver.uuid.uuid4", _uuids(seed)),
    ):
        try:
            simulation.run(campaign.scenario)
        except _LivelockError as error:
            campaign.broken("livelock", str(error))
    checker = campaign.checker
    return Result(
        plan,
        campaign.violation,
        simulation.digest,
        simulation.now,
        lines,
        checker.counts,
        checker.tolerated,
        _tail(simulation.trace, campaign.violation, whole=whole),
    )


def _tail(trace: list[str], violation: Violation | None, *, whole: bool) -> list[str]:
    """What came before the violation; what comes after it is the end of the simulation itself."""
    if violation is None:
        return trace if whole else []
    end = next(number for number, line in enumerate(trace) if " VIOLATION " in line) + 1
    return trace[:end] if whole else trace[max(0, end - TAIL) : end]


def _uuids(seed: int) -> Callable[[], UUID]:
    """Names that an executor would draw by itself."""
    rng = Random(f"names/{seed}")
    return lambda: UUID(int=rng.getrandbits(128))
