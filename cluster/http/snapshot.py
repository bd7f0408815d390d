"""Views encoded once for all who ask, so that a hundred dashboards cost the master what one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from actors import Clock

__all__ = ["MIN_AGE", "Snapshots"]

MIN_AGE = 0.1
"""Seconds that a view is served for at least, however much changes: this bounds what reading costs."""


class Snapshots:
    """The latest encoding of each view; made again when asked for, when something changed, and not too often."""

    def __init__(self, clock: Clock) -> None:
        self.encoded = 0
        """How many times a view was made."""
        self.version = 0
        """How often something has changed."""
        self.epoch = 0
        """How often everything was to be made anew."""
        self._clock = clock
        self._views: dict[str, tuple[int, float, Any, bytes]] = {}

    def changed(self) -> None:
        """Note that something has changed."""
        self.version += 1

    def forget(self) -> None:
        """Make every view anew: who has changed something sees it in what is read next."""
        self._views.clear()
        self.epoch += 1

    def get(self, name: str, make: Callable[[], Any]) -> tuple[Any, bytes]:
        """The view with this name, as a value and as JSON; `make` makes it."""
        known = self._views.get(name)
        now = self._clock.monotonic()
        if known is not None and (known[0] == self.version or now - known[1] < MIN_AGE):
            return known[2], known[3]
        self.encoded += 1
        value = make()
        data = msgspec.json.encode(value)
        self._views[name] = (self.version, now, value, data)
        return value, data
