"""What an agent does about what it finds again when it starts."""

from __future__ import annotations

from collections.abc import Collection

from cluster.messages import Capability, Reason, ReconnectExecutor, TaskState
from isolation import Exit

from .effects import DestroyAfter, LaunchContainer, Link, Send
from .executors import ExecutorRules
from .records import ExecutorRun, Phase

__all__ = ["RecoveryRules"]


class RecoveryRules(ExecutorRules):
    """What follows from a restart of the agent's process, or of its machine."""

    def recovered(self, found: Collection[str], now: float) -> None:
        """Go on with what was written down; `found` are the ids of the containers that are there, ended or not.

        What was never launched is launched now. Executors are asked to come back. What is gone ends its tasks: its
        machine was started again, or somebody has killed what watched it. After another start of the machine, that
        something is not there is no proof that it never ran.
        """
        for run in list(self.runs.values()):
            if run.is_group:
                continue
            if run.container_id not in found:
                killed = bool(run.tasks) and all(task.killed for task in run.tasks.values())
                if run.phase is Phase.LAUNCHING and killed and not run.custom:
                    self.launch_failed(run, "it was killed before it was launched", now)
                elif run.phase is Phase.LAUNCHING and not self.forgetful:
                    self.effects.append(LaunchContainer(run))
                else:
                    aware = run.framework.can(Capability.PARTITION_AWARE)
                    state = TaskState.GONE if aware else TaskState.LOST
                    text = "it was not there any more when its agent was started again"
                    self.exited(run, Exit(signal=9, destroyed=True), now, state=state, why=text)
                continue
            if run.phase is Phase.LAUNCHING:
                self.launched(run, now)
            elif run.phase is Phase.TERMINATING:
                self.effects.append(DestroyAfter(run, self.options.executor_shutdown_grace, terminate=True))
            elif run.custom:
                self._reconnect(run, now)
            else:
                self._resume(run, now)
        for group in [run for run in self.runs.values() if run.is_group]:
            if not self.members(group):
                self.drop(group, "its task group ended")

    def _reconnect(self, run: ExecutorRun, now: float) -> None:
        upid, run.upid = run.upid, None
        if run.by_itself:
            seconds = self.options.executor_resubscription_timeout
        elif upid is None:
            seconds = self.options.executor_registration_timeout
        else:
            seconds = self.options.executor_reregistration_timeout
            self.effects.append(Link(upid))
            self.effects.append(Send(upid, ReconnectExecutor(run.container_id)))
        run.phase = Phase.REGISTERING
        self.watch_registration(run, seconds)
        for task in run.tasks.values():
            if task.started:
                self.attend(run, task, now, again=True)

    def _resume(self, run: ExecutorRun, now: float) -> None:
        for task in list(run.tasks.values()):
            if task.killed:
                self.terminate(run, task.grace)
            elif task.status.state is TaskState.STAGING:
                # It was launched, and this was not written down any more.
                task.started = now
                self.emit(run.framework.id, task, TaskState.RUNNING, Reason.NONE, "", now)
            self.attend(run, task, now, again=True)
