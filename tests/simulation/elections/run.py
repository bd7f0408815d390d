"""One seed, run: chaos, and then an election that must come to rest and stay there."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.simulation.etcd.service import LEAST_TTL

from .candidates import Makers
from .plan import Fault, Plan, make_plan
from .process import ProcessLoop
from .world import World

__all__ = ["Result", "Violation", "run_seed"]

SETTLED_AFTER = 10.0
"""Seconds beyond the TTL after which there is one leader, whom all follow, when nothing fails any more: a lease swept
half a second late, a call that fails after 5 s by a slow clock, a pause of one second, and another call."""
QUIET_FOR = 20.0
"""Seconds for which nothing must change then."""
TAIL = 80


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
    control: str
    violation: Violation | None
    digest: str
    seconds: float
    settled: float
    counts: Counter[str]
    trace: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """What failed, and how to see it again."""
        seed, what = self.plan.seed, self.violation
        if what is None:
            return f"seed {seed}: all held"
        control = f" --control {self.control}" if self.control else ""
        return (
            f"seed {seed}: {what.kind} after {what.at:.3f} s: {what.text}\n"
            f"replay: python -m tests.simulation.elections --seed {seed} --seeds 1 -v{control}"
        )

    def report(self) -> str:
        """The same, after what came before it."""
        return "\n".join([*self.trace, self.summary()])


class _Campaign:
    def __init__(self, plan: Plan, control: str, tolerate: frozenset[str]) -> None:
        self.plan = plan
        self.tolerate = tolerate
        self.loop = ProcessLoop()
        self.stopped: asyncio.Future[None] = self.loop.create_future()
        self.violation: Violation | None = None
        self.settled = 0.0
        self.trace: list[str] = []
        self.hash = hashlib.sha256()
        self.world = World(self.loop, plan, Makers(control), self.broken, self.note)

    def note(self, event: str) -> None:
        line = f"{self.loop.true_time:.9f} {event}"
        self.hash.update(line.encode() + b"\n")
        self.trace.append(line)

    def broken(self, kind: str, text: str) -> None:
        if kind in self.tolerate:
            self.world.checker.counts[f"tolerated {kind}"] += 1
        elif self.violation is None:
            self.violation = Violation(kind, text, self.loop.true_time)
            self.note(f"VIOLATION {kind}: {text}")
            self.stopped.set_result(None)

    def run(self) -> None:
        loop, world = self.loop, self.world
        loop.set_exception_handler(lambda _, context: self.broken("error", f"{context}"))
        loop.after_turn = world.checker.look
        try:
            loop.run_until_complete(self._main())
        finally:
            loop.after_turn, loop.over = None, True
            loop.set_exception_handler(lambda *_: None)
            loop.run_until_complete(_end(loop.tasks))
            loop.close()

    async def _main(self) -> None:
        story = asyncio.ensure_future(self._story())
        await asyncio.wait([story, self.stopped], return_when=asyncio.FIRST_COMPLETED)
        if story.done():
            story.result()
        else:
            story.cancel()
            await asyncio.wait([story])

    async def _story(self) -> None:
        world = self.world
        for node in world.nodes.values():
            node.start()
        self._look_at_random_times(Random(f"look/{self.plan.seed}"))
        faults = [asyncio.ensure_future(self._at(fault)) for fault in self.plan.faults]
        try:
            await asyncio.sleep(self.plan.chaos)
        finally:
            for fault in faults:
                fault.cancel()
            await asyncio.wait(faults)
        self.note("the last fault is over")
        self.settled = await self._settle(world.recover())
        term = world.checker.newest
        await asyncio.sleep(QUIET_FOR)
        self._failures()
        if world.checker.newest != term or list(world.unsettled()):
            text = f"term {world.checker.newest} after {term}; {'; '.join(world.unsettled())}"
            self.broken("unrest", f"nothing fails, and the leader changes: {text}")
        await self._settle(await world.blink())

    async def _at(self, fault: Fault) -> None:
        await asyncio.sleep(fault.at)
        await self.world.cause(fault)

    async def _settle(self, calm: float) -> float:
        """Wait until it must have settled, `calm` being when the last fault is over; return how long that took."""
        world, loop = self.world, self.loop
        bound = calm + max(self.plan.ttl, LEAST_TTL) + SETTLED_AFTER
        settled = 0.0
        while loop.time() < bound:
            if list(world.unsettled()):
                settled = max(0.0, loop.time() - calm)
            await asyncio.sleep(0.05)
        self._failures()
        if problems := list(world.unsettled()):
            self.broken("unsettled", f"{bound - calm:g} s after the last fault: {'; '.join(problems)}")
        self.note("settled")
        return settled

    def _failures(self) -> None:
        """A task that failed, and nobody has asked why."""
        for task in self.loop.tasks:
            if task.done() and not task.cancelled() and task._log_traceback:
                self.broken("raised", repr(task.exception()))

    def _look_at_random_times(self, rng: Random) -> None:
        self.world.checker.look()
        self.world.later(rng.expovariate(10), self._look_at_random_times, rng)


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    """Nothing of it must outlive its loop."""
    tasks = [each for each in tasks if not each.done() and each is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    for _ in range(50):
        await asyncio.sleep(0)
    for task in tasks:
        if not task.done():
            # It never ends: what it waited for was taken from the dead.
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            with contextlib.suppress(RuntimeError):
                task.get_coro().close()


def run_seed(
    seed: int, *, control: str = "", tolerate: frozenset[str] = frozenset(), whole: bool = False
) -> Result:
    """Run a seed to its end, or to the first violation. The end of the trace is kept if it fails; all if `whole`."""
    plan = make_plan(seed)
    # What a dead process has left must not be closed in the middle of things.
    gc.disable()
    try:
        campaign = _Campaign(plan, control, tolerate)
        campaign.run()
    finally:
        gc.enable()
    trace = campaign.trace
    if not whole:
        trace = trace[-TAIL:] if campaign.violation else []
    return Result(
        plan,
        control,
        campaign.violation,
        campaign.hash.hexdigest(),
        campaign.loop.true_time,
        campaign.settled,
        campaign.world.checker.counts,
        trace,
    )
