"""Memory held by looking: the process tree of each container is added up at an interval, as YARN does it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .cgroups.sizes import size
from .proc import PROC
from .rounds import CallLater
from .trees import Process, processes_below
from .watching import Watched, Watcher

__all__ = ["MemoryMonitor"]

KIB = 1024
AT_ONCE = 2
"""So many times its limit is too much even for an instant."""

Names = frozenset[tuple[int, int]]


@dataclass(slots=True)
class _Seen:
    """A container with a memory limit, as one round has seen it."""

    root: Watched
    limit: int
    keepers: tuple[int, ...]
    used: int = 0
    aged: int = 0
    """The part of processes that the round before has seen too."""
    names: Names = frozenset()


class MemoryMonitor(Watcher):
    """Ends containers whose processes together are above their memory limit. Needs no right.

    Each `interval` seconds one pass over /proc adds up their resident memory. Where that is above the limit the
    proportional set size (PSS) counts, in which pages that processes share are there once, of each process of which it
    can be read. A container is ended for more than twice its limit at once; for more than its limit by processes
    that are older than a round, if that was so in the `grace` rounds before too: a process that has just forked
    to execute something small looks like two that are big (YARN, with no grace: `yarn.nodemanager.pmem-check-enabled`).
    """

    name = "memory-monitor"
    kind = "memory"

    def __init__(
        self,
        interval: float = 1.0,
        grace: int = 1,
        *,
        proc: Path = PROC,
        call_later: CallLater | None = None,
    ) -> None:
        super().__init__(interval, call_later)
        if grace < 0:
            raise ValueError(f"MemoryMonitor.grace: {grace!r} must be 0 rounds or more")
        self._grace = grace
        self._proc = proc
        self._names: dict[Watched, Names] = {}
        self._rounds_over: dict[Watched, int] = {}

    async def look(self) -> None:
        """Add up the processes of all containers; report those above their limits."""
        groups = [
            _Seen(root, root.limits.memory, tuple(each.container.keeper_pid for each in parts))
            for root, parts in self._groups()
            if root.limits.memory is not None
        ]
        await asyncio.to_thread(_measure, groups, self._names, self._proc)
        over = self._rounds_over
        self._names = {seen.root: seen.names for seen in groups if self._lives(seen.root)}
        self._rounds_over = {}
        for seen in groups:
            if self._lives(seen.root):
                self._judge(seen, over.get(seen.root, 0))

    def _judge(self, seen: _Seen, rounds: int) -> None:
        # A lower one that came meanwhile is for the next round: it may be that no PSS was read.
        limit = max(seen.limit, seen.root.limits.memory or 0)
        if seen.used > AT_ONCE * limit or (seen.aged > limit and rounds >= self._grace):
            self._hit(seen.root, f"memory limit {size(limit)}: {size(seen.used)} used")
        elif seen.aged > limit:
            self._rounds_over[seen.root] = rounds + 1


def _measure(groups: Sequence[_Seen], before: Mapping[Watched, Names], proc: Path) -> None:
    trees = processes_below({keeper for seen in groups for keeper in seen.keepers if keeper}, proc)
    for seen in groups:
        processes = [process for keeper in seen.keepers for process in trees.get(keeper, ())]
        seen.names = frozenset((process.pid, process.start) for process in processes)
        known = before.get(seen.root, frozenset())
        used = {process.pid: process.rss_bytes for process in processes}
        if sum(used.values()) > seen.limit:
            used = {process.pid: _proportional(process, proc) for process in processes}
        seen.used = sum(used.values())
        seen.aged = sum(used[process.pid] for process in processes if (process.pid, process.start) in known)


def _proportional(process: Process, proc: Path) -> int:
    """Its PSS in bytes; what is resident where that cannot be read (another user's, Linux before 4.14)."""
    try:
        data = (proc / str(process.pid) / "smaps_rollup").read_bytes()
    except (FileNotFoundError, PermissionError):
        return process.rss_bytes
    except ProcessLookupError:
        return 0
    for line in data.splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * KIB
    return process.rss_bytes
