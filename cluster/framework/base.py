"""Framework: the base class of schedulers."""

from __future__ import annotations

import asyncio
import getpass
import logging
import socket
import uuid
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from actors import ActorSystem
from cluster.election import detector_for
from cluster.messages import (
    Accept,
    CommandInfo,
    Decline,
    ExecutorInfo,
    Filters,
    FrameworkFailure,
    FrameworkInfo,
    FrameworkToExecutor,
    KillTask,
    Launch,
    Offer,
    Revive,
    ShutdownExecutor,
    Suppress,
    TaskInfo,
    TaskState,
    TaskStatus,
)
from cluster.resources import Resources

from .driver import SchedulerDriver
from .handle import TaskHandle
from .matching import TaskQueue

__all__ = ["Framework", "FrameworkEndedError"]

log = logging.getLogger("ostrom.framework")


class FrameworkEndedError(Exception):
    """The framework has ended, or has not begun."""


class Framework:
    """A scheduler. Subclass it and override the callbacks that matter; then `await run(master)`.

    The simple way is to `submit` tasks and await them: offers are matched, declined, suppressed and revived
    for you. The full way is to override `offers` and to `launch` and `decline` yourself; what a call of
    `offers` leaves unused is declined when it returns.

    >>> class Hello(Framework):
    ...     async def registered(self):
    ...         print((await self.submit("echo hello", cpus=0.1, mem=32)).state)
    ...         self.stop()

    Callbacks are coroutines, each a task of its own, begun in the order of what they tell. One may wait as
    long as it likes, also for what only a later callback brings. One that raises ends the framework, and
    `run` raises the same.
    """

    explicit_acknowledgements = False
    """Set it to acknowledge statuses yourself, when they are safe: until then the agent repeats them."""

    def __init__(
        self,
        name: str = "",
        *,
        roles: Sequence[str] = ("*",),
        user: str = "",
        framework_id: str = "",
        failover_timeout: float = 0.0,
    ) -> None:
        self._info = FrameworkInfo(
            name or type(self).__name__,
            user or _user(),
            framework_id,
            tuple(roles),
            failover_timeout,
            socket.gethostname(),
        )
        self._driver: SchedulerDriver | None = None
        self._held: dict[str, Offer] = {}
        self._queue = TaskQueue()
        self._handles: dict[str, TaskHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._executors: set[tuple[str, str]] = set()
        self._suppressed: set[str] = set()
        self._prefix = uuid.uuid4().hex[:8]
        self._submitted = 0
        self._ended: asyncio.Future[None] | None = None
        self._matching = False
        self._fresh: list[Offer] = []

    # What a subclass may override.

    async def registered(self) -> None:
        """The framework has its id: the place for its main work."""

    async def reregistered(self) -> None:
        """A master has taken the framework again, after a lost connection or a new election."""

    async def disconnected(self) -> None:
        """There is no master now; tasks run on. Offers are void."""

    async def offers(self, offers: Sequence[Offer]) -> None:
        """Resources are offered. By default tasks that were submitted are matched to them."""
        self._place(offers)

    async def rescinded(self, offer_id: str) -> None:
        """An offer is no longer valid."""

    async def status(self, status: TaskStatus) -> None:
        """A task has a new state."""

    async def message(self, agent_id: str, executor_id: str, data: bytes) -> None:
        """An executor has sent something."""

    async def agent_lost(self, agent_id: str, text: str) -> None:
        """An agent is gone. The end of each of its tasks is told by `status`."""

    async def executor_lost(self, agent_id: str, executor_id: str, text: str) -> None:
        """An executor has ended."""

    # What a subclass uses.

    @property
    def id(self) -> str:
        """The framework's id; empty until registered."""
        return self._info.id if self._driver is None else self._driver.info.id

    @property
    def info(self) -> FrameworkInfo:
        """How the framework introduces itself."""
        return self._info if self._driver is None else self._driver.info

    @property
    def connected(self) -> bool:
        """Whether there is a master now."""
        return self._driver is not None and self._driver.master is not None

    @property
    def waiting(self) -> int:
        """How many submitted tasks wait for resources."""
        return len(self._queue)

    def submit(
        self,
        command: str | CommandInfo | TaskInfo | None = None,
        *,
        resources: Resources | str | None = None,
        cpus: float = 0.0,
        mem: float = 0.0,
        executor: ExecutorInfo | None = None,
        data: bytes = b"",
        name: str = "",
        where: Callable[[Offer], bool] | None = None,
    ) -> TaskHandle:
        """Queue a task until an offer fits it; await the handle for its end.

        A shell line, a CommandInfo, a whole TaskInfo, or (`executor` and `data`) work for an executor.
        Resources as `cpus` and `mem` (MiB), or in full as `resources`. `where` picks among offers. ValueError
        if the task is malformed or its id is in use.
        """
        if self._ended is not None and self._ended.done():
            raise FrameworkEndedError("submit: the framework has ended")
        if isinstance(command, TaskInfo):
            task = command
        else:
            task = self._task(command, resources, cpus, mem, executor, data, name)
        if task.task_id in self._handles and not self._handles[task.task_id].done:
            raise ValueError(f"submit: task_id {task.task_id!r} is in use")
        if not task.resources:
            raise ValueError(f"submit: task {task.task_id!r} asks for no resources")
        handle = self._handles[task.task_id] = TaskHandle(task)
        self._queue.add(task, where)
        if self._suppressed:
            self.revive()
        return handle

    def _task(
        self,
        command: str | CommandInfo | None,
        resources: Resources | str | None,
        cpus: float,
        mem: float,
        executor: ExecutorInfo | None,
        data: bytes,
        name: str,
    ) -> TaskInfo:
        if isinstance(resources, str):
            resources = Resources.parse(resources)
        if resources is None:
            resources = Resources.of(cpus=cpus, mem=mem)
        if isinstance(command, str):
            command = CommandInfo(command)
        self._submitted += 1
        task_id = f"{self._info.name}-{self._prefix}-{self._submitted}"
        return TaskInfo(task_id, resources, name or task_id, command=command, executor=executor, data=data)

    def launch(
        self,
        offers: Offer | Sequence[Offer],
        tasks: Iterable[TaskInfo],
        *,
        refuse_seconds: float | None = None,
    ) -> None:
        """Launch tasks on one offer, or several of one agent; what they leave is declined."""
        offers = [offers] if isinstance(offers, Offer) else list(offers)
        tasks = tuple(tasks)
        for offer in offers:
            self._held.pop(offer.id, None)
        for task in tasks:
            if task.executor is not None:
                self._executors.add((offers[0].agent_id, task.executor.executor_id))
        self._call(
            Accept(self.id, tuple(offer.id for offer in offers), (Launch(tasks),), _filters(refuse_seconds))
        )

    def decline(self, *offers: Offer, refuse_seconds: float | None = None) -> None:
        """Decline offers; they are not made again for `refuse_seconds` (default 5)."""
        for offer in offers:
            self._held.pop(offer.id, None)
        if offers:
            self._call(Decline(self.id, tuple(offer.id for offer in offers), _filters(refuse_seconds)))

    def hold(self, *offers: Offer) -> None:
        """Keep offers beyond the return of `offers`: to be used or declined later, or rescinded."""
        for offer in offers:
            self._held.pop(offer.id, None)

    def kill(self, task_id: str, grace_period: float | None = None) -> None:
        """End a task: SIGTERM, SIGKILL after the grace period. One that still waits is just dropped."""
        if self._queue.remove(task_id) is not None:
            self._handles[task_id].update(
                TaskStatus(task_id, TaskState.KILLED, message="killed while waiting")
            )
            return
        self._call(KillTask(self.id, task_id, -1.0 if grace_period is None else grace_period))

    def suppress(self, *roles: str) -> None:
        """No offers (for these roles) until `revive`."""
        self._suppressed |= set(roles or self._info.roles)
        self._call(Suppress(self.id, roles))

    def revive(self, *roles: str) -> None:
        """Offers again, also of what was declined."""
        self._suppressed -= set(roles or self._info.roles)
        self._call(Revive(self.id, roles))

    def reconcile(self, *task_ids: str) -> None:
        """Ask for the latest state of these tasks, of all if none is named; they come to `status`."""
        if self._driver is not None:
            self._driver.reconcile(task_ids)

    def send_message(self, agent_id: str, executor_id: str, data: bytes) -> None:
        """Send to an executor: at most once, no promise that it arrives."""
        self._call(FrameworkToExecutor(self.id, agent_id, executor_id, data))

    def shutdown_executor(self, agent_id: str, executor_id: str) -> None:
        """End an executor and its tasks."""
        self._call(ShutdownExecutor(self.id, agent_id, executor_id))

    def acknowledge(self, status: TaskStatus) -> None:
        """With `explicit_acknowledgements`: this status is safe here."""
        if self._driver is not None:
            self._driver.acknowledge(status)

    def stop(self, *, failover: bool = False) -> None:
        """End: `run` returns. Tasks that still run are killed, unless a successor is to take over."""
        if self._ended is None or self._ended.done():
            return
        if self._driver is not None and not failover:
            self._driver.teardown()
        self._ended.set_result(None)

    def fail(self, error: BaseException) -> None:
        """End with an error: `run` raises it, tasks that still run are killed."""
        if self._ended is None or self._ended.done():
            return
        if self._driver is not None:
            self._driver.teardown()
        self._ended.set_exception(error)

    # Running.

    async def run(self, master: Any, *, system: ActorSystem | None = None) -> None:
        """Be the framework until `stop`: `master` is HOST:PORT (or a UPID, or a Detector).

        Raises what a callback raised, and FrameworkRefusedError if the master refuses.
        """
        detector = master if hasattr(master, "watch") else detector_for(master)
        if system is None:
            host = "127.0.0.1" if detector.on_this_machine else "0.0.0.0"  # noqa: S104 - the master answers
            async with ActorSystem(host) as own:
                await self._run(own, detector)
        else:
            await self._run(system, detector)

    async def _run(self, system: ActorSystem, detector: Any) -> None:
        if self._ended is not None:
            raise FrameworkEndedError("a framework runs once")
        self._ended = asyncio.get_running_loop().create_future()
        self._driver = SchedulerDriver(self, self._info, detector)
        upid = system.spawn(self._driver)
        try:
            await self._ended
        except asyncio.CancelledError:
            self._driver.teardown()
            raise
        finally:
            for task in list(self._tasks):
                if task is not asyncio.current_task():
                    task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for handle in self._handles.values():
                handle.fail(FrameworkEndedError("the framework has ended"))
            system.terminate(upid, drain=True)
            await system.wait(upid)

    def _call(self, message: Any) -> None:
        if self._driver is not None:
            self._driver.call(message)

    def _callback(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._called)

    def _called(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a callback of %s raised, the framework ends", self._info.name, exc_info=error)
            self.fail(error)

    # From the driver.

    def suppressed_roles(self) -> tuple[str, ...]:
        """The roles that want no offers."""
        return tuple(sorted(self._suppressed))

    def on_subscribed(self, again: bool) -> None:
        """A master has taken the framework."""
        if again:
            self._callback(self.reregistered())
            waiting = [h.task_id for h in self._handles.values() if not h.done and h.status is not None]
            if waiting:
                self.reconcile(*waiting)
        else:
            self._callback(self.registered())

    def on_disconnected(self) -> None:
        """There is no master: all offers are void."""
        self._held.clear()
        self._fresh.clear()
        self._callback(self.disconnected())

    def on_offers(self, offers: Sequence[Offer]) -> None:
        """Offers came."""
        for offer in offers:
            self._held[offer.id] = offer
        self._callback(self._offers(offers))

    async def _offers(self, offers: Sequence[Offer]) -> None:
        await self.offers(offers)
        unused = [offer for offer in offers if offer.id in self._held]
        self.decline(*unused)

    def _place(self, offers: Sequence[Offer]) -> None:
        """Match what waits; suppress when nothing waits, so that others are offered what we do not need."""
        offers = [offer for offer in offers if offer.id in self._held]
        placed = self._queue.match(offers, lambda a, e: (a, e) in self._executors)
        for offer in offers:
            tasks = placed.get(offer.id)
            if tasks:
                self.launch(offer, tasks)
                for task in tasks:
                    handle = self._handles[task.task_id]
                    staging = TaskStatus(task.task_id, TaskState.STAGING, agent_id=offer.agent_id)
                    handle.update(staging)
        if not self._queue and not self._suppressed:
            self.decline(*(offer for offer in offers if offer.id in self._held))
            self.suppress()

    def on_rescinded(self, offer_id: str) -> None:
        """An offer is void."""
        self._held.pop(offer_id, None)
        self._callback(self.rescinded(offer_id))

    def on_status(self, status: TaskStatus) -> None:
        """A task has a new state. One that was never launched waits for another offer."""
        handle = self._handles.get(status.task_id)
        if handle is not None:
            if status.state is TaskState.DROPPED and not handle.done:
                self._queue.add(handle.info)
                if self._suppressed:
                    self.revive()
            else:
                handle.update(status)
                if handle.done:
                    del self._handles[status.task_id]
        self._callback(self.status(status))

    def on_message(self, agent_id: str, executor_id: str, data: bytes) -> None:
        """An executor has sent something."""
        self._callback(self.message(agent_id, executor_id, data))

    def on_failure(self, message: FrameworkFailure) -> None:
        """An agent or an executor is gone."""
        if message.executor_id:
            self._executors.discard((message.agent_id, message.executor_id))
            self._callback(self.executor_lost(message.agent_id, message.executor_id, message.message))
        else:
            self._executors = {key for key in self._executors if key[0] != message.agent_id}
            self._callback(self.agent_lost(message.agent_id, message.message))


def _filters(refuse_seconds: float | None) -> Filters:
    return Filters() if refuse_seconds is None else Filters(refuse_seconds)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # A container may run under a uid that has no name.
        return ""
