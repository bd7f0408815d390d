"""What happens at a master, for those who watch it within its process; nothing of it is sent.

What is seen holds immutable values only: it stays as it was in the master's turn, however late it is looked at. There
are many of them and no circles among them: the garbage collector is spared them.
"""

from __future__ import annotations

from msgspec import Struct

from cluster.messages import (
    AgentInfo,
    ExecutorInfo,
    FrameworkInfo,
    InverseOffer,
    Offer,
    Reserved,
    TaskInfo,
    TaskStatus,
)

__all__ = [
    "AgentAdded",
    "AgentRemoved",
    "AgentSeen",
    "ExecutorSeen",
    "FrameworkAdded",
    "FrameworkRemoved",
    "FrameworkSeen",
    "FrameworkUpdated",
    "Happening",
    "MasterSeen",
    "TaskAdded",
    "TaskSeen",
    "TaskUpdated",
]


class TaskSeen(Struct, frozen=True, gc=False):
    """A task; while it `holds` its resources, so many of them are `reserved` ones. `former` are earlier statuses."""

    framework_id: str
    role: str
    agent_id: str
    info: TaskInfo
    status: TaskStatus
    reserved: Reserved
    holds: bool
    former: tuple[TaskStatus, ...] = ()


class ExecutorSeen(Struct, frozen=True, gc=False):
    """An executor that has resources of its own."""

    framework_id: str
    role: str
    agent_id: str
    info: ExecutorInfo
    reserved: Reserved


class AgentSeen(Struct, frozen=True, gc=False):
    """An agent that is registered.

    `upid` says where it is, `reserved` what of it is reserved, used or not. `active`: no operator has deactivated it.
    `drain_state` is DRAINING or DRAINED, empty if it is not drained. Times are seconds since the epoch, 0 for never.
    """

    info: AgentInfo
    upid: str
    connected: bool
    active: bool
    registered_at: float
    reregistered_at: float
    reserved: Reserved
    drain_state: str = ""
    max_grace_period: float | None = None
    mark_gone: bool = False
    offers: tuple[Offer, ...] = ()
    tasks: tuple[TaskSeen, ...] = ()
    executors: tuple[ExecutorSeen, ...] = ()


class FrameworkSeen(Struct, frozen=True, gc=False):
    """A framework. `recovered`: its scheduler has not come to this master yet. Times as above."""

    info: FrameworkInfo
    connected: bool = False
    recovered: bool = False
    registered_at: float = 0.0
    subscribed_at: float = 0.0
    ended_at: float = 0.0
    offers: tuple[Offer, ...] = ()
    inverse_offers: tuple[InverseOffer, ...] = ()
    tasks: tuple[TaskSeen, ...] = ()
    executors: tuple[ExecutorSeen, ...] = ()


class MasterSeen(Struct, frozen=True, gc=False):
    """All of it, in one moment.

    `tasks` and `executors` of the agents and frameworks are the same as those here. `recovering` agents are on record
    and have not come to this master yet.
    """

    agents: tuple[AgentSeen, ...]
    recovering: tuple[AgentInfo, ...]
    frameworks: tuple[FrameworkSeen, ...]
    completed_frameworks: tuple[FrameworkSeen, ...]
    tasks: tuple[TaskSeen, ...]
    unreachable_tasks: tuple[TaskSeen, ...]
    completed_tasks: tuple[TaskSeen, ...]
    executors: tuple[ExecutorSeen, ...]


class TaskAdded(Struct, frozen=True, gc=False):
    """A task came into the books, or came back after it was unreachable; it may have ended already."""

    task: TaskSeen


class TaskUpdated(Struct, frozen=True, gc=False):
    """A task has a new status."""

    framework_id: str
    status: TaskStatus


class AgentAdded(Struct, frozen=True, gc=False):
    """An agent registered that was not, or has other resources or attributes now."""

    agent: AgentSeen


class AgentRemoved(Struct, frozen=True, gc=False):
    """An agent is registered no more, nor waited for."""

    agent_id: str


class FrameworkAdded(Struct, frozen=True, gc=False):
    """A framework became known."""

    framework: FrameworkSeen


class FrameworkUpdated(Struct, frozen=True, gc=False):
    """A framework subscribed again, was disconnected, or says other things of itself."""

    framework: FrameworkSeen


class FrameworkRemoved(Struct, frozen=True, gc=False):
    """A framework has ended."""

    info: FrameworkInfo


Happening = (
    TaskAdded | TaskUpdated | AgentAdded | AgentRemoved | FrameworkAdded | FrameworkUpdated | FrameworkRemoved
)
