"""Views encoded once for all who ask, so that a hundred dashboards cost the master what one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from actors import Clock

__all__ = ["MIN_AGE", "PART", "Recent", "Snapshots", "lasts"]

MIN_AGE = 0.1
"""Seconds that a view is served for at least, however much changes: this bounds what reading costs."""
PART = 0.1
"""The part of the time that goes into making one view, at most."""

T = TypeVar("T")


def lasts(seconds: float) -> float:
    """For how many seconds a view is served that took so long to make."""
    return max(MIN_AGE, seconds / PART)


class Recent(Generic[T]):
    """A value that is made again when it is asked for and old enough, whether anything has changed or not."""

    def __init__(self, clock: Clock, make: Callable[[], T]) -> None:
        self._clock = clock
        self._make = make
        self._value: T | None = None
        self._until = 0.0

    def get(self) -> T:
        """The value."""
        begun = self._clock.monotonic()
        value = self._value
        if value is None or begun >= self._until:
            value = self._value = self._make()
            now = self._clock.monotonic()
            self._until = now + lasts(now - begun)
        return value


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
        begun = self._clock.monotonic()
        if known is not None and (known[0] == self.version or begun < known[1]):
            return known[2], known[3]
        self.encoded += 1
        value = make()
        data = msgspec.json.encode(value)
        now = self._clock.monotonic()
        self._views[name] = (self.version, now + lasts(now - begun), value, data)
        return value, data
