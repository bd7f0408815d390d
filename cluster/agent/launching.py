"""Tasks at the agent: launched, alone, by an executor, or as a group."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.messages import (
    CommandInfo,
    ExecutorInfo,
    FrameworkInfo,
    LaunchTask,
    LaunchTaskGroup,
    Reason,
    Reserved,
    RunTask,
    RunTaskGroup,
    Source,
    TaskInfo,
    TaskState,
    TaskStatus,
)
from cluster.resources import Resources

from .books import Books
from .effects import Deadline, Destroy, LaunchContainer, Send, StartChecks, UpdateLimits, WatchRegistration
from .records import AgentTask, ExecutorRun, Phase

__all__ = ["LaunchRules"]


class LaunchRules(Books):
    """What follows from the master's orders to run something, until it runs."""

    def run_task(self, message: RunTask, now: float) -> None:
        """Launch a task; one that is here already is not launched again."""
        framework, info = message.framework, message.task
        self.supersede(framework.id, info.task_id)
        if self.known(framework.id, info.task_id) or not self._ours(info):
            return
        if not self.room(self._needed(message)):
            self.waiting.append(message)
            return
        self.know_framework(framework)
        task = self._new_task(info, message.role, message.reserved, now)
        # Where executors are not run, each task has a container of its own.
        executor = info.executor if self.runs_executors else None
        executor_id = info.executor_id if self.runs_executors else info.task_id
        command = info.command if info.executor is None else info.executor.command
        # The master refuses such a task; what would end the agent is looked at again here.
        problem = info.checks_problem()
        if command is None or problem is not None:
            text = problem or "a task without a command or executor"
            self._refuse(framework.id, task, TaskState.ERROR, Reason.TASK_INVALID, text, now)
            return
        run = self.runs.get((framework.id, executor_id))
        if run is None and executor is not None and not message.launch_executor:
            # Its end is on its way to the master, who holds no resources for another one.
            text = "its executor has ended"
            self._refuse(framework.id, task, TaskState.DROPPED, Reason.EXECUTOR_TERMINATED, text, now)
        elif run is None:
            run = self._new_run(
                framework, executor_id, message.role, command, executor, message.executor_reserved
            )
            self._add(run, task, queued=executor is not None)
            self.effects.append(LaunchContainer(run))
        elif run.phase is Phase.TERMINATING or not run.custom:
            text = "its executor is ending" if run.custom else "the executor id is that of a task"
            self._refuse(framework.id, task, TaskState.DROPPED, Reason.EXECUTOR_TERMINATED, text, now)
        elif run.phase is Phase.RUNNING and run.upid is not None:
            self._add(run, task)
            self.effects.append(Send(run.upid, LaunchTask(info)))
        else:
            self._add(run, task, queued=True)

    def run_group(self, message: RunTaskGroup, now: float) -> None:
        """Launch tasks together; nothing if any is here already.

        For the default executor each is in a container of its own; another one is sent them.
        """
        framework = message.framework
        infos = message.tasks
        for info in infos:
            self.supersede(framework.id, info.task_id)
        if any(self.known(framework.id, info.task_id) or not self._ours(info) for info in infos):
            return
        if not self.room(self._needed(message)):
            self.waiting.append(message)
            return
        self.know_framework(framework)
        reserved = message.reserved or ({},) * len(infos)
        tasks = [
            self._new_task(info, message.role, part, now) for info, part in zip(infos, reserved, strict=False)
        ]
        if message.executor.command is not None and self.runs_executors:
            self._group_for_executor(message, message.executor.command, tasks, now)
            return
        group_id = message.executor.executor_id
        ids = [group_id, *(info.task_id for info in infos)]
        taken = [id_ for id_ in ids if (framework.id, id_) in self.runs or ids.count(id_) > 1]
        bare = [info.task_id for info in infos if info.command is None]
        wrong = [problem for info in infos if (problem := info.checks_problem())]
        if taken or bare or wrong:
            state = TaskState.DROPPED if taken else TaskState.ERROR
            text = f"executor id {taken[0]!r} is in use" if taken else ""
            text = text or (f"task {bare[0]!r} has no command" if bare else wrong[0])
            for task in tasks:
                self._refuse(framework.id, task, state, Reason.TASK_GROUP_INVALID, text, now)
            return
        group = self._new_run(
            framework, group_id, message.role, None, message.executor, message.executor_reserved
        )
        group.phase = Phase.RUNNING
        for task in tasks:
            info = task.info
            run = self._new_run(framework, info.task_id, message.role, info.command, None, {}, group=group_id)
            self._add(run, task)
            self.effects.append(LaunchContainer(run))

    def _group_for_executor(
        self, message: RunTaskGroup, command: CommandInfo, tasks: Sequence[AgentTask], now: float
    ) -> None:
        """Have an executor of the framework's run a group: it has all of it at once."""
        framework, executor = message.framework, message.executor
        run = self.runs.get((framework.id, executor.executor_id))
        problem = next((text for task in tasks if (text := task.info.checks_problem())), None)
        state, reason = TaskState.ERROR, Reason.TASK_GROUP_INVALID
        if run is None and not message.launch_executor:
            problem = problem or "its executor has ended"
            state, reason = TaskState.DROPPED, Reason.EXECUTOR_TERMINATED
        elif run is not None and (run.phase is Phase.TERMINATING or not run.custom):
            problem = problem or (
                "its executor is ending" if run.custom else "the executor id is that of a task"
            )
            state, reason = TaskState.DROPPED, Reason.EXECUTOR_TERMINATED
        if problem is not None:
            for task in tasks:
                self._refuse(framework.id, task, state, reason, problem, now)
            return
        new = run is None
        if run is None:
            run = self._new_run(
                framework, executor.executor_id, message.role, command, executor, message.executor_reserved
            )
        there = run.upid if run.phase is Phase.RUNNING else None
        for task in tasks:
            task.group = tasks[0].info.task_id
            self._add(run, task, queued=there is None)
        if new:
            self.effects.append(LaunchContainer(run))
        elif there is not None:
            self.effects.append(Send(there, LaunchTaskGroup(tuple(task.info for task in tasks))))

    def supersede(self, framework_id: str, task_id: str) -> None:
        """Forget that a task was dropped, as it is launched once more: whoever does so has heard of that."""
        key = (framework_id, task_id)
        pending = self.updates.stream(*key)
        if self.find(*key) is None and pending and pending[-1].state is TaskState.DROPPED:
            self.updates.drop(*key)
            self.touch_updates(key)
            if self.finished.pop(key, None) is not None:
                self.touch_task(key)

    def _needed(self, message: RunTask | RunTaskGroup) -> Resources:
        if isinstance(message, RunTaskGroup):
            there = (message.framework.id, message.executor.executor_id) in self.runs
            needed = Resources() if there else message.executor.resources
            for info in message.tasks:
                needed += info.resources
            return needed
        task = message.task
        if task.executor is None or (message.framework.id, task.executor_id) in self.runs:
            return task.resources
        return task.resources + task.executor.resources

    def launch_waiting(self, now: float) -> None:
        """Launch what has waited for room, so far as there is some now."""
        waiting, self.waiting = self.waiting, []
        for message in waiting:
            if isinstance(message, RunTask):
                self.run_task(message, now)
            else:
                self.run_group(message, now)

    def unwait(self, framework_id: str, task_id: str) -> RunTask | RunTaskGroup | None:
        """Take out what waits with this task, if it does."""
        for message in self.waiting:
            if message.framework.id == framework_id and task_id in _ids(message):
                self.waiting.remove(message)
                return message
        return None

    def kill_waiting(self, message: RunTask | RunTaskGroup, now: float) -> None:
        """End what was never launched, as it was killed."""
        text = "killed before there was room for it"
        self._end_waiting(message, TaskState.KILLED, Reason.TASK_KILLED_DURING_LAUNCH, text, now)

    def drop_waiting(self, now: float) -> None:
        """End all that waits: it may be sent again."""
        waiting, self.waiting = self.waiting, []
        for message in waiting:
            text = "there was no room for it before the master changed"
            self._end_waiting(message, TaskState.DROPPED, Reason.MASTER_DISCONNECTED, text, now)

    def _end_waiting(
        self, message: RunTask | RunTaskGroup, state: TaskState, reason: Reason, text: str, now: float
    ) -> None:
        self.know_framework(message.framework)
        infos = message.tasks if isinstance(message, RunTaskGroup) else (message.task,)
        for info in infos:
            task = self._new_task(info, message.role, {}, now)
            self._refuse(message.framework.id, task, state, reason, text, now)

    def known(self, framework_id: str, task_id: str) -> bool:
        """Whether the task is here, or was and its end is not acknowledged yet."""
        key = (framework_id, task_id)
        return (
            any(m.framework.id == framework_id and task_id in _ids(m) for m in self.waiting)
            or self.find(framework_id, task_id) is not None
            or key in self.finished
            or self.updates.pending(framework_id, task_id)
        )

    def _ours(self, info: TaskInfo) -> bool:
        # An order may have been meant for an agent that was here before, at the same address.
        return info.agent_id in ("", self.info.id)

    def _new_task(self, info: TaskInfo, role: str, reserved: Reserved, now: float) -> AgentTask:
        status = TaskStatus(
            info.task_id,
            TaskState.STAGING,
            Source.AGENT,
            agent_id=self.info.id,
            executor_id=info.executor_id,
            timestamp=now,
        )
        return AgentTask(info, status, role, reserved)

    def _new_run(
        self,
        framework: FrameworkInfo,
        executor_id: str,
        role: str,
        command: CommandInfo | None,
        info: ExecutorInfo | None,
        reserved: Reserved,
        group: str = "",
    ) -> ExecutorRun:
        run = ExecutorRun(
            framework, executor_id, role, self.new_uuid(), command, info, reserved=reserved, group=group
        )
        self.add_run(run)
        self.touch_run(run.key)
        return run

    def _add(self, run: ExecutorRun, task: AgentTask, *, queued: bool = False) -> None:
        self.add_task(run, task)
        self.touch_task((run.framework.id, task.info.task_id))
        if queued:
            run.queued.append(task.info.task_id)
            self.touch_run(run.key)

    def _refuse(
        self, framework_id: str, task: AgentTask, state: TaskState, reason: Reason, text: str, now: float
    ) -> None:
        self.finished[framework_id, task.info.task_id] = task
        self.emit(framework_id, task, state, reason, text, now)

    # From containers.

    def launched(self, run: ExecutorRun, now: float) -> None:
        """The container runs."""
        if run.phase is Phase.TERMINATING:
            self.effects.append(Destroy(run))
            return
        if run.phase is not Phase.LAUNCHING:
            # An executor that is quick registers before this is heard.
            return
        self.touch_run(run.key)
        if run.custom:
            run.phase = Phase.REGISTERING
            self.effects.append(UpdateLimits(run))
            self.watch_registration(run, self.options.executor_registration_timeout)
            return
        run.phase = Phase.RUNNING
        for task in list(run.tasks.values()):
            task.started = now
            self.emit(run.framework.id, task, TaskState.RUNNING, Reason.NONE, "", now)
            self.attend(run, task, now)
            if task.killed:
                self.terminate(run, task.grace)

    def attend(self, run: ExecutorRun, task: AgentTask, now: float, *, again: bool = False) -> None:
        """Check a task that runs, and end it in time."""
        checks = [check for check in (task.info.health_check, task.info.check) if check is not None]
        if problem := next((text for check in checks if (text := check.problem())), None):
            # A master refuses such a task; it must not end the agent, either.
            self.spoil(run, task, problem, now)
        elif checks:
            self.effects.append(StartChecks(run, task, again))
        if task.info.max_completion_time is not None:
            left = task.started + task.info.max_completion_time - now
            self.effects.append(Deadline(run, task, max(0.0, left)))

    def watch_registration(self, run: ExecutorRun, seconds: float) -> None:
        """Wait for an executor to register."""
        run.waits += 1
        self.effects.append(WatchRegistration(run, seconds, run.waits))

    def terminate(self, run: ExecutorRun, grace: float) -> None:
        """End a run by signals."""
        raise NotImplementedError

    def spoil(self, run: ExecutorRun, task: AgentTask, problem: str, now: float) -> None:
        """End a task that was never right."""
        raise NotImplementedError


def _ids(message: RunTask | RunTaskGroup) -> tuple[str, ...]:
    if isinstance(message, RunTaskGroup):
        return tuple(info.task_id for info in message.tasks)
    return (message.task.task_id,)
