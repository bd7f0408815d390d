"""Frameworks, and what they want to be offered."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Default, Double, Proto, ProtoEnum

from .ids import AgentID, FrameworkID, Labels
from .values import Resource, Value

__all__ = ["Filters", "FrameworkInfo", "OfferFilters", "Request"]

PACKAGE = "mesos.v1"


class OfferFilters(Proto, frozen=True, kw_only=True):
    class ResourceQuantities(Proto, frozen=True, kw_only=True):
        quantities: Annotated[dict[str, Value.Scalar], 1] = {}

    class MinAllocatableResources(Proto, frozen=True, kw_only=True):
        quantities: Annotated[tuple[OfferFilters.ResourceQuantities, ...], 1] = ()

    min_allocatable_resources: Annotated[OfferFilters.MinAllocatableResources | None, 1] = None


class FrameworkInfo(Proto, frozen=True, kw_only=True):
    class Capability(Proto, frozen=True, kw_only=True):
        class Type(ProtoEnum):
            UNKNOWN = "UNKNOWN", 0
            REVOCABLE_RESOURCES = "REVOCABLE_RESOURCES", 1
            TASK_KILLING_STATE = "TASK_KILLING_STATE", 2
            GPU_RESOURCES = "GPU_RESOURCES", 3
            SHARED_RESOURCES = "SHARED_RESOURCES", 4
            PARTITION_AWARE = "PARTITION_AWARE", 5
            MULTI_ROLE = "MULTI_ROLE", 6
            RESERVATION_REFINEMENT = "RESERVATION_REFINEMENT", 7
            REGION_AWARE = "REGION_AWARE", 8

        type: Annotated[FrameworkInfo.Capability.Type | None, 1] = None

    user: Annotated[str, 1]
    name: Annotated[str, 2]
    id: Annotated[FrameworkID | None, 3] = None
    failover_timeout: Annotated[Double | None, 4, Default(0.0)] = None
    checkpoint: Annotated[bool | None, 5, Default(False)] = None
    role: Annotated[str | None, 6, Default("*")] = None
    roles: Annotated[tuple[str, ...], 12] = ()
    hostname: Annotated[str | None, 7] = None
    principal: Annotated[str | None, 8] = None
    webui_url: Annotated[str | None, 9] = None
    capabilities: Annotated[tuple[FrameworkInfo.Capability, ...], 10] = ()
    labels: Annotated[Labels | None, 11] = None
    offer_filters: Annotated[dict[str, OfferFilters], 13] = {}


class Request(Proto, frozen=True, kw_only=True):
    agent_id: Annotated[AgentID | None, 1] = None
    resources: Annotated[tuple[Resource, ...], 2] = ()


class Filters(Proto, frozen=True, kw_only=True):
    refuse_seconds: Annotated[Double | None, 1, Default(5.0)] = None
