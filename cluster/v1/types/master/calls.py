"""What an operator asks a master."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Default, Proto, ProtoEnum, UInt32, UInt64
from cluster.v1.types.agents import WeightInfo
from cluster.v1.types.ids import AgentID, DurationInfo, FrameworkID, MachineID
from cluster.v1.types.maintenance import Schedule
from cluster.v1.types.quota import QuotaConfig, QuotaRequest
from cluster.v1.types.values import Resource, Value

from .durations import Duration

__all__ = ["Call"]

PACKAGE = "mesos.v1.master"


class Call(Proto, frozen=True, kw_only=True):
    class Type(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        GET_HEALTH = "GET_HEALTH", 1
        GET_FLAGS = "GET_FLAGS", 2
        GET_VERSION = "GET_VERSION", 3
        GET_METRICS = "GET_METRICS", 4
        GET_LOGGING_LEVEL = "GET_LOGGING_LEVEL", 5
        SET_LOGGING_LEVEL = "SET_LOGGING_LEVEL", 6
        LIST_FILES = "LIST_FILES", 7
        READ_FILE = "READ_FILE", 8
        GET_STATE = "GET_STATE", 9
        GET_AGENTS = "GET_AGENTS", 10
        GET_FRAMEWORKS = "GET_FRAMEWORKS", 11
        GET_EXECUTORS = "GET_EXECUTORS", 12
        GET_OPERATIONS = "GET_OPERATIONS", 33
        GET_TASKS = "GET_TASKS", 13
        GET_ROLES = "GET_ROLES", 14
        GET_WEIGHTS = "GET_WEIGHTS", 15
        UPDATE_WEIGHTS = "UPDATE_WEIGHTS", 16
        GET_MASTER = "GET_MASTER", 17
        SUBSCRIBE = "SUBSCRIBE", 18
        RESERVE_RESOURCES = "RESERVE_RESOURCES", 19
        UNRESERVE_RESOURCES = "UNRESERVE_RESOURCES", 20
        CREATE_VOLUMES = "CREATE_VOLUMES", 21
        DESTROY_VOLUMES = "DESTROY_VOLUMES", 22
        GROW_VOLUME = "GROW_VOLUME", 34
        SHRINK_VOLUME = "SHRINK_VOLUME", 35
        GET_MAINTENANCE_STATUS = "GET_MAINTENANCE_STATUS", 23
        GET_MAINTENANCE_SCHEDULE = "GET_MAINTENANCE_SCHEDULE", 24
        UPDATE_MAINTENANCE_SCHEDULE = "UPDATE_MAINTENANCE_SCHEDULE", 25
        START_MAINTENANCE = "START_MAINTENANCE", 26
        STOP_MAINTENANCE = "STOP_MAINTENANCE", 27
        DRAIN_AGENT = "DRAIN_AGENT", 37
        DEACTIVATE_AGENT = "DEACTIVATE_AGENT", 38
        REACTIVATE_AGENT = "REACTIVATE_AGENT", 39
        GET_QUOTA = "GET_QUOTA", 28
        UPDATE_QUOTA = "UPDATE_QUOTA", 36
        SET_QUOTA = "SET_QUOTA", 29
        REMOVE_QUOTA = "REMOVE_QUOTA", 30
        TEARDOWN = "TEARDOWN", 31
        MARK_AGENT_GONE = "MARK_AGENT_GONE", 32

    class GetMetrics(Proto, frozen=True, kw_only=True):
        timeout: Annotated[DurationInfo | None, 1] = None

    class SetLoggingLevel(Proto, frozen=True, kw_only=True):
        level: Annotated[UInt32, 1]
        duration: Annotated[DurationInfo, 2]

    class ListFiles(Proto, frozen=True, kw_only=True):
        path: Annotated[str, 1]

    class ReadFile(Proto, frozen=True, kw_only=True):
        path: Annotated[str, 1]
        offset: Annotated[UInt64, 2]
        length: Annotated[UInt64 | None, 3] = None

    class UpdateWeights(Proto, frozen=True, kw_only=True):
        weight_infos: Annotated[tuple[WeightInfo, ...], 1] = ()

    class ReserveResources(Proto, frozen=True, kw_only=True):
        agent_id: Annotated[AgentID, 1]
        source: Annotated[tuple[Resource, ...], 3] = ()
        resources: Annotated[tuple[Resource, ...], 2] = ()

    class UnreserveResources(Proto, frozen=True, kw_only=True):
        agent_id: Annotated[AgentID, 1]
        resources: Annotated[tuple[Resource, ...], 2] = ()

    class CreateVolumes(Proto, frozen=True, kw_only=True):
        agent_id: Annotated[AgentID, 1]
        volumes: Annotated[tuple[Resource, ...], 2] = ()

    class DestroyVolumes(Proto, frozen=True, kw_only=True):
        agent_id: Annotated[AgentID, 1]
        volumes: Annotated[tuple[Resource, ...], 2] = ()

    class GrowVolume(Proto, frozen=True, kw_only=True):
        agent_id: Annotated[AgentID | None, 1] = None
        volume: Annotated[Resource, 2]
        addition: Annotated[Resource, 3]

    class ShrinkVolume(Proto, frozen=True, kw_only=True):
        agent_id: Annotated[AgentID | None, 1] = None
        volume: Annotated[Resource, 2]
        subtract: Annotated[Value.Scalar, 3]

    class UpdateMaintenanceSchedule(Proto, frozen=True, kw_only=True):
        schedule: Annotated[Schedule, 1]

    class StartMaintenance(Proto, frozen=True, kw_only=True):
        machines: Annotated[tuple[MachineID, ...], 1] = ()

    class StopMaintenance(Proto, frozen=True, kw_only=True):
        machines: Annotated[tuple[MachineID, ...], 1] = ()

    class DrainAgent(Proto, frozen=True, kw_only=True):
        agent_id: Annotated[AgentID, 1]
        max_grace_period: Annotated[Duration | None, 2] = None
        mark_gone: Annotated[bool | None, 3, Default(False)] = None

    class DeactivateAgent(Proto, frozen=True, kw_only=True):
        agent_id: Annotated[AgentID, 1]

    class ReactivateAgent(Proto, frozen=True, kw_only=True):
        agent_id: Annotated[AgentID, 1]

    class UpdateQuota(Proto, frozen=True, kw_only=True):
        force: Annotated[bool | None, 1] = None
        quota_configs: Annotated[tuple[QuotaConfig, ...], 2] = ()

    class SetQuota(Proto, frozen=True, kw_only=True):
        quota_request: Annotated[QuotaRequest, 1]

    class RemoveQuota(Proto, frozen=True, kw_only=True):
        role: Annotated[str, 1]

    class Teardown(Proto, frozen=True, kw_only=True):
        framework_id: Annotated[FrameworkID, 1]

    class MarkAgentGone(Proto, frozen=True, kw_only=True):
        agent_id: Annotated[AgentID, 1]

    type: Annotated[Call.Type | None, 1] = None
    get_metrics: Annotated[Call.GetMetrics | None, 2] = None
    set_logging_level: Annotated[Call.SetLoggingLevel | None, 3] = None
    list_files: Annotated[Call.ListFiles | None, 4] = None
    read_file: Annotated[Call.ReadFile | None, 5] = None
    update_weights: Annotated[Call.UpdateWeights | None, 6] = None
    reserve_resources: Annotated[Call.ReserveResources | None, 7] = None
    unreserve_resources: Annotated[Call.UnreserveResources | None, 8] = None
    create_volumes: Annotated[Call.CreateVolumes | None, 9] = None
    destroy_volumes: Annotated[Call.DestroyVolumes | None, 10] = None
    grow_volume: Annotated[Call.GrowVolume | None, 18] = None
    shrink_volume: Annotated[Call.ShrinkVolume | None, 19] = None
    update_maintenance_schedule: Annotated[Call.UpdateMaintenanceSchedule | None, 11] = None
    start_maintenance: Annotated[Call.StartMaintenance | None, 12] = None
    stop_maintenance: Annotated[Call.StopMaintenance | None, 13] = None
    drain_agent: Annotated[Call.DrainAgent | None, 21] = None
    deactivate_agent: Annotated[Call.DeactivateAgent | None, 22] = None
    reactivate_agent: Annotated[Call.ReactivateAgent | None, 23] = None
    update_quota: Annotated[Call.UpdateQuota | None, 20] = None
    set_quota: Annotated[Call.SetQuota | None, 14] = None
    remove_quota: Annotated[Call.RemoveQuota | None, 15] = None
    teardown: Annotated[Call.Teardown | None, 16] = None
    mark_agent_gone: Annotated[Call.MarkAgentGone | None, 17] = None
