"""Some frameworks in one process: `python -m benchmarks.failover.frameworks MASTER FIRST COUNT`.

When its standard input ends they begin no more tasks, and the process ends when those begun have ended.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from random import Random

from actors import ActorSystem, run
from cluster import CommandInfo, Framework, Offer, Resources, TaskHandle, TaskInfo, TaskState, TaskStatus
from cluster.election import detector_for

from .events import Following, Kind, Summary, report, tell

EACH = Resources.of(cpus=0.1, mem=8)
TOGETHER = 10
"""Tasks that a framework submits at a time: the next when all of them have ended."""
SHORTEST, LONGEST = 0.5, 2.0
"""Seconds that a task takes."""
PATIENCE = 60.0
"""Seconds that tasks have to end after the last was begun; those that have not are lost."""


class Load(Framework):
    """Runs short tasks, ten at a time, and notes each end that is told, in `ends`."""

    def __init__(self, name: str, detector: Following) -> None:
        super().__init__(name, failover_timeout=600.0)
        self.name = name
        self.ends: dict[str, list[TaskState]] = {}
        self.enough = asyncio.Event()
        self._detector = detector
        self._rng = Random(name)  # noqa: S311 - how long tasks take, no secret
        self._offered = False

    def on_subscribed(self, again: bool) -> None:
        """A master has taken it."""
        self._offered = False
        self._report("taken")
        super().on_subscribed(again)

    def on_offers(self, offers: Sequence[Offer]) -> None:
        """Report the first of a master."""
        if not self._offered:
            self._offered = True
            self._report("offer")
        super().on_offers(offers)

    async def registered(self) -> None:
        """Run tasks until it is enough."""
        while not self.enough.is_set():
            handles = [self._begin() for _ in range(TOGETHER)]
            await asyncio.gather(*handles)
        self.stop()

    async def status(self, status: TaskStatus) -> None:
        """Note each end."""
        if status.state.terminal:
            self.ends[status.task_id].append(status.state)
            if status.state is not TaskState.FINISHED:
                text = f"{status.task_id}: {status.state.value} {status.reason.value} {status.message}"
                print(text, file=sys.stderr, flush=True)

    def _begin(self) -> TaskHandle:
        task_id = f"{self.name}.{len(self.ends)}"
        self.ends[task_id] = []
        seconds = f"{self._rng.uniform(SHORTEST, LONGEST):.3f}"
        command = CommandInfo("sleep", ("sleep", seconds, task_id), shell=False)
        return self.submit(TaskInfo(task_id, EACH, command=command))

    def _report(self, kind: Kind) -> None:
        if self._detector.leader is not None:
            report(kind, self.name, self._detector.leader)


def summary(ends: dict[str, list[TaskState]]) -> Summary:
    """Of the ends that each task was told to have had."""
    return Summary(
        {task: len(set(states)) for task, states in ends.items()},
        failed=sum(bool(states) and states[0] is not TaskState.FINISHED for states in ends.values()),
        again=sum(len(states) - len(set(states)) for states in ends.values()),
    )


async def serve(master: str, names: list[str]) -> None:
    """Run frameworks with these names until the end of the standard input; then print what became of their tasks."""
    frameworks, runs = [], []
    async with ActorSystem("127.0.0.1") as system:
        for name in names:
            detector = Following(name, detector_for(master))
            framework = Load(name, detector)
            frameworks.append(framework)
            runs.append(asyncio.ensure_future(framework.run(detector, system=system)))
        await asyncio.to_thread(sys.stdin.read)
        for framework in frameworks:
            framework.enough.set()
        done, late = await asyncio.wait(runs, timeout=PATIENCE)
        for each in done:
            each.result()
        tell(summary({task: ends for framework in frameworks for task, ends in framework.ends.items()}))
        for each in late:
            each.cancel()
        await asyncio.gather(*late, return_exceptions=True)


if __name__ == "__main__":
    first, count = int(sys.argv[2]), int(sys.argv[3])
    run(serve(sys.argv[1], [f"framework-{number}" for number in range(first, first + count)]))
