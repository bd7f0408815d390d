"""Names, times and addresses."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Int32, Int64, Proto, ProtoEnum

__all__ = [
    "URL",
    "UUID",
    "Address",
    "AgentID",
    "ContainerID",
    "DurationInfo",
    "ExecutorID",
    "FrameworkID",
    "Label",
    "Labels",
    "MachineID",
    "MachineInfo",
    "OfferID",
    "OperationID",
    "Parameter",
    "Parameters",
    "ResourceProviderID",
    "TaskID",
    "TimeInfo",
    "Unavailability",
]

PACKAGE = "mesos.v1"


class FrameworkID(Proto, frozen=True, kw_only=True):
    value: Annotated[str, 1]


class OfferID(Proto, frozen=True, kw_only=True):
    value: Annotated[str, 1]


class AgentID(Proto, frozen=True, kw_only=True):
    value: Annotated[str, 1]


class TaskID(Proto, frozen=True, kw_only=True):
    value: Annotated[str, 1]


class ExecutorID(Proto, frozen=True, kw_only=True):
    value: Annotated[str, 1]


class ContainerID(Proto, frozen=True, kw_only=True):
    value: Annotated[str, 1]
    parent: Annotated[ContainerID | None, 2] = None


class ResourceProviderID(Proto, frozen=True, kw_only=True):
    value: Annotated[str, 1]


class OperationID(Proto, frozen=True, kw_only=True):
    value: Annotated[str, 1]


class UUID(Proto, frozen=True, kw_only=True):
    value: Annotated[bytes, 1]


class TimeInfo(Proto, frozen=True, kw_only=True):
    nanoseconds: Annotated[Int64, 1]


class DurationInfo(Proto, frozen=True, kw_only=True):
    nanoseconds: Annotated[Int64, 1]


class Label(Proto, frozen=True, kw_only=True):
    key: Annotated[str, 1]
    value: Annotated[str | None, 2] = None


class Labels(Proto, frozen=True, kw_only=True):
    labels: Annotated[tuple[Label, ...], 1] = ()


class Parameter(Proto, frozen=True, kw_only=True):
    key: Annotated[str, 1]
    value: Annotated[str, 2]


class Parameters(Proto, frozen=True, kw_only=True):
    parameter: Annotated[tuple[Parameter, ...], 1] = ()


class Address(Proto, frozen=True, kw_only=True):
    hostname: Annotated[str | None, 1] = None
    ip: Annotated[str | None, 2] = None
    port: Annotated[Int32, 3]


class URL(Proto, frozen=True, kw_only=True):
    scheme: Annotated[str, 1]
    address: Annotated[Address, 2]
    path: Annotated[str | None, 3] = None
    query: Annotated[tuple[Parameter, ...], 4] = ()
    fragment: Annotated[str | None, 5] = None


class Unavailability(Proto, frozen=True, kw_only=True):
    start: Annotated[TimeInfo, 1]
    duration: Annotated[DurationInfo | None, 2] = None


class MachineID(Proto, frozen=True, kw_only=True):
    hostname: Annotated[str | None, 1] = None
    ip: Annotated[str | None, 2] = None


class MachineInfo(Proto, frozen=True, kw_only=True):
    class Mode(ProtoEnum):
        UP = "UP", 1
        DRAINING = "DRAINING", 2
        DOWN = "DOWN", 3

    id: Annotated[MachineID, 1]
    mode: Annotated[MachineInfo.Mode | None, 2] = None
    unavailability: Annotated[Unavailability | None, 3] = None
