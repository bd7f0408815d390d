"""Values, attributes and resources."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Default, Double, Proto, ProtoEnum, UInt64

from .ids import Labels, ResourceProviderID
from .volumes import Volume

__all__ = ["Attribute", "Resource", "Value"]

PACKAGE = "mesos.v1"


class Value(Proto, frozen=True, kw_only=True):
    class Type(ProtoEnum):
        SCALAR = "SCALAR", 0
        RANGES = "RANGES", 1
        SET = "SET", 2
        TEXT = "TEXT", 3

    class Scalar(Proto, frozen=True, kw_only=True):
        value: Annotated[Double, 1]

    class Range(Proto, frozen=True, kw_only=True):
        begin: Annotated[UInt64, 1]
        end: Annotated[UInt64, 2]

    class Ranges(Proto, frozen=True, kw_only=True):
        range: Annotated[tuple[Value.Range, ...], 1] = ()

    class Set(Proto, frozen=True, kw_only=True):
        item: Annotated[tuple[str, ...], 1] = ()

    class Text(Proto, frozen=True, kw_only=True):
        value: Annotated[str, 1]

    type: Annotated[Value.Type, 1]
    scalar: Annotated[Value.Scalar | None, 2] = None
    ranges: Annotated[Value.Ranges | None, 3] = None
    set: Annotated[Value.Set | None, 4] = None
    text: Annotated[Value.Text | None, 5] = None


class Attribute(Proto, frozen=True, kw_only=True):
    name: Annotated[str, 1]
    type: Annotated[Value.Type, 2]
    scalar: Annotated[Value.Scalar | None, 3] = None
    ranges: Annotated[Value.Ranges | None, 4] = None
    set: Annotated[Value.Set | None, 6] = None
    text: Annotated[Value.Text | None, 5] = None


class Resource(Proto, frozen=True, kw_only=True):
    class AllocationInfo(Proto, frozen=True, kw_only=True):
        role: Annotated[str | None, 1] = None

    class ReservationInfo(Proto, frozen=True, kw_only=True):
        class Type(ProtoEnum):
            UNKNOWN = "UNKNOWN", 0
            STATIC = "STATIC", 1
            DYNAMIC = "DYNAMIC", 2

        type: Annotated[Resource.ReservationInfo.Type | None, 4] = None
        role: Annotated[str | None, 3] = None
        principal: Annotated[str | None, 1] = None
        labels: Annotated[Labels | None, 2] = None

    class DiskInfo(Proto, frozen=True, kw_only=True):
        class Persistence(Proto, frozen=True, kw_only=True):
            id: Annotated[str, 1]
            principal: Annotated[str | None, 2] = None

        class Source(Proto, frozen=True, kw_only=True):
            class Type(ProtoEnum):
                UNKNOWN = "UNKNOWN", 0
                PATH = "PATH", 1
                MOUNT = "MOUNT", 2
                BLOCK = "BLOCK", 3
                RAW = "RAW", 4

            class Path(Proto, frozen=True, kw_only=True):
                root: Annotated[str | None, 1] = None

            class Mount(Proto, frozen=True, kw_only=True):
                root: Annotated[str | None, 1] = None

            type: Annotated[Resource.DiskInfo.Source.Type, 1]
            path: Annotated[Resource.DiskInfo.Source.Path | None, 2] = None
            mount: Annotated[Resource.DiskInfo.Source.Mount | None, 3] = None
            vendor: Annotated[str | None, 7] = None
            id: Annotated[str | None, 4] = None
            metadata: Annotated[Labels | None, 5] = None
            profile: Annotated[str | None, 6] = None

        persistence: Annotated[Resource.DiskInfo.Persistence | None, 1] = None
        volume: Annotated[Volume | None, 2] = None
        source: Annotated[Resource.DiskInfo.Source | None, 3] = None

    class RevocableInfo(Proto, frozen=True, kw_only=True):
        pass

    class SharedInfo(Proto, frozen=True, kw_only=True):
        pass

    provider_id: Annotated[ResourceProviderID | None, 12] = None
    name: Annotated[str, 1]
    type: Annotated[Value.Type, 2]
    scalar: Annotated[Value.Scalar | None, 3] = None
    ranges: Annotated[Value.Ranges | None, 4] = None
    set: Annotated[Value.Set | None, 5] = None
    role: Annotated[str | None, 6, Default("*")] = None
    allocation_info: Annotated[Resource.AllocationInfo | None, 11] = None
    reservation: Annotated[Resource.ReservationInfo | None, 8] = None
    reservations: Annotated[tuple[Resource.ReservationInfo, ...], 13] = ()
    disk: Annotated[Resource.DiskInfo | None, 7] = None
    revocable: Annotated[Resource.RevocableInfo | None, 9] = None
    shared: Annotated[Resource.SharedInfo | None, 10] = None
