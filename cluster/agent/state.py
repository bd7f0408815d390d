"""The agent's rules: frameworks, executors and tasks, and what follows from each event. No I/O, no clock.

Methods change the state and return nothing; what is to be done is put into `effects`, in order, for the actor
around it to carry out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from actors import UPID
from cluster.messages import (
    AgentInfo,
    ExecutorKillTask,
    ExecutorMessage,
    ExecutorRegistered,
    ExecutorShutdown,
    ExecutorState,
    ExecutorToFramework,
    ExitedExecutor,
    FrameworkInfo,
    FrameworkToExecutor,
    KillTask,
    LaunchTask,
    Reason,
    RegisterAgent,
    RegisterExecutor,
    RunTask,
    Source,
    TaskInfo,
    TaskRecord,
    TaskState,
    TaskStatus,
    may_follow,
)
from cluster.messages.executor import ExecutorStatusUpdate
from isolation import Exit

from .effects import Destroy, DestroyAfter, Effect, LaunchContainer, Send, ToMaster, WatchRegistration
from .options import AgentOptions
from .records import AgentTask, ExecutorRun, Key, Phase
from .updates import StatusUpdates

__all__ = ["AgentState"]

log = logging.getLogger("ostrom.agent")


@dataclass
class AgentState:
    """All that an agent knows, and the rules by which it changes."""

    info: AgentInfo
    new_uuid: Callable[[], str]
    runs_executors: bool = True
    options: AgentOptions = field(default_factory=AgentOptions)

    def __post_init__(self) -> None:
        self.runs: dict[Key, ExecutorRun] = {}
        self.frameworks: dict[str, FrameworkInfo] = {}
        self.updates = StatusUpdates()
        self.finished: dict[Key, tuple[TaskInfo, TaskStatus, str]] = {}
        """Tasks whose executor is gone, until their last update is acknowledged; with their role."""
        self.effects: list[Effect] = []

    # From the master.

    def registration(self) -> RegisterAgent:
        """What the agent says of itself to a master: all that it runs."""
        tasks = [
            TaskRecord(run.framework.id, task.info, task.status, run.role)
            for run in self.runs.values()
            for task in run.tasks.values()
        ]
        tasks += [
            TaskRecord(key[0], info, status, role) for key, (info, status, role) in self.finished.items()
        ]
        executors = [
            ExecutorState(run.framework.id, run.info, run.role)
            for run in self.runs.values()
            if run.info is not None
        ]
        named = {record.framework_id for record in tasks} | {e.framework_id for e in executors}
        frameworks = [info for key, info in self.frameworks.items() if key in named]
        return RegisterAgent(self.info, tuple(frameworks), tuple(executors), tuple(tasks))

    def run_task(self, message: RunTask, now: float) -> None:
        """Launch a task; one that is here already is not launched again."""
        task, framework = message.task, message.framework
        if (
            self._find(framework.id, task.task_id) is not None
            or (framework.id, task.task_id) in self.finished
        ):
            return
        self.frameworks[framework.id] = framework
        # Where executors are not run, each task has a container of its own.
        executor_id = task.executor_id if self.runs_executors else task.task_id
        key = (framework.id, executor_id)
        run = self.runs.get(key)
        status = TaskStatus(
            task.task_id, TaskState.STAGING, Source.AGENT, agent_id=self.info.id, timestamp=now
        )
        entry = AgentTask(task, status)
        if run is None:
            own = task.executor if self.runs_executors else None
            command = task.command if task.executor is None else task.executor.command
            if command is None:
                self._refuse(framework.id, message.role, entry, "a task without a command or executor", now)
                return
            run = ExecutorRun(framework, executor_id, message.role, self.new_uuid(), command, info=own)
            run.tasks[task.task_id] = entry
            self.runs[key] = run
            if own is not None:
                run.queued.append(task)
            self.effects.append(LaunchContainer(run))
            return
        if run.phase is Phase.TERMINATING or run.info is None:
            text = "its executor is ending" if run.info is not None else "the executor id is that of a task"
            self._refuse(framework.id, run.role, entry, text, now, TaskState.DROPPED)
            return
        run.tasks[task.task_id] = entry
        if run.phase is Phase.RUNNING and run.upid is not None:
            self.effects.append(Send(run.upid, LaunchTask(task)))
        else:
            run.queued.append(task)

    def _refuse(
        self,
        framework_id: str,
        role: str,
        entry: AgentTask,
        text: str,
        now: float,
        state: TaskState = TaskState.ERROR,
    ) -> None:
        self.finished[framework_id, entry.info.task_id] = (entry.info, entry.status, role)
        self._emit(framework_id, entry, role, state, Reason.TASK_INVALID, text, now)

    def kill_task(self, message: KillTask, now: float) -> None:
        """End a task: SIGTERM, SIGKILL after its grace period; or by its executor."""
        run = self._find(message.framework_id, message.task_id)
        if run is None:
            return
        entry = run.tasks[message.task_id]
        if entry.status.state.terminal:
            return
        entry.killed = True
        grace = message.grace_period if message.grace_period >= 0 else entry.info.kill_policy.grace_period
        if run.info is None:
            if run.phase is Phase.RUNNING:
                self.effects.append(DestroyAfter(run, grace, terminate=True))
            return
        if any(task.task_id == message.task_id for task in run.queued):
            run.queued = [task for task in run.queued if task.task_id != message.task_id]
            text = "killed before its executor was ready"
            self._update(run, entry, TaskState.KILLED, Reason.TASK_KILLED_DURING_LAUNCH, text, now)
        elif run.upid is not None:
            self.effects.append(Send(run.upid, ExecutorKillTask(message.task_id, grace)))

    def kill_unheard(self, framework_id: str, task_id: str) -> None:
        """End a task that its framework was told is lost: nobody hears of its end."""
        run = self._find(framework_id, task_id)
        if run is None:
            self.finished.pop((framework_id, task_id), None)
            return
        if run.info is None:
            run.phase = Phase.TERMINATING
            run.tasks[task_id].killed = True
            self.effects.append(Destroy(run))
        elif run.upid is not None:
            self.effects.append(Send(run.upid, ExecutorKillTask(task_id, 0.0)))

    def shutdown_executor(self, framework_id: str, executor_id: str) -> None:
        """Ask an executor to end; destroy it after the grace period."""
        run = self.runs.get((framework_id, executor_id))
        if run is None or run.phase is Phase.TERMINATING:
            return
        launching = run.phase is Phase.LAUNCHING
        run.phase = Phase.TERMINATING
        for task in run.tasks.values():
            task.killed = True
        grace = self.options.executor_shutdown_grace
        if run.upid is not None:
            self.effects.append(Send(run.upid, ExecutorShutdown(grace)))
            self.effects.append(DestroyAfter(run, grace, terminate=False))
        elif not launching:
            self.effects.append(DestroyAfter(run, grace, terminate=True))

    def shutdown_framework(self, framework_id: str) -> None:
        """End all that a framework runs; nobody hears of it."""
        self.updates.drop_framework(framework_id)
        for key in [key for key in self.finished if key[0] == framework_id]:
            del self.finished[key]
        for run in list(self.runs.values()):
            if run.framework.id == framework_id:
                self.shutdown_executor(framework_id, run.executor_id)
        self.frameworks.pop(framework_id, None)

    def acknowledge(self, framework_id: str, task_id: str, uuid: str, now: float) -> None:
        """An update has arrived; the task's next goes out; an ended task is forgotten."""
        following = self.updates.acknowledge(framework_id, task_id, uuid, now)
        if following is not None:
            self.effects.append(ToMaster(following))
        elif not self.updates.pending(framework_id, task_id):
            finished = self.finished.get((framework_id, task_id))
            if finished is not None and finished[1].state.terminal:
                del self.finished[framework_id, task_id]
                if finished[0].executor is None:
                    self._forget_framework(framework_id)

    def _forget_framework(self, framework_id: str) -> None:
        if not any(key[0] == framework_id for key in (*self.runs, *self.finished)):
            self.frameworks.pop(framework_id, None)

    def message_to_executor(self, message: FrameworkToExecutor) -> None:
        """Pass on; dropped if the executor is not there (messages are delivered at most once)."""
        run = self.runs.get((message.framework_id, message.executor_id))
        if run is not None and run.upid is not None and run.phase is Phase.RUNNING:
            inner = ExecutorMessage(message.framework_id, message.executor_id, message.data)
            self.effects.append(Send(run.upid, inner))

    # From containers.

    def launched(self, run: ExecutorRun, now: float) -> None:
        """The container runs."""
        if run.phase is Phase.TERMINATING:
            self.effects.append(Destroy(run))
            return
        if run.info is not None:
            # An executor that is quick registers before this is heard.
            if run.phase is Phase.LAUNCHING:
                run.phase = Phase.REGISTERING
                self.effects.append(WatchRegistration(run))
            return
        run.phase = Phase.RUNNING
        for entry in list(run.tasks.values()):
            self._update(run, entry, TaskState.RUNNING, Reason.NONE, "", now)
            if entry.killed:
                grace = entry.info.kill_policy.grace_period
                self.effects.append(DestroyAfter(run, grace, terminate=True))

    def launch_failed(self, run: ExecutorRun, text: str, now: float) -> None:
        """The container could not be started: its tasks have failed."""
        self._remove(run, Reason.CONTAINER_LAUNCH_FAILED, text, now)

    def exited(self, run: ExecutorRun, exit_: Exit, now: float) -> None:
        """The container ended, and nothing of it is left: what tasks it had end with it."""
        if run.info is not None:
            text = f"the executor {exit_.describe()}"
            self._remove(run, Reason.EXECUTOR_TERMINATED, text, now)
            return
        for entry in list(run.tasks.values()):
            # As Mesos since 1.9: a task that was told to end was killed, however gracefully it ended.
            if entry.killed:
                state, reason = TaskState.KILLED, Reason.NONE
            elif exit_.code == 0:
                state, reason = TaskState.FINISHED, Reason.NONE
            else:
                state, reason = TaskState.FAILED, Reason.COMMAND_EXECUTOR_FAILED
            text = f"the command {exit_.describe()}"
            self._finish(run, entry)
            self._emit(run.framework.id, entry, run.role, state, reason, text, now, exit_.code)
        self._drop(run)

    def _remove(self, run: ExecutorRun, reason: Reason, text: str, now: float) -> None:
        for entry in list(run.tasks.values()):
            self._finish(run, entry)
            if not entry.status.state.terminal:
                state = TaskState.KILLED if entry.killed else TaskState.FAILED
                self._emit(run.framework.id, entry, run.role, state, reason, text, now)
        self._drop(run)
        if run.info is not None:
            self.effects.append(
                ToMaster(ExitedExecutor(self.info.id, run.framework.id, run.executor_id, text))
            )

    def _finish(self, run: ExecutorRun, entry: AgentTask) -> None:
        """A task leaves its run; it is kept while updates of it are not acknowledged."""
        del run.tasks[entry.info.task_id]
        if run.framework.id in self.frameworks and (
            not entry.status.state.terminal or self.updates.pending(run.framework.id, entry.info.task_id)
        ):
            self.finished[run.framework.id, entry.info.task_id] = (entry.info, entry.status, run.role)

    def _drop(self, run: ExecutorRun) -> None:
        if self.runs.get(run.key) is run:
            del self.runs[run.key]
        self._forget_framework(run.framework.id)

    def registration_overdue(self, run: ExecutorRun) -> None:
        """The executor has not registered in time: it is destroyed."""
        if self.runs.get(run.key) is run and run.phase is Phase.REGISTERING:
            log.warning("executor %s did not register in time", run.key)
            run.phase = Phase.TERMINATING
            self.effects.append(Destroy(run))

    # From executors.

    def executor_registered(self, sender: UPID, message: RegisterExecutor) -> bool:
        """An executor introduces itself. False if there is no such run: then it must end."""
        run = self.runs.get((message.framework_id, message.executor_id))
        if (
            run is None
            or run.info is None
            or run.container_id != message.container_id
            or run.phase is Phase.TERMINATING
        ):
            return False
        run.upid = sender
        run.phase = Phase.RUNNING
        self.effects.append(Send(sender, ExecutorRegistered(run.info, run.framework, self.info)))
        queued, run.queued = run.queued, []
        self.effects += [Send(sender, LaunchTask(task)) for task in queued]
        return True

    def executor_exited(self, upid: UPID) -> None:
        """An executor's connection is gone: the executor with it, or it is of no use any more."""
        for run in self.runs.values():
            if run.upid == upid:
                run.upid = None
                run.phase = Phase.TERMINATING
                self.effects.append(Destroy(run))

    def executor_update(self, sender: UPID, message: ExecutorStatusUpdate, now: float) -> None:
        """A task's new state from its executor."""
        run = self.runs.get((message.framework_id, message.executor_id))
        if run is None or run.upid != sender:
            log.warning("update from %s, who is no executor here", sender)
            return
        entry = run.tasks.get(message.status.task_id)
        if entry is None:
            log.warning("executor %s: update for %r, not its task", run.key, message.status.task_id)
            return
        status = message.status
        if not may_follow(entry.status.state, status.state) or status.state is TaskState.STAGING:
            log.warning(
                "executor %s: task %r cannot be %s after %s",
                run.key,
                status.task_id,
                status.state.short,
                entry.status.state.short,
            )
            return
        self._emit(
            run.framework.id,
            entry,
            run.role,
            status.state,
            status.reason,
            status.message,
            now,
            status.exit_code,
            status.data,
            Source.EXECUTOR,
        )
        if status.state.terminal:
            self._finish(run, entry)

    def executor_message(self, sender: UPID, message: ExecutorMessage) -> None:
        """For the framework."""
        run = self.runs.get((message.framework_id, message.executor_id))
        if run is not None and run.upid == sender:
            self.effects.append(
                ToMaster(
                    ExecutorToFramework(message.framework_id, self.info.id, message.executor_id, message.data)
                )
            )

    # Updates.

    def _update(
        self, run: ExecutorRun, entry: AgentTask, state: TaskState, reason: Reason, text: str, now: float
    ) -> None:
        self._emit(run.framework.id, entry, run.role, state, reason, text, now)
        if state.terminal:
            self._finish(run, entry)

    def _emit(
        self,
        framework_id: str,
        entry: AgentTask,
        role: str,
        state: TaskState,
        reason: Reason,
        text: str,
        now: float,
        exit_code: int | None = None,
        data: bytes = b"",
        source: Source = Source.AGENT,
    ) -> None:
        """A new state: noted, and on its way to the framework until it is acknowledged."""
        entry.status = TaskStatus(
            entry.info.task_id,
            state,
            source,
            reason,
            text,
            data,
            self.info.id,
            entry.info.executor_id,
            now,
            self.new_uuid(),
            exit_code,
        )
        key = (framework_id, entry.info.task_id)
        if key in self.finished:
            self.finished[key] = (entry.info, entry.status, role)
        if framework_id not in self.frameworks:
            # It was shut down: nobody waits for this.
            self.finished.pop(key, None)
            return
        update = self.updates.add(framework_id, entry.status, now)
        if update is not None:
            self.effects.append(ToMaster(update))

    def _find(self, framework_id: str, task_id: str) -> ExecutorRun | None:
        run = self.runs.get((framework_id, task_id))
        if run is not None and task_id in run.tasks:
            return run
        for run in self.runs.values():
            if run.framework.id == framework_id and task_id in run.tasks:
                return run
        return None

    def set_id(self, agent_id: str) -> None:
        """The master has given this agent its id."""
        if self.info.id != agent_id:
            self.info = msgspec.structs.replace(self.info, id=agent_id)
