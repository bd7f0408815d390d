"""The simple way to be a framework: submit tasks, await them. Offers, losses and repetitions are seen to here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cluster.messages import CommandInfo, ExecutorInfo, Offer, TaskInfo, TaskState, TaskStatus
from cluster.resources import Resources

from .calls import Calls
from .handle import TaskHandle
from .reconciling import Verdict, has_record
from .tasks import TaskBook

__all__ = ["FrameworkEndedError", "Submitting"]


class FrameworkEndedError(Exception):
    """The framework has ended, or has not begun."""


class Submitting(Calls):
    """What is done with tasks that are submitted."""

    _book: TaskBook
    _ended: asyncio.Future[None] | None
    _ending: bool
    _submitted = 0

    @property
    def waiting(self) -> int:
        """How many submitted tasks wait for resources."""
        return len(self._book.queue)

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
        hints: Mapping[str, Any] | None = None,
    ) -> TaskHandle:
        """Queue a task until an offer fits it; await the handle for its end.

        A shell line, a CommandInfo, a whole TaskInfo, or (`executor` and `data`) work for an executor.
        Resources as `cpus` and `mem` (MiB), or in full as `resources`. `where` picks among offers; `hints` are
        arguments of `add` of the framework's own `queue`. ValueError if the task is malformed or its id is in use.
        """
        self._check_running("submit")
        if isinstance(command, TaskInfo):
            task = command
        else:
            task = self._task(command, resources, cpus, mem, executor, data, name)
        handle = self._book.add(task, where, hints)
        self._want_offers()
        return handle

    def submit_group(
        self,
        tasks: Iterable[TaskInfo],
        *,
        executor: ExecutorInfo | None = None,
        where: Callable[[Offer], bool] | None = None,
    ) -> list[TaskHandle]:
        """Queue tasks until one offer fits them all; they are launched as a group: see `launch_group`.

        The handles are in the order of the tasks. ValueError as for `submit`, and for tasks that are no commands.
        """
        self._check_running("submit_group")
        handles = self._book.add_group(tuple(tasks), executor or self._group_executor(), where)
        self._want_offers()
        return handles

    def adopt(self, task: TaskInfo | str, agent_id: str = "") -> TaskHandle:
        """Follow a task that an earlier process of this framework launched, by its id or TaskInfo.

        Its state is asked for until it is told; name its agent, if you know it. It is not launched again, whatever
        has become of it. ValueError if the id is in use.
        """
        self._check_running("adopt")
        info = task if isinstance(task, TaskInfo) else TaskInfo(task, Resources())
        handle = self._book.adopt(info, agent_id or info.agent_id)
        if self._driver is not None:
            self._driver.reconcile({handle.task_id: handle.agent_id})
        return handle

    def handle_of(self, task_id: str) -> TaskHandle | None:
        """The handle of a task that was submitted or adopted, as long as it has not ended."""
        return self._book.handles.get(task_id)

    def kill(self, task_id: str, grace_period: float | None = None) -> None:
        """End a task: SIGTERM, SIGKILL after the grace period. One that still waits is just dropped, with its group.

        The kill is kept, and sent again to a new master, until the task is known to have ended.
        """
        dropped = self._book.drop(task_id)
        if dropped is not None:
            for handle in dropped:
                text = "killed while waiting" if handle.task_id == task_id else "its group was killed"
                status = TaskStatus(handle.task_id, TaskState.KILLED, message=text)
                if self._driver is not None:
                    # A late answer to what was asked after it, when it had been launched, is no news.
                    self._driver.ended(status)
                handle.update(status)
            return
        self._book.killed(task_id)
        if self._driver is not None:
            self._driver.kill(task_id, -1.0 if grace_period is None else grace_period)

    def agent_of(self, task_id: str) -> str:
        """Where a task was launched, while it has not ended; "" if that is not known."""
        handle = self._book.handles.get(task_id)
        return self._by_hand.get(task_id, "") if handle is None else handle.agent_id

    def _is_submitted(self, task: TaskInfo) -> bool:
        return task.task_id in self._book.handles

    def _check_running(self, call: str) -> None:
        if self._ending or (self._ended is not None and self._ended.done()):
            raise FrameworkEndedError(f"{call}: the framework has ended")

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

    def _want_offers(self) -> None:
        if self._suppressed:
            self.revive()

    def _place(self, offers: Sequence[Offer]) -> None:
        """Match what waits; suppress when nothing waits, so that others are offered what we do not need."""
        if self._driver is None:
            return
        offers = [offer for offer in offers if offer.id in self._held]
        now = self._driver.clock.monotonic()
        placed = self._book.match(
            offers, now, lambda agent, executor: (agent, executor) in self._executors, self._driver.view
        )
        pause = self._book.queue.refuse_seconds(now)
        for offer, operations in placed:
            self.accept(offer, operations, refuse_seconds=pause)
        left = [offer for offer in offers if offer.id in self._held]
        if not self._book.wants_offers and not self._suppressed:
            self.decline(*left)
            self.suppress()
        elif pause is not None:
            self.decline(*left, refuse_seconds=pause)

    def _note_status(self, status: TaskStatus) -> Verdict:
        """See to a submitted task. What only concerns the library is acknowledged here."""
        driver = self._driver
        if driver is None:
            return Verdict.FOLLOW
        task_id = status.task_id
        handle = self._book.handles.get(task_id)
        agent_id = status.agent_id if handle is None else handle.agent_id
        verdict = self._book.status(status, driver.clock.monotonic(), driver.view)
        if verdict is Verdict.FOLLOW:
            if has_record(status) and not status.state.terminal and status.executor_id != task_id:
                self._executors.add((status.agent_id, status.executor_id))
            if status.state is TaskState.UNREACHABLE and handle is not None and not has_record(status):
                # Nobody will tell when it is back: the master does not have it.
                driver.ask_again(task_id, agent_id)
        elif verdict is Verdict.DOUBTFUL:
            driver.ask_again(task_id, agent_id)
            self._want_offers()
        elif verdict is Verdict.NEVER_LAUNCHED:
            self._want_offers()
        if handle is None:
            ended = status.state.terminal or status.state is TaskState.UNKNOWN
        else:
            ended = handle.done
            if handle.info.executor is not None and status.state in (TaskState.DROPPED, TaskState.ERROR):
                self._executors.discard((agent_id, handle.info.executor.executor_id))
        if ended:
            driver.ended(status)
            self._by_hand.pop(task_id, None)
        if verdict is not Verdict.FOLLOW and self.explicit_acknowledgements:
            driver.acknowledge(status)
        return verdict
