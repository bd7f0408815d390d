"""Executor: the base class of programs that run a framework's tasks on an agent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cluster.messages import (
    AgentInfo,
    Capability,
    ExecutorInfo,
    FrameworkInfo,
    Reason,
    Source,
    TaskInfo,
    TaskState,
    TaskStatus,
)

if TYPE_CHECKING:
    from .driver import ExecutorDriver

__all__ = ["Executor"]

log = logging.getLogger("ostrom.executor")


class Executor:
    """Runs tasks in a process of its own. For most it is enough to write `run`.

    >>> class Upper(Executor):
    ...     async def run(self, task):
    ...         return task.data.upper()
    >>> if False: run_executor(Upper())

    Callbacks are coroutines on one event loop; several may be under way at once. What takes the processor
    for long belongs into a thread (`asyncio.to_thread`) or a subprocess. A callback that raises ends the
    executor.
    """

    info: ExecutorInfo
    framework: FrameworkInfo
    agent: AgentInfo
    _driver: ExecutorDriver
    _running: dict[str, asyncio.Task[bytes | None]]

    # What a subclass may override.

    async def run(self, task: TaskInfo) -> bytes | None:
        """Do the task; what is returned is the `data` of its TASK_FINISHED.

        To raise is TASK_FAILED with the text; to be cancelled, by a kill, TASK_KILLED.
        """
        raise NotImplementedError(f"{type(self).__name__} overrides neither run nor launch")

    async def registered(self) -> None:
        """The agent knows this executor; `info`, `framework` and `agent` are set."""

    async def reregistered(self) -> None:
        """The agent was away, perhaps started again, and knows this executor once more."""

    async def launch(self, task: TaskInfo) -> None:
        """Take a task: by default `run` it beside the others. An override sends the updates itself."""
        self.update(task.task_id, TaskState.RUNNING)
        running = asyncio.get_running_loop().create_task(self.run(task))
        self._running[task.task_id] = running
        try:
            data = await running
        except asyncio.CancelledError:
            if not running.cancelled():
                raise
            self.update(task.task_id, TaskState.KILLED)
        except Exception as error:
            log.warning("task %s failed", task.task_id, exc_info=error)
            text = f"{type(error).__name__}: {error}"
            self.update(task.task_id, TaskState.FAILED, text, reason=Reason.COMMAND_EXECUTOR_FAILED)
        else:
            self.update(task.task_id, TaskState.FINISHED, data=data or b"")
        finally:
            self._running.pop(task.task_id, None)

    async def launch_group(self, tasks: Sequence[TaskInfo]) -> None:
        """Take tasks that belong together: by default `launch` them beside each other."""
        await asyncio.gather(*(self.launch(task) for task in tasks))

    async def kill(self, task_id: str, grace_period: float) -> None:
        """End a task: by default its `run` is cancelled, after TASK_KILLING to frameworks that know it."""
        running = self._running.get(task_id)
        if running is not None and not running.done():
            if self.framework.can(Capability.TASK_KILLING_STATE) and not running.cancelling():
                self.update(task_id, TaskState.KILLING)
            running.cancel()

    async def message(self, data: bytes) -> None:
        """A message from the framework."""

    async def shutdown(self) -> None:
        """Last words before the process ends: the framework is done, or the agent is gone."""

    # What a subclass uses.

    def update(
        self,
        task_id: str,
        state: TaskState,
        message: str = "",
        *,
        data: bytes = b"",
        reason: Reason = Reason.NONE,
    ) -> None:
        """Tell the framework a task's new state."""
        self._driver.update(TaskStatus(task_id, state, Source.EXECUTOR, reason, message, data))

    def send_message(self, data: bytes) -> None:
        """Send to the framework: at most once, no promise that it arrives."""
        self._driver.send_message(data)

    def stop(self) -> None:
        """End the executor, once the agent has all its updates on disk. Tasks that still run end with it."""
        self._driver.stop()
