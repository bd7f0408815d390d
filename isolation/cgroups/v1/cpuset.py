"""cpuset: on which processors."""

from __future__ import annotations

from isolation.cgroups.files import Change
from isolation.cgroups.part import Part
from isolation.cgroups.processors import check
from isolation.limits import Limits

from .controllers import CpuSetController, at

__all__ = ["CpuSetPart"]


class CpuSetPart(Part):
    """Pins containers to processors. A group without processors and memory nodes takes no process: ENOSPC."""

    controller = "cpuset"
    holds = ("cpuset",)
    always = False

    def begin(self) -> None:
        """Have the root, and what is above it, inherit what there is."""
        above = at(CpuSetController, str(self.hierarchy.base))
        for each in self.hierarchy.path():
            group = at(CpuSetController, each)
            for name in ("mems", "cpus"):
                if not getattr(group, name):
                    setattr(group, name, getattr(above, name))
            above = group

    def hold(self, directory: str, limits: Limits, change: Change) -> None:
        """Set the processors, all there are where none are asked for. ValueError for one that is not there."""
        root, group = (at(CpuSetController, each) for each in (self.hierarchy.root, directory))
        if limits.cpuset is not None:
            check(limits.cpuset, root.cpus)
        change.set(group, "mems", root.mems)
        change.set(group, "cpus", root.cpus if limits.cpuset is None else set(limits.cpuset))
