"""Who leads: what a master, and what everybody else, asks of an election."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from actors import UPID

__all__ = ["MASTER_ID", "Contender", "Detector"]

MASTER_ID = "master"
"""The actor id of every master."""


class Contender(Protocol):
    """A master's side of an election.

    `leads` is to be asked before each act: whether it certainly leads now, by its own clock.
    """

    @property
    def leads(self) -> bool:
        """False as soon as another may lead, though nobody has noticed yet."""

    async def contend(self, candidate: UPID) -> None:
        """Return when the candidate leads."""

    async def lost(self) -> str:
        """Return, with the reason, when it no longer does. It must stop acting at once."""

    async def resign(self) -> None:
        """Hand over now, rather than when the others notice."""


class Detector(Protocol):
    """How agents, frameworks and commands learn who leads.

    When another leads than before, those who follow it come to it within `spread` seconds, each at a random time, not
    all at once.
    """

    spread: float

    async def on_this_machine(self) -> bool:
        """Whether leaders are here alone, so that loopback is enough to hear from them; wait until one is known."""

    def watch(self, changed: Callable[[UPID | None], None]) -> None:
        """Call back with the leader now and at every change; None while there is none."""

    def close(self) -> None:
        """Stop watching."""
