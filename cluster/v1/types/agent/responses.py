"""What an agent answers to an operator."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Int32, Proto, ProtoEnum, UInt32, UInt64
from cluster.v1.types.agents import AgentInfo, DrainConfig, FileInfo, Flag, Metric, VersionInfo
from cluster.v1.types.commands import ExecutorInfo
from cluster.v1.types.containers import ContainerStatus
from cluster.v1.types.frameworks import FrameworkInfo
from cluster.v1.types.ids import ContainerID, ExecutorID, FrameworkID, TimeInfo
from cluster.v1.types.offers import Operation
from cluster.v1.types.providers import ResourceProviderInfo
from cluster.v1.types.statistics import ResourceStatistics
from cluster.v1.types.tasks import Task, TaskResourceLimitation, TaskState, TaskStatus
from cluster.v1.types.values import Resource

__all__ = ["Response"]

PACKAGE = "mesos.v1.agent"


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
        GET_CONTAINERS = "GET_CONTAINERS", 9
        GET_FRAMEWORKS = "GET_FRAMEWORKS", 10
        GET_EXECUTORS = "GET_EXECUTORS", 11
        GET_OPERATIONS = "GET_OPERATIONS", 17
        GET_TASKS = "GET_TASKS", 12
        GET_AGENT = "GET_AGENT", 14
        GET_RESOURCE_PROVIDERS = "GET_RESOURCE_PROVIDERS", 16
        WAIT_NESTED_CONTAINER = "WAIT_NESTED_CONTAINER", 13
        WAIT_CONTAINER = "WAIT_CONTAINER", 15

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

    class GetContainers(Proto, frozen=True, kw_only=True):
        class Container(Proto, frozen=True, kw_only=True):
            framework_id: Annotated[FrameworkID | None, 1] = None
            executor_id: Annotated[ExecutorID | None, 2] = None
            executor_name: Annotated[str | None, 3] = None
            container_id: Annotated[ContainerID, 4]
            container_status: Annotated[ContainerStatus | None, 5] = None
            resource_statistics: Annotated[ResourceStatistics | None, 6] = None

        containers: Annotated[tuple[Response.GetContainers.Container, ...], 1] = ()

    class GetFrameworks(Proto, frozen=True, kw_only=True):
        class Framework(Proto, frozen=True, kw_only=True):
            framework_info: Annotated[FrameworkInfo, 1]

        frameworks: Annotated[tuple[Response.GetFrameworks.Framework, ...], 1] = ()
        completed_frameworks: Annotated[tuple[Response.GetFrameworks.Framework, ...], 2] = ()

    class GetExecutors(Proto, frozen=True, kw_only=True):
        class Executor(Proto, frozen=True, kw_only=True):
            executor_info: Annotated[ExecutorInfo, 1]

        executors: Annotated[tuple[Response.GetExecutors.Executor, ...], 1] = ()
        completed_executors: Annotated[tuple[Response.GetExecutors.Executor, ...], 2] = ()

    class GetOperations(Proto, frozen=True, kw_only=True):
        operations: Annotated[tuple[Operation, ...], 1] = ()

    class GetTasks(Proto, frozen=True, kw_only=True):
        pending_tasks: Annotated[tuple[Task, ...], 1] = ()
        queued_tasks: Annotated[tuple[Task, ...], 2] = ()
        launched_tasks: Annotated[tuple[Task, ...], 3] = ()
        terminated_tasks: Annotated[tuple[Task, ...], 4] = ()
        completed_tasks: Annotated[tuple[Task, ...], 5] = ()

    class GetAgent(Proto, frozen=True, kw_only=True):
        agent_info: Annotated[AgentInfo | None, 1] = None
        drain_config: Annotated[DrainConfig | None, 2] = None
        estimated_drain_start_time: Annotated[TimeInfo | None, 3] = None

    class GetResourceProviders(Proto, frozen=True, kw_only=True):
        class ResourceProvider(Proto, frozen=True, kw_only=True):
            resource_provider_info: Annotated[ResourceProviderInfo, 1]
            total_resources: Annotated[tuple[Resource, ...], 2] = ()

        resource_providers: Annotated[tuple[Response.GetResourceProviders.ResourceProvider, ...], 1] = ()

    class WaitNestedContainer(Proto, frozen=True, kw_only=True):
        exit_status: Annotated[Int32 | None, 1] = None
        state: Annotated[TaskState | None, 2] = None
        reason: Annotated[TaskStatus.Reason | None, 3] = None
        limitation: Annotated[TaskResourceLimitation | None, 4] = None
        message: Annotated[str | None, 5] = None

    class WaitContainer(Proto, frozen=True, kw_only=True):
        exit_status: Annotated[Int32 | None, 1] = None
        state: Annotated[TaskState | None, 2] = None
        reason: Annotated[TaskStatus.Reason | None, 3] = None
        limitation: Annotated[TaskResourceLimitation | None, 4] = None
        message: Annotated[str | None, 5] = None

    type: Annotated[Response.Type | None, 1] = None
    get_health: Annotated[Response.GetHealth | None, 2] = None
    get_flags: Annotated[Response.GetFlags | None, 3] = None
    get_version: Annotated[Response.GetVersion | None, 4] = None
    get_metrics: Annotated[Response.GetMetrics | None, 5] = None
    get_logging_level: Annotated[Response.GetLoggingLevel | None, 6] = None
    list_files: Annotated[Response.ListFiles | None, 7] = None
    read_file: Annotated[Response.ReadFile | None, 8] = None
    get_state: Annotated[Response.GetState | None, 9] = None
    get_containers: Annotated[Response.GetContainers | None, 10] = None
    get_frameworks: Annotated[Response.GetFrameworks | None, 11] = None
    get_executors: Annotated[Response.GetExecutors | None, 12] = None
    get_operations: Annotated[Response.GetOperations | None, 18] = None
    get_tasks: Annotated[Response.GetTasks | None, 13] = None
    get_agent: Annotated[Response.GetAgent | None, 15] = None
    get_resource_providers: Annotated[Response.GetResourceProviders | None, 17] = None
    wait_nested_container: Annotated[Response.WaitNestedContainer | None, 14] = None
    wait_container: Annotated[Response.WaitContainer | None, 16] = None
