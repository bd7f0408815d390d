"""What an agent keeps of its executors and tasks."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from actors import UPID
from cluster.messages import CommandInfo, ExecutorInfo, FrameworkInfo, TaskInfo, TaskStatus

__all__ = ["AgentTask", "ExecutorRun", "Key", "Phase"]

Key = tuple[str, str]
"""Framework id, and the id of an executor or a task."""


class Phase(enum.Enum):
    """Where an executor stands."""

    LAUNCHING = "launching"
    REGISTERING = "registering"
    RUNNING = "running"
    TERMINATING = "terminating"


@dataclass(slots=True)
class AgentTask:
    """A task, from its launch until its last update is acknowledged."""

    info: TaskInfo
    status: TaskStatus
    killed: bool = False
    """A kill was asked for: its end then is KILLED, whatever its exit status."""


@dataclass(slots=True)
class ExecutorRun:
    """One run of an executor.

    A command task has one of its own, with the task's id, and no process of ours in between: the agent itself
    plays the executor.
    """

    framework: FrameworkInfo
    executor_id: str
    role: str
    container_id: str
    command: CommandInfo
    info: ExecutorInfo | None
    phase: Phase = Phase.LAUNCHING
    upid: UPID | None = None
    tasks: dict[str, AgentTask] = field(default_factory=dict)
    queued: list[TaskInfo] = field(default_factory=list)

    @property
    def key(self) -> Key:
        """Framework id and executor id."""
        return self.framework.id, self.executor_id
