"""The agent's rules: frameworks, executors and tasks, and what follows from each event. No I/O, no clock.

Methods change the state and return nothing; what is to be done is put into `effects`, in order, for the actor
around it to carry out, once what has changed (`dirty`) is written down.
"""

from __future__ import annotations

import dataclasses
import logging

import msgspec

from cluster.messages import (
    AgentRegistered,
    ExecutorState,
    ExitedExecutor,
    Reason,
    RegisterAgent,
    Source,
    TaskInfo,
    TaskRecord,
    TaskState,
    TaskStatus,
)

from .effects import ToMaster
from .recovery import RecoveryRules

__all__ = ["AgentState"]

log = logging.getLogger("ostrom.agent")


class AgentState(RecoveryRules):
    """All that an agent knows, and the rules by which it changes, each kind in a file of its own.

    `Books`, then `LaunchRules`, `EndRules`, `ExecutorRules`, `RecoveryRules`; here is what passes between it and its
    master.
    """

    def registration(self, incarnation: str = "") -> RegisterAgent:
        """What the agent says of itself to a master: all that it runs.

        Without the data of tasks and statuses, which is for executors and frameworks: it has to fit into one message.
        """
        tasks = [
            TaskRecord(
                framework_id, _spare(task.info), _told(task.status), task.role, task.reserved, task.denied
            )
            for framework_id, task in self.all_tasks()
        ]
        executors = [
            ExecutorState(run.framework.id, run.info, run.role, run.reserved)
            for run in self.runs.values()
            if run.info is not None
        ]
        named = {record.framework_id for record in tasks} | {e.framework_id for e in executors}
        frameworks = [info for key, info in self.frameworks.items() if key in named]
        parts = tuple(frameworks), tuple(executors), tuple(tasks)
        return RegisterAgent(self.info, *parts, incarnation, self.forgetful)

    def registered(self, message: AgentRegistered, now: float) -> None:
        """The master has taken this agent. What it believes here and is not, was lost on the way.

        Or, the first time after its machine was started again, with the disk: then it may have run.
        """
        lost = TaskState.GONE, Reason.AGENT_RESTARTED, "its machine was started again, and it is not on disk"
        dropped = (
            TaskState.DROPPED,
            Reason.AGENT_DISCONNECTED,
            "the agent does not have it: it was lost on the way",
        )
        state, reason, text = lost if self.forgetful else dropped
        if self.forgetful:
            self.forgetful = False
            self.touch_agent()
        self.set_id(message.agent_id)
        if message.master_id != self.master_id:
            # One that took over knows what registrations name; what waits for room is not in them.
            self.drop_waiting(now)
            self.master_id = message.master_id
        for framework_id, task_id in message.kill:
            self.kill_unheard(framework_id, task_id)
        for framework_id, task_id in message.tasks:
            # What is told of an earlier launch says nothing of the one that the master means.
            self.supersede(framework_id, task_id)
        self._resend_updates(now)
        for framework_id, task_id in message.tasks:
            if not self.known(framework_id, task_id):
                status = TaskStatus(
                    task_id,
                    state,
                    Source.AGENT,
                    reason,
                    text,
                    agent_id=self.info.id,
                    timestamp=now,
                    uuid=self.new_uuid(),
                )
                log.warning("task %s of %s is not here: %s", task_id, framework_id, text)
                self.send_update(framework_id, status, now)
        # One may have been named by the registration, and ended before the answer.
        unheard, self.unheard = self.unheard, set()
        for framework_id, executor_id in sorted({*message.executors, *unheard}):
            if (framework_id, executor_id) not in self.runs:
                exited = ExitedExecutor(self.info.id, framework_id, executor_id, "the agent does not have it")
                self.effects.append(ToMaster(exited))

    def _resend_updates(self, now: float) -> None:
        """Send the first update of every task, to a master that is new."""
        self.effects += [ToMaster(update) for update in self.updates.resend(now)]

    def retry_updates(self, now: float) -> None:
        """Send again what was not acknowledged in time."""
        self.effects += [ToMaster(update) for update in self.updates.due(now)]

    def acknowledge(self, framework_id: str, task_id: str, uuid: str, now: float) -> None:
        """An update has arrived; the task's next goes out; an ended task is forgotten."""
        key = (framework_id, task_id)
        following = self.updates.acknowledge(framework_id, task_id, uuid, now)
        self.touch_updates(key)
        if following is not None:
            self.effects.append(ToMaster(following))
        elif not self.updates.pending(framework_id, task_id):
            task = self.finished.get(key)
            if task is not None and task.status.state.terminal:
                del self.finished[key]
                spare = dataclasses.replace(task, info=_spare(task.info), status=_told(task.status))
                self.completed.append((framework_id, spare))
                self.touch_task(key)
                self.forget_framework(framework_id)


def _told(status: TaskStatus) -> TaskStatus:
    return msgspec.structs.replace(status, data=b"") if status.data else status


def _spare(info: TaskInfo) -> TaskInfo:
    executor = info.executor
    if not info.data and (executor is None or not executor.data):
        return info
    executor = executor and msgspec.structs.replace(executor, data=b"")
    return msgspec.structs.replace(info, data=b"", executor=executor)
