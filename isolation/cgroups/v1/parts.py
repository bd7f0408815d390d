"""All parts of v1, by their controllers' names in v2, or their own."""

from __future__ import annotations

from collections.abc import Mapping

from isolation.cgroups.part import Part

from .blkio import BlkioPart
from .cpu import CpuAcctPart, CpuPart
from .cpuset import CpuSetPart
from .devices import DevicesPart
from .freezer import FreezerPart
from .memory import MemoryPart
from .pids import PidsPart

__all__ = ["PARTS"]

PARTS: Mapping[str, type[Part]] = {
    "cpu": CpuPart,
    "cpuacct": CpuAcctPart,
    "cpuset": CpuSetPart,
    "devices": DevicesPart,
    "freezer": FreezerPart,
    "io": BlkioPart,
    "memory": MemoryPart,
    "pids": PidsPart,
}
