"""Tasks and executors at the master: statuses, acknowledgements, kills, messages."""

from __future__ import annotations

import logging

import msgspec

from cluster.messages import (
    ExecutorToFramework,
    ExitedExecutor,
    FrameworkFailure,
    FrameworkToExecutor,
    KillTask,
    Reason,
    Reconcile,
    ShutdownExecutor,
    Source,
    StatusUpdate,
    StatusUpdateAcknowledgement,
    TaskState,
    TaskStatus,
    Update,
    may_follow,
)
from cluster.messages.scheduler import Acknowledge

from .ledger import Ledger
from .records import AgentRecord, FrameworkRecord

__all__ = ["TaskRules"]

log = logging.getLogger("ostrom.master")


class TaskRules(Ledger):
    """What follows from what tasks and executors do, and from what frameworks want of them."""

    def status_update(self, agent: AgentRecord, message: StatusUpdate, now: float) -> None:
        """A task's new state from its agent: noted, its resources returned if it ended, and passed on."""
        status = message.status
        framework = self.frameworks.get(message.framework_id)
        entry = agent.tasks.get((message.framework_id, status.task_id))
        if framework is None or entry is None:
            # Nobody will ever acknowledge it: its framework has ended, or was told that the task is lost.
            self.send(
                agent.upid, StatusUpdateAcknowledgement(message.framework_id, status.task_id, status.uuid)
            )
            return
        status = msgspec.structs.replace(status, agent_id=agent.id, executor_id=entry.info.executor_id)
        if status.uuid != entry.status.uuid:
            if not may_follow(entry.state, status.state):
                log.warning("task %s: %s after %s", entry.key, status.state, entry.state)
                self.send(agent.upid, StatusUpdateAcknowledgement(framework.id, status.task_id, status.uuid))
                return
            entry.status = status
            if status.state.terminal:
                self.count(f"tasks_{status.state.short.lower()}")
                self.release_task(entry)
        if framework.upid is not None and framework.connected:
            self.send(framework.upid, Update(status))

    def acknowledge(self, framework: FrameworkRecord, message: Acknowledge) -> None:
        """A framework has a status: its agent can send the next. A task whose end it has is forgotten."""
        agent = self.agents.get(message.agent_id)
        if agent is None:
            return
        self.send(agent.upid, StatusUpdateAcknowledgement(framework.id, message.task_id, message.uuid))
        entry = framework.tasks.get(message.task_id)
        if entry is not None and entry.state.terminal and entry.status.uuid == message.uuid:
            self.forget_task(entry)

    def kill(self, framework: FrameworkRecord, message: KillTask, now: float) -> None:
        """Pass a kill to the task's agent; for a task that is not known, answer with what is."""
        entry = framework.tasks.get(message.task_id)
        if entry is None or entry.state.terminal:
            self.reconcile(framework, Reconcile(framework.id, (message.task_id,)), now)
            return
        entry.killing = True
        self.send(self.agents[entry.agent_id].upid, message)

    def reconcile(self, framework: FrameworkRecord, message: Reconcile, now: float) -> None:
        """Send the latest state of the tasks named, or of all that have not ended."""
        if framework.upid is None:
            return
        for task_id in message.task_ids or tuple(framework.tasks):
            entry = framework.tasks.get(task_id) or self.last_known(framework.id, task_id)
            if entry is None:
                status = TaskStatus(
                    task_id,
                    TaskState.LOST,
                    reason=Reason.RECONCILIATION,
                    message="the master does not know this task",
                    timestamp=now,
                )
            else:
                # Without a uuid: it is not a new event and need not be acknowledged.
                status = msgspec.structs.replace(
                    entry.status, source=Source.MASTER, reason=Reason.RECONCILIATION, uuid=""
                )
            self.send(framework.upid, Update(status))

    def message_to_executor(self, message: FrameworkToExecutor | ShutdownExecutor) -> None:
        """Pass on to the agent."""
        agent = self.agents.get(message.agent_id)
        if agent is not None:
            self.send(agent.upid, message)

    def message_to_framework(self, message: ExecutorToFramework) -> None:
        """Pass on to the scheduler."""
        framework = self.frameworks.get(message.framework_id)
        if framework is not None and framework.upid is not None and framework.connected:
            self.send(framework.upid, message)

    def exited_executor(self, agent: AgentRecord, message: ExitedExecutor) -> None:
        """An executor ended: its resources return, its framework hears of it."""
        executor = agent.executors.get((message.framework_id, message.executor_id))
        if executor is None:
            return
        self.remove_executor(agent, executor)
        framework = self.frameworks.get(message.framework_id)
        if framework is not None and framework.upid is not None and framework.connected:
            self.send(framework.upid, FrameworkFailure(agent.id, message.executor_id, message.message))
