"""Between an executor and its agent."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Proto, ProtoEnum

from .agents import AgentInfo
from .commands import ExecutorInfo, KillPolicy
from .frameworks import FrameworkInfo
from .ids import ContainerID, ExecutorID, FrameworkID, TaskID
from .tasks import TaskGroupInfo, TaskInfo, TaskStatus

__all__ = ["Call", "Event"]

PACKAGE = "mesos.v1.executor"


class Event(Proto, frozen=True, kw_only=True):
    class Type(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        SUBSCRIBED = "SUBSCRIBED", 1
        LAUNCH = "LAUNCH", 2
        LAUNCH_GROUP = "LAUNCH_GROUP", 8
        KILL = "KILL", 3
        ACKNOWLEDGED = "ACKNOWLEDGED", 4
        MESSAGE = "MESSAGE", 5
        ERROR = "ERROR", 6
        SHUTDOWN = "SHUTDOWN", 7
        HEARTBEAT = "HEARTBEAT", 9

    class Subscribed(Proto, frozen=True, kw_only=True):
        executor_info: Annotated[ExecutorInfo, 1]
        framework_info: Annotated[FrameworkInfo, 2]
        agent_info: Annotated[AgentInfo, 3]
        container_id: Annotated[ContainerID | None, 4] = None

    class Launch(Proto, frozen=True, kw_only=True):
        task: Annotated[TaskInfo, 1]

    class LaunchGroup(Proto, frozen=True, kw_only=True):
        task_group: Annotated[TaskGroupInfo, 1]

    class Kill(Proto, frozen=True, kw_only=True):
        task_id: Annotated[TaskID, 1]
        kill_policy: Annotated[KillPolicy | None, 2] = None

    class Acknowledged(Proto, frozen=True, kw_only=True):
        task_id: Annotated[TaskID, 1]
        uuid: Annotated[bytes, 2]

    class Message(Proto, frozen=True, kw_only=True):
        data: Annotated[bytes, 1]

    class Error(Proto, frozen=True, kw_only=True):
        message: Annotated[str, 1]

    type: Annotated[Event.Type | None, 1] = None
    subscribed: Annotated[Event.Subscribed | None, 2] = None
    acknowledged: Annotated[Event.Acknowledged | None, 3] = None
    launch: Annotated[Event.Launch | None, 4] = None
    launch_group: Annotated[Event.LaunchGroup | None, 8] = None
    kill: Annotated[Event.Kill | None, 5] = None
    message: Annotated[Event.Message | None, 6] = None
    error: Annotated[Event.Error | None, 7] = None


class Call(Proto, frozen=True, kw_only=True):
    class Type(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        SUBSCRIBE = "SUBSCRIBE", 1
        UPDATE = "UPDATE", 2
        MESSAGE = "MESSAGE", 3
        HEARTBEAT = "HEARTBEAT", 4

    class Update(Proto, frozen=True, kw_only=True):
        status: Annotated[TaskStatus, 1]

    class Subscribe(Proto, frozen=True, kw_only=True):
        unacknowledged_tasks: Annotated[tuple[TaskInfo, ...], 1] = ()
        unacknowledged_updates: Annotated[tuple[Call.Update, ...], 2] = ()

    class Message(Proto, frozen=True, kw_only=True):
        data: Annotated[bytes, 2]

    executor_id: Annotated[ExecutorID, 1]
    framework_id: Annotated[FrameworkID, 2]
    type: Annotated[Call.Type | None, 3] = None
    subscribe: Annotated[Call.Subscribe | None, 4] = None
    update: Annotated[Call.Update | None, 5] = None
    message: Annotated[Call.Message | None, 6] = None
