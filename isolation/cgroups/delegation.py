"""Where in the hierarchy of cgroups v2 a process may make groups: what systemd has delegated, or the top."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["base_of", "own_group"]

ATTRIBUTES = ("user.delegate", "trusted.delegate")
"""What systemd marks a group with that it has delegated; the second is seen by root alone."""


def own_group(text: str) -> str:
    """Return this process's group, as the text of /proc/self/cgroup has it: "/" if it is in none of v2."""
    for line in text.splitlines():
        if line.startswith("0::/"):
            return line[3:]
    return "/"


def base_of(mount: Path, group: str) -> Path:
    """Return the group below which an owner's own are made.

    It is its group if that was delegated to it, or the one above, if that was (`DelegateSubgroup=` of systemd has the
    process start in a leaf); otherwise the top of what is mounted.
    """
    # Outside of what a namespace of cgroups shows there are dots in it.
    if ".." in group.split("/"):
        return mount
    own = mount / group.lstrip("/")
    for place in (own, own.parent):
        if place == mount or mount not in place.parents:
            break
        if _delegated(place):
            return place
    return mount


def _delegated(place: Path) -> bool:
    for attribute in ATTRIBUTES:
        try:
            if os.getxattr(place, attribute) == b"1":
                return True
        except OSError:
            # Not set, not to be seen, or no such group.
            continue
    return False
