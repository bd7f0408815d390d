"""Executors at the agent: they register, return, tell of their tasks, exchange messages."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from actors import UPID
from cluster.messages import (
    ExecutorAcknowledgement,
    ExecutorKillTask,
    ExecutorMessage,
    ExecutorRegistered,
    ExecutorStatusUpdate,
    ExecutorToFramework,
    FrameworkToExecutor,
    LaunchTask,
    LaunchTaskGroup,
    Reason,
    RegisterExecutor,
    Source,
    TaskInfo,
    TaskState,
    TaskStatus,
    may_follow,
)

from .effects import Link, Send, ToMaster
from .ending import EndRules
from .records import AgentTask, ExecutorRun, Phase

__all__ = ["ExecutorRules"]

log = logging.getLogger("ostrom.agent")

MAX_UUID = 64
MAX_DATA = 1 << 20
"""Bytes of data in an update. It travels further in larger messages, and is written down more than once."""
MAX_MESSAGE = 1 << 16
NOT_THEIRS = frozenset({TaskState.STAGING, TaskState.UNREACHABLE, TaskState.GONE_BY_OPERATOR})
"""States that only a master finds a task in."""


class ExecutorRules(EndRules):
    """What follows from what executors say. None of it is trusted."""

    def executor_registered(self, sender: UPID, message: RegisterExecutor, now: float) -> bool:
        """An executor introduces itself, or comes back. False if there is no such run: then it must end."""
        run = self.runs.get((message.framework_id, message.executor_id))
        if (
            run is None
            or run.info is None
            or not run.custom
            or run.container_id != message.container_id
            or run.phase is Phase.TERMINATING
        ):
            return False
        run.upid, run.by_itself = sender, message.by_itself
        run.phase = Phase.RUNNING
        self.touch_run(run.key)
        self.effects.append(Link(sender))
        self.effects.append(Send(sender, ExecutorRegistered(run.info, run.framework, self.info)))
        taken = {
            status.task_id: place
            for place, status in enumerate(message.updates)
            if status.uuid and (task := run.tasks.get(status.task_id)) and task.heard == status.uuid
        }
        for place, status in enumerate(message.updates):
            # They are in order: those up to the last that was taken were taken too, and perhaps acknowledged.
            if place <= taken.get(status.task_id, -1):
                self._has(sender, status)
            else:
                self._update(run, sender, status, now)
        there = set(message.tasks)
        missed: list[AgentTask] = []
        for task_id, task in list(run.tasks.items()):
            staging = task.status.state is TaskState.STAGING
            if task_id in there or (message.by_itself and not staging):
                if task.killed:
                    # The order to kill may have been lost with the connection.
                    self.effects.append(Send(sender, ExecutorKillTask(task_id, task.grace)))
            elif staging:
                if task.killed:
                    text = task.end_text or "killed before its executor had it"
                    reason = task.end_reason if task.end_reason.value else Reason.TASK_KILLED_DURING_LAUNCH
                    self.end(run, task, task.end_state, reason, text, now)
                else:
                    missed.append(task)
            else:
                text = "its executor registered again without it"
                self.end(run, task, TaskState.FAILED, Reason.EXECUTOR_TERMINATED, text, now)
        self._launch_by_executor(sender, missed)
        run.queued = []
        if not run.registered and not run.tasks and not message.tasks:
            # All that it was started for was killed before it was there: it would idle for ever (MESOS-8411).
            self.shutdown_executor(*run.key)
        run.registered = True
        self.launch_waiting(now)
        return True

    def _launch_by_executor(self, executor: UPID, tasks: Sequence[AgentTask]) -> None:
        """Send an executor what it does not have; what belongs together at once."""
        groups: dict[str, list[TaskInfo]] = {}
        for task in tasks:
            if task.group:
                groups.setdefault(task.group, []).append(task.info)
            else:
                self.effects.append(Send(executor, LaunchTask(task.info)))
        for infos in groups.values():
            self.effects.append(Send(executor, LaunchTaskGroup(tuple(infos))))

    def executor_exited(self, upid: UPID) -> None:
        """An executor's connection is gone. If its process is too, its container tells; else it may come back."""
        for run in self.runs.values():
            if run.upid == upid:
                run.upid = None
                self.touch_run(run.key)
                if run.phase is Phase.RUNNING:
                    run.phase = Phase.REGISTERING
                    options = self.options
                    self.watch_registration(
                        run,
                        options.executor_resubscription_timeout
                        if run.by_itself
                        else options.executor_reregistration_timeout,
                    )

    def executor_update(self, sender: UPID, message: ExecutorStatusUpdate, now: float) -> None:
        """A task's new state from its executor."""
        run = self.runs.get((message.framework_id, message.executor_id))
        if run is None or run.upid != sender:
            log.warning("update from %s, who is no executor here", sender)
            return
        self._update(run, sender, message.status, now)

    def _has(self, sender: UPID, status: TaskStatus) -> None:
        if status.uuid:
            self.effects.append(Send(sender, ExecutorAcknowledgement(status.task_id, status.uuid)))

    def _update(self, run: ExecutorRun, sender: UPID, status: TaskStatus, now: float) -> None:
        uuid = status.uuid if len(status.uuid) <= MAX_UUID else ""
        # Whatever becomes of it: what is not taken now will not be the next time.
        self._has(sender, status)
        task = run.tasks.get(status.task_id)
        if uuid and self.updates.seen(run.framework.id, status.task_id, uuid):
            return
        if task is None:
            log.warning("executor %s: update for %r, not its task", run.key, status.task_id[:80])
            return
        if uuid and task.heard == uuid:
            return
        if not may_follow(task.status.state, status.state) or status.state in NOT_THEIRS:
            log.warning(
                "executor %s: task %r cannot be %s after %s",
                run.key,
                status.task_id,
                status.state.short,
                task.status.state.short,
            )
            return
        task.heard = uuid
        if status.state is TaskState.RUNNING and not task.started:
            task.started = now
            self.attend(run, task, now)
        reason, text, data = status.reason, status.message[:MAX_MESSAGE], status.data
        if len(data) > MAX_DATA:
            note = f"its data of {len(data)} bytes is left out, {MAX_DATA} are the most"
            text, data = f"{text}; {note}" if text else note, b""
        if status.state is TaskState.KILLED and task.killed and task.end_text:
            status = msgspec.structs.replace(status, state=task.end_state)
            reason, text = task.end_reason, f"{task.end_text}; {text}" if text else task.end_text
        if status.state.terminal:
            self.take_task(run, status.task_id)
            self.unattend(run, task)
            self.finished[run.framework.id, status.task_id] = task
        self.emit(
            run.framework.id,
            task,
            status.state,
            reason,
            text,
            now,
            exit_code=status.exit_code,
            data=data,
            source=Source.EXECUTOR,
            uuid=uuid,
            healthy=status.healthy,
            check_status=status.check_status,
        )
        if status.state.terminal:
            self.launch_waiting(now)

    def executor_message(self, sender: UPID, message: ExecutorMessage) -> None:
        """For the framework."""
        run = self.runs.get((message.framework_id, message.executor_id))
        if run is not None and run.upid == sender:
            inner = ExecutorToFramework(message.framework_id, self.info.id, message.executor_id, message.data)
            self.effects.append(ToMaster(inner))

    def message_to_executor(self, message: FrameworkToExecutor) -> None:
        """Pass on; dropped if the executor is not there (messages are delivered at most once)."""
        run = self.runs.get((message.framework_id, message.executor_id))
        if run is not None and run.upid is not None and run.phase is Phase.RUNNING:
            inner = ExecutorMessage(message.framework_id, message.executor_id, message.data)
            self.effects.append(Send(run.upid, inner))
