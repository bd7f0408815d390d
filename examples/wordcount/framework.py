"""The two frameworks of the demo: one counts, the other runs ordinary commands as long as the first is at it."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cluster import ExecutorInfo, Framework, Resources, TaskHandle, TaskState, python_command

from .executor import Job, Map, Reduce

__all__ = ["Batch", "Placed", "WordCount"]

TASK = Resources.of(cpus=0.5, mem=64)


@dataclass(slots=True)
class Placed:
    """One task: what it was, where it ran, and when (seconds of the monotonic clock)."""

    kind: str
    agent_id: str = ""
    submitted: float = 0.0
    started: float = 0.0
    ended: float = 0.0


class Counted(Framework):
    """What both have in common: they note where and when each task runs."""

    def __init__(self, name: str, role: str) -> None:
        super().__init__(name, roles=(role,))
        self.placed: list[Placed] = []

    async def follow(self, handle: TaskHandle, kind: str) -> bytes:
        """Await a task's result, and note its life. TaskFailedError if it fails."""
        placed = Placed(kind, submitted=time.monotonic())
        self.placed.append(placed)
        await handle.reached(TaskState.RUNNING)
        placed.started = time.monotonic()
        data = await handle.result()
        placed.agent_id, placed.ended = handle.agent_id, time.monotonic()
        return data

    def done(self, kind: str) -> int:
        """How many tasks of a kind have ended."""
        return sum(placed.ended > 0 for placed in self.placed if placed.kind == kind)


class WordCount(Counted):
    """Counts identifiers: a map task for each chunk of files, then a reduce task for each part of the names."""

    def __init__(self, chunks: Sequence[Sequence[Path]], reducers: int = 4) -> None:
        super().__init__("word-count", "analytics")
        self.chunks = chunks
        self.reducers = reducers
        self.counts: Counter[str] = Counter()
        self._executor = ExecutorInfo(
            "word-count", python_command("examples.wordcount.executor"), Resources.of(cpus=0.5, mem=64)
        )

    async def registered(self) -> None:
        """Map, then reduce."""
        jobs = [Map([str(path) for path in chunk], self.reducers) for chunk in self.chunks]
        outputs = await asyncio.gather(*(self._do(job, "map") for job in jobs))
        mapped = [msgspec.msgpack.decode(output, type=list[dict[str, int]]) for output in outputs]
        parts = [Reduce([pieces[number] for pieces in mapped]) for number in range(self.reducers)]
        for output in await asyncio.gather(*(self._do(part, "reduce") for part in parts)):
            self.counts.update(msgspec.msgpack.decode(output, type=dict[str, int]))
        self.stop()

    async def _do(self, job: Job, kind: str) -> bytes:
        data = msgspec.msgpack.encode(job)
        return await self.follow(self.submit(executor=self._executor, data=data, resources=TASK), kind)


class Batch(Counted):
    """Always has some commands waiting, until it is told that it is enough."""

    def __init__(self, command: str, at_once: int = 30) -> None:
        super().__init__("batch", "batch")
        self._command = command
        self._at_once = at_once
        self._enough = False

    async def registered(self) -> None:
        """Keep so many commands under way or waiting: more than fit, so that the allocator has to choose."""
        await asyncio.gather(*(self._one_after_another() for _ in range(self._at_once)))
        self.stop()

    async def _one_after_another(self) -> None:
        while not self._enough:
            await self.follow(self.submit(self._command, resources=TASK), "command")

    def enough(self) -> None:
        """Let what runs end, and submit nothing more."""
        self._enough = True
