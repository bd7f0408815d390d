"""TaskHandle: a submitted task, to be awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

from cluster.messages import TaskInfo, TaskState, TaskStatus

__all__ = ["TaskFailedError", "TaskHandle"]


class TaskFailedError(Exception):
    """A task did not finish; `status` is its last, and the text says what it says."""

    def __init__(self, status: TaskStatus) -> None:
        reason = f" ({status.reason.value})" if status.reason.value else ""
        super().__init__(f"{status.task_id}: {status.state.value}: {status.message}{reason}")
        self.status = status


class TaskHandle:
    """A task that was submitted.

    `await handle` gives its last status, whatever that is; `await handle.result()` the data of a task that
    finished. The last may be TASK_UNREACHABLE, when the framework would not wait longer for the agent, and
    TASK_UNKNOWN, when nobody knows the task.
    """

    def __init__(self, info: TaskInfo) -> None:
        self.info = info
        self.status: TaskStatus | None = None
        """The latest status; None while the task waits for resources, or (adopted) for the first news of it."""
        self.agent_id = ""
        self._done: asyncio.Future[TaskStatus] = asyncio.get_running_loop().create_future()
        self._waiters: list[tuple[TaskState, asyncio.Future[TaskStatus]]] = []

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self.info.task_id

    @property
    def state(self) -> TaskState | None:
        """The latest state."""
        return self.status.state if self.status is not None else None

    @property
    def done(self) -> bool:
        """Whether the task has ended."""
        return self._done.done()

    def __await__(self) -> Generator[object, None, TaskStatus]:
        return asyncio.shield(self._done).__await__()

    async def result(self) -> bytes:
        """Wait for the end; return what the executor's `run` returned. TaskFailedError for any other end."""
        status = await self
        if status.state is not TaskState.FINISHED:
            raise TaskFailedError(status)
        return status.data

    async def reached(self, state: TaskState) -> TaskStatus:
        """Wait until the task is in this state, or has ended."""
        if self.status is not None and (self.status.state is state or self.done):
            return self.status
        future: asyncio.Future[TaskStatus] = asyncio.get_running_loop().create_future()
        self._waiters.append((state, future))
        return await future

    def update(self, status: TaskStatus, *, last: bool = False) -> None:
        """Note a new status (called by the framework); a terminal one is the last, others only if said so."""
        self.status = status
        self.agent_id = status.agent_id or self.agent_id
        ended = last or status.state.terminal
        if ended and not self._done.done():
            self._done.set_result(status)
        for wanted, future in list(self._waiters):
            if ended or wanted is status.state:
                self._waiters.remove((wanted, future))
                if not future.done():
                    future.set_result(status)

    def queued(self) -> None:
        """Note that the task waits for resources again (called by the framework)."""
        self.status = None
        self.agent_id = ""

    def fail(self, error: BaseException) -> None:
        """The framework has ended: nothing more will be heard of the task."""
        for future in (self._done, *(future for _, future in self._waiters)):
            if not future.done():
                future.set_exception(error)
                # Who awaits it hears; a task that nobody awaits is no reason for a warning.
                future.exception()
