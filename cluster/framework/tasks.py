"""The tasks that were submitted: which wait, which were launched, what each status means. Rules, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cluster.messages import ExecutorInfo, Launch, LaunchGroup, Offer, TaskInfo, TaskState, TaskStatus

from .handle import TaskHandle
from .matching import Constraint, Queue, TaskQueue
from .reconciling import PATIENCE, Attempt, MasterView, Verdict, has_record, judge

__all__ = ["Submitted", "TaskBook"]

_ALIVE = frozenset({TaskState.STAGING, TaskState.STARTING, TaskState.RUNNING, TaskState.KILLING})
_RAN = _ALIVE | {TaskState.FINISHED, TaskState.FAILED, TaskState.KILLED}


@dataclass(slots=True)
class _Group:
    """Tasks that are launched together. `back` are those that are known never to have been launched."""

    handles: tuple[TaskHandle, ...]
    executor: ExecutorInfo
    constraint: Constraint | None
    back: dict[str, TaskStatus] = field(default_factory=dict)


@dataclass(slots=True)
class Submitted:
    """What is known of a submitted task beside its handle."""

    handle: TaskHandle
    constraint: Constraint | None = None
    hints: Mapping[str, Any] = field(default_factory=dict)
    group: _Group | None = None
    waiting: bool = True
    """In the queue."""
    attempt: Attempt | None = None
    """The last launch; None also for a task of an earlier process."""
    heard: bool = False
    """Something was heard of it since that launch."""
    killed: bool = False
    """The framework wants its end."""
    doubted: tuple[int, float] | None = None
    """In which subscription, and since when, nobody seems to know it."""


class TaskBook:
    """All submitted tasks that have not ended. Times are in seconds of a clock that never goes back.

    `unreachable_timeout` is how long a task may be unreachable (None: for ever).
    """

    def __init__(self, queue: Queue | None = None, unreachable_timeout: float | None = None) -> None:
        self.queue: Queue = TaskQueue() if queue is None else queue
        self.handles: dict[str, TaskHandle] = {}
        """By the task's id."""
        self._tasks: dict[str, Submitted] = {}
        self._unreachable_timeout = unreachable_timeout
        self._deadlines: dict[str, float] = {}
        self._doubtful: set[str] = set()

    @property
    def wants_offers(self) -> bool:
        """Whether an offer is of use: for tasks that wait, or to learn that an agent is back."""
        return len(self.queue) > 0 or bool(self._doubtful)

    def add(
        self, task: TaskInfo, constraint: Constraint | None = None, hints: Mapping[str, Any] | None = None
    ) -> TaskHandle:
        """Queue a task. ValueError if its id is in use, or if it asks for no resources."""
        self._check(task)
        hints = hints or {}
        self.queue.add(task, constraint, **hints)
        return self._enter(Submitted(TaskHandle(task), constraint, hints))

    def add_group(
        self, tasks: Sequence[TaskInfo], executor: ExecutorInfo, constraint: Constraint | None = None
    ) -> list[TaskHandle]:
        """Queue a group. ValueError as for `add`, and for what cannot be a group."""
        if not tasks:
            raise ValueError("submit_group: no tasks")
        if len({task.task_id for task in tasks}) < len(tasks):
            raise ValueError("submit_group: a task_id is named twice")
        for task in tasks:
            self._check(task)
            if task.executor is not None or task.command is None:
                raise ValueError(
                    f"submit_group: task {task.task_id!r} needs a command, and no executor of its own"
                )
        if executor.command is not None:
            raise ValueError(f"submit_group: executor {executor.executor_id!r} has a command")
        if not hasattr(self.queue, "add_group"):
            raise ValueError(f"submit_group: {type(self.queue).__name__} cannot queue groups")
        self.queue.add_group(tasks, executor, constraint)
        group = _Group(tuple(TaskHandle(task) for task in tasks), executor, constraint)
        return [self._enter(Submitted(handle, constraint, group=group)) for handle in group.handles]

    def adopt(self, task: TaskInfo, agent_id: str) -> TaskHandle:
        """Follow a task that an earlier process launched. ValueError if its id is in use."""
        if task.task_id in self._tasks:
            raise ValueError(f"adopt: task_id {task.task_id!r} is in use")
        handle = TaskHandle(task)
        handle.agent_id = agent_id
        return self._enter(Submitted(handle, waiting=False))

    def _check(self, task: TaskInfo) -> None:
        if task.task_id in self._tasks:
            raise ValueError(f"submit: task_id {task.task_id!r} is in use")
        if not task.resources:
            raise ValueError(f"submit: task {task.task_id!r} asks for no resources")

    def _enter(self, task: Submitted) -> TaskHandle:
        self._tasks[task.handle.task_id] = task
        self.handles[task.handle.task_id] = task.handle
        return task.handle

    def _leave(self, task_id: str) -> None:
        del self._tasks[task_id], self.handles[task_id]
        self._deadlines.pop(task_id, None)
        self._doubtful.discard(task_id)

    def launched(self) -> Iterator[tuple[str, str]]:
        """All tasks that were launched, as far as is known, each with its agent (or "")."""
        for task_id, task in self._tasks.items():
            if not task.waiting and (task.group is None or task_id not in task.group.back):
                yield task_id, task.handle.agent_id

    # Offers.

    def match(
        self,
        offers: Sequence[Offer],
        now: float,
        runs_there: Callable[[str, str], bool],
        master: MasterView,
    ) -> Iterator[tuple[Offer, list[Launch | LaunchGroup]]]:
        """Place what waits: the operations for each offer that is used. The caller accepts each as it comes."""
        placed = self.queue.match(offers, now=now, runs_there=runs_there)
        for offer in offers:
            tasks = placed.get(offer.id)
            if tasks:
                attempt = Attempt(offer.agent_id, master.subscription, master.master_id)
                yield offer, list(self._operations(tasks, attempt))

    def _operations(self, tasks: Iterable[TaskInfo], attempt: Attempt) -> Iterator[Launch | LaunchGroup]:
        alone: list[TaskInfo] = []
        groups: dict[int, tuple[_Group, list[TaskInfo]]] = {}
        for info in tasks:
            # What was put into the queue directly is launched, and not followed.
            task = self._tasks.get(info.task_id)
            if task is None or task.group is None:
                alone.append(info)
            else:
                groups.setdefault(id(task.group), (task.group, []))[1].append(info)
            if task is not None:
                task.waiting, task.attempt, task.heard, task.doubted = False, attempt, False, None
                task.handle.update(TaskStatus(info.task_id, TaskState.STAGING, agent_id=attempt.agent_id))
        if alone:
            yield Launch(tuple(alone))
        for group, members in groups.values():
            group.back.clear()
            yield LaunchGroup(group.executor, tuple(members))

    # What frameworks want.

    def drop(self, task_id: str) -> list[TaskHandle] | None:
        """Take a task that waits out of the queue, and all of its group. None if it does not wait.

        The handles are for the caller to end.
        """
        if self.queue.remove(task_id) is None:
            return None
        task = self._tasks.get(task_id)
        if task is None:
            return []
        handles = [task.handle] if task.group is None else list(task.group.handles)
        for handle in handles:
            self._leave(handle.task_id)
        return handles

    def killed(self, task_id: str) -> None:
        """The end of a task is wanted: it will not be launched again."""
        if task_id in self._tasks:
            self._tasks[task_id].killed = True

    # What is heard.

    def status(self, status: TaskStatus, now: float, master: MasterView) -> Verdict:
        """Note a status. What was never launched waits again; a task that has ended is forgotten here."""
        task = self._tasks.get(status.task_id)
        if task is None:
            return Verdict.FOLLOW
        if task.waiting and not self._runs_after_all(task, status):
            return Verdict.STALE
        verdict = judge(status, task.attempt, master, heard=task.heard)
        if verdict is Verdict.NEVER_LAUNCHED:
            return self._never_launched(task, status)
        if verdict is Verdict.DOUBTFUL:
            if task.doubted is None or task.doubted[0] != master.subscription:
                task.doubted = master.subscription, now
            if now - task.doubted[1] < PATIENCE:
                if task.attempt is not None and not task.heard:
                    self._doubtful.add(status.task_id)
                return Verdict.DOUBTFUL
            self._end(task, status)
            return Verdict.FOLLOW
        if verdict is Verdict.FOLLOW:
            self._follow(task, status, now)
        return verdict

    def _runs_after_all(self, task: Submitted, status: TaskStatus) -> bool:
        # It was told to be dropped, and runs: it must not be launched once more.
        if task.attempt is None or status.state not in _RAN or not has_record(status):
            return False
        self.queue.remove(status.task_id)
        for handle in task.group.handles if task.group is not None else (task.handle,):
            if handle.task_id in self._tasks:
                self._tasks[handle.task_id].waiting = False
        return True

    def _follow(self, task: Submitted, status: TaskStatus, now: float) -> None:
        task_id = status.task_id
        task.doubted = None
        self._doubtful.discard(task_id)
        if task.group is not None:
            task.group.back.pop(task_id, None)
        if status.state.terminal:
            self._end(task, status)
            return
        task.heard = task.heard or has_record(status)
        if status.state is not TaskState.UNREACHABLE:
            self._deadlines.pop(task_id, None)
        elif self._unreachable_timeout is not None:
            self._deadlines.setdefault(task_id, now + self._unreachable_timeout)
        task.handle.update(status)

    def _end(self, task: Submitted, status: TaskStatus) -> None:
        self._leave(status.task_id)
        task.handle.update(status, last=True)
        if task.group is not None:
            self._group_heard(task.group)

    def _never_launched(self, task: Submitted, status: TaskStatus) -> Verdict:
        task_id, group = status.task_id, task.group
        self._doubtful.discard(task_id)
        if task.killed:
            text = "killed before it was launched"
            self._end(task, TaskStatus(task_id, TaskState.KILLED, message=text))
        elif group is None:
            self._wait_again(task)
            self.queue.add(task.handle.info, task.constraint, **task.hints)
        else:
            group.back[task_id] = status
            self._group_heard(group)
        return Verdict.NEVER_LAUNCHED

    def _wait_again(self, task: Submitted) -> None:
        task.waiting, task.heard, task.doubted = True, False, None
        self._deadlines.pop(task.handle.task_id, None)
        task.handle.queued()

    def _group_heard(self, group: _Group) -> None:
        """A group is launched again when none of its tasks was; if one was, the others have ended with it."""
        open_ = [handle.task_id for handle in group.handles if handle.task_id in self._tasks]
        if not open_ or any(task_id not in group.back for task_id in open_):
            return
        if len(open_) < len(group.handles):
            for task_id in open_:
                self._leave(task_id)
            for handle in group.handles:
                if handle.task_id in open_:
                    handle.update(group.back[handle.task_id], last=True)
            return
        for task_id in open_:
            self._wait_again(self._tasks[task_id])
        infos = [handle.info for handle in group.handles]
        self.queue.add_group(infos, group.executor, group.constraint)  # type: ignore[attr-defined]

    # Time.

    def next_deadline(self) -> float | None:
        """When an unreachable task counts as failed."""
        # All wait equally long: the first that began is the first to end.
        return next(iter(self._deadlines.values()), None)

    def overdue(self, now: float) -> list[str]:
        """End the handles of tasks that were unreachable for too long; their ids, to be killed."""
        late = [task_id for task_id, deadline in self._deadlines.items() if deadline <= now]
        for task_id in late:
            task = self._tasks[task_id]
            if task.handle.status is not None:
                self._end(task, task.handle.status)
        return late

    def fail(self, error: BaseException) -> None:
        """Nothing more will be heard of any task."""
        for handle in self.handles.values():
            handle.fail(error)
