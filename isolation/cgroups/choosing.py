"""Which parts there are here, and why not for those that are not: v1 or v2 for each controller, by what is mounted."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .delegation import base_of, own_group
from .files import read_words
from .hierarchy import Hierarchy, UnifiedHierarchy
from .mounts import Mounts
from .part import Part
from .v2.core import CorePart

__all__ = ["Choice", "choose", "kernel"]

FREEZES = (5, 2)
"""The first kernel with cgroup.freeze."""

CONTROLLERS: Mapping[str, tuple[str, ...]] = {
    "cpu": ("cpus", "cpu_quota", "best_effort", "throttling"),
    "memory": ("memory", "memory usage", "oom kills"),
    "pids": ("pids",),
    "cpuset": ("cpuset",),
    "devices": ("devices",),
    "io": ("io", "io usage"),
}
"""What each controller is for, by its name in v2."""
V1_NAMES = {"io": "blkio"}
NO_LIBRARY = "control groups of v1 take the library cgroupspy, which is not installed"
NO_DEVICES = "v2 has no devices controller: that takes a program of BPF, which is not done here"


@dataclass
class Choice:
    """What was chosen. `support` says for each thing why it cannot be done here, None if it can."""

    hierarchies: list[Hierarchy] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    support: dict[str, str | None] = field(default_factory=dict)

    def drop(self, hierarchy: Hierarchy, why: str) -> None:
        """Do without the controllers of a hierarchy that refuses; v2 kills and freezes without any."""
        here = os.path.isdir(hierarchy.root)
        for part in [part for part in self.parts if part.hierarchy is hierarchy]:
            if not (here and isinstance(part, CorePart)):
                self.parts.remove(part)
                self.support.update(dict.fromkeys((*part.holds, *part.tells), why))
        for part in self.parts:
            # Some things two of them can do.
            self.support.update(dict.fromkeys((*part.holds, *part.tells)))
        if not any(part.hierarchy is hierarchy for part in self.parts):
            self.hierarchies.remove(hierarchy)


def choose(mounts: Mounts, root: str, proc: Path = Path("/proc")) -> Choice:
    """Choose the parts for an owner's root. Nothing is made or changed. OSError if /proc cannot be read."""
    choice = Choice()
    unified = _unified(mounts, root, proc)
    v1: dict[Path, Hierarchy] = {}
    whys: dict[str, str] = {}
    if unified is not None:
        _take(choice, CorePart(unified), mounts, whys)
    core = bool(choice.parts)
    freezes = core and kernel() >= FREEZES
    for controller in (*CONTROLLERS, "cpuacct", "freezer"):
        if (controller == "cpuacct" and core) or (controller == "freezer" and freezes):
            # v2 does it, and better: each group less is a quicker launch.
            continue
        name = V1_NAMES.get(controller, controller)
        if name in mounts.v1:
            place = mounts.v1[name]
            shared = [each for each, at in mounts.v1.items() if at == place]
            hierarchy = v1.setdefault(place, Hierarchy(place, root, shared))
            part = _v1_part(controller, hierarchy)
            if part is None:
                whys[controller] = NO_LIBRARY
            else:
                _take(choice, part, mounts, whys)
        elif unified is not None and controller in unified.controllers:
            _take(choice, _v2_part(controller, unified), mounts, whys)
    for controller, things in CONTROLLERS.items():
        why = whys.get(controller) or mounts.missing(V1_NAMES.get(controller, controller))
        if controller == "devices" and mounts.v2 is not None and not mounts.v1:
            why = NO_DEVICES
        for thing in things:
            choice.support.setdefault(thing, why)
    if not freezes and "freezer" not in mounts.v1:
        choice.support["freeze"] = mounts.missing("freezer")
    if not (proc / "pressure").is_dir():
        choice.support["pressure"] = (
            f"the kernel has no {proc}/pressure (it is built, or was booted, without PSI)"
        )
    no_v2 = whys.get("cgroup") or "there is no cgroup2 in /proc/self/mounts"
    for thing in ("pressure", "cpu usage", "kill", "freeze"):
        choice.support.setdefault(thing, no_v2)
    if choice.support["kill"] is not None and any(
        part.controller in ("freezer", "pids", "cpu") for part in choice.parts
    ):
        # Without cgroup.kill it takes a loop over the processes of a group.
        choice.support["kill"] = None
    return choice


def kernel() -> tuple[int, ...]:
    """Return the version of the kernel: (6, 1)."""
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return tuple(map(int, found.groups())) if found else ()


def _unified(mounts: Mounts, root: str, proc: Path) -> UnifiedHierarchy | None:
    if mounts.v2 is None:
        return None
    try:
        group = own_group((proc / "self/cgroup").read_text())
    except FileNotFoundError:
        group = "/"
    base = base_of(mounts.v2, group)
    here = {each.decode() for each in read_words(f"{base}/cgroup.controllers")}
    return UnifiedHierarchy(base, root, here & CONTROLLERS.keys(), delegated=base != mounts.v2)


def _take(choice: Choice, part: Part, mounts: Mounts, whys: dict[str, str]) -> None:
    """Take a part, if its hierarchy can be written."""
    hierarchy = part.hierarchy
    if any(place == hierarchy.base or place in hierarchy.base.parents for place in mounts.read_only):
        why: str | None = f"{hierarchy.base} is mounted to be read only"
    else:
        why = hierarchy.refusal()
    if why is not None:
        whys[part.controller if part.controller != "blkio" else "io"] = why
        return
    choice.parts.append(part)
    if hierarchy not in choice.hierarchies:
        choice.hierarchies.append(hierarchy)
    choice.support.update(dict.fromkeys((*part.holds, *part.tells)))


def _v1_part(controller: str, hierarchy: Hierarchy) -> Part | None:
    # Not before: where v2 has them all, cgroupspy is not needed.
    try:
        from .v1 import parts
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "cgroupspy":
            raise
        return None
    return parts.PARTS[controller](hierarchy)


def _v2_part(controller: str, hierarchy: Hierarchy) -> Part:
    from .v2 import parts

    return parts.PARTS[controller](hierarchy)
