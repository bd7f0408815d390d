"""cpu: weight, quota, and throttling, which cpu.stat tells beside the seconds used."""

from __future__ import annotations

import os

from isolation.cgroups.cpus import WEIGHT_OF_A_CPU, quota, weight
from isolation.cgroups.files import Change
from isolation.cgroups.part import Part
from isolation.limits import SHARES_OF_A_CPU, Limits

from .controllers import V2

__all__ = ["CpuPart"]


class CpuPart(Part):
    """Weight and quota. What is best effort is idle: the kernel runs it when nobody else wants to."""

    controller = "cpu"
    holds = ("cpus", "cpu_quota", "best_effort")
    tells = ("throttling",)

    def begin(self) -> None:
        """Have all containers together weigh as much as the machine."""
        V2(self.hierarchy.root).cpu_weight = weight((os.cpu_count() or 1) * SHARES_OF_A_CPU)

    def hold(self, directory: str, limits: Limits, change: Change) -> None:
        """Set weight, the kernel's 100 where none is asked for, and quota."""
        group = V2(directory)
        value = quota(limits.cpu_quota)
        if not (change.fresh and value[0] is None):
            change.set(group, "cpu_max", value)
        shares = limits.shares
        if change.fresh and shares is None:
            return
        # An idle group refuses another weight.
        if os.path.exists(f"{directory}/cpu.idle"):
            change.set(group, "cpu_idle", int(limits.best_effort))
            if limits.best_effort:
                return
        change.set(group, "cpu_weight", WEIGHT_OF_A_CPU if shares is None else weight(shares))
