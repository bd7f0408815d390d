"""What a master keeps of frameworks, agents, executors and tasks."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from actors import UPID
from cluster.messages import (
    AgentInfo,
    Capability,
    ExecutorInfo,
    FrameworkInfo,
    InverseOffer,
    KillTask,
    Offer,
    Reserved,
    TaskInfo,
    TaskState,
    TaskStatus,
    Unavailability,
)
from cluster.registry import Drain
from cluster.resources import Resources

from .parts import EMPTY, Parts, split

__all__ = [
    "AgentRecord",
    "Completed",
    "ExecutorRecord",
    "FrameworkRecord",
    "InverseOfferRecord",
    "TaskEntry",
    "TaskKey",
    "agent_usage",
]

MAX_FORMER = 15
"""Former statuses that are kept of a task: an agent may be out of reach again and again."""

TaskKey = tuple[str, str]
"""Framework id and task id. Executors are keyed likewise, by framework id and executor id."""


@dataclass(slots=True)
class TaskEntry:
    """A task from its acceptance until its last status is acknowledged.

    `status` is the latest that the framework was sent; `holds` says whether its resources are still in use, of which
    `reserved` are reserved ones; `kill` is what was last asked to end it; `former` are earlier statuses, without their
    data: the last of each time that it was in some state.
    """

    framework_id: str
    role: str
    agent_id: str
    info: TaskInfo
    status: TaskStatus
    holds: bool = True
    reserved: Reserved = field(default_factory=dict)
    kill: KillTask | None = None
    former: tuple[TaskStatus, ...] = ()

    def before(self, status: TaskStatus) -> tuple[TaskStatus, ...]:
        """The former statuses, once this one has come. That it was on its way was told to nobody."""
        last = self.status
        if last.state in (TaskState.STAGING, status.state):
            return self.former
        if last.data:
            last = msgspec.structs.replace(last, data=b"")
        return (*self.former, last)[-MAX_FORMER:]

    @property
    def state(self) -> TaskState:
        """The latest state."""
        return self.status.state

    @property
    def key(self) -> TaskKey:
        """Its key."""
        return self.framework_id, self.info.task_id

    @property
    def parts(self) -> Parts:
        """What it uses while it holds it."""
        if self.info.revocable:
            return Parts(revocable=self.info.resources)
        return split(self.info.resources, self.reserved)


@dataclass(slots=True)
class ExecutorRecord:
    """A custom or default executor on an agent; it holds its own resources until it ends.

    `ending`: it was asked to.
    """

    framework_id: str
    role: str
    info: ExecutorInfo
    reserved: Reserved = field(default_factory=dict)
    ending: bool = False

    @property
    def key(self) -> TaskKey:
        """Its key."""
        return self.framework_id, self.info.executor_id

    @property
    def parts(self) -> Parts:
        """What it uses."""
        return split(self.info.resources, self.reserved)


@dataclass(slots=True)
class AgentRecord:
    """An agent that is registered.

    `unused` is what is neither offered nor used, `reserved` what is reserved there, used or not. `active`: no operator
    has deactivated it; `drain` is what the registry says of that. `incarnation` is that of its process. `forgetful`:
    what former masters launched there may have run, though it does not know of it.
    """

    info: AgentInfo
    upid: UPID
    unused: Parts = EMPTY
    connected: bool = True
    registered_at: float = 0.0
    reregistered_at: float = 0.0
    missed_pings: int = 0
    incarnation: str = ""
    forgetful: bool = False
    reserved: Reserved = field(default_factory=dict)
    drain: Drain | None = None
    unavailability: Unavailability | None = None
    offers: set[str] = field(default_factory=set)
    tasks: dict[TaskKey, TaskEntry] = field(default_factory=dict)
    executors: dict[TaskKey, ExecutorRecord] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its id."""
        return self.info.id

    @property
    def free(self) -> Resources:
        """What is neither offered nor used, reserved or not; what is revocable is not in it."""
        return self.unused.whole

    @property
    def active(self) -> bool:
        """Whether no operator has deactivated it."""
        return self.drain is None

    def drain_state(self) -> str:
        """DRAINING while something of what it ran is left, then DRAINED; empty if it is not drained."""
        if self.drain is None or not self.drain.draining:
            return ""
        return "DRAINING" if self.tasks or self.executors else "DRAINED"


@dataclass(slots=True)
class FrameworkRecord:
    """A framework. `upid` is None until its scheduler has subscribed with this master: it is `recovered`.

    `unreachable_tasks` are those on agents that do not answer: they hold nothing, and may come back.
    """

    info: FrameworkInfo
    upid: UPID | None
    connected: bool = False
    recovered: bool = False
    registered_at: float = 0.0
    subscribed_at: float = 0.0
    failover_deadline: float | None = None
    suppressed: set[str] = field(default_factory=set)
    offers: dict[str, Offer] = field(default_factory=dict)
    tasks: dict[str, TaskEntry] = field(default_factory=dict)
    unreachable_tasks: dict[str, TaskEntry] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its id."""
        return self.info.id

    @property
    def task_ids(self) -> ChainMap[str, TaskEntry]:
        """The tasks whose ids are taken."""
        return ChainMap(self.tasks, self.unreachable_tasks)

    def fate(self, state: TaskState) -> TaskState:
        """What it is told of a task: one that is not partition-aware knows TASK_LOST only."""
        return state if self.info.can(Capability.PARTITION_AWARE) else TaskState.LOST


@dataclass(slots=True)
class InverseOfferRecord:
    """An inverse offer, and what its framework answered: ACCEPT or DECLINE, and when."""

    offer: InverseOffer
    answer: str = ""
    answered_at: float = 0.0


@dataclass(slots=True)
class Completed:
    """A framework that has ended, and why."""

    info: FrameworkInfo
    reason: str
    ended_at: float
    registered_at: float = 0.0
    subscribed_at: float = 0.0


def agent_usage(agent: AgentRecord) -> Iterable[tuple[str, str, Parts]]:
    """What is used on an agent: framework id, role and resources of each task and executor."""
    for task in agent.tasks.values():
        if task.holds:
            yield task.framework_id, task.role, task.parts
    for executor in agent.executors.values():
        yield executor.framework_id, executor.role, executor.parts
