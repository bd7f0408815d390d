"""The executor's side of the protocol, and the program around an executor."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Coroutine, Mapping
from typing import Any

import actors
from actors import UPID, Actor, ActorSystem, handles
from cluster.messages import (
    ExecutorKillTask,
    ExecutorMessage,
    ExecutorRegistered,
    ExecutorShutdown,
    LaunchTask,
    RegisterExecutor,
    TaskStatus,
)
from cluster.messages.executor import ExecutorStatusUpdate

from .base import Executor

__all__ = ["ExecutorDriver", "run_executor"]

log = logging.getLogger("ostrom.executor")


class ExecutorDriver(Actor):
    """Speaks with the agent on an executor's behalf; each callback is a task of its own, begun in order."""

    def __init__(
        self, executor: Executor, agent: UPID, framework_id: str, executor_id: str, container_id: str
    ) -> None:
        self._executor = executor
        executor._driver = self
        executor._running = {}
        self._agent = agent
        self._ids = (framework_id, executor_id)
        self._container_id = container_id
        self._tasks: set[asyncio.Task[None]] = set()
        self.error: BaseException | None = None

    def initialize(self) -> None:
        """Register; without its agent an executor ends."""
        self.link(self._agent)
        self.send(self._agent, RegisterExecutor(*self._ids, self._container_id))

    async def finalize(self) -> None:
        """Let the executor say its last words, then stop what still runs."""
        await self._executor.shutdown()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def exited(self, upid: UPID, reason: str) -> None:
        """The agent is gone."""
        log.warning("lost the agent at %s (%s), ending", upid, reason)
        self.terminate()

    def _callback(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._called)

    def _called(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a callback raised, the executor ends", exc_info=error)
            self.error = self.error or error
            self.terminate()

    @handles(ExecutorRegistered)
    def registered(self, message: ExecutorRegistered) -> None:
        """The agent knows this executor."""
        executor = self._executor
        executor.info, executor.framework, executor.agent = (
            message.executor,
            message.framework,
            message.agent,
        )
        self._callback(executor.registered())

    @handles(LaunchTask)
    def launch(self, message: LaunchTask) -> None:
        """A task."""
        self._callback(self._executor.launch(message.task))

    @handles(ExecutorKillTask)
    def kill(self, message: ExecutorKillTask) -> None:
        """A task is to end."""
        self._callback(self._executor.kill(message.task_id, message.grace_period))

    @handles(ExecutorMessage)
    def message(self, message: ExecutorMessage) -> None:
        """From the framework."""
        self._callback(self._executor.message(message.data))

    @handles(ExecutorShutdown)
    def shutdown(self, message: ExecutorShutdown) -> None:
        """The executor is to end."""
        self.terminate()

    def update(self, status: TaskStatus) -> None:
        """Send a status to the agent, which sees to its delivery."""
        self.send(self._agent, ExecutorStatusUpdate(*self._ids, status))

    def send_message(self, data: bytes) -> None:
        """Send a message towards the framework."""
        self.send(self._agent, ExecutorMessage(*self._ids, data))


def run_executor(executor: Executor, environment: Mapping[str, str] | None = None) -> None:
    """Be an executor: the main function of an executor's program. Returns when it is told to end.

    Where the agent is, and which executor this is, comes in the environment (`OSTROM_AGENT`,
    `OSTROM_FRAMEWORK_ID`, `OSTROM_EXECUTOR_ID`, `OSTROM_CONTAINER_ID`). Exits with status 1 if a callback
    raised.
    """
    environ = os.environ if environment is None else environment
    try:
        agent = UPID.parse(environ["OSTROM_AGENT"])
        names = ("OSTROM_FRAMEWORK_ID", "OSTROM_EXECUTOR_ID", "OSTROM_CONTAINER_ID")
        framework_id, executor_id, container_id = (environ[name] for name in names)
    except KeyError as error:
        sys.exit(f"{error.args[0]} is not set: this program is started by an ostrom agent")

    async def main() -> None:
        # Only the agent speaks to it, over the connection that the executor makes: loopback is enough.
        async with ActorSystem() as system:
            driver = ExecutorDriver(executor, agent, framework_id, executor_id, container_id)
            await system.wait(system.spawn(driver, "executor"))
            if driver.error is not None:
                raise driver.error

    try:
        actors.run(main())
    except KeyboardInterrupt:
        sys.exit(130)
