"""The controllers of v1 as objects whose attributes are their files: cgroupspy's, with what it lacks.

A controller is made for one directory, by hand: cgroupspy's own search for them reads the whole tree, and fails when
a group in it goes away meanwhile; what it reads by opening a file, polls read another way.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from cgroupspy.contenttypes import DeviceAccess, DeviceThrottle
from cgroupspy.controllers import (
    BlkIOController,
    Controller,
    CpuController,
    CpuSetController,
    DevicesController,
    MemoryController,
)
from cgroupspy.interfaces import BaseFileInterface, TypedFile
from cgroupspy.nodes import Node

__all__ = [
    "BlkIOController",
    "CpuController",
    "CpuSetController",
    "DeviceAccess",
    "DeviceThrottle",
    "DevicesController",
    "FreezerController",
    "MemoryController",
    "PidsController",
    "ThrottleController",
    "at",
]


class IntegerOrMaxFile(BaseFileInterface):
    """A number, or None for `max`."""

    def sanitize_get(self, value: str) -> int | None:
        """Read it."""
        return None if value == "max" else int(value)

    def sanitize_set(self, value: int | None) -> str:
        """Write it."""
        return "max" if value is None else str(int(value))


class PidsController(Controller):
    """pids.max, pids.current."""

    max = IntegerOrMaxFile("pids.max")
    current = IntegerOrMaxFile("pids.current", readonly=True)


class FreezerController(Controller):
    """freezer.state: THAWED, FREEZING, FROZEN."""

    state = BaseFileInterface("freezer.state")


class ThrottleController(BlkIOController):
    """The throttle of blkio with its files' right names: cgroupspy has a blank at the end of two of them."""

    throttle_write_bps_device = TypedFile("blkio.throttle.write_bps_device", DeviceThrottle, many=True)
    throttle_write_iops_device = TypedFile("blkio.throttle.write_iops_device", DeviceThrottle, many=True)


def at(kind: Callable[[Any], Any], directory: str) -> Any:
    """Return the controller of a directory."""
    return kind(Node(os.fsencode(directory)))
