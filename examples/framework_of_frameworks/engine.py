"""The engine: to the dispatcher an executor with one task, to the master a framework with tasks of its own.

So its result goes the way of every status update: kept by the agent until the dispatcher, dead or alive now, has it.
"""

import asyncio
import os

import msgspec

from cluster import Executor, ExecutorInfo, Framework, Resources, TaskInfo, python_command, run_executor

from .rules import Entry
from .worker import Part

__all__ = ["Engine", "EngineExecutor"]

WORKER = Resources.of(cpus=0.1, mem=64)
PART = Resources.of(cpus=0.5, mem=32)
FAILOVER_TIMEOUT = 60.0
"""Seconds for which its tasks outlive a broken connection. If the engine is dead, the dispatcher does not wait."""


class Engine(Framework):
    """Runs the parts of a request side by side; `output` is what they printed, in order."""

    def __init__(self, entry: Entry) -> None:
        self.request = entry.request
        name, role = f"engine {entry.task_id}", entry.request.role
        super().__init__(name, roles=(role,), framework_id=entry.engine, failover_timeout=FAILOVER_TIMEOUT)
        self.output = b""

    async def registered(self) -> None:
        """Run the parts. One that fails is the engine's failure: it is the whole request that is tried again."""
        worker = ExecutorInfo("worker", python_command(f"{__package__}.worker"), WORKER)
        work = [msgspec.json.encode(Part(self.request.command, n)) for n in range(self.request.parts)]
        parts = [self.submit(executor=worker, data=data, resources=PART) for data in work]
        self.output = b"".join(await asyncio.gather(*(part.result() for part in parts)))
        self.stop()


class EngineExecutor(Executor):
    """Runs an engine as a task. To be cancelled, as every task may be, tears the engine's framework down."""

    async def run(self, task: TaskInfo) -> bytes:
        """Be the engine of the task's request until it ends; return its output."""
        engine = Engine(msgspec.json.decode(task.data, type=Entry))
        await engine.run(os.environ["OSTROM_MASTER"])
        return engine.output


if __name__ == "__main__":
    run_executor(EngineExecutor())
