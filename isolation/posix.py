"""The isolator that works everywhere, without any right: own session and group, rlimits, usage from /proc."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from .isolator import Plain, Running
from .proc import descendants, read_stat
from .setup import Setup
from .spec import ContainerSpec
from .usage import Usage, add_up

__all__ = ["PosixIsolator"]


class PosixIsolator(Plain):
    """Gives each container the rlimits of the agent's operator, and adds up its processes in /proc.

    `rlimits` maps names such as "core" to (soft, hard) for containers whose spec does not set them. That each
    container has its own session and process group is the launcher's doing, with or without this.
    """

    name = "posix"

    def __init__(self, rlimits: Mapping[str, tuple[int, int]] | None = None) -> None:
        self._rlimits = dict(rlimits or {})

    def support(self) -> Mapping[str, str | None]:
        """It works everywhere."""
        return {"rlimits": None, "usage": None}

    def prepare(self, spec: ContainerSpec, setup: Setup) -> Setup:
        """Add the limits that the spec leaves open."""
        if not self._rlimits:
            return setup
        return dataclasses.replace(setup, rlimits={**self._rlimits, **setup.rlimits})

    def usage(self, container: Running, known: Usage) -> Usage:
        """Add up all processes of the container, those that changed their session too."""
        keeper = container.keeper_pid
        if not keeper:
            return known
        stats = (read_stat(pid) for pid in descendants(keeper))
        return add_up(read_stat(keeper), (stat for stat in stats if stat))
