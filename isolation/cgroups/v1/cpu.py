"""cpu and cpuacct: shares, the quota of the completely fair scheduler, seconds used."""

from __future__ import annotations

import os

from isolation.cgroups.cpus import quota
from isolation.cgroups.files import Change, numbers
from isolation.cgroups.group import Values
from isolation.cgroups.part import Part
from isolation.limits import SHARES, SHARES_OF_A_CPU, Limits
from isolation.proc import TICKS

from .controllers import CpuController, at

__all__ = ["CpuAcctPart", "CpuPart"]


class CpuPart(Part):
    """Shares and quota; what was throttled."""

    controller = "cpu"
    holds = ("cpus", "cpu_quota", "best_effort")
    tells = ("throttling",)
    core_file = "cpu.stat"

    def begin(self) -> None:
        """Have all containers together weigh as much as the machine: beside them is what does not run in one."""
        at(CpuController, self.hierarchy.root).shares = min(
            (os.cpu_count() or 1) * SHARES_OF_A_CPU, SHARES[1]
        )

    def hold(self, directory: str, limits: Limits, change: Change) -> None:
        """Set shares, the kernel's 1024 where none are asked for, and quota."""
        cpu = at(CpuController, directory)
        microseconds, period = quota(limits.cpu_quota)
        shares = limits.shares
        if not (change.fresh and shares is None):
            change.set(cpu, "shares", SHARES_OF_A_CPU if shares is None else shares)
        if not (change.fresh and microseconds is None):
            change.set(cpu, "cfs_period_us", period)
            change.set(cpu, "cfs_quota_us", microseconds)

    def parse(self, data: bytes, values: Values) -> None:
        """Add periods and throttled time."""
        if stat := numbers(data):
            values["periods"] = stat.get(b"nr_periods", 0)
            values["throttled_periods"] = stat.get(b"nr_throttled", 0)
            values["throttled_seconds"] = stat.get(b"throttled_time", 0) / 1e9


class CpuAcctPart(Part):
    """Seconds of user and system, to the hundredth."""

    controller = "cpuacct"
    tells = ("cpu usage",)
    core_file = "cpuacct.stat"

    def parse(self, data: bytes, values: Values) -> None:
        """Add them."""
        if stat := numbers(data):
            values["user_seconds"] = stat[b"user"] / TICKS
            values["system_seconds"] = stat[b"system"] / TICKS
