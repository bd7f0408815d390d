"""What can be done with an offer: Mesos's offer operations."""

from __future__ import annotations

import enum

from msgspec import Struct

from cluster.resources import Resources

from .types import ExecutorInfo, TaskInfo

__all__ = ["Launch", "LaunchGroup", "Operation", "OperationState", "Reserve", "Unreserve"]


class Launch(Struct, frozen=True, tag="LAUNCH", tag_field="type"):
    """Launch these tasks on the resources of the accepted offers."""

    tasks: tuple[TaskInfo, ...]
    id: str = ""


class LaunchGroup(Struct, frozen=True, tag="LAUNCH_GROUP", tag_field="type"):
    """Launch these tasks together: all or none, and when one of them fails or is killed the others are killed.

    `executor` is one without a command, the default executor; its resources are used for as long as the group lives.
    """

    executor: ExecutorInfo
    tasks: tuple[TaskInfo, ...]
    id: str = ""


class Reserve(Struct, frozen=True, tag="RESERVE", tag_field="type"):
    """Reserve resources of the offers for a role, the offer's or one below or above it, from now on."""

    resources: Resources
    role: str
    id: str = ""


class Unreserve(Struct, frozen=True, tag="UNRESERVE", tag_field="type"):
    """End the reservation of resources of the offers for a role."""

    resources: Resources
    role: str
    id: str = ""


Operation = Launch | LaunchGroup | Reserve | Unreserve
"""One of them; an operation with an `id` is told what became of it."""


class OperationState(enum.StrEnum):
    """What became of an operation."""

    FINISHED = "OPERATION_FINISHED"
    ERROR = "OPERATION_ERROR"
    """It cannot be done as it was asked."""
    DROPPED = "OPERATION_DROPPED"
    """The offers were no longer valid."""
