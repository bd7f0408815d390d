"""Helpers for tests: let the actors work until nothing is left to do, and move paused time."""

from __future__ import annotations

import asyncio

from .clock import PausedClock
from .system import ActorSystem

__all__ = ["advance", "settle"]

QUIET_TURNS = 8
"""Turns of the loop without work until it counts as quiet: a task that resumes takes up to three."""


async def settle(*systems: ActorSystem) -> None:
    """Return when no actor of these systems has anything left to do that needs no time and no outside.

    For systems that speak in-process; what travels through real sockets cannot be known from here.
    """
    quiet = 0
    while quiet < QUIET_TURNS:
        await asyncio.sleep(0)
        quiet = quiet + 1 if all(system.idle for system in systems) else 0


async def advance(clock: PausedClock, seconds: float, *systems: ActorSystem) -> None:
    """Move the clock on by `seconds`, from timer to timer, and settle the systems after each."""
    end = clock.monotonic() + seconds
    await settle(*systems)
    while (due := clock.next_timer()) is not None and due <= end:
        clock.step_to(max(due, clock.monotonic()))
        await settle(*systems)
    clock.step_to(end)
    await settle(*systems)
