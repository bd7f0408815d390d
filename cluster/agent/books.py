"""What an agent knows, and the few moves that keep it: updates told, tasks and executors taken out."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from cluster.messages import (
    AgentInfo,
    CheckStatusInfo,
    ContainerStatus,
    ExitedExecutor,
    FrameworkInfo,
    Reason,
    RunTask,
    RunTaskGroup,
    Source,
    TaskState,
    TaskStatus,
)
from cluster.resources import ResourceError, Resources

from .effects import Effect, StopChecks, ToMaster, UpdateLimits
from .options import AgentOptions
from .records import AgentTask, ExecutorRun, Key, Phase
from .updates import StatusUpdates

__all__ = ["Books"]

log = logging.getLogger("ostrom.agent")

MAX_FORMER = 50
"""Frameworks of which nothing is left that are remembered, as in Mesos."""


@dataclass
class Books:
    """Executors, tasks and updates; what is to be done, and what is to be written down.

    The moves here mark what they change in `dirty`: `(kind, framework, id)`, see `checkpoint`.
    """

    info: AgentInfo
    new_uuid: Callable[[], str]
    runs_executors: bool = True
    options: AgentOptions = field(default_factory=AgentOptions)

    def __post_init__(self) -> None:
        self.host = ""
        """Where it is reached, without the port."""
        self.taken: AgentInfo | None = None
        """How the agent introduced itself when a master last took it: what it is held to when it is started again."""
        self.boot_id = ""
        self.life = 1
        """The how manieth process of the agent this is."""
        self.forgetful = False
        """Whether something that ran here may not be on disk: its machine was started again."""
        self.runs: dict[Key, ExecutorRun] = {}
        self.shared: dict[Key, None] = {}
        """Those whose tasks have other ids than they: what is not here need not be looked for in thousands of runs."""
        self.in_use: dict[str, int] = {}
        """What tasks and executors use, by name in thousandths."""
        self.frameworks: dict[str, FrameworkInfo] = {}
        self.former: dict[str, FrameworkInfo] = {}
        """Frameworks of which nothing is left here, for those who ask; the latest to go is the last."""
        self.updates = StatusUpdates()
        self.finished: dict[Key, AgentTask] = {}
        """Tasks whose executor is gone, or done with them, until their last update is acknowledged."""
        self.completed: deque[tuple[str, AgentTask]] = deque(maxlen=self.options.completed_tasks)
        """Tasks whose end is known to their frameworks, by framework id: for those who ask."""
        self.waiting: list[RunTask | RunTaskGroup] = []
        """What cannot be launched before something that is ending has ended; nowhere written down."""
        self.master_id = ""
        """The master that has sent what waits."""
        self.unheard: set[Key] = set()
        """Executors that ended while there was no master to tell, since the last registration."""
        self.counters: Counter[str] = Counter()
        """What has ended since this process began: tasks by their state, executors."""
        self.effects: list[Effect] = []
        self.dirty: dict[tuple[str, str, str], None] = {}

    # Marks.

    def touch_agent(self) -> None:
        """Note that the agent itself has changed."""
        self.dirty["agent", "", ""] = None

    def touch_framework(self, framework_id: str) -> None:
        """Note that a framework came or went."""
        self.dirty["framework", framework_id, ""] = None

    def touch_run(self, key: Key) -> None:
        """Note that a run of an executor has changed."""
        self.dirty["run", *key] = None

    def touch_task(self, key: Key) -> None:
        """Note that a task has changed."""
        self.dirty["task", *key] = None

    def touch_updates(self, key: Key) -> None:
        """Note that a task's updates have."""
        self.dirty["updates", *key] = None

    # Questions.

    def find(self, framework_id: str, task_id: str) -> ExecutorRun | None:
        """The run that has this task."""
        run = self.runs.get((framework_id, task_id))
        if run is not None and task_id in run.tasks:
            return run
        for key in self.shared:
            if key[0] == framework_id and task_id in self.runs[key].tasks:
                return self.runs[key]
        return None

    def add_run(self, run: ExecutorRun) -> None:
        """Take in a run."""
        self.runs[run.key] = run
        if run.custom:
            self.shared[run.key] = None
        if run.info is not None:
            self._charge(run.info.resources, 1)
        for task in run.tasks.values():
            self._charge(task.info.resources, 1)

    def add_task(self, run: ExecutorRun, task: AgentTask) -> None:
        """Give a run that is taken in a task."""
        run.tasks[task.info.task_id] = task
        self._charge(task.info.resources, 1)
        self._resized(run)

    def take_task(self, run: ExecutorRun, task_id: str) -> None:
        """Take a task from its run: it uses nothing any more."""
        self._charge(run.tasks.pop(task_id).info.resources, -1)
        self._resized(run)

    def _resized(self, run: ExecutorRun) -> None:
        # Other containers have the tasks with which they begin, until they end.
        if run.custom and run.phase in (Phase.REGISTERING, Phase.RUNNING):
            self.effects.append(UpdateLimits(run))

    def _charge(self, resources: Resources, sign: int) -> None:
        for name, amount in resources.amounts().items():
            self.in_use[name] = self.in_use.get(name, 0) + sign * amount

    def members(self, group: ExecutorRun) -> list[ExecutorRun]:
        """The runs of a group's tasks."""
        framework_id, group_id = group.key
        return [
            run for run in self.runs.values() if run.group == group_id and run.framework.id == framework_id
        ]

    def all_tasks(self) -> Iterator[tuple[str, AgentTask]]:
        """All tasks that are not forgotten, by framework id."""
        for run in self.runs.values():
            for task in run.tasks.values():
                yield run.framework.id, task
        for key, task in self.finished.items():
            yield key[0], task

    def used(self) -> list[Resources]:
        """What each task and executor uses; revocable or not."""
        executors = [run.info.resources for run in self.runs.values() if run.info is not None]
        return executors + [task.info.resources for run in self.runs.values() for task in run.tasks.values()]

    def room(self, needed: Resources) -> bool:
        """Whether there is room for something more.

        The master counts what is used; but of frameworks and tasks that it has given up, it may count too little, while
        they are still ending here, or are to be ended when it hears of them.
        """
        there = self.info.resources.amounts()
        for name, amount in self.info.revocable.amounts().items():
            there[name] = there.get(name, 0) + amount
        wanted = needed.amounts().items()
        if any(self.in_use.get(name, 0) + amount > there.get(name, 0) for name, amount in wanted):
            return False
        if not self._something_ends():
            # Then it is not about which ports, either.
            return True
        left = self.info.resources + self.info.revocable
        try:
            for resources in self.used():
                left -= resources
        except ResourceError:
            return False
        return left.contains(needed)

    def _something_ends(self) -> bool:
        # Plain loops: this is asked for each task, and generators would take four times as long.
        for run in self.runs.values():
            if run.phase is Phase.TERMINATING:
                return True
            for task in run.tasks.values():
                if task.killed:
                    return True
        return False

    # Moves.

    def emit(
        self,
        framework_id: str,
        task: AgentTask,
        state: TaskState,
        reason: Reason,
        text: str,
        now: float,
        *,
        exit_code: int | None = None,
        data: bytes = b"",
        source: Source = Source.AGENT,
        uuid: str = "",
        healthy: bool | None = None,
        check_status: CheckStatusInfo | None = None,
    ) -> None:
        """A new state: noted, and on its way to the framework until it is acknowledged."""
        before = task.status
        run = self.runs.get((framework_id, before.executor_id))
        if run is not None and run.is_group:
            run = self.runs.get((framework_id, task.info.task_id))
        if state.terminal and not before.state.terminal:
            self.counters[f"tasks_{state.short.lower()}"] += 1
        task.status = TaskStatus(
            task.info.task_id,
            state,
            source,
            reason,
            text,
            data,
            self.info.id,
            task.info.executor_id,
            now,
            uuid or self.new_uuid(),
            exit_code,
            before.healthy if healthy is None else healthy,
            before.check_status if check_status is None else check_status,
            before.container if run is None else ContainerStatus(run.container_id, self.host),
        )
        self.touch_task((framework_id, task.info.task_id))
        self.send_update(framework_id, task.status, now)

    def send_update(self, framework_id: str, status: TaskStatus, now: float) -> None:
        """Queue an update; it goes out now if it is the first of its task."""
        self.touch_updates((framework_id, status.task_id))
        update = self.updates.add(framework_id, status, now)
        if update is not None:
            self.effects.append(ToMaster(update))

    def finish(self, run: ExecutorRun, task: AgentTask) -> None:
        """A task leaves its run; it is kept while updates of it are not acknowledged."""
        key = (run.framework.id, task.info.task_id)
        self.take_task(run, task.info.task_id)
        if task.info.task_id in run.queued:
            run.queued.remove(task.info.task_id)
            self.touch_run(run.key)
        self.touch_task(key)
        self.unattend(run, task)
        if not task.status.state.terminal or self.updates.pending(*key):
            self.finished[key] = task

    def unattend(self, run: ExecutorRun, task: AgentTask) -> None:
        """Check a task no more; its executor may live on."""
        if task.info.health_check is not None or task.info.check is not None:
            self.effects.append(StopChecks(run, task.info.task_id))

    def end(
        self,
        run: ExecutorRun,
        task: AgentTask,
        state: TaskState,
        reason: Reason,
        text: str,
        now: float,
        *,
        exit_code: int | None = None,
        healthy: bool | None = None,
    ) -> None:
        """A task ends: it leaves its run, and its framework is told."""
        self.finish(run, task)
        self.emit(run.framework.id, task, state, reason, text, now, exit_code=exit_code, healthy=healthy)

    def drop(self, run: ExecutorRun, text: str, status: int | None = None) -> None:
        """A run is over. The master hears of an executor's end, as it holds resources of its own.

        `status` is that of its process, as waitpid(2) tells it.
        """
        if self.runs.get(run.key) is run:
            del self.runs[run.key]
            self.shared.pop(run.key, None)
            self.counters["executors_terminated"] += not run.group
            if run.info is not None:
                self._charge(run.info.resources, -1)
            self.touch_run(run.key)
        self.effects.append(StopChecks(run))
        if run.info is not None:
            message = ExitedExecutor(self.info.id, run.framework.id, run.executor_id, text, status)
            self.effects.append(ToMaster(message))
        self.forget_framework(run.framework.id)

    def forget_framework(self, framework_id: str) -> None:
        """Forget a framework of which nothing is left here."""
        if framework_id in self.frameworks and not any(
            key[0] == framework_id for key in (*self.runs, *self.finished)
        ):
            self.former[framework_id] = self.frameworks.pop(framework_id)
            while len(self.former) > MAX_FORMER:
                del self.former[next(iter(self.former))]
            self.touch_framework(framework_id)

    def know_framework(self, info: FrameworkInfo) -> None:
        """Note how a framework introduces itself now."""
        self.former.pop(info.id, None)
        if self.frameworks.get(info.id) != info:
            self.frameworks[info.id] = info
            self.touch_framework(info.id)

    def set_id(self, agent_id: str) -> None:
        """The master has given this agent its id."""
        if self.info.id != agent_id:
            self.info = msgspec.structs.replace(self.info, id=agent_id)
        if self.taken != self.info:
            self.taken = self.info
            self.touch_agent()
