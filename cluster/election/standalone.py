"""The embedded default: one master, that always leads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from actors import UPID

__all__ = ["StandaloneContender", "StandaloneDetector"]


class StandaloneContender:
    """Leads at once and for ever: for a single master."""

    leads = True

    async def contend(self, candidate: UPID) -> None:
        """Return at once."""

    async def lost(self) -> str:
        """Never return."""
        await asyncio.get_running_loop().create_future()
        return ""

    async def resign(self) -> None:
        """Nobody to hand over to."""


class StandaloneDetector:
    """The leader is the one named."""

    spread = 0.0

    def __init__(self, master: UPID) -> None:
        self._master = master
        host = master.host
        self.on_this_machine = host in ("localhost", "::1") or host.startswith("127.")

    def watch(self, changed: Callable[[UPID | None], None]) -> None:
        """Call back once, at once."""
        changed(self._master)

    def close(self) -> None:
        """Nothing is watched."""
