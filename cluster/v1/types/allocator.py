"""What frameworks answered to inverse offers."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Proto, ProtoEnum

from .ids import FrameworkID, TimeInfo

__all__ = ["InverseOfferStatus"]

PACKAGE = "mesos.v1.allocator"


class InverseOfferStatus(Proto, frozen=True, kw_only=True):
    class Status(ProtoEnum):
        UNKNOWN = "UNKNOWN", 1
        ACCEPT = "ACCEPT", 2
        DECLINE = "DECLINE", 3

    status: Annotated[InverseOfferStatus.Status, 1]
    framework_id: Annotated[FrameworkID, 2]
    timestamp: Annotated[TimeInfo, 3]
