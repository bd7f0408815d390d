"""Between executor and agent."""

from __future__ import annotations

from actors import Message

from .types import AgentInfo, ExecutorInfo, FrameworkInfo, TaskInfo, TaskStatus

__all__ = [
    "ExecutorAcknowledgement",
    "ExecutorKillTask",
    "ExecutorMessage",
    "ExecutorRegistered",
    "ExecutorShutdown",
    "ExecutorStatusUpdate",
    "LaunchTask",
    "LaunchTaskGroup",
    "ReconnectExecutor",
    "RegisterExecutor",
]


class RegisterExecutor(Message):
    """Executor to agent: I run. `container_id` and `token` came in its environment; the token proves which one it is.

    One that comes back, to a restarted agent or over a new connection, names the tasks that it has, and the updates
    that the agent did not acknowledge. One that comes back `by_itself` cannot be asked to, and names those tasks only
    of which no update was acknowledged yet: the executors of Mesos's API know no better.
    """

    framework_id: str
    executor_id: str
    container_id: str
    tasks: tuple[str, ...] = ()
    updates: tuple[TaskStatus, ...] = ()
    by_itself: bool = False
    token: str = ""


class ExecutorRegistered(Message):
    """Agent to executor: you are known."""

    executor: ExecutorInfo
    framework: FrameworkInfo
    agent: AgentInfo


class LaunchTask(Message):
    """Agent to executor: run this."""

    task: TaskInfo


class LaunchTaskGroup(Message):
    """Agent to executor: run these, all or none."""

    tasks: tuple[TaskInfo, ...]


class ExecutorKillTask(Message):
    """Agent to executor: end this task, within the grace period if you can."""

    task_id: str
    grace_period: float


class ExecutorStatusUpdate(Message):
    """Executor to agent: a task's new state. Its uuid is the executor's, and is acknowledged when it is on disk."""

    framework_id: str
    executor_id: str
    status: TaskStatus


class ExecutorMessage(Message):
    """Between executor and framework, either way: at most once."""

    framework_id: str
    executor_id: str
    data: bytes


class ExecutorShutdown(Message):
    """Agent to executor: end your tasks, then yourself; it is killed after the grace period (seconds)."""

    grace_period: float


class ExecutorAcknowledgement(Message):
    """Agent to executor: that update is on my disk."""

    task_id: str
    uuid: str


class ReconnectExecutor(Message):
    """Agent to executor: I am here again, at this message's sender; register. The executor's own token proves it."""

    container_id: str
    token: str = ""
