"""Kills all that is in a container's groups: in one step of the kernel, or by a loop over what is listed in them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from .files import read_words
from .group import Group
from .hierarchy import Hierarchy
from .v2.core import CorePart

__all__ = ["Freezer", "GroupKiller", "below", "pids_in"]

FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.02
"""Seconds between two rounds, doubled each time."""


@runtime_checkable
class Freezer(Protocol):
    """Stops groups of a hierarchy."""

    hierarchy: Hierarchy

    def freeze(self, directory: str) -> None:
        """Begin to stop what is in a group. OSError."""

    def thaw(self, directory: str) -> None:
        """Let it go on. OSError."""

    def frozen(self, directory: str) -> bool:
        """Whether all of it stands still. OSError."""


class GroupKiller:
    """Kills, by `cgroup.kill` where that is (`core`), else by rounds in which what is in the groups stands still."""

    def __init__(self, core: CorePart | None, freezer: Freezer | None) -> None:
        self._core = core
        self._freezer = freezer
        self._killing: set[Group] = set()

    def kill(self, group: Group) -> None:
        """Kill what is in a container's groups; in rounds until `forget`, or until the groups are gone."""
        if self._core is not None and (directory := group.directories.get(self._core.hierarchy)):
            try:
                self._core.kill(directory)
            except FileNotFoundError:
                # The kernel is older than 5.14, or the group is gone.
                pass
            else:
                return
        if group not in self._killing:
            self._killing.add(group)
            self._round(group, FIRST_PAUSE)

    def forget(self, group: Group) -> None:
        """Nothing runs in it any more."""
        self._killing.discard(group)

    def close(self) -> None:
        """Nobody is to be killed by this one any more."""
        self._killing.clear()

    def _round(self, group: Group, pause: float) -> None:
        if group not in self._killing:
            return
        frozen = self._freezer and group.directories.get(self._freezer.hierarchy)
        try:
            if self._freezer is not None and frozen:
                with contextlib.suppress(FileNotFoundError):
                    self._freezer.freeze(frozen)
            _kill_listed(group.directories.values())
        finally:
            # Of a group that stands still SIGKILL has its effect only now.
            if self._freezer is not None and frozen:
                with contextlib.suppress(FileNotFoundError):
                    self._freezer.thaw(frozen)
        # A list without anybody proves nothing: what forks and ends all the time can be missed.
        if any(map(os.path.isdir, group.directories.values())):
            asyncio.get_running_loop().call_later(pause, self._round, group, min(pause * 2, LONGEST_PAUSE))
        else:
            self._killing.discard(group)


def _kill_listed(directories: Iterable[str]) -> None:
    """Kill the processes of groups and of those below them."""
    every = [each for directory in directories for each in (directory, *below(directory))]
    handles: dict[int, int] = {}
    try:
        for pid in pids_in(every):
            try:
                handles[pid] = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    raise
                break
        # A number that is still listed now is that of the process we hold, and not of one that came after it.
        still = pids_in(every)
        for pid in handles.keys() & still:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(handles[pid], signal.SIGKILL)
    finally:
        for handle in handles.values():
            os.close(handle)


def pids_in(directories: Iterable[str]) -> set[int]:
    """The processes that are in any of some groups; 0, which is one of another namespace, is left out."""
    return {
        int(pid)
        for directory in directories
        for pid in read_words(f"{directory}/cgroup.procs")
        if pid != b"0"
    }


def below(directory: str) -> list[str]:
    """All groups below one."""
    found: list[str] = []
    for place, names, _files in os.walk(directory):
        found += [f"{place}/{name}" for name in names]
    return found
