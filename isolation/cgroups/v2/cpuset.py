"""cpuset: on which processors."""

from __future__ import annotations

from isolation.cgroups.files import Change
from isolation.cgroups.part import Part
from isolation.cgroups.processors import check
from isolation.limits import Limits

from .controllers import V2

__all__ = ["CpuSetPart"]


class CpuSetPart(Part):
    """Pins containers to processors."""

    controller = "cpuset"
    holds = ("cpuset",)

    def hold(self, directory: str, limits: Limits, change: Change) -> None:
        """Set the processors. ValueError for one that is not there."""
        if limits.cpuset is not None:
            check(limits.cpuset, V2(self.hierarchy.root).cpuset_effective)
        elif change.fresh:
            return
        change.set(V2(directory), "cpuset_cpus", limits.cpuset or frozenset())
