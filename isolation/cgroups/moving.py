"""Moves what runs into a group that it was not started in."""

from __future__ import annotations

import errno
from collections.abc import Collection

from .files import write
from .killing import below, pids_in

__all__ = ["move"]

ROUNDS = 1000


def move(sources: Collection[str], target: str) -> None:
    """Put the processes that are in some groups, each in another hierarchy, into one of this hierarchy too.

    OSError. What is forked meanwhile is where its parent was, so rounds follow until all are there.
    """
    for _ in range(ROUNDS):
        lacking = pids_in([each for source in sources for each in (source, *below(source))]) - pids_in(
            [target]
        )
        if not lacking:
            return
        for pid in lacking:
            try:
                write(f"{target}/cgroup.procs", str(pid))
            except ProcessLookupError:
                continue
    raise OSError(errno.EBUSY, "it forks faster than it can be moved", target)
