"""Offers, and what is done with them."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Proto, ProtoEnum

from .agents import DomainInfo
from .commands import ExecutorInfo
from .ids import (
    URL,
    UUID,
    AgentID,
    ExecutorID,
    FrameworkID,
    OfferID,
    OperationID,
    ResourceProviderID,
    Unavailability,
)
from .tasks import TaskGroupInfo, TaskInfo
from .values import Attribute, Resource, Value

__all__ = ["InverseOffer", "Offer", "Operation", "OperationState", "OperationStatus"]

PACKAGE = "mesos.v1"


class OperationState(ProtoEnum):
    OPERATION_UNSUPPORTED = "OPERATION_UNSUPPORTED", 0
    OPERATION_PENDING = "OPERATION_PENDING", 1
    OPERATION_FINISHED = "OPERATION_FINISHED", 2
    OPERATION_FAILED = "OPERATION_FAILED", 3
    OPERATION_ERROR = "OPERATION_ERROR", 4
    OPERATION_DROPPED = "OPERATION_DROPPED", 5
    OPERATION_UNREACHABLE = "OPERATION_UNREACHABLE", 6
    OPERATION_GONE_BY_OPERATOR = "OPERATION_GONE_BY_OPERATOR", 7
    OPERATION_RECOVERING = "OPERATION_RECOVERING", 8
    OPERATION_UNKNOWN = "OPERATION_UNKNOWN", 9


class Offer(Proto, frozen=True, kw_only=True):
    class Operation(Proto, frozen=True, kw_only=True):
        class Type(ProtoEnum):
            UNKNOWN = "UNKNOWN", 0
            LAUNCH = "LAUNCH", 1
            LAUNCH_GROUP = "LAUNCH_GROUP", 6
            RESERVE = "RESERVE", 2
            UNRESERVE = "UNRESERVE", 3
            CREATE = "CREATE", 4
            DESTROY = "DESTROY", 5
            GROW_VOLUME = "GROW_VOLUME", 11
            SHRINK_VOLUME = "SHRINK_VOLUME", 12
            CREATE_DISK = "CREATE_DISK", 13
            DESTROY_DISK = "DESTROY_DISK", 14

        class Launch(Proto, frozen=True, kw_only=True):
            task_infos: Annotated[tuple[TaskInfo, ...], 1] = ()

        class LaunchGroup(Proto, frozen=True, kw_only=True):
            executor: Annotated[ExecutorInfo, 1]
            task_group: Annotated[TaskGroupInfo, 2]

        class Reserve(Proto, frozen=True, kw_only=True):
            source: Annotated[tuple[Resource, ...], 2] = ()
            resources: Annotated[tuple[Resource, ...], 1] = ()

        class Unreserve(Proto, frozen=True, kw_only=True):
            resources: Annotated[tuple[Resource, ...], 1] = ()

        class Create(Proto, frozen=True, kw_only=True):
            volumes: Annotated[tuple[Resource, ...], 1] = ()

        class Destroy(Proto, frozen=True, kw_only=True):
            volumes: Annotated[tuple[Resource, ...], 1] = ()

        class GrowVolume(Proto, frozen=True, kw_only=True):
            volume: Annotated[Resource, 1]
            addition: Annotated[Resource, 2]

        class ShrinkVolume(Proto, frozen=True, kw_only=True):
            volume: Annotated[Resource, 1]
            subtract: Annotated[Value.Scalar, 2]

        class CreateDisk(Proto, frozen=True, kw_only=True):
            source: Annotated[Resource, 1]
            target_type: Annotated[Resource.DiskInfo.Source.Type, 2]
            target_profile: Annotated[str | None, 3] = None

        class DestroyDisk(Proto, frozen=True, kw_only=True):
            source: Annotated[Resource, 1]

        type: Annotated[Offer.Operation.Type | None, 1] = None
        id: Annotated[OperationID | None, 12] = None
        launch: Annotated[Offer.Operation.Launch | None, 2] = None
        launch_group: Annotated[Offer.Operation.LaunchGroup | None, 7] = None
        reserve: Annotated[Offer.Operation.Reserve | None, 3] = None
        unreserve: Annotated[Offer.Operation.Unreserve | None, 4] = None
        create: Annotated[Offer.Operation.Create | None, 5] = None
        destroy: Annotated[Offer.Operation.Destroy | None, 6] = None
        grow_volume: Annotated[Offer.Operation.GrowVolume | None, 13] = None
        shrink_volume: Annotated[Offer.Operation.ShrinkVolume | None, 14] = None
        create_disk: Annotated[Offer.Operation.CreateDisk | None, 15] = None
        destroy_disk: Annotated[Offer.Operation.DestroyDisk | None, 16] = None

    id: Annotated[OfferID, 1]
    framework_id: Annotated[FrameworkID, 2]
    agent_id: Annotated[AgentID, 3]
    hostname: Annotated[str, 4]
    url: Annotated[URL | None, 8] = None
    domain: Annotated[DomainInfo | None, 11] = None
    resources: Annotated[tuple[Resource, ...], 5] = ()
    attributes: Annotated[tuple[Attribute, ...], 7] = ()
    executor_ids: Annotated[tuple[ExecutorID, ...], 6] = ()
    unavailability: Annotated[Unavailability | None, 9] = None
    allocation_info: Annotated[Resource.AllocationInfo | None, 10] = None


class InverseOffer(Proto, frozen=True, kw_only=True):
    id: Annotated[OfferID, 1]
    url: Annotated[URL | None, 2] = None
    framework_id: Annotated[FrameworkID, 3]
    agent_id: Annotated[AgentID | None, 4] = None
    unavailability: Annotated[Unavailability, 5]
    resources: Annotated[tuple[Resource, ...], 6] = ()


class OperationStatus(Proto, frozen=True, kw_only=True):
    operation_id: Annotated[OperationID | None, 1] = None
    state: Annotated[OperationState, 2]
    message: Annotated[str | None, 3] = None
    converted_resources: Annotated[tuple[Resource, ...], 4] = ()
    uuid: Annotated[UUID | None, 5] = None
    agent_id: Annotated[AgentID | None, 6] = None
    resource_provider_id: Annotated[ResourceProviderID | None, 7] = None


class Operation(Proto, frozen=True, kw_only=True):
    framework_id: Annotated[FrameworkID | None, 1] = None
    agent_id: Annotated[AgentID | None, 2] = None
    info: Annotated[Offer.Operation, 3]
    latest_status: Annotated[OperationStatus, 4]
    statuses: Annotated[tuple[OperationStatus, ...], 5] = ()
    uuid: Annotated[UUID, 6]
