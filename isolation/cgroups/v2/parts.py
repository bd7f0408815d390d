"""All parts of v2 that need a controller, by its name."""

from __future__ import annotations

from collections.abc import Mapping

from isolation.cgroups.part import Part

from .cpu import CpuPart
from .cpuset import CpuSetPart
from .io import IoPart
from .memory import MemoryPart
from .pids import PidsPart

__all__ = ["PARTS"]

PARTS: Mapping[str, type[Part]] = {
    "cpu": CpuPart,
    "cpuset": CpuSetPart,
    "io": IoPart,
    "memory": MemoryPart,
    "pids": PidsPart,
}
