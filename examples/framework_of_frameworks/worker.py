"""The worker: an engine's executor, which runs parts of a request on the agents."""

import os

import msgspec

from actors import run_command
from cluster import Executor, TaskInfo, run_executor

__all__ = ["Part", "Worker"]


class Part(msgspec.Struct):
    """A shell line, and which of its parts this is."""

    command: str
    number: int


class Worker(Executor):
    """Runs a part's command, and returns what it printed."""

    async def run(self, task: TaskInfo) -> bytes:
        """Run one part; RuntimeError, which fails the task, if the command does."""
        part = msgspec.json.decode(task.data, type=Part)
        environment = {**os.environ, "PART": str(part.number)}
        done = await run_command(["/bin/sh", "-c", part.command], env=environment, limit=65536)
        if done.status != 0 or done.truncated:
            said = "too much" if done.truncated else done.stderr.decode(errors="replace")[-500:].strip()
            raise RuntimeError(f"part {part.number} ended with status {done.status} and said: {said}")
        return done.stdout


if __name__ == "__main__":
    run_executor(Worker())
