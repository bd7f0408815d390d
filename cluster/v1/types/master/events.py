"""What a master tells operators who subscribe."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Double, Proto, ProtoEnum
from cluster.v1.types.frameworks import FrameworkInfo
from cluster.v1.types.ids import AgentID, FrameworkID
from cluster.v1.types.tasks import Task, TaskState, TaskStatus

from .responses import Response

__all__ = ["Event"]

PACKAGE = "mesos.v1.master"


class Event(Proto, frozen=True, kw_only=True):
    class Type(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        SUBSCRIBED = "SUBSCRIBED", 1
        TASK_ADDED = "TASK_ADDED", 2
        TASK_UPDATED = "TASK_UPDATED", 3
        AGENT_ADDED = "AGENT_ADDED", 4
        AGENT_REMOVED = "AGENT_REMOVED", 5
        FRAMEWORK_ADDED = "FRAMEWORK_ADDED", 6
        FRAMEWORK_UPDATED = "FRAMEWORK_UPDATED", 7
        FRAMEWORK_REMOVED = "FRAMEWORK_REMOVED", 8
        HEARTBEAT = "HEARTBEAT", 9

    class Subscribed(Proto, frozen=True, kw_only=True):
        get_state: Annotated[Response.GetState | None, 1] = None
        heartbeat_interval_seconds: Annotated[Double | None, 2] = None

    class TaskAdded(Proto, frozen=True, kw_only=True):
        task: Annotated[Task, 1]

    class TaskUpdated(Proto, frozen=True, kw_only=True):
        framework_id: Annotated[FrameworkID, 1]
        status: Annotated[TaskStatus, 2]
        state: Annotated[TaskState, 3]

    class FrameworkAdded(Proto, frozen=True, kw_only=True):
        framework: Annotated[Response.GetFrameworks.Framework, 1]

    class FrameworkUpdated(Proto, frozen=True, kw_only=True):
        framework: Annotated[Response.GetFrameworks.Framework, 1]

    class FrameworkRemoved(Proto, frozen=True, kw_only=True):
        framework_info: Annotated[FrameworkInfo, 1]

    class AgentAdded(Proto, frozen=True, kw_only=True):
        agent: Annotated[Response.GetAgents.Agent, 1]

    class AgentRemoved(Proto, frozen=True, kw_only=True):
        agent_id: Annotated[AgentID, 1]

    type: Annotated[Event.Type | None, 1] = None
    subscribed: Annotated[Event.Subscribed | None, 2] = None
    task_added: Annotated[Event.TaskAdded | None, 3] = None
    task_updated: Annotated[Event.TaskUpdated | None, 4] = None
    agent_added: Annotated[Event.AgentAdded | None, 5] = None
    agent_removed: Annotated[Event.AgentRemoved | None, 6] = None
    framework_added: Annotated[Event.FrameworkAdded | None, 7] = None
    framework_updated: Annotated[Event.FrameworkUpdated | None, 8] = None
    framework_removed: Annotated[Event.FrameworkRemoved | None, 9] = None
