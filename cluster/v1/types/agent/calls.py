"""What an operator asks an agent."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Int32, Proto, ProtoEnum, UInt32, UInt64
from cluster.v1.types.commands import CommandInfo
from cluster.v1.types.containers import ContainerInfo
from cluster.v1.types.ids import ContainerID, DurationInfo, ResourceProviderID
from cluster.v1.types.providers import ResourceProviderInfo
from cluster.v1.types.values import Resource, Value
from cluster.v1.types.volumes import Image

from .processes import ProcessIO

__all__ = ["Call"]

PACKAGE = "mesos.v1.agent"


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
        GET_CONTAINERS = "GET_CONTAINERS", 10
        GET_FRAMEWORKS = "GET_FRAMEWORKS", 11
        GET_EXECUTORS = "GET_EXECUTORS", 12
        GET_OPERATIONS = "GET_OPERATIONS", 31
        GET_TASKS = "GET_TASKS", 13
        GET_AGENT = "GET_AGENT", 20
        GET_RESOURCE_PROVIDERS = "GET_RESOURCE_PROVIDERS", 26
        LAUNCH_NESTED_CONTAINER = "LAUNCH_NESTED_CONTAINER", 14
        WAIT_NESTED_CONTAINER = "WAIT_NESTED_CONTAINER", 15
        KILL_NESTED_CONTAINER = "KILL_NESTED_CONTAINER", 16
        REMOVE_NESTED_CONTAINER = "REMOVE_NESTED_CONTAINER", 21
        LAUNCH_NESTED_CONTAINER_SESSION = "LAUNCH_NESTED_CONTAINER_SESSION", 17
        ATTACH_CONTAINER_INPUT = "ATTACH_CONTAINER_INPUT", 18
        ATTACH_CONTAINER_OUTPUT = "ATTACH_CONTAINER_OUTPUT", 19
        LAUNCH_CONTAINER = "LAUNCH_CONTAINER", 22
        WAIT_CONTAINER = "WAIT_CONTAINER", 23
        KILL_CONTAINER = "KILL_CONTAINER", 24
        REMOVE_CONTAINER = "REMOVE_CONTAINER", 25
        ADD_RESOURCE_PROVIDER_CONFIG = "ADD_RESOURCE_PROVIDER_CONFIG", 27
        UPDATE_RESOURCE_PROVIDER_CONFIG = "UPDATE_RESOURCE_PROVIDER_CONFIG", 28
        REMOVE_RESOURCE_PROVIDER_CONFIG = "REMOVE_RESOURCE_PROVIDER_CONFIG", 29
        MARK_RESOURCE_PROVIDER_GONE = "MARK_RESOURCE_PROVIDER_GONE", 32
        PRUNE_IMAGES = "PRUNE_IMAGES", 30

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

    class GetContainers(Proto, frozen=True, kw_only=True):
        show_nested: Annotated[bool | None, 1] = None
        show_standalone: Annotated[bool | None, 2] = None

    class LaunchNestedContainer(Proto, frozen=True, kw_only=True):
        container_id: Annotated[ContainerID, 1]
        command: Annotated[CommandInfo | None, 2] = None
        container: Annotated[ContainerInfo | None, 3] = None

    class WaitNestedContainer(Proto, frozen=True, kw_only=True):
        container_id: Annotated[ContainerID, 1]

    class KillNestedContainer(Proto, frozen=True, kw_only=True):
        container_id: Annotated[ContainerID, 1]
        signal: Annotated[Int32 | None, 2] = None

    class RemoveNestedContainer(Proto, frozen=True, kw_only=True):
        container_id: Annotated[ContainerID, 1]

    class LaunchNestedContainerSession(Proto, frozen=True, kw_only=True):
        container_id: Annotated[ContainerID, 1]
        command: Annotated[CommandInfo | None, 2] = None
        container: Annotated[ContainerInfo | None, 3] = None

    class AttachContainerInput(Proto, frozen=True, kw_only=True):
        class Type(ProtoEnum):
            UNKNOWN = "UNKNOWN", 0
            CONTAINER_ID = "CONTAINER_ID", 1
            PROCESS_IO = "PROCESS_IO", 2

        type: Annotated[Call.AttachContainerInput.Type | None, 1] = None
        container_id: Annotated[ContainerID | None, 2] = None
        process_io: Annotated[ProcessIO | None, 3] = None

    class AttachContainerOutput(Proto, frozen=True, kw_only=True):
        container_id: Annotated[ContainerID, 1]

    class LaunchContainer(Proto, frozen=True, kw_only=True):
        container_id: Annotated[ContainerID, 1]
        command: Annotated[CommandInfo | None, 2] = None
        resources: Annotated[tuple[Resource, ...], 3] = ()
        container: Annotated[ContainerInfo | None, 4] = None
        limits: Annotated[dict[str, Value.Scalar], 5] = {}

    class WaitContainer(Proto, frozen=True, kw_only=True):
        container_id: Annotated[ContainerID, 1]

    class KillContainer(Proto, frozen=True, kw_only=True):
        container_id: Annotated[ContainerID, 1]
        signal: Annotated[Int32 | None, 2] = None

    class RemoveContainer(Proto, frozen=True, kw_only=True):
        container_id: Annotated[ContainerID, 1]

    class AddResourceProviderConfig(Proto, frozen=True, kw_only=True):
        info: Annotated[ResourceProviderInfo, 1]

    class UpdateResourceProviderConfig(Proto, frozen=True, kw_only=True):
        info: Annotated[ResourceProviderInfo, 1]

    class RemoveResourceProviderConfig(Proto, frozen=True, kw_only=True):
        type: Annotated[str, 1]
        name: Annotated[str, 2]

    class MarkResourceProviderGone(Proto, frozen=True, kw_only=True):
        resource_provider_id: Annotated[ResourceProviderID, 1]

    class PruneImages(Proto, frozen=True, kw_only=True):
        excluded_images: Annotated[tuple[Image, ...], 1] = ()

    type: Annotated[Call.Type | None, 1] = None
    get_metrics: Annotated[Call.GetMetrics | None, 2] = None
    set_logging_level: Annotated[Call.SetLoggingLevel | None, 3] = None
    list_files: Annotated[Call.ListFiles | None, 4] = None
    read_file: Annotated[Call.ReadFile | None, 5] = None
    get_containers: Annotated[Call.GetContainers | None, 20] = None
    launch_nested_container: Annotated[Call.LaunchNestedContainer | None, 6] = None
    wait_nested_container: Annotated[Call.WaitNestedContainer | None, 7] = None
    kill_nested_container: Annotated[Call.KillNestedContainer | None, 8] = None
    remove_nested_container: Annotated[Call.RemoveNestedContainer | None, 12] = None
    launch_nested_container_session: Annotated[Call.LaunchNestedContainerSession | None, 9] = None
    attach_container_input: Annotated[Call.AttachContainerInput | None, 10] = None
    attach_container_output: Annotated[Call.AttachContainerOutput | None, 11] = None
    launch_container: Annotated[Call.LaunchContainer | None, 13] = None
    wait_container: Annotated[Call.WaitContainer | None, 14] = None
    kill_container: Annotated[Call.KillContainer | None, 15] = None
    remove_container: Annotated[Call.RemoveContainer | None, 16] = None
    add_resource_provider_config: Annotated[Call.AddResourceProviderConfig | None, 17] = None
    update_resource_provider_config: Annotated[Call.UpdateResourceProviderConfig | None, 18] = None
    remove_resource_provider_config: Annotated[Call.RemoveResourceProviderConfig | None, 19] = None
    mark_resource_provider_gone: Annotated[Call.MarkResourceProviderGone | None, 22] = None
    prune_images: Annotated[Call.PruneImages | None, 21] = None
