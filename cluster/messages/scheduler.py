"""Between a framework's scheduler and the master: Mesos's scheduler calls and events."""

from __future__ import annotations

from msgspec import Struct

from actors import Message

from .operations import Operation, OperationState
from .states import Reason, Refusal
from .types import Filters, FrameworkInfo, Offer, TaskStatus, Unavailability

__all__ = [
    "Accept",
    "AcceptInverseOffers",
    "Acknowledge",
    "Decline",
    "DeclineInverseOffers",
    "ExecutorToFramework",
    "FrameworkFailure",
    "FrameworkRefused",
    "FrameworkToExecutor",
    "InverseOffer",
    "InverseOffers",
    "KillTask",
    "Offers",
    "Reconcile",
    "Rescind",
    "RescindInverseOffer",
    "Revive",
    "ShutdownExecutor",
    "Subscribe",
    "Subscribed",
    "Suppress",
    "Teardown",
    "Update",
    "UpdateFramework",
    "UpdateOperation",
]


class Subscribe(Message):
    """Scheduler to master: be a framework; with an id, be that framework again.

    `attempt` is another number after each loss of the connection.
    """

    framework: FrameworkInfo
    suppressed_roles: tuple[str, ...] = ()
    attempt: int = 0


class Subscribed(Message):
    """Master to scheduler: you are this framework. `master_id` names this life of the master.

    `attempt` is that of the subscription. An answer to one whose connection has broken counts no more: to the master
    that was the end of it.
    """

    framework_id: str
    master_id: str
    attempt: int = 0


class FrameworkRefused(Message):
    """Master to scheduler: you are not, or no longer. Final."""

    message: str
    cause: Refusal = Refusal.NONE


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
    """Scheduler to master to agent: end this task. `grace_period` below 0 means the task's own.

    `reason` is why, where it is not the framework that wants it.
    """

    framework_id: str
    task_id: str
    grace_period: float = -1.0
    reason: Reason = Reason.NONE


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
    """Scheduler to master: send the latest state of these tasks; none named means all.

    `agent_ids` says by task where it was, so that of a task that is not known the agent's fate can be told.
    """

    framework_id: str
    task_ids: tuple[str, ...] = ()
    agent_ids: dict[str, str] = {}


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
    """Master to scheduler: an agent was lost, or (with an executor id) an executor ended.

    `status` is what waitpid(2) says of the executor's process (`os.waitstatus_to_exitcode` reads it), None if nobody
    knows.
    """

    agent_id: str
    executor_id: str = ""
    message: str = ""
    status: int | None = None


class UpdateFramework(Message):
    """Scheduler to master: introduce the framework anew, with other roles, say. Its id and tasks stay."""

    framework: FrameworkInfo
    suppressed_roles: tuple[str, ...] = ()


class UpdateOperation(Message):
    """Master to scheduler: what became of an operation that has an id, or that failed."""

    operation_id: str
    state: OperationState
    message: str = ""


class InverseOffer(Struct, frozen=True, omit_defaults=True):
    """A wish to have an agent back: it is planned to be down then. The framework may move its tasks, or not."""

    id: str
    framework_id: str
    agent_id: str
    unavailability: Unavailability


class InverseOffers(Message):
    """Master to scheduler: machines on which it runs tasks are planned to be down."""

    inverse_offers: tuple[InverseOffer, ...]


class RescindInverseOffer(Message):
    """Master to scheduler: this inverse offer is no longer valid."""

    inverse_offer_id: str


class AcceptInverseOffers(Message):
    """Scheduler to master: the framework will be gone from there by then. Noted, for operators to see."""

    framework_id: str
    inverse_offer_ids: tuple[str, ...]


class DeclineInverseOffers(Message):
    """Scheduler to master: the framework cannot leave. Noted, for operators to see."""

    framework_id: str
    inverse_offer_ids: tuple[str, ...]
