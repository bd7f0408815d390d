"""Those who are shown what comes out of a container, each as fast as it takes it."""

from __future__ import annotations

import asyncio
import enum
from collections import deque

__all__ = ["Stream", "Viewer"]


class Stream(enum.Enum):
    """Where output comes from."""

    STDOUT = "stdout"
    STDERR = "stderr"


class Viewer:
    """One who is shown all that comes out from now on, as fast as it takes it: at most one piece waits for it."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[Stream, bytes]] = deque()
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._over = False

    async def put(self, stream: Stream, data: bytes) -> None:
        """Give it a piece, when the last one is taken; none if it is closed."""
        while self._pieces and not self._over:
            self._room.clear()
            await self._room.wait()
        if not self._over:
            self._pieces.append((stream, data))
            self._changed.set()

    async def get(self) -> tuple[Stream, bytes] | None:
        """The next piece; None when there are no more. For one caller at a time."""
        while not self._pieces and not self._over:
            self._changed.clear()
            await self._changed.wait()
        if not self._pieces:
            return None
        piece = self._pieces.popleft()
        self._room.set()
        return piece

    def end(self) -> None:
        """There is no more than what waits."""
        self._over = True
        self._changed.set()
        self._room.set()

    def close(self) -> None:
        """It wants no more."""
        self._pieces.clear()
        self.end()
