"""Disk quotas held by looking: what is in the sandbox of each container is added up at an interval."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from isolation.cgroups.sizes import size
from isolation.isolator import Report, Running
from isolation.rounds import CallLater
from isolation.spec import ContainerSpec
from isolation.watching import Watched, Watcher

from .walk import Count, count

__all__ = ["DiskUsage", "sandbox_of"]

log = logging.getLogger("ostrom.isolation")


def sandbox_of(spec: ContainerSpec) -> Path:
    """The directory whose use counts: where its output goes, if it works in or below that; else where it works."""
    home = spec.stdout.parent
    return home if spec.cwd.is_relative_to(home) else spec.cwd


class DiskUsage(Watcher):
    """Ends containers whose sandbox takes more than their disk limit.

    `interval` seconds after the end of a round the next begins: each sandbox is walked, one after the other, in a
    thread, each for `longest` seconds at most; what is not counted by then is not held against it. The sandboxes of
    containers within another count as that one's, each file once.
    """

    name = "disk"
    kind = "disk"

    def __init__(
        self, interval: float = 15.0, longest: float = 60.0, *, call_later: CallLater | None = None
    ) -> None:
        super().__init__(interval, call_later)
        self._longest = longest
        self._sandboxes: dict[Watched, Path] = {}
        self._partial: set[Watched] = set()

    def watch(self, container: Running, spec: ContainerSpec | None, report: Report) -> None:
        """Look at its sandbox from now on, where that is now: a link that it puts there is not followed."""
        super().watch(container, spec, report)
        if spec is not None:
            self._sandboxes[self._watched[container.id]] = sandbox_of(spec).resolve()

    async def look(self) -> None:
        """Walk all sandboxes; report those above their limits."""
        self._sandboxes = {
            each: self._sandboxes[each] for each in self._watched.values() if each in self._sandboxes
        }
        self._partial &= set(self._watched.values())
        for root, parts in list(self._groups()):
            # Many walks may lie between.
            if not self._lives(root):
                continue
            paths = [self._sandboxes[each] for each in [root, *parts] if each in self._sandboxes]
            total = Count()
            try:
                await asyncio.to_thread(self._walk, root, paths, total)
            except OSError as error:
                log.warning("container %s: its disk usage is not known: %s", root.id, error)
            self._judge(root, total)

    def _walk(self, root: Watched, paths: list[Path], total: Count) -> None:
        end = time.monotonic() + self._longest
        for path in dict.fromkeys(paths):
            # What lies in another is counted with it: directories, too, are counted once.
            count(path, total, lambda: time.monotonic() > end or not self._lives(root))

    def _judge(self, root: Watched, total: Count) -> None:
        if not self._lives(root):
            return
        limit = root.limits.disk
        if limit is not None and total.used_bytes > limit:
            self._hit(root, f"disk limit {size(limit)}: {size(total.used_bytes)} used")
        elif not total.whole and root not in self._partial:
            self._partial.add(root)
            log.warning("container %s: not all of its sandbox could be counted", root.id)
