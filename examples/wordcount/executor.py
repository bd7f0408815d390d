"""The executor: one process on each agent, which runs the map and reduce tasks placed there."""

import asyncio
from pathlib import Path

import msgspec

from cluster import Executor, TaskInfo, run_executor

from .count import count_files, merge, partition

__all__ = ["Job", "Map", "Reduce", "WordCountExecutor"]


class Map(msgspec.Struct, tag="map"):
    """Count the names in these files, for so many reducers."""

    files: list[str]
    reducers: int


class Reduce(msgspec.Struct, tag="reduce"):
    """Add up one part of what every map task counted."""

    pieces: list[dict[str, int]]


Job = Map | Reduce


class WordCountExecutor(Executor):
    """Decodes a job from the task's data, does it, and returns what it counted."""

    async def run(self, task: TaskInfo) -> bytes:
        """Do a job in a thread: the event loop stays free to answer the agent."""
        job: Job = msgspec.msgpack.decode(task.data, type=Map | Reduce)
        if isinstance(job, Map):
            counts = await asyncio.to_thread(count_files, [Path(name) for name in job.files])
            return msgspec.msgpack.encode(partition(counts, job.reducers))
        return msgspec.msgpack.encode(dict(await asyncio.to_thread(merge, job.pieces)))


if __name__ == "__main__":
    run_executor(WordCountExecutor())
