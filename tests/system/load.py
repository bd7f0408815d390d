"""Frameworks that keep a cluster at work, and what must hold of that work whatever happens to the cluster.

Each task writes down on disk that it began and that it ended. What its framework is told must agree with that.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from actors import ActorSystem
from cluster import CommandInfo, Framework, Reason, Resources, TaskInfo, TaskState, TaskStatus

__all__ = ["Effects", "Load", "at_work"]

WIDTH = 6
EXTRA = 5.0
"""Seconds."""


class Effects(Framework):
    """A framework whose tasks leave their effects in a directory; it keeps all that it is told of them."""

    def __init__(self, name: str, effects: Path, **options: Any) -> None:
        super().__init__(name, failover_timeout=600.0, **options)
        self.effects = effects
        self.history: dict[str, list[TaskState]] = {}
        self.answers: dict[str, list[TaskState]] = {}
        self.reregistrations = 0
        self.changed = asyncio.Event()

    def task(self, number: int, seconds: float) -> TaskInfo:
        path = self.effects / f"{self.info.name}-{number}"
        line = f"echo begun >> {path}; sleep {seconds}; echo ended >> {path}"
        return TaskInfo(path.name, Resources.of(cpus=0.25, mem=16), command=CommandInfo(line))

    async def reregistered(self) -> None:
        self.reregistrations += 1
        self.changed.set()

    async def status(self, status: TaskStatus) -> None:
        # What was asked for may repeat a state, or be the first that is heard of it.
        told = self.answers if status.reason is Reason.RECONCILIATION else self.history
        told.setdefault(status.task_id, []).append(status.state)
        self.changed.set()

    async def until(self, condition: Any) -> None:
        """Return when what a callback brings has made it true."""
        while not condition():
            self.changed.clear()
            await self.changed.wait()

    def verify(self, count: int) -> None:
        """So many tasks ran, each to its end, and once; and its framework was told of one end."""
        assert len(self.history | self.answers) == count
        for number in range(count):
            task_id = f"{self.info.name}-{number}"
            states, answers = self.history.get(task_id, []), self.answers.get(task_id, [])
            ends = [state for state in states if state.terminal]
            assert len(ends) <= 1, (task_id, states)
            assert {*ends, *(state for state in answers if state.terminal)} == {TaskState.FINISHED}, (
                task_id,
                states,
                answers,
            )
            assert Counter((self.effects / task_id).read_text().split()) == {"begun": 1, "ended": 1}, task_id


class Load(Effects):
    """Has so many tasks at a time under way until it is told that it is enough, and a few that take long."""

    def __init__(
        self, name: str, effects: Path, *, width: int = WIDTH, long: float = 0.0, **options: Any
    ) -> None:
        super().__init__(name, effects, **options)
        self.width = width
        self.long = long
        self.finished = 0
        self._enough = False
        self._submitted = 0
        self._extra = 0
        self._may_submit = asyncio.Event()
        self._may_submit.set()

    async def registered(self) -> None:
        first = [self._once(self.long)] if self.long else []
        await asyncio.gather(*first, *(self._keep_busy() for _ in range(self.width)))
        self.stop()

    async def _keep_busy(self) -> None:
        while not self._enough:
            await self._may_submit.wait()
            await self._once(0.1 * (1 + self._submitted % 5))
            if self._extra:
                self._extra -= 1
                await self._once(EXTRA)

    async def _once(self, seconds: float) -> None:
        number, self._submitted = self._submitted, self._submitted + 1
        await self.submit(self.task(number, seconds))
        self.finished += 1
        self.changed.set()

    async def more(self, count: int) -> None:
        """Return when so many more tasks have finished than now."""
        wanted = self.finished + count
        await self.until(lambda: self.finished >= wanted)

    @asynccontextmanager
    async def underway(self, count: int) -> AsyncIterator[list[str]]:
        """Have so many tasks run that take some seconds, and none be launched for as long as this lasts; their ids."""
        wanted = {f"{self.info.name}-{number}" for number in range(self._submitted)}
        self._extra = count
        await self.until(lambda: self._extra == 0)
        self._may_submit.clear()
        # Nothing is on its way any more.
        await self.until(lambda: all(self._settled(number) for number in range(self._submitted)))
        try:
            yield [
                path.name
                for path in self.effects.iterdir()
                if path.name not in wanted and path.read_text().split() == ["begun"]
            ]
        finally:
            self._may_submit.set()

    def _settled(self, number: int) -> bool:
        states = self.history.get(f"{self.info.name}-{number}", [])
        return TaskState.RUNNING in states or any(state.terminal for state in states)

    def enough(self) -> None:
        """Submit no more, and end when all have ended."""
        self._enough = True


@asynccontextmanager
async def at_work(load: Load, master: str, host: str = "127.0.0.1") -> AsyncIterator[Load]:
    """Run it on a cluster, from that address; at the end all that it began must have been done."""
    load.effects.mkdir(exist_ok=True)
    async with ActorSystem(host) as system:
        running = asyncio.ensure_future(load.run(master, system=system))
        try:
            await load.more(load.width)
            yield load
            load.enough()
            await running
        finally:
            if not running.done():
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
    load.verify(load._submitted)
