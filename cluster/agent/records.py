"""What an agent keeps of its executors and tasks."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from actors import UPID
from cluster.messages import (
    CommandInfo,
    ExecutorInfo,
    FrameworkInfo,
    Reason,
    Reserved,
    TaskInfo,
    TaskState,
    TaskStatus,
)

__all__ = ["AgentTask", "ExecutorRun", "Key", "Phase"]

Key = tuple[str, str]
"""Framework id, and the id of an executor or a task."""


class Phase(enum.Enum):
    """Where an executor stands."""

    LAUNCHING = "launching"
    REGISTERING = "registering"
    """Its process runs, and it is to register: for the first time, or again after its connection broke."""
    RUNNING = "running"
    TERMINATING = "terminating"


@dataclass(slots=True)
class AgentTask:
    """A task, from its launch until its last update is acknowledged.

    `started` is when it began to run (seconds since the epoch; 0 before). `killed`: its end was asked for and is KILLED
    then, whatever its exit status, with `end_reason`; or `end_state`, where it is not a kill that ends it. It has
    `grace` seconds.
    """

    info: TaskInfo
    status: TaskStatus
    role: str = "*"
    reserved: Reserved = field(default_factory=dict)
    started: float = 0.0
    killed: bool = False
    end_state: TaskState = TaskState.KILLED
    end_reason: Reason = Reason.NONE
    end_text: str = ""
    grace: float = 0.0
    heard: str = ""
    """The uuid of the last update that its executor sent."""
    group: str = ""
    """Which tasks are to reach their executor together with it: the first of them, and all that name it."""

    @property
    def denied(self) -> bool:
        """Whether its framework was told that it is lost."""
        return self.end_state in (TaskState.LOST, TaskState.GONE)


@dataclass(slots=True)
class ExecutorRun:
    """One run of an executor.

    A command task has one of its own, with the task's id, and no process of ours in between: the agent itself
    plays the executor. So has each task of a group; its `group` is the id of the group's executor, which is a run
    without a container: it only holds its resources until the last of them has ended.
    """

    framework: FrameworkInfo
    executor_id: str
    role: str
    container_id: str
    command: CommandInfo | None
    info: ExecutorInfo | None
    phase: Phase = Phase.LAUNCHING
    reserved: Reserved = field(default_factory=dict)
    group: str = ""
    upid: UPID | None = None
    registered: bool = False
    """Whether it ever has."""
    by_itself: bool = False
    """Whether it comes back by itself, as it cannot be asked to."""
    tasks: dict[str, AgentTask] = field(default_factory=dict)
    queued: list[str] = field(default_factory=list)
    """Tasks that the executor has not been sent yet."""
    sandbox: str = ""
    """The name of its directory, once it has one."""
    waits: int = field(default=0, compare=False)
    """How often it was waited for: a timer of an earlier wait is no news."""

    @property
    def key(self) -> Key:
        """Framework id and executor id."""
        return self.framework.id, self.executor_id

    @property
    def custom(self) -> bool:
        """Whether it is a program of the framework's."""
        return self.info is not None and self.command is not None

    @property
    def is_group(self) -> bool:
        """Whether it is the executor of a task group."""
        return self.info is not None and self.command is None
