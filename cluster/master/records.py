"""What a master keeps of frameworks, agents, executors and tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from actors import UPID
from cluster.messages import AgentInfo, ExecutorInfo, FrameworkInfo, Offer, TaskInfo, TaskState, TaskStatus
from cluster.resources import Resources

__all__ = [
    "AgentRecord",
    "Completed",
    "ExecutorRecord",
    "FrameworkRecord",
    "TaskEntry",
    "TaskKey",
    "agent_usage",
]

TaskKey = tuple[str, str]
"""Framework id and task id. Executors are keyed likewise, by framework id and executor id."""


@dataclass(slots=True)
class TaskEntry:
    """A task from its acceptance until its last status is acknowledged.

    `status` is the latest that the framework was sent; `holds` says whether its resources are still in use.
    """

    framework_id: str
    role: str
    agent_id: str
    info: TaskInfo
    status: TaskStatus
    holds: bool = True
    killing: bool = False

    @property
    def state(self) -> TaskState:
        """The latest state."""
        return self.status.state

    @property
    def key(self) -> TaskKey:
        """Its key."""
        return self.framework_id, self.info.task_id


@dataclass(slots=True)
class ExecutorRecord:
    """A custom executor on an agent; it holds its own resources until it ends."""

    framework_id: str
    role: str
    info: ExecutorInfo


@dataclass(slots=True)
class AgentRecord:
    """An agent that is registered. `free` is what is neither offered nor used."""

    info: AgentInfo
    upid: UPID
    free: Resources
    connected: bool = True
    registered_at: float = 0.0
    missed_pings: int = 0
    offers: set[str] = field(default_factory=set)
    tasks: dict[TaskKey, TaskEntry] = field(default_factory=dict)
    executors: dict[TaskKey, ExecutorRecord] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its id."""
        return self.info.id


@dataclass(slots=True)
class FrameworkRecord:
    """A framework. `upid` is None until its scheduler has subscribed with this master."""

    info: FrameworkInfo
    upid: UPID | None
    connected: bool = False
    subscribed_at: float = 0.0
    failover_deadline: float | None = None
    suppressed: set[str] = field(default_factory=set)
    offers: dict[str, Offer] = field(default_factory=dict)
    tasks: dict[str, TaskEntry] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its id."""
        return self.info.id


@dataclass(slots=True)
class Completed:
    """A framework that has ended, and why."""

    info: FrameworkInfo
    reason: str
    ended_at: float


def agent_usage(agent: AgentRecord) -> Iterable[tuple[str, str, Resources]]:
    """What is used on an agent: framework id, role and resources of each task and executor."""
    for task in agent.tasks.values():
        if task.holds:
            yield task.framework_id, task.role, task.info.resources
    for executor in agent.executors.values():
        yield executor.framework_id, executor.role, executor.info.resources
