"""memory: a limit, no swap, and the kernel's kills at it, of the whole group."""

from __future__ import annotations

import os

from isolation.cgroups.files import Change, numbers, read, read_words
from isolation.cgroups.group import Group, Values
from isolation.cgroups.part import Part, refused
from isolation.cgroups.sizes import size
from isolation.limits import Limits

from .controllers import V2

__all__ = ["MemoryPart"]


class MemoryPart(Part):
    """The limit, use, peak."""

    controller = "memory"
    holds = ("memory",)
    tells = ("memory usage", "oom kills")
    core_file = "memory.current"

    def hold(self, directory: str, limits: Limits, change: Change) -> None:
        """Set the limit. ValueError if more is in use, and cannot be reclaimed."""
        group = V2(directory)
        if change.fresh:
            # One process that is killed takes the others of the group along.
            change.set(group, "memory_oom_group", 1)
        if change.fresh and limits.memory is None:
            return
        if not change.fresh and limits.memory is not None and group.memory_current > limits.memory:
            _reclaim(group, limits.memory)
        change.set(group, "memory_max", limits.memory)
        if os.path.exists(f"{directory}/memory.swap.max"):
            change.set(group, "memory_swap_max", None if limits.memory is None else 0)

    def parse(self, data: bytes, values: Values) -> None:
        """Add what is charged."""
        if data:
            values["memory_bytes"] = int(data)

    def measure(self, group: Group, values: Values) -> None:
        """Add what it consists of, peak and limit."""
        directory = group.directories.get(self.hierarchy)
        if directory is None:
            return
        words = read_words(f"{directory}/memory.stat")
        if not words:
            return
        stat = dict(zip(words[::2], words[1::2], strict=False))
        values["rss_bytes"] = int(stat[b"anon"])
        values["cache_bytes"] = int(stat[b"file"])
        # Kernels before 5.19 have no peak.
        if peak := read_words(f"{directory}/memory.peak"):
            values["peak_bytes"] = int(peak[0])
        limit = read(f"{directory}/memory.max").strip()
        values["memory_limit_bytes"] = None if limit == b"max" else int(limit)
        if group.oom_kills < 0:
            values["oom_kills"] = numbers(read(f"{directory}/memory.events")).get(b"oom_kill", 0)


def _reclaim(group: V2, limit: int) -> None:
    """Have the kernel take back what is above a limit, which would else kill for it. ValueError if it cannot."""
    before = group.memory_high
    group.memory_high = limit
    try:
        if (used := group.memory_current) > limit:
            raise refused("memory", limit, f"it uses {size(used)}, which cannot be reclaimed")
    finally:
        group.memory_high = before
