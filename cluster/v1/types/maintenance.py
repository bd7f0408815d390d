"""Planned maintenance."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Proto

from .allocator import InverseOfferStatus
from .ids import MachineID, Unavailability

__all__ = ["ClusterStatus", "Schedule", "Window"]

PACKAGE = "mesos.v1.maintenance"


class Window(Proto, frozen=True, kw_only=True):
    machine_ids: Annotated[tuple[MachineID, ...], 1] = ()
    unavailability: Annotated[Unavailability, 2]


class Schedule(Proto, frozen=True, kw_only=True):
    windows: Annotated[tuple[Window, ...], 1] = ()


class ClusterStatus(Proto, frozen=True, kw_only=True):
    class DrainingMachine(Proto, frozen=True, kw_only=True):
        id: Annotated[MachineID, 1]
        statuses: Annotated[tuple[InverseOfferStatus, ...], 2] = ()

    draining_machines: Annotated[tuple[ClusterStatus.DrainingMachine, ...], 1] = ()
    down_machines: Annotated[tuple[MachineID, ...], 2] = ()
