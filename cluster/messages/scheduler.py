"""Between a framework's scheduler and the master: Mesos's scheduler calls and events."""

from __future__ import annotations

from actors import Message

from .types import Filters, FrameworkInfo, Offer, Operation, TaskStatus

__all__ = [
    "Accept",
    "Acknowledge",
    "Decline",
    "ExecutorToFramework",
    "FrameworkFailure",
    "FrameworkRefused",
    "FrameworkToExecutor",
    "KillTask",
    "Offers",
    "Reconcile",
    "Rescind",
    "Revive",
    "ShutdownExecutor",
    "Subscribe",
    "Subscribed",
    "Suppress",
    "Teardown",
    "Update",
]


class Subscribe(Message):
    """Scheduler to master: be a framework; with an id, be that framework again."""

    framework: FrameworkInfo
    suppressed_roles: tuple[str, ...] = ()


class Subscribed(Message):
    """Master to scheduler: you are this framework. `master_id` names this life of the master."""

    framework_id: str
    master_id: str


class FrameworkRefused(Message):
    """Master to scheduler: you are not, or no longer. Final."""

    message: str


class Teardown(Message):
    """Scheduler to master: end the framework and all its tasks."""

    framework_id: str


class Offers(Message):
    """Master to scheduler: resources."""

    offers: tuple[Offer, ...]


class Rescind(Message):
    """Master to scheduler: this offer is no longer valid."""

    offer_id: str


class Accept(Message):
    """Scheduler to master: use these offers, all of one agent; what is not used is declined."""

    framework_id: str
    offer_ids: tuple[str, ...]
    operations: tuple[Operation, ...]
    filters: Filters = Filters()


class Decline(Message):
    """Scheduler to master: not these offers."""

    framework_id: str
    offer_ids: tuple[str, ...]
    filters: Filters = Filters()


class Revive(Message):
    """Scheduler to master: offer again, filters forgotten; no roles means all."""

    framework_id: str
    roles: tuple[str, ...] = ()


class Suppress(Message):
    """Scheduler to master: no offers until revived; no roles means all."""

    framework_id: str
    roles: tuple[str, ...] = ()


class KillTask(Message):
    """Scheduler to master to agent: end this task. `grace_period` below 0 means the task's own."""

    framework_id: str
    task_id: str
    grace_period: float = -1.0


class Update(Message):
    """Master to scheduler: a task's new state; to be acknowledged if it has a uuid."""

    status: TaskStatus


class Acknowledge(Message):
    """Scheduler to master to agent: that status was received."""

    framework_id: str
    agent_id: str
    task_id: str
    uuid: str


class Reconcile(Message):
    """Scheduler to master: send the latest state of these tasks; none named means all."""

    framework_id: str
    task_ids: tuple[str, ...] = ()


class FrameworkToExecutor(Message):
    """Scheduler to master to agent to executor: a message, delivered at most once."""

    framework_id: str
    agent_id: str
    executor_id: str
    data: bytes


class ExecutorToFramework(Message):
    """Executor to agent to master to scheduler: a message, delivered at most once."""

    framework_id: str
    agent_id: str
    executor_id: str
    data: bytes


class ShutdownExecutor(Message):
    """Scheduler to master to agent: end this executor and its tasks."""

    framework_id: str
    agent_id: str
    executor_id: str


class FrameworkFailure(Message):
    """Master to scheduler: an agent was lost, or (with an executor id) an executor ended."""

    agent_id: str
    executor_id: str = ""
    message: str = ""
