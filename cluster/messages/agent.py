"""Between agent and master."""

from __future__ import annotations

from msgspec import Struct

from actors import Message

from .types import AgentInfo, ExecutorInfo, FrameworkInfo, Reserved, TaskInfo, TaskStatus

__all__ = [
    "AgentRefused",
    "AgentRegistered",
    "ExecutorState",
    "ExitedExecutor",
    "PingAgent",
    "PongAgent",
    "RegisterAgent",
    "RunTask",
    "RunTaskGroup",
    "ShutdownAgent",
    "ShutdownFramework",
    "StatusUpdate",
    "StatusUpdateAcknowledgement",
    "TaskRecord",
    "UnregisterAgent",
]


class TaskRecord(Struct, frozen=True, omit_defaults=True):
    """A task that an agent has, and the latest state it reached there.

    `denied`: a master had it killed, since its framework was told that it is lost.
    """

    framework_id: str
    task: TaskInfo
    status: TaskStatus
    role: str = "*"
    reserved: Reserved = {}
    denied: bool = False


class ExecutorState(Struct, frozen=True, omit_defaults=True):
    """An executor that an agent runs."""

    framework_id: str
    executor: ExecutorInfo
    role: str = "*"
    reserved: Reserved = {}


class RegisterAgent(Message):
    """Agent to master: take me, with what I run. Without an id in `agent`, for the first time.

    `incarnation` names this life of the agent's process. `forgetful`: its machine was started again, no master has
    heard of that yet, and with the power the disk may have lost the last of what ran.
    """

    agent: AgentInfo
    frameworks: tuple[FrameworkInfo, ...] = ()
    executors: tuple[ExecutorState, ...] = ()
    tasks: tuple[TaskRecord, ...] = ()
    incarnation: str = ""
    forgetful: bool = False


class AgentRegistered(Message):
    """Master to agent: you are this agent. `kill` names tasks (framework, task) that must end unheard.

    `tasks` and `executors` (framework, executor) are those that the master believes there, and that the registration
    did not name. What was sent before this message has come before it, so what is not there by now was lost on the way:
    the agent tells that each is dropped.
    """

    agent_id: str
    master_id: str
    ping_timeout: float
    kill: tuple[tuple[str, str], ...] = ()
    tasks: tuple[tuple[str, str], ...] = ()
    executors: tuple[tuple[str, str], ...] = ()


class AgentRefused(Message):
    """Master to agent: you cannot be taken; end."""

    message: str


class UnregisterAgent(Message):
    """Agent to master: I end."""

    agent_id: str


class PingAgent(Message):
    """Master to agent, at an interval; `connected` false means: I believe you gone, register again."""

    agent_id: str
    connected: bool


class PongAgent(Message):
    """Agent to master: I live."""

    agent_id: str


class RunTask(Message):
    """Master to agent: launch it. `role` is whose resources it uses.

    Of those, `reserved` and `executor_reserved` are reserved ones. `launch_executor`: its executor is to be started, if
    it has one; else it is believed to run, and if it does not any more, the task is dropped.
    """

    framework: FrameworkInfo
    task: TaskInfo
    role: str
    reserved: Reserved = {}
    executor_reserved: Reserved = {}
    launch_executor: bool = True


class RunTaskGroup(Message):
    """Master to agent: launch these together. `reserved` is by task, in their order.

    Without a command the executor is the default one, which the agent plays itself. Another one is to be launched, or
    runs already and has not `launch_executor`.
    """

    framework: FrameworkInfo
    executor: ExecutorInfo
    tasks: tuple[TaskInfo, ...]
    role: str
    reserved: tuple[Reserved, ...] = ()
    executor_reserved: Reserved = {}
    launch_executor: bool = True


class StatusUpdate(Message):
    """Agent to master: a task's new state, sent again until it is acknowledged."""

    framework_id: str
    status: TaskStatus


class StatusUpdateAcknowledgement(Message):
    """Master to agent: the framework has that status (or nobody will ever want it)."""

    framework_id: str
    task_id: str
    uuid: str


class ExitedExecutor(Message):
    """Agent to master: this executor ended. `status` is what waitpid(2) says of its process, None if nobody knows."""

    agent_id: str
    framework_id: str
    executor_id: str
    message: str = ""
    status: int | None = None


class ShutdownFramework(Message):
    """Master to agent: end all that this framework runs."""

    framework_id: str


class ShutdownAgent(Message):
    """Master to agent: end all that runs, then yourself.

    `returns`: it may come back later, and then tells what became of all that.
    """

    message: str
    returns: bool = False
