"""Pauses between attempts to reach etcd."""

from __future__ import annotations

import logging
import random

__all__ = ["AGAIN", "Pauses"]

log = logging.getLogger("ostrom.election")

AGAIN = 0.05
"""Seconds between two attempts to reach etcd, at least."""
LONGEST = 1.0


class Pauses:
    """Pauses that grow while etcd cannot be reached, each random; the trouble is told once."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()  # noqa: S311 - delays, no secrets
        self._longest = AGAIN
        self._told = False

    def note(self, error: Exception) -> None:
        """It cannot be reached now."""
        if not self._told:
            log.warning("etcd cannot be reached, trying again: %s", error)
        self._told = True

    def over(self) -> None:
        """It was."""
        if self._told:
            log.info("etcd can be reached again")
        self._told = False
        self._longest = AGAIN

    def next(self) -> float:
        """Seconds until the next attempt."""
        seconds = self._rng.uniform(AGAIN, max(AGAIN, self._longest))
        self._longest = min(2 * self._longest, LONGEST)
        return seconds
