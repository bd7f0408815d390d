"""Who leads: the interface, and the embedded default of one master that always does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from actors import UPID, parse_address

__all__ = ["MASTER_ID", "Contender", "Detector", "StandaloneContender", "StandaloneDetector", "detector_for"]

MASTER_ID = "master"
"""The actor id of every master."""


class Contender(Protocol):
    """A master's side of an election."""

    async def contend(self, candidate: UPID) -> None:
        """Return when the candidate leads."""

    async def lost(self) -> str:
        """Return, with the reason, when it no longer does. It must stop acting at once."""

    async def resign(self) -> None:
        """Hand over now, rather than when the others notice."""


class Detector(Protocol):
    """How agents, frameworks and commands learn who leads.

    `on_this_machine` says that a leader can only be here, so that loopback is enough to hear from it.
    """

    on_this_machine: bool

    def watch(self, changed: Callable[[UPID | None], None]) -> None:
        """Call back with the leader now and at every change; None while there is none."""

    def close(self) -> None:
        """Stop watching."""


class StandaloneContender:
    """Leads at once and for ever: for a single master."""

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

    def __init__(self, master: UPID) -> None:
        self._master = master
        host = master.host
        self.on_this_machine = host in ("localhost", "::1") or host.startswith("127.")

    def watch(self, changed: Callable[[UPID | None], None]) -> None:
        """Call back once, at once."""
        changed(self._master)

    def close(self) -> None:
        """Nothing is watched."""


def detector_for(master: str | UPID) -> Detector:
    """The detector for what people write as `--master`: HOST:PORT. ValueError naming the text."""
    if isinstance(master, UPID):
        return StandaloneDetector(master)
    if "://" in master:
        scheme = master.partition("://")[0]
        raise ValueError(f"master {master!r}: {scheme}:// is not supported, use HOST:PORT")
    return StandaloneDetector(UPID.at(MASTER_ID, parse_address(master)))
