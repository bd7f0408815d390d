"""Ends at the agent: kills, shutdowns, time-outs, and what follows from a container's end."""

from __future__ import annotations

import logging

from cluster.messages import (
    Capability,
    CheckStatusInfo,
    ExecutorKillTask,
    ExecutorShutdown,
    KillTask,
    Reason,
    TaskState,
)
from isolation import Exit

from .effects import CancelLaunch, Destroy, DestroyAfter, Forget, Send
from .launching import LaunchRules
from .records import AgentTask, ExecutorRun, Phase

__all__ = ["EndRules"]

log = logging.getLogger("ostrom.agent")


LIMITATIONS = {
    "memory": Reason.CONTAINER_LIMITATION_MEMORY,
    "disk": Reason.CONTAINER_LIMITATION_DISK,
    "ports": Reason.CONTAINER_LIMITATION,
    "pids": Reason.CONTAINER_LIMITATION,
}


class EndRules(LaunchRules):
    """What follows from wishes that something end, and from its end."""

    def kill_task(self, message: KillTask, now: float) -> None:
        """End a task: SIGTERM, SIGKILL after its grace period; or by its executor. Of a group, all end."""
        run = self.find(message.framework_id, message.task_id)
        if run is None:
            if (waits := self.unwait(message.framework_id, message.task_id)) is not None:
                self.kill_waiting(waits, now)
            return
        task = run.tasks[message.task_id]
        if task.status.state.terminal:
            return
        grace = message.grace_period if message.grace_period >= 0 else task.info.kill_policy.grace_period
        text = "its agent is being drained" if message.reason is Reason.AGENT_DRAINING else ""
        self.kill(run, task, grace, now, reason=message.reason, text=text)

    def kill(
        self,
        run: ExecutorRun,
        task: AgentTask,
        grace: float,
        now: float,
        *,
        state: TaskState = TaskState.KILLED,
        reason: Reason = Reason.NONE,
        text: str = "",
    ) -> None:
        """End a task for a reason, which its last status will have."""
        if not task.killed:
            task.killed = True
            task.end_state, task.end_reason, task.end_text = state, reason, text
            task.grace = grace
            self.touch_task((run.framework.id, task.info.task_id))
        elif grace < task.grace:
            # A later kill may only shorten it.
            task.grace = grace
            self.touch_task((run.framework.id, task.info.task_id))
        if not run.custom:
            self._killing(run, task, now)
            self.terminate(run, grace)
        elif task.info.task_id in run.queued:
            text = text or "killed before its executor was ready"
            reason = reason if reason is not Reason.NONE else Reason.TASK_KILLED_DURING_LAUNCH
            together = [each for each in run.tasks.values() if task.group and each.group == task.group]
            for each in together or [task]:
                self.end(run, each, state, reason, text, now)
        elif run.upid is not None:
            self.effects.append(Send(run.upid, ExecutorKillTask(task.info.task_id, grace)))
        # Else it is told when its executor registers again.

    def _killing(self, run: ExecutorRun, task: AgentTask, now: float) -> None:
        """Tell that a kill has begun to a framework that knows the state."""
        if task.status.state is TaskState.RUNNING and run.framework.can(Capability.TASK_KILLING_STATE):
            self.emit(run.framework.id, task, TaskState.KILLING, task.end_reason, task.end_text, now)

    def terminate(self, run: ExecutorRun, grace: float) -> None:
        """End a run by signals; what is being launched is not."""
        if run.phase is Phase.LAUNCHING:
            self.effects.append(CancelLaunch(run))
        else:
            self.effects.append(DestroyAfter(run, grace, terminate=True))

    def kill_unheard(self, framework_id: str, task_id: str) -> None:
        """End a task of which its framework was told that it is lost: that is what is told of its end, too."""
        run = self.find(framework_id, task_id)
        if run is None:
            self.unwait(framework_id, task_id)
            return
        task = run.tasks[task_id]
        task.killed, task.grace = True, 0.0
        aware = run.framework.can(Capability.PARTITION_AWARE)
        task.end_state, task.end_reason = TaskState.GONE if aware else TaskState.LOST, Reason.AGENT_REMOVED
        task.end_text = "its framework was told that it is lost"
        self.touch_task((framework_id, task_id))
        if not run.custom:
            run.phase = Phase.TERMINATING
            self.touch_run(run.key)
            self.effects.append(Destroy(run))
        elif run.upid is not None:
            self.effects.append(Send(run.upid, ExecutorKillTask(task_id, 0.0)))

    def shutdown_executor(self, framework_id: str, executor_id: str, now: float = 0.0) -> None:
        """Ask an executor to end; destroy it after the grace period."""
        run = self.runs.get((framework_id, executor_id))
        if run is None or run.phase is Phase.TERMINATING:
            return
        for task in run.tasks.values():
            task.killed = True
            self.touch_task((framework_id, task.info.task_id))
        grace = self.options.executor_shutdown_grace
        launching = run.phase is Phase.LAUNCHING
        run.phase = Phase.TERMINATING
        self.touch_run(run.key)
        if run.is_group:
            for member in self.members(run):
                self.shutdown_executor(framework_id, member.executor_id)
        elif run.upid is not None:
            self.effects.append(Send(run.upid, ExecutorShutdown(grace)))
            self.effects.append(DestroyAfter(run, grace, terminate=False))
        elif launching:
            self.effects.append(Destroy(run))
        else:
            self.effects.append(DestroyAfter(run, grace, terminate=True))

    def shutdown_framework(self, framework_id: str) -> None:
        """End all that a framework runs. Updates go on: the master takes them."""
        self.waiting = [message for message in self.waiting if message.framework.id != framework_id]
        for run in list(self.runs.values()):
            if run.framework.id == framework_id:
                self.shutdown_executor(framework_id, run.executor_id)

    def spoil(self, run: ExecutorRun, task: AgentTask, problem: str, now: float) -> None:
        """End a task that was never right."""
        grace = task.info.kill_policy.grace_period
        state, reason = TaskState.FAILED, Reason.TASK_INVALID
        self.kill(run, task, grace, now, state=state, reason=reason, text=problem)

    # Time, and checks.

    def deadline_reached(self, run: ExecutorRun, task: AgentTask, now: float) -> None:
        """A task has run for as long as it may."""
        there = self.runs.get(run.key) is run and run.tasks.get(task.info.task_id) is task
        if there and not task.killed:
            self.kill(
                run,
                task,
                task.info.kill_policy.grace_period,
                now,
                state=TaskState.FAILED,
                reason=Reason.MAX_COMPLETION_TIME_REACHED,
                text=f"it ran for its max_completion_time of {task.info.max_completion_time:g} s",
            )

    def health_changed(
        self, run: ExecutorRun, task: AgentTask, healthy: bool, text: str, now: float, *, kill: bool
    ) -> None:
        """A health check found a task well, or not; `kill` if it is to end for that."""
        if not self._checked(run, task):
            return
        reason = Reason.TASK_HEALTH_CHECK_STATUS_UPDATED
        self.emit(run.framework.id, task, task.status.state, reason, text, now, healthy=healthy)
        if kill and not task.killed:
            grace = task.info.kill_policy.grace_period
            self.kill(run, task, grace, now, reason=reason, text=f"it was not healthy: {text}")

    def check_changed(
        self, run: ExecutorRun, task: AgentTask, found: CheckStatusInfo, text: str, now: float
    ) -> None:
        """A check found something new."""
        if self._checked(run, task):
            reason = Reason.TASK_CHECK_STATUS_UPDATED
            self.emit(run.framework.id, task, task.status.state, reason, text, now, check_status=found)

    def _checked(self, run: ExecutorRun, task: AgentTask) -> bool:
        return (
            self.runs.get(run.key) is run
            and run.tasks.get(task.info.task_id) is task
            and task.status.state in (TaskState.RUNNING, TaskState.KILLING)
        )

    # From containers.

    def launch_failed(self, run: ExecutorRun, text: str, now: float) -> None:
        """The container could not be started: its tasks have failed."""
        self._remove(run, Reason.CONTAINER_LAUNCH_FAILED, text, now)

    def exited(
        self, run: ExecutorRun, exit_: Exit, now: float, *, state: TaskState = TaskState.FAILED, why: str = ""
    ) -> None:
        """The container ended, and nothing of it is left: what tasks it had end with it.

        `why` (and `state`) where that was not the command's doing.
        """
        if not why and exit_.destroyed and exit_.limitation is None and not self._was_to_end(run):
            # Not by itself, nor on anybody's order.
            aware = run.framework.can(Capability.PARTITION_AWARE)
            state = TaskState.GONE if aware else TaskState.LOST
            why = "it was killed: its machine was started again, or what watched it was lost"
        limited = LIMITATIONS.get(exit_.limitation.kind) if exit_.limitation is not None else None
        if run.custom or why:
            reason = Reason.AGENT_RESTARTED if why else limited or Reason.EXECUTOR_TERMINATED
            text = why or f"the executor {exit_.describe()}"
            self._remove(run, reason, text, now, state=state, status=None if why else exit_.wait_status)
            return
        text = f"the command {exit_.describe()}"
        well = exit_.code == 0 and not any(task.killed for task in run.tasks.values())
        for task in list(run.tasks.values()):
            # As Mesos since 1.9: a task that was told to end was killed, however gracefully it ended.
            if task.killed:
                self._end_killed(run, task, text, now, exit_.code)
            elif exit_.code == 0:
                self.end(run, task, TaskState.FINISHED, Reason.NONE, text, now, exit_code=0)
            else:
                reason = limited or Reason.COMMAND_EXECUTOR_FAILED
                self.end(run, task, TaskState.FAILED, reason, text, now, exit_code=exit_.code)
        self._over(run, text, now, well=well)

    @staticmethod
    def _was_to_end(run: ExecutorRun) -> bool:
        return run.phase is Phase.TERMINATING or any(task.killed for task in run.tasks.values())

    def _end_killed(
        self, run: ExecutorRun, task: AgentTask, text: str, now: float, exit_code: int | None = None
    ) -> None:
        text = f"{task.end_text}; {text}" if task.end_text else text
        self.end(run, task, task.end_state, task.end_reason, text, now, exit_code=exit_code)

    def _remove(
        self,
        run: ExecutorRun,
        reason: Reason,
        text: str,
        now: float,
        *,
        state: TaskState = TaskState.FAILED,
        status: int | None = None,
    ) -> None:
        for task in list(run.tasks.values()):
            if task.status.state.terminal:
                self.finish(run, task)
            elif task.killed:
                self._end_killed(run, task, text, now)
            else:
                self.end(run, task, state, reason, text, now)
        self._over(run, text, now, status=status)

    def _over(
        self, run: ExecutorRun, text: str, now: float, *, well: bool = False, status: int | None = None
    ) -> None:
        """A run has ended with all its tasks. If not well, its group ends too; its executor with the last of it."""
        self.drop(run, text, status)
        self.effects.append(Forget(run))
        group = self.runs.get((run.framework.id, run.group)) if run.group else None
        if group is not None:
            self._member_over(group, run, now, well=well)
        self.launch_waiting(now)

    def _member_over(self, group: ExecutorRun, run: ExecutorRun, now: float, *, well: bool) -> None:
        others = self.members(group)
        for other in others if not well else ():
            for task in list(other.tasks.values()):
                if not task.killed:
                    why = f"task {run.executor_id!r} of its group did not end well"
                    self.kill(other, task, task.info.kill_policy.grace_period, now, text=why)
        if not others:
            self.drop(group, "its task group ended")

    def registration_overdue(self, run: ExecutorRun, number: int) -> None:
        """The executor has not registered in time: it is destroyed."""
        if self.runs.get(run.key) is run and run.phase is Phase.REGISTERING and run.waits == number:
            log.warning("executor %s did not register in time", run.key)
            run.phase = Phase.TERMINATING
            self.touch_run(run.key)
            for task in run.tasks.values():
                if not task.killed:
                    again = task.info.task_id not in run.queued
                    task.killed, task.end_state = True, TaskState.FAILED
                    task.end_reason = (
                        Reason.EXECUTOR_REREGISTRATION_TIMEOUT
                        if again
                        else Reason.EXECUTOR_REGISTRATION_TIMEOUT
                    )
                    task.end_text = "its executor did not register in time"
                    self.touch_task((run.framework.id, task.info.task_id))
            self.effects.append(Destroy(run))
