"""Elections that go as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from actors import UPID


class Contending:
    """Leads when it is told to, until it is told that it does no more."""

    def __init__(self) -> None:
        self.leads = False
        self.resigned = False
        self.candidate: UPID | None = None
        self._won = asyncio.Event()
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def contend(self, candidate: UPID) -> None:
        self.candidate = candidate
        await self._won.wait()

    async def lost(self) -> str:
        return await asyncio.shield(self._lost)

    async def resign(self) -> None:
        self.leads = False
        self.resigned = True

    def win(self) -> None:
        self.leads = True
        self._won.set()

    def lose(self, reason: str) -> None:
        self.leads = False
        self._lost.set_result(reason)


class Detecting:
    """Knows of the leader that it is told of."""

    spread = 0.0

    def __init__(self) -> None:
        self.closed = False
        self._changed: Callable[[UPID | None], None] | None = None

    def watch(self, changed: Callable[[UPID | None], None]) -> None:
        self._changed = changed

    def say(self, leader: UPID | None) -> None:
        assert self._changed is not None
        self._changed(leader)

    async def on_this_machine(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True
