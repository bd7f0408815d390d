"""Which control groups this machine has, as the list of its mounts tells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

__all__ = ["Mounts", "parse_mounts", "read_mounts"]

V1_CONTROLLERS = frozenset(
    {
        "cpu",
        "cpuacct",
        "cpuset",
        "memory",
        "devices",
        "freezer",
        "blkio",
        "pids",
        "hugetlb",
        "net_cls",
        "net_prio",
    }
)
OCTAL = re.compile(r"\\([0-7]{3})")
NO_MOUNTS = "there are no control groups in /proc/self/mounts"


@dataclass(frozen=True, slots=True)
class Mounts:
    """Where the hierarchies are mounted: of v1 by controller, and the one of v2.

    `v2_controllers` are those that v2 has, of all that the kernel knows: what v1 has, it cannot. `read_only` are the
    mounts that cannot be changed.
    """

    v1: Mapping[str, Path] = field(default_factory=dict)
    v2: Path | None = None
    v2_controllers: frozenset[str] = frozenset()
    read_only: frozenset[Path] = frozenset()

    @property
    def kind(self) -> str:
        """In a word: "v1", "v2", "hybrid" (limits from v1, the rest from v2), "none"."""
        if self.v1:
            return "hybrid" if self.v2 is not None else "v1"
        return "none" if self.v2 is None else "v2"

    def only(self, version: str) -> Mounts:
        """Return those of one version, "1" or "2", or all of them: "auto". ValueError for another."""
        if version not in ("auto", "1", "2"):
            raise ValueError(f"CgroupIsolator.version: {version!r} must be auto, 1 or 2")
        if version == "1":
            return replace(self, v2=None, v2_controllers=frozenset())
        return replace(self, v1={}) if version == "2" else self

    def missing(self, controller: str) -> str:
        """Why there is no such controller, in words."""
        if self.kind == "none":
            return NO_MOUNTS
        return f"there is no {controller} controller in /proc/self/mounts" + (
            "" if self.v2 is None else f", nor in {self.v2}/cgroup.controllers"
        )


def parse_mounts(text: str) -> Mounts:
    """Return what the text of /proc/self/mounts says; of a hierarchy that is mounted twice, the first place."""
    v1: dict[str, Path] = {}
    v2: Path | None = None
    read_only: set[Path] = set()
    for line in text.splitlines():
        words = line.split()
        if len(words) < 4 or words[2] not in ("cgroup", "cgroup2"):
            continue
        place = Path(OCTAL.sub(lambda match: chr(int(match[1], 8)), words[1]))
        options = words[3].split(",")
        if "ro" in options:
            read_only.add(place)
        if words[2] == "cgroup2":
            v2 = v2 or place
        else:
            for controller in V1_CONTROLLERS.intersection(options):
                v1.setdefault(controller, place)
    return Mounts(v1, v2, read_only=frozenset(read_only))


def read_mounts(proc: Path = Path("/proc")) -> Mounts:
    """Return what is mounted here, for this process. OSError if that cannot be read."""
    mounts = parse_mounts((proc / "self/mounts").read_text())
    if mounts.v2 is None:
        return mounts
    known = frozenset((mounts.v2 / "cgroup.controllers").read_text().split())
    return Mounts(mounts.v1, mounts.v2, known, mounts.read_only)
