"""Fetched files, kept for the next task that names the same URI."""

from __future__ import annotations

import asyncio
import os
import re
import stat
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .index import CacheIndex, Entry
from .threads import in_thread, to_end

__all__ = ["Cache"]

_NAME = re.compile(r"([0-9a-f]{64})\.[0-9a-f]{32}")
_PART = re.compile(r"part\.[0-9a-f]{32}")

Produce = Callable[[Path], Awaitable[None]]


@dataclass(slots=True, eq=False)
class _Pending:
    """A download that somebody waits for."""

    task: asyncio.Task[Entry]
    waiting: int = 0


class Cache:
    """Files below `directory`, which belongs to this cache alone, by keys of 64 hexadecimal digits.

    They outlive the process. All that is known of one is in its name and status: `KEY.random`, its size, and the time
    of its last use as the time of its change. No two files ever have the same name, so one can be removed while its
    successor is on its way.
    """

    def __init__(self, directory: Path, capacity: int) -> None:
        self.directory = directory
        self.index = CacheIndex(capacity)
        self._pending: dict[str, _Pending] = {}
        self._gone: list[Entry] = []

    async def start(self) -> None:
        """Find what an earlier process left; OSError if the directory cannot be used."""
        for entry in await in_thread(_scan, self.directory):
            await self._remove(self.index.add(entry))

    def path(self, entry: Entry) -> Path:
        """Where it is."""
        return self.directory / entry.name

    async def hold(self, key: str, produce: Produce) -> Entry:
        """A file that stays until `release`. If it is not there, `produce` fetches it to the path that it is given.

        All who want it meanwhile wait for that one, and get its error if it fails. It goes on when one of them is
        cancelled, and is cancelled with the last.
        """
        while True:
            entry = self.index.hold(key)
            if entry is None:
                return await self._wait(key, produce)
            good = False
            try:
                good = await in_thread(_touch, self.path(entry), entry.size)
            finally:
                if not good:
                    await self.release(entry)
            if good:
                return entry
            await self._remove(self.index.drop(entry))

    async def release(self, entry: Entry) -> None:
        """End the use of a file."""
        gone, self._gone = self._gone + self.index.release(entry), []
        await self._remove(gone)

    async def _wait(self, key: str, produce: Produce) -> Entry:
        pending = self._pending.get(key)
        if pending is None:
            task = asyncio.get_running_loop().create_task(self._produce(key, produce))
            pending = self._pending[key] = _Pending(task)
        pending.waiting += 1
        try:
            await asyncio.wait([pending.task])
        except asyncio.CancelledError:
            await to_end(self._give_up(key, pending))
            raise
        return pending.task.result()

    async def _give_up(self, key: str, pending: _Pending) -> None:
        if pending.task.done():
            if not pending.task.cancelled() and pending.task.exception() is None:
                await self.release(pending.task.result())
            return
        pending.waiting -= 1
        if not pending.waiting:
            # Whoever comes from now on begins anew.
            del self._pending[key]
            pending.task.cancel()
            await asyncio.wait([pending.task])

    async def _produce(self, key: str, produce: Produce) -> Entry:
        pending = self._pending[key]
        part = self.directory / f"part.{uuid.uuid4().hex}"
        name = f"{key}.{uuid.uuid4().hex}"
        try:
            await produce(part)
            size = await in_thread(_keep, part, self.directory / name)
        except BaseException:
            if self._pending.get(key) is pending:
                del self._pending[key]
            await in_thread(_unlink, [part, self.directory / name])
            raise
        del self._pending[key]
        # From here to the end nothing waits: who has waited has it in use, whether it is awake yet or not.
        # What has to go for it goes with the next release, which each of them owes.
        entry = Entry(key, name, size, users=pending.waiting)
        self._gone += self.index.add(entry)
        return entry

    async def _remove(self, entries: Sequence[Entry]) -> None:
        if entries:
            await in_thread(_unlink, [self.path(entry) for entry in entries])


def _scan(directory: Path) -> list[Entry]:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found: list[tuple[int, Entry]] = []
    for file in os.scandir(directory):
        if _PART.fullmatch(file.name):
            Path(file.path).unlink()
        elif match := _NAME.fullmatch(file.name):
            status = file.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                found.append((status.st_mtime_ns, Entry(match[1], file.name, status.st_size)))
    return [entry for _, entry in sorted(found, key=lambda item: item[0])]


def _touch(path: Path, size: int) -> bool:
    """Note the use of a file; False if it is gone, or not as it was."""
    try:
        if path.stat().st_size != size:
            return False
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _keep(part: Path, path: Path) -> int:
    part.rename(path)
    return path.stat().st_size


def _unlink(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
