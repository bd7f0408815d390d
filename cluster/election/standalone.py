"""The embedded default: one master, that always leads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from actors import UPID

__all__ = ["StandaloneContender", "StandaloneDetector", "is_here"]


def is_here(master: UPID) -> bool:
    """Whether an address is one that only this machine can reach."""
    return master.host in ("localhost", "::1") or master.host.startswith("127.")


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

    async def on_this_machine(self) -> bool:
        """Whether it is here."""
        return is_here(self._master)

    def watch(self, changed: Callable[[UPID | None], None]) -> None:
        """Call back once, at once."""
        changed(self._master)

    def close(self) -> None:
        """Nothing is watched."""
