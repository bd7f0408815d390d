"""The executor's side of the protocol, and the program around an executor."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import uuid
from collections.abc import Coroutine, Mapping
from typing import Any

import msgspec

import actors
from actors import UPID, Actor, ActorSystem, Timer, handles
from cluster.messages import (
    ExecutorAcknowledgement,
    ExecutorKillTask,
    ExecutorMessage,
    ExecutorRegistered,
    ExecutorShutdown,
    ExecutorStatusUpdate,
    LaunchTask,
    LaunchTaskGroup,
    ReconnectExecutor,
    RegisterExecutor,
    TaskStatus,
)

from .base import Executor

__all__ = ["ExecutorDriver", "run_executor"]

log = logging.getLogger("ostrom.executor")


RETRY = 1.0
"""Seconds between attempts to reach an agent that is gone."""


class ExecutorDriver(Actor):
    """Speaks with the agent on an executor's behalf; each callback is a task of its own, begun in order.

    An agent that is gone may come back within `recovery_timeout` seconds (0: it will not, as it keeps nothing on its
    disk). Updates are kept until the agent says that they are on its disk. By `token` the two know each other.
    """

    def __init__(
        self,
        executor: Executor,
        agent: UPID,
        framework_id: str,
        executor_id: str,
        container_id: str,
        recovery_timeout: float = 0.0,
        token: str = "",
    ) -> None:
        self._executor = executor
        executor._driver = self
        executor._running = {}
        self._agent = agent
        self._ids = (framework_id, executor_id)
        self._container_id = container_id
        self._recovery_timeout = recovery_timeout
        self._token = token
        self._tasks: set[asyncio.Task[None]] = set()
        self._launched: dict[str, None] = {}
        self._updates: dict[str, TaskStatus] = {}
        self._said: set[str] = set()
        """The updates, by uuid, that were sent since the last registration, or with it."""
        self._connected = False
        self._known = False
        self._stopping = False
        self._giving_up: Timer | None = None
        self._retry: Timer | None = None
        self.error: BaseException | None = None

    def initialize(self) -> None:
        """Register; without its agent an executor ends."""
        self._register()

    async def finalize(self) -> None:
        """Let the executor say its last words, then stop what still runs."""
        await self._executor.shutdown()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # The agent.

    def _register(self) -> None:
        """Say which executor this is, and what it has."""
        self._cancel_retry()
        self.link(self._agent)
        tasks, updates = tuple(self._launched), tuple(self._updates.values())
        self._said = set(self._updates)
        message = RegisterExecutor(*self._ids, self._container_id, tasks, updates, token=self._token)
        self.send(self._agent, message)

    def _cancel_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def exited(self, upid: UPID, reason: str) -> None:
        """The agent is gone, or the connection to it: it may come back."""
        if upid != self._agent:
            return
        if self._recovery_timeout <= 0:
            log.warning("lost the agent at %s (%s), ending", upid, reason)
            self.terminate()
            return
        self._connected = False
        if self._giving_up is None:
            log.warning(
                "lost the agent at %s (%s), it has %g s to return", upid, reason, self._recovery_timeout
            )
            self._giving_up = self.after(self._recovery_timeout, self._give_up)
        if self._retry is None:
            self._retry = self.after(RETRY, self._register)

    def _give_up(self) -> None:
        log.warning("the agent did not return, ending")
        self.terminate()

    @handles(ReconnectExecutor)
    def reconnect(self, message: ReconnectExecutor, sender: UPID | None) -> None:
        """The agent is there again, perhaps at another address."""
        if sender is None or (message.container_id, message.token) != (self._container_id, self._token):
            return
        if sender != self._agent:
            self.unlink(self._agent)
            self._agent = sender
        self._register()

    def _from_agent(self, sender: UPID | None) -> bool:
        return sender is not None and sender == self._agent

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
    def registered(self, message: ExecutorRegistered, sender: UPID | None) -> None:
        """The agent knows this executor."""
        if not self._from_agent(sender):
            return
        self._connected = True
        self._cancel_retry()
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        executor = self._executor
        executor.info, executor.framework, executor.agent = (
            message.executor,
            message.framework,
            message.agent,
        )
        for status in self._updates.values():
            # What has happened while the agent was asked.
            self._tell(status)
        again, self._known = self._known, True
        self._callback(executor.reregistered() if again else executor.registered())

    @handles(LaunchTask)
    def launch(self, message: LaunchTask, sender: UPID | None) -> None:
        """A task; one that is here already is not launched again."""
        task_id = message.task.task_id
        if self._from_agent(sender) and task_id not in self._launched:
            self._launched[task_id] = None
            self._callback(self._executor.launch(message.task))

    @handles(LaunchTaskGroup)
    def launch_group(self, message: LaunchTaskGroup, sender: UPID | None) -> None:
        """Tasks that belong together; all of them are here, or none."""
        ids = [task.task_id for task in message.tasks]
        if self._from_agent(sender) and not any(id_ in self._launched for id_ in ids):
            self._launched.update(dict.fromkeys(ids))
            self._callback(self._executor.launch_group(message.tasks))

    @handles(ExecutorKillTask)
    def kill(self, message: ExecutorKillTask, sender: UPID | None) -> None:
        """A task is to end."""
        if self._from_agent(sender):
            self._callback(self._executor.kill(message.task_id, message.grace_period))

    @handles(ExecutorMessage)
    def message(self, message: ExecutorMessage, sender: UPID | None) -> None:
        """From the framework."""
        if self._from_agent(sender):
            self._callback(self._executor.message(message.data))

    @handles(ExecutorAcknowledgement)
    def acknowledged(self, message: ExecutorAcknowledgement, sender: UPID | None) -> None:
        """An update is on the agent's disk."""
        status = self._updates.pop(message.uuid, None) if self._from_agent(sender) else None
        self._said.discard(message.uuid)
        if status is not None and status.state.terminal:
            self._launched.pop(status.task_id, None)
        if self._stopping and not self._updates:
            self.terminate()

    @handles(ExecutorShutdown)
    def shutdown(self, message: ExecutorShutdown, sender: UPID | None) -> None:
        """The executor is to end."""
        if self._from_agent(sender):
            self.terminate()

    def update(self, status: TaskStatus) -> None:
        """Send a status to the agent, which sees to its delivery; while it is not there, keep it."""
        status = msgspec.structs.replace(status, uuid=uuid.uuid4().hex)
        self._updates[status.uuid] = status
        if self._connected:
            self._tell(status)

    def _tell(self, status: TaskStatus) -> None:
        if status.uuid not in self._said:
            self._said.add(status.uuid)
            self.send(self._agent, ExecutorStatusUpdate(*self._ids, status))

    def stop(self) -> None:
        """End, but not before the agent has all updates."""
        self._stopping = True
        if not self._updates:
            self.terminate()

    def send_message(self, data: bytes) -> None:
        """Send a message towards the framework."""
        self.send(self._agent, ExecutorMessage(*self._ids, data))


def run_executor(executor: Executor, environment: Mapping[str, str] | None = None) -> None:
    """Be an executor: the main function of an executor's program. Returns when it is told to end.

    Where the agent is, and which executor this is, comes in the environment (`OSTROM_AGENT`, `OSTROM_FRAMEWORK_ID`,
    `OSTROM_EXECUTOR_ID`, `OSTROM_CONTAINER_ID`, `OSTROM_EXECUTOR_TOKEN`), and for how many seconds it may go on without
    its agent (`OSTROM_RECOVERY_TIMEOUT`). Exits with status 1 if a callback raised.
    """
    environ = os.environ if environment is None else environment
    try:
        agent = UPID.parse(environ["OSTROM_AGENT"])
        names = ("OSTROM_FRAMEWORK_ID", "OSTROM_EXECUTOR_ID", "OSTROM_CONTAINER_ID")
        framework_id, executor_id, container_id = (environ[name] for name in names)
        token = environ.get("OSTROM_EXECUTOR_TOKEN", "")
        recovery_timeout = float(environ.get("OSTROM_RECOVERY_TIMEOUT", "0"))
    except KeyError as error:
        sys.exit(f"{error.args[0]} is not set: this program is started by an ostrom agent")
    except ValueError as error:
        sys.exit(f"OSTROM_AGENT or OSTROM_RECOVERY_TIMEOUT: {error}")

    async def main() -> None:
        # Only the agent speaks to it, over the connection that the executor makes: loopback is enough.
        async with ActorSystem() as system:
            driver = ExecutorDriver(
                executor, agent, framework_id, executor_id, container_id, recovery_timeout, token
            )
            await system.wait(system.spawn(driver, "executor"))
            if driver.error is not None:
                raise driver.error

    try:
        actors.run(main())
    except KeyboardInterrupt:
        sys.exit(130)
