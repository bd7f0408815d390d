"""What a master answers to an operator."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Double, Proto, ProtoEnum, UInt32, UInt64
from cluster.v1.types.agents import (
    AgentInfo,
    DrainInfo,
    FileInfo,
    Flag,
    MasterInfo,
    Metric,
    Role,
    VersionInfo,
    WeightInfo,
)
from cluster.v1.types.commands import ExecutorInfo
from cluster.v1.types.constraints import OfferConstraints
from cluster.v1.types.frameworks import FrameworkInfo
from cluster.v1.types.ids import AgentID, TimeInfo
from cluster.v1.types.maintenance import ClusterStatus, Schedule
from cluster.v1.types.offers import InverseOffer, Offer, Operation
from cluster.v1.types.providers import ResourceProviderInfo
from cluster.v1.types.quota import QuotaStatus
from cluster.v1.types.tasks import Task
from cluster.v1.types.values import Resource

__all__ = ["Response"]

PACKAGE = "mesos.v1.master"


class Response(Proto, frozen=True, kw_only=True):
    class Type(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        GET_HEALTH = "GET_HEALTH", 1
        GET_FLAGS = "GET_FLAGS", 2
        GET_VERSION = "GET_VERSION", 3
        GET_METRICS = "GET_METRICS", 4
        GET_LOGGING_LEVEL = "GET_LOGGING_LEVEL", 5
        LIST_FILES = "LIST_FILES", 6
        READ_FILE = "READ_FILE", 7
        GET_STATE = "GET_STATE", 8
        GET_AGENTS = "GET_AGENTS", 9
        GET_FRAMEWORKS = "GET_FRAMEWORKS", 10
        GET_EXECUTORS = "GET_EXECUTORS", 11
        GET_OPERATIONS = "GET_OPERATIONS", 19
        GET_TASKS = "GET_TASKS", 12
        GET_ROLES = "GET_ROLES", 13
        GET_WEIGHTS = "GET_WEIGHTS", 14
        GET_MASTER = "GET_MASTER", 15
        GET_MAINTENANCE_STATUS = "GET_MAINTENANCE_STATUS", 16
        GET_MAINTENANCE_SCHEDULE = "GET_MAINTENANCE_SCHEDULE", 17
        GET_QUOTA = "GET_QUOTA", 18

    class GetHealth(Proto, frozen=True, kw_only=True):
        healthy: Annotated[bool, 1]

    class GetFlags(Proto, frozen=True, kw_only=True):
        flags: Annotated[tuple[Flag, ...], 1] = ()

    class GetVersion(Proto, frozen=True, kw_only=True):
        version_info: Annotated[VersionInfo, 1]

    class GetMetrics(Proto, frozen=True, kw_only=True):
        metrics: Annotated[tuple[Metric, ...], 1] = ()

    class GetLoggingLevel(Proto, frozen=True, kw_only=True):
        level: Annotated[UInt32, 1]

    class ListFiles(Proto, frozen=True, kw_only=True):
        file_infos: Annotated[tuple[FileInfo, ...], 1] = ()

    class ReadFile(Proto, frozen=True, kw_only=True):
        size: Annotated[UInt64, 1]
        data: Annotated[bytes, 2]

    class GetState(Proto, frozen=True, kw_only=True):
        get_tasks: Annotated[Response.GetTasks | None, 1] = None
        get_executors: Annotated[Response.GetExecutors | None, 2] = None
        get_frameworks: Annotated[Response.GetFrameworks | None, 3] = None
        get_agents: Annotated[Response.GetAgents | None, 4] = None

    class GetAgents(Proto, frozen=True, kw_only=True):
        class Agent(Proto, frozen=True, kw_only=True):
            class ResourceProvider(Proto, frozen=True, kw_only=True):
                resource_provider_info: Annotated[ResourceProviderInfo, 1]
                total_resources: Annotated[tuple[Resource, ...], 2] = ()

            agent_info: Annotated[AgentInfo, 1]
            active: Annotated[bool, 2]
            deactivated: Annotated[bool | None, 12] = None
            version: Annotated[str, 3]
            pid: Annotated[str | None, 4] = None
            registered_time: Annotated[TimeInfo | None, 5] = None
            reregistered_time: Annotated[TimeInfo | None, 6] = None
            total_resources: Annotated[tuple[Resource, ...], 7] = ()
            allocated_resources: Annotated[tuple[Resource, ...], 8] = ()
            offered_resources: Annotated[tuple[Resource, ...], 9] = ()
            capabilities: Annotated[tuple[AgentInfo.Capability, ...], 10] = ()
            resource_providers: Annotated[tuple[Response.GetAgents.Agent.ResourceProvider, ...], 11] = ()
            drain_info: Annotated[DrainInfo | None, 13] = None
            estimated_drain_start_time: Annotated[TimeInfo | None, 14] = None

        agents: Annotated[tuple[Response.GetAgents.Agent, ...], 1] = ()
        recovered_agents: Annotated[tuple[AgentInfo, ...], 2] = ()

    class GetFrameworks(Proto, frozen=True, kw_only=True):
        class Framework(Proto, frozen=True, kw_only=True):
            framework_info: Annotated[FrameworkInfo, 1]
            active: Annotated[bool, 2]
            connected: Annotated[bool, 3]
            recovered: Annotated[bool, 11]
            registered_time: Annotated[TimeInfo | None, 4] = None
            reregistered_time: Annotated[TimeInfo | None, 5] = None
            unregistered_time: Annotated[TimeInfo | None, 6] = None
            offers: Annotated[tuple[Offer, ...], 7] = ()
            inverse_offers: Annotated[tuple[InverseOffer, ...], 8] = ()
            allocated_resources: Annotated[tuple[Resource, ...], 9] = ()
            offered_resources: Annotated[tuple[Resource, ...], 10] = ()
            offer_constraints: Annotated[OfferConstraints | None, 12] = None

        frameworks: Annotated[tuple[Response.GetFrameworks.Framework, ...], 1] = ()
        completed_frameworks: Annotated[tuple[Response.GetFrameworks.Framework, ...], 2] = ()
        recovered_frameworks: Annotated[tuple[FrameworkInfo, ...], 3] = ()

    class GetExecutors(Proto, frozen=True, kw_only=True):
        class Executor(Proto, frozen=True, kw_only=True):
            executor_info: Annotated[ExecutorInfo, 1]
            agent_id: Annotated[AgentID, 2]

        executors: Annotated[tuple[Response.GetExecutors.Executor, ...], 1] = ()
        orphan_executors: Annotated[tuple[Response.GetExecutors.Executor, ...], 2] = ()

    class GetOperations(Proto, frozen=True, kw_only=True):
        operations: Annotated[tuple[Operation, ...], 1] = ()

    class GetTasks(Proto, frozen=True, kw_only=True):
        pending_tasks: Annotated[tuple[Task, ...], 1] = ()
        tasks: Annotated[tuple[Task, ...], 2] = ()
        unreachable_tasks: Annotated[tuple[Task, ...], 5] = ()
        completed_tasks: Annotated[tuple[Task, ...], 3] = ()
        orphan_tasks: Annotated[tuple[Task, ...], 4] = ()

    class GetRoles(Proto, frozen=True, kw_only=True):
        roles: Annotated[tuple[Role, ...], 1] = ()

    class GetWeights(Proto, frozen=True, kw_only=True):
        weight_infos: Annotated[tuple[WeightInfo, ...], 1] = ()

    class GetMaster(Proto, frozen=True, kw_only=True):
        master_info: Annotated[MasterInfo | None, 1] = None
        start_time: Annotated[Double | None, 2] = None
        elected_time: Annotated[Double | None, 3] = None

    class GetMaintenanceStatus(Proto, frozen=True, kw_only=True):
        status: Annotated[ClusterStatus, 1]

    class GetMaintenanceSchedule(Proto, frozen=True, kw_only=True):
        schedule: Annotated[Schedule, 1]

    class GetQuota(Proto, frozen=True, kw_only=True):
        status: Annotated[QuotaStatus, 1]

    type: Annotated[Response.Type | None, 1] = None
    get_health: Annotated[Response.GetHealth | None, 2] = None
    get_flags: Annotated[Response.GetFlags | None, 3] = None
    get_version: Annotated[Response.GetVersion | None, 4] = None
    get_metrics: Annotated[Response.GetMetrics | None, 5] = None
    get_logging_level: Annotated[Response.GetLoggingLevel | None, 6] = None
    list_files: Annotated[Response.ListFiles | None, 7] = None
    read_file: Annotated[Response.ReadFile | None, 8] = None
    get_state: Annotated[Response.GetState | None, 9] = None
    get_agents: Annotated[Response.GetAgents | None, 10] = None
    get_frameworks: Annotated[Response.GetFrameworks | None, 11] = None
    get_executors: Annotated[Response.GetExecutors | None, 12] = None
    get_operations: Annotated[Response.GetOperations | None, 20] = None
    get_tasks: Annotated[Response.GetTasks | None, 13] = None
    get_roles: Annotated[Response.GetRoles | None, 14] = None
    get_weights: Annotated[Response.GetWeights | None, 15] = None
    get_master: Annotated[Response.GetMaster | None, 16] = None
    get_maintenance_status: Annotated[Response.GetMaintenanceStatus | None, 17] = None
    get_maintenance_schedule: Annotated[Response.GetMaintenanceSchedule | None, 18] = None
    get_quota: Annotated[Response.GetQuota | None, 19] = None
