"""Tasks, and their states."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Double, Proto, ProtoEnum

from .commands import CheckInfo, CheckStatusInfo, CommandInfo, ExecutorInfo, HealthCheck, KillPolicy
from .containers import ContainerInfo, ContainerStatus
from .ids import AgentID, DurationInfo, ExecutorID, FrameworkID, Labels, TaskID, TimeInfo
from .network import DiscoveryInfo
from .values import Resource, Value

__all__ = ["Task", "TaskGroupInfo", "TaskInfo", "TaskResourceLimitation", "TaskState", "TaskStatus"]

PACKAGE = "mesos.v1"


class TaskState(ProtoEnum):
    TASK_STARTING = "TASK_STARTING", 0
    TASK_STAGING = "TASK_STAGING", 6
    TASK_RUNNING = "TASK_RUNNING", 1
    TASK_KILLING = "TASK_KILLING", 8
    TASK_FINISHED = "TASK_FINISHED", 2
    TASK_FAILED = "TASK_FAILED", 3
    TASK_KILLED = "TASK_KILLED", 4
    TASK_ERROR = "TASK_ERROR", 7
    TASK_LOST = "TASK_LOST", 5
    TASK_DROPPED = "TASK_DROPPED", 9
    TASK_UNREACHABLE = "TASK_UNREACHABLE", 10
    TASK_GONE = "TASK_GONE", 11
    TASK_GONE_BY_OPERATOR = "TASK_GONE_BY_OPERATOR", 12
    TASK_UNKNOWN = "TASK_UNKNOWN", 13


class TaskInfo(Proto, frozen=True, kw_only=True):
    name: Annotated[str, 1]
    task_id: Annotated[TaskID, 2]
    agent_id: Annotated[AgentID, 3]
    resources: Annotated[tuple[Resource, ...], 4] = ()
    executor: Annotated[ExecutorInfo | None, 5] = None
    command: Annotated[CommandInfo | None, 7] = None
    container: Annotated[ContainerInfo | None, 9] = None
    health_check: Annotated[HealthCheck | None, 8] = None
    check: Annotated[CheckInfo | None, 13] = None
    kill_policy: Annotated[KillPolicy | None, 12] = None
    data: Annotated[bytes | None, 6] = None
    labels: Annotated[Labels | None, 10] = None
    discovery: Annotated[DiscoveryInfo | None, 11] = None
    max_completion_time: Annotated[DurationInfo | None, 14] = None
    limits: Annotated[dict[str, Value.Scalar], 15] = {}


class TaskGroupInfo(Proto, frozen=True, kw_only=True):
    tasks: Annotated[tuple[TaskInfo, ...], 1] = ()


class TaskResourceLimitation(Proto, frozen=True, kw_only=True):
    resources: Annotated[tuple[Resource, ...], 1] = ()


class TaskStatus(Proto, frozen=True, kw_only=True):
    class Source(ProtoEnum):
        SOURCE_MASTER = "SOURCE_MASTER", 0
        SOURCE_AGENT = "SOURCE_AGENT", 1
        SOURCE_EXECUTOR = "SOURCE_EXECUTOR", 2

    class Reason(ProtoEnum):
        REASON_COMMAND_EXECUTOR_FAILED = "REASON_COMMAND_EXECUTOR_FAILED", 0
        REASON_CONTAINER_LAUNCH_FAILED = "REASON_CONTAINER_LAUNCH_FAILED", 21
        REASON_CONTAINER_LIMITATION = "REASON_CONTAINER_LIMITATION", 19
        REASON_CONTAINER_LIMITATION_DISK = "REASON_CONTAINER_LIMITATION_DISK", 20
        REASON_CONTAINER_LIMITATION_MEMORY = "REASON_CONTAINER_LIMITATION_MEMORY", 8
        REASON_CONTAINER_PREEMPTED = "REASON_CONTAINER_PREEMPTED", 17
        REASON_CONTAINER_UPDATE_FAILED = "REASON_CONTAINER_UPDATE_FAILED", 22
        REASON_MAX_COMPLETION_TIME_REACHED = "REASON_MAX_COMPLETION_TIME_REACHED", 33
        REASON_EXECUTOR_REGISTRATION_TIMEOUT = "REASON_EXECUTOR_REGISTRATION_TIMEOUT", 23
        REASON_EXECUTOR_REREGISTRATION_TIMEOUT = "REASON_EXECUTOR_REREGISTRATION_TIMEOUT", 24
        REASON_EXECUTOR_TERMINATED = "REASON_EXECUTOR_TERMINATED", 1
        REASON_EXECUTOR_UNREGISTERED = "REASON_EXECUTOR_UNREGISTERED", 2
        REASON_FRAMEWORK_REMOVED = "REASON_FRAMEWORK_REMOVED", 3
        REASON_GC_ERROR = "REASON_GC_ERROR", 4
        REASON_INVALID_FRAMEWORKID = "REASON_INVALID_FRAMEWORKID", 5
        REASON_INVALID_OFFERS = "REASON_INVALID_OFFERS", 6
        REASON_IO_SWITCHBOARD_EXITED = "REASON_IO_SWITCHBOARD_EXITED", 27
        REASON_MASTER_DISCONNECTED = "REASON_MASTER_DISCONNECTED", 7
        REASON_RECONCILIATION = "REASON_RECONCILIATION", 9
        REASON_RESOURCES_UNKNOWN = "REASON_RESOURCES_UNKNOWN", 18
        REASON_AGENT_DISCONNECTED = "REASON_AGENT_DISCONNECTED", 10
        REASON_AGENT_DRAINING = "REASON_AGENT_DRAINING", 34
        REASON_AGENT_REMOVED = "REASON_AGENT_REMOVED", 11
        REASON_AGENT_REMOVED_BY_OPERATOR = "REASON_AGENT_REMOVED_BY_OPERATOR", 31
        REASON_AGENT_REREGISTERED = "REASON_AGENT_REREGISTERED", 32
        REASON_AGENT_RESTARTED = "REASON_AGENT_RESTARTED", 12
        REASON_AGENT_UNKNOWN = "REASON_AGENT_UNKNOWN", 13
        REASON_TASK_KILLED_DURING_LAUNCH = "REASON_TASK_KILLED_DURING_LAUNCH", 30
        REASON_TASK_CHECK_STATUS_UPDATED = "REASON_TASK_CHECK_STATUS_UPDATED", 28
        REASON_TASK_HEALTH_CHECK_STATUS_UPDATED = "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED", 29
        REASON_TASK_GROUP_INVALID = "REASON_TASK_GROUP_INVALID", 25
        REASON_TASK_GROUP_UNAUTHORIZED = "REASON_TASK_GROUP_UNAUTHORIZED", 26
        REASON_TASK_INVALID = "REASON_TASK_INVALID", 14
        REASON_TASK_UNAUTHORIZED = "REASON_TASK_UNAUTHORIZED", 15
        REASON_TASK_UNKNOWN = "REASON_TASK_UNKNOWN", 16

    task_id: Annotated[TaskID, 1]
    state: Annotated[TaskState, 2]
    message: Annotated[str | None, 4] = None
    source: Annotated[TaskStatus.Source | None, 9] = None
    reason: Annotated[TaskStatus.Reason | None, 10] = None
    data: Annotated[bytes | None, 3] = None
    agent_id: Annotated[AgentID | None, 5] = None
    executor_id: Annotated[ExecutorID | None, 7] = None
    timestamp: Annotated[Double | None, 6] = None
    uuid: Annotated[bytes | None, 11] = None
    healthy: Annotated[bool | None, 8] = None
    check_status: Annotated[CheckStatusInfo | None, 15] = None
    labels: Annotated[Labels | None, 12] = None
    container_status: Annotated[ContainerStatus | None, 13] = None
    unreachable_time: Annotated[TimeInfo | None, 14] = None
    limitation: Annotated[TaskResourceLimitation | None, 16] = None


class Task(Proto, frozen=True, kw_only=True):
    name: Annotated[str, 1]
    task_id: Annotated[TaskID, 2]
    framework_id: Annotated[FrameworkID, 3]
    executor_id: Annotated[ExecutorID | None, 4] = None
    agent_id: Annotated[AgentID, 5]
    state: Annotated[TaskState, 6]
    resources: Annotated[tuple[Resource, ...], 7] = ()
    statuses: Annotated[tuple[TaskStatus, ...], 8] = ()
    status_update_state: Annotated[TaskState | None, 9] = None
    status_update_uuid: Annotated[bytes | None, 10] = None
    labels: Annotated[Labels | None, 11] = None
    discovery: Annotated[DiscoveryInfo | None, 12] = None
    container: Annotated[ContainerInfo | None, 13] = None
    health_check: Annotated[HealthCheck | None, 15] = None
    kill_policy: Annotated[KillPolicy | None, 16] = None
    user: Annotated[str | None, 14] = None
    limits: Annotated[dict[str, Value.Scalar], 17] = {}
