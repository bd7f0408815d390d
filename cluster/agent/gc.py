"""When the sandboxes of what has ended are removed: by age, and sooner as the disk fills."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

__all__ = ["Disk", "RealDisk", "SandboxCollector"]

log = logging.getLogger("ostrom.agent")


class SandboxCollector:
    """What is to be removed when.

    Mesos's rule: of a disk that is used to the part `usage` (0 to 1), what has ended `delay * (1 - headroom - usage)`
    seconds ago is removed, at once if that is not above 0.
    """

    def __init__(self, delay: float, headroom: float) -> None:
        self._delay = delay
        self._headroom = headroom
        self._ended: dict[Path, float] = {}

    def __len__(self) -> int:
        return len(self._ended)

    def schedule(self, path: Path, ended: float) -> None:
        """Have a sandbox removed some time after that (seconds since the epoch)."""
        self._ended.setdefault(path, ended)

    def keep(self, path: Path) -> None:
        """Do not remove it, it is used."""
        self._ended.pop(path, None)

    def max_age(self, usage: float) -> float:
        """Seconds that a sandbox is kept at this usage of the disk."""
        return self._delay * max(0.0, 1.0 - self._headroom - usage)

    def due(self, now: float, usage: float) -> list[Path]:
        """Take out what is to be removed now, the oldest first."""
        age = self.max_age(usage)
        found = sorted(
            (ended, path) for path, ended in self._ended.items() if ended + age <= now or age == 0.0
        )
        for _, path in found:
            del self._ended[path]
        return [path for _, path in found]


class Disk(Protocol):
    """Where sandboxes are."""

    async def usage(self, path: Path) -> float:
        """The part of its disk that is used, 0 to 1."""

    async def ended(self, work_dir: Path) -> list[tuple[Path, float]]:
        """The sandboxes that there are, and when each was last changed."""

    async def remove(self, path: Path) -> None:
        """Remove a sandbox."""


class RealDisk:
    """This machine's; what may take long is done in threads."""

    async def usage(self, path: Path) -> float:
        """As the file system has it, without what it keeps for root."""
        total, _, free = await asyncio.to_thread(shutil.disk_usage, path)
        return 1.0 - free / total if total else 1.0

    async def ended(self, work_dir: Path) -> list[tuple[Path, float]]:
        """Look through the work directory."""

        def look() -> list[tuple[Path, float]]:
            paths: Iterable[Path] = work_dir.glob("agents/*/frameworks/*/executors/*")
            return [(path, path.lstat().st_mtime) for path in paths if path.is_dir()]

        return await asyncio.to_thread(look)

    async def remove(self, path: Path) -> None:
        """Remove it; what cannot be removed is logged, and left."""

        def failed(_function: object, name: str, info: object) -> None:
            log.warning("sandbox %s: %s cannot be removed: %s", path, name, info)

        def remove() -> None:
            # Links are removed, not followed: rmtree sees to that where the platform can, as Linux can.
            shutil.rmtree(path, onerror=failed)
            for parent in list(path.parents)[:3]:
                if any(parent.iterdir()):
                    break
                parent.rmdir()

        try:
            await asyncio.to_thread(remove)
        except OSError as error:
            log.warning("sandbox %s: %s", path, error)
