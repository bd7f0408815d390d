"""Tasks and executors at the master: statuses, acknowledgements, kills, messages."""

from __future__ import annotations

import logging

import msgspec

from cluster.messages import (
    Acknowledge,
    ExecutorToFramework,
    ExitedExecutor,
    FrameworkFailure,
    FrameworkToExecutor,
    KillTask,
    Reconcile,
    ShutdownExecutor,
    StatusUpdate,
    StatusUpdateAcknowledgement,
    TaskState,
    TaskStatus,
    Update,
    may_follow,
)

from .reconciliation import ReconciliationRules
from .records import AgentRecord, FrameworkRecord, TaskEntry

__all__ = ["TaskRules"]

log = logging.getLogger("ostrom.master")


class TaskRules(ReconciliationRules):
    """What follows from what tasks and executors do, and from what frameworks want of them."""

    def status_update(self, agent: AgentRecord, message: StatusUpdate, now: float) -> None:
        """A task's new state from its agent: noted, its resources returned if it ended, and passed on."""
        status = msgspec.structs.replace(message.status, agent_id=agent.id)
        framework = self.frameworks.get(message.framework_id)
        entry = agent.tasks.get((message.framework_id, status.task_id))
        if framework is not None and status.state is TaskState.GONE:
            # The agent may not know the framework, and so not what it understands.
            status = msgspec.structs.replace(status, state=framework.fate(TaskState.GONE))
        if entry is not None:
            status = msgspec.structs.replace(status, executor_id=entry.info.executor_id)
        if framework is None or not self._news(framework, entry, status):
            # Nobody will ever acknowledge it: its framework has ended, or was told otherwise for good.
            self.send(
                agent.upid, StatusUpdateAcknowledgement(message.framework_id, status.task_id, status.uuid)
            )
            if framework is not None and entry is None and not status.state.terminal:
                # A ghost: its framework believes that it has ended, or that it runs elsewhere.
                self.send(agent.upid, KillTask(framework.id, status.task_id))
            elif framework is not None and entry is not None and entry.state.terminal:
                # The agent's disk has lost the end that it told before: it will not be sent again, nor acknowledged.
                self.close_task(framework, entry)
            return
        if entry is not None and status.uuid != entry.status.uuid:
            self.set_status(entry, status)
            if status.state.terminal:
                self.count(f"tasks_{status.state.short.lower()}")
                self.release_task(entry)
        self.tell(framework, Update(status))

    def _news(self, framework: FrameworkRecord, entry: TaskEntry | None, status: TaskStatus) -> bool:
        """Whether a framework is to hear of a status, for the first time or again.

        A task that is in no books may be one that the master forgot, with the agent saying what became of it.
        """
        if entry is not None:
            if status.state is TaskState.DROPPED and entry.state is TaskState.STAGING:
                # That of an earlier launch, which its framework knows of, says nothing about this one.
                last = self.last_known(framework.id, status.task_id)
                return last is None or last.status.uuid != status.uuid
            if status.uuid == entry.status.uuid or may_follow(entry.state, status.state):
                return True
            log.warning("task %s: %s after %s", entry.key, status.state, entry.state)
            return False
        if (framework.id, status.task_id) in self.denied:
            return False
        if status.task_id in framework.task_ids:
            # It is on another agent: this one is a ghost.
            return False
        last = self.last_known(framework.id, status.task_id)
        if last is None or not last.state.terminal or last.status.uuid == status.uuid:
            return True
        # That it is lost was said without asking for an acknowledgement, and may not have arrived.
        return last.state is status.state and status.state in (TaskState.LOST, TaskState.GONE)

    def acknowledge(self, framework: FrameworkRecord, message: Acknowledge) -> None:
        """A framework has a status: its agent can send the next. A task whose end it has is forgotten."""
        agent = self.agents.get(message.agent_id)
        if agent is None:
            # What is kept there is sent again when it returns.
            return
        self.send(agent.upid, StatusUpdateAcknowledgement(framework.id, message.task_id, message.uuid))
        entry = framework.tasks.get(message.task_id)
        if entry is not None and entry.state.terminal and entry.status.uuid == message.uuid:
            self.forget_task(entry)

    def kill(self, framework: FrameworkRecord, message: KillTask, now: float) -> None:
        """Pass a kill to the task's agent, again when that registers again.

        For a task that cannot be reached, or is not known, answer with what is.
        """
        entry = framework.task_ids.get(message.task_id)
        if entry is None or entry.state.terminal:
            self.reconcile(framework, Reconcile(framework.id, (message.task_id,)), now)
            return
        entry.kill = message
        agent = self.agents.get(entry.agent_id)
        if agent is None:
            self.reconcile(framework, Reconcile(framework.id, (message.task_id,)), now)
        elif agent.connected:
            self.send(agent.upid, message)

    def message_to_executor(self, message: FrameworkToExecutor | ShutdownExecutor) -> None:
        """Pass on to the agent."""
        agent = self.agents.get(message.agent_id)
        if agent is not None:
            self.send(agent.upid, message)

    def message_to_framework(self, message: ExecutorToFramework) -> None:
        """Pass on to the scheduler."""
        self.tell(self.frameworks.get(message.framework_id), message)

    def exited_executor(self, agent: AgentRecord, message: ExitedExecutor) -> None:
        """An executor ended: its resources return, its framework hears of it."""
        executor = agent.executors.get((message.framework_id, message.executor_id))
        if executor is None:
            return
        self.remove_executor(agent, executor)
        framework = self.frameworks.get(message.framework_id)
        self.tell(framework, FrameworkFailure(agent.id, message.executor_id, message.message, message.status))
