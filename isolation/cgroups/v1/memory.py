"""memory: a limit, which swapped memory counts against too, and the kernel's kills at it."""

from __future__ import annotations

import errno
import os

from isolation.cgroups.files import Change, numbers, read, read_words
from isolation.cgroups.group import Group, Values
from isolation.cgroups.part import Part, refused
from isolation.cgroups.sizes import size
from isolation.limits import Limits

from .controllers import MemoryController, at

__all__ = ["MemoryPart"]

UNLIMITED = 1 << 62
"""What no limit is read as, or a little less than that: it is rounded to pages."""


class MemoryPart(Part):
    """The limit, use, peak."""

    controller = "memory"
    holds = ("memory",)
    tells = ("memory usage", "oom kills")
    core_file = "memory.usage_in_bytes"

    def hold(self, directory: str, limits: Limits, change: Change) -> None:
        """Set the limit. ValueError if more is in use, and cannot be reclaimed."""
        if change.fresh and limits.memory is None:
            return
        memory = at(MemoryController, directory)
        # The limit with swap, where there is one, is never the lower one.
        names = ["limit_in_bytes"]
        if os.path.exists(f"{directory}/memory.memsw.limit_in_bytes"):
            names.append("memsw_limit_in_bytes")
        now = UNLIMITED if change.fresh else memory.limit_in_bytes
        if limits.memory is None or limits.memory > now:
            names.reverse()
        try:
            for name in names:
                change.set(memory, name, limits.memory)
        except OSError as error:
            if error.errno != errno.EBUSY or limits.memory is None:
                raise
            used = size(memory.usage_in_bytes)
            raise refused("memory", limits.memory, f"it uses {used}, which cannot be reclaimed") from error

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
        values["rss_bytes"] = int(stat[b"total_rss"])
        values["cache_bytes"] = int(stat[b"total_cache"])
        values["peak_bytes"] = int(read(f"{directory}/memory.max_usage_in_bytes"))
        limit = int(read(f"{directory}/memory.limit_in_bytes"))
        values["memory_limit_bytes"] = limit if limit < UNLIMITED else None
        if group.oom_kills < 0:
            values["oom_kills"] = numbers(read(f"{directory}/memory.oom_control")).get(b"oom_kill", 0)
