"""Disks that are slow, that fail, and that forget the last of what was written when the power goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any

from cluster.registry import MemoryRegistry, RegistryError

__all__ = ["Disk", "SimulatedRegistry", "SimulatedStore", "lose_tail"]

UNDO = 8
"""Commits that a loss of power can take back."""


class Disk:
    """How a disk behaves: `delay` seconds for each write, on average; `failing` says that writes may fail."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.delay = 0.0
        self.failing = False

    @property
    def well(self) -> bool:
        """Whether writes are done as soon as they are asked for."""
        return not self.delay and not self.failing

    def fails(self) -> bool:
        """Whether this write fails."""
        return self.failing and self.rng.random() < 0.3

    async def wait(self, alive: Callable[[], bool]) -> None:
        """Take the time of a write. Never return to a process that has died meanwhile."""
        await asyncio.sleep(self.rng.expovariate(1 / self.delay) if self.delay else 0)
        if not alive():
            await asyncio.get_running_loop().create_future()


class SimulatedRegistry:
    """What all masters of a cluster share, on a disk that may be slow or fail.

    Whatever the registry's methods are: each that changes something is done on the disk after a delay. A write that
    fails may have been done all the same, as in life. `alive` says whether the process that calls still lives.
    """

    def __init__(self, shared: MemoryRegistry, disk: Disk, alive: Callable[[], bool]) -> None:
        self._shared = shared
        self._disk = disk
        self._alive = alive

    async def load(self) -> Any:
        """Everything, after a while."""
        await self._disk.wait(self._alive)
        return await self._shared.load()

    async def close(self) -> None:
        """Nothing is held."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._shared, name)

        async def write(*args: Any, **named: Any) -> Any:
            await self._disk.wait(self._alive)
            if self._disk.fails():
                if self._disk.rng.random() < 0.5:
                    await method(*args, **named)
                raise RegistryError("the simulated disk failed")
            return await method(*args, **named)

        return write


class SimulatedStore:
    """An agent's checkpoints, in a dict on its machine's disk. The last commits can be undone, by `lose_tail`."""

    def __init__(self, place: dict[str, Any], disk: Disk, alive: Callable[[], bool]) -> None:
        self.records: dict[Any, bytes] = place.setdefault("records", {})
        self._undo: list[tuple[float, dict[Any, bytes | None]]] = place.setdefault("undo", [])
        self._disk = disk
        self._alive = alive

    def load(self) -> dict[Any, bytes]:
        """A copy."""
        return dict(self.records)

    def commit(self, changes: Mapping[Any, bytes | None]) -> Awaitable[None] | None:
        """At once, unless the disk is slow. CheckpointError if it fails."""
        if self._disk.well:
            self._apply(changes)
            return None
        return self._commit(dict(changes))

    async def _commit(self, changes: Mapping[Any, bytes | None]) -> None:
        from cluster.agent.checkpoint import CheckpointError

        await self._disk.wait(self._alive)
        if self._disk.fails():
            raise CheckpointError("the simulated disk failed")
        self._apply(changes)

    def _apply(self, changes: Mapping[Any, bytes | None]) -> None:
        now = asyncio.get_running_loop().time()
        self._undo.append((now, {key: self.records.get(key) for key in changes}))
        del self._undo[:-UNDO]
        _set(self.records, changes)

    def close(self) -> None:
        """Nothing is held."""


WRITTEN_AFTER = 30.0


def lose_tail(place: dict[str, Any], rng: Random) -> None:
    """The power goes: some of the last commits are not on the disk, each whole, the last first.

    What is older than half a minute the kernel has written.
    """
    undo = place.get("undo", [])
    written = asyncio.get_running_loop().time() - WRITTEN_AFTER
    for _ in range(rng.choice((0, 0, 1, 2, UNDO))):
        if undo and undo[-1][0] > written:
            _set(place["records"], undo.pop()[1])


def _set(records: dict[Any, bytes], changes: Mapping[Any, bytes | None]) -> None:
    for key, data in changes.items():
        if data is None:
            records.pop(key, None)
        else:
            records[key] = data
