"""Answers that cost much are made once for all who ask at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable

__all__ = ["Shared"]


class Shared:
    """One answer of a kind is made at a time. Who asks meanwhile gets the next: what he has just done is in it."""

    def __init__(self) -> None:
        self.made = 0
        """How many were made."""
        self._running: dict[Hashable, asyncio.Task[bytes]] = {}
        self._next: dict[Hashable, asyncio.Task[bytes]] = {}

    async def get(self, kind: Hashable, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """The answer of this kind, which `make` makes."""
        task = self._next.get(kind)
        if task is None:
            task = self._next[kind] = asyncio.get_running_loop().create_task(self._make(kind, make))
            # It may be that nobody is left whom an error could be told.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        # Whoever leaves does not take it from the others.
        return await asyncio.shield(task)

    async def _make(self, kind: Hashable, make: Callable[[], Awaitable[bytes]]) -> bytes:
        former = self._running.get(kind)
        if former is not None:
            await asyncio.wait([former])
        task = self._running[kind] = self._next.pop(kind)
        self.made += 1
        try:
            return await make()
        finally:
            if self._running.get(kind) is task:
                del self._running[kind]
