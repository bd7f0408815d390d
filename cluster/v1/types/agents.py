"""Masters, agents, and what operators see of them."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Default, Double, Int32, Proto, ProtoEnum, UInt32, UInt64

from .ids import Address, AgentID, DurationInfo, FrameworkID, TimeInfo
from .values import Attribute, Resource

__all__ = [
    "AgentInfo",
    "DomainInfo",
    "DrainConfig",
    "DrainInfo",
    "DrainState",
    "FileInfo",
    "Flag",
    "MasterInfo",
    "Metric",
    "Role",
    "VersionInfo",
    "WeightInfo",
]

PACKAGE = "mesos.v1"


class DomainInfo(Proto, frozen=True, kw_only=True):
    class FaultDomain(Proto, frozen=True, kw_only=True):
        class RegionInfo(Proto, frozen=True, kw_only=True):
            name: Annotated[str, 1]

        class ZoneInfo(Proto, frozen=True, kw_only=True):
            name: Annotated[str, 1]

        region: Annotated[DomainInfo.FaultDomain.RegionInfo, 1]
        zone: Annotated[DomainInfo.FaultDomain.ZoneInfo, 2]

    fault_domain: Annotated[DomainInfo.FaultDomain | None, 1] = None


class MasterInfo(Proto, frozen=True, kw_only=True):
    class Capability(Proto, frozen=True, kw_only=True):
        class Type(ProtoEnum):
            UNKNOWN = "UNKNOWN", 0
            AGENT_UPDATE = "AGENT_UPDATE", 1
            AGENT_DRAINING = "AGENT_DRAINING", 2
            QUOTA_V2 = "QUOTA_V2", 3

        type: Annotated[MasterInfo.Capability.Type | None, 1] = None

    id: Annotated[str, 1]
    ip: Annotated[UInt32, 2]
    port: Annotated[UInt32, 3, Default(5050)]
    pid: Annotated[str | None, 4] = None
    hostname: Annotated[str | None, 5] = None
    version: Annotated[str | None, 6] = None
    address: Annotated[Address | None, 7] = None
    domain: Annotated[DomainInfo | None, 8] = None
    capabilities: Annotated[tuple[MasterInfo.Capability, ...], 9] = ()


class AgentInfo(Proto, frozen=True, kw_only=True):
    class Capability(Proto, frozen=True, kw_only=True):
        class Type(ProtoEnum):
            UNKNOWN = "UNKNOWN", 0
            MULTI_ROLE = "MULTI_ROLE", 1
            HIERARCHICAL_ROLE = "HIERARCHICAL_ROLE", 2
            RESERVATION_REFINEMENT = "RESERVATION_REFINEMENT", 3
            RESOURCE_PROVIDER = "RESOURCE_PROVIDER", 4
            RESIZE_VOLUME = "RESIZE_VOLUME", 5
            AGENT_OPERATION_FEEDBACK = "AGENT_OPERATION_FEEDBACK", 6
            AGENT_DRAINING = "AGENT_DRAINING", 7
            TASK_RESOURCE_LIMITS = "TASK_RESOURCE_LIMITS", 8

        type: Annotated[AgentInfo.Capability.Type | None, 1] = None

    hostname: Annotated[str, 1]
    port: Annotated[Int32 | None, 8, Default(5051)] = None
    resources: Annotated[tuple[Resource, ...], 3] = ()
    attributes: Annotated[tuple[Attribute, ...], 5] = ()
    id: Annotated[AgentID | None, 6] = None
    domain: Annotated[DomainInfo | None, 10] = None


class DrainState(ProtoEnum):
    UNKNOWN = "UNKNOWN", 0
    DRAINING = "DRAINING", 1
    DRAINED = "DRAINED", 2


class DrainConfig(Proto, frozen=True, kw_only=True):
    max_grace_period: Annotated[DurationInfo | None, 1] = None
    mark_gone: Annotated[bool | None, 2, Default(False)] = None


class DrainInfo(Proto, frozen=True, kw_only=True):
    state: Annotated[DrainState, 1]
    config: Annotated[DrainConfig, 2]


class WeightInfo(Proto, frozen=True, kw_only=True):
    weight: Annotated[Double, 1]
    role: Annotated[str | None, 2] = None


class VersionInfo(Proto, frozen=True, kw_only=True):
    version: Annotated[str, 1]
    build_date: Annotated[str | None, 2] = None
    build_time: Annotated[Double | None, 3] = None
    build_user: Annotated[str | None, 4] = None
    git_sha: Annotated[str | None, 5] = None
    git_branch: Annotated[str | None, 6] = None
    git_tag: Annotated[str | None, 7] = None


class Flag(Proto, frozen=True, kw_only=True):
    name: Annotated[str, 1]
    value: Annotated[str | None, 2] = None


class Role(Proto, frozen=True, kw_only=True):
    name: Annotated[str, 1]
    weight: Annotated[Double, 2]
    frameworks: Annotated[tuple[FrameworkID, ...], 3] = ()
    resources: Annotated[tuple[Resource, ...], 4] = ()


class Metric(Proto, frozen=True, kw_only=True):
    name: Annotated[str, 1]
    value: Annotated[Double | None, 2] = None


class FileInfo(Proto, frozen=True, kw_only=True):
    path: Annotated[str, 1]
    nlink: Annotated[Int32 | None, 2] = None
    size: Annotated[UInt64 | None, 3] = None
    mtime: Annotated[TimeInfo | None, 4] = None
    mode: Annotated[UInt32 | None, 5] = None
    uid: Annotated[str | None, 6] = None
    gid: Annotated[str | None, 7] = None
