"""pids: how many processes and threads there may be, and are."""

from __future__ import annotations

from isolation.cgroups.files import Change, read_words
from isolation.cgroups.group import Group, Values
from isolation.cgroups.part import Part
from isolation.limits import Limits

from .controllers import V2

__all__ = ["PidsPart"]


class PidsPart(Part):
    """The most that there may be; it counts threads."""

    controller = "pids"
    holds = ("pids",)

    def hold(self, directory: str, limits: Limits, change: Change) -> None:
        """Set it; what is above it already stays."""
        if not (change.fresh and limits.pids is None):
            change.set(V2(directory), "pids_max", limits.pids)

    def measure(self, group: Group, values: Values) -> None:
        """Add how many there are."""
        directory = group.directories.get(self.hierarchy)
        if directory is not None and (words := read_words(f"{directory}/pids.current")):
            values["threads"] = int(words[0])
