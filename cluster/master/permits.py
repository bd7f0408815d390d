"""Permits at a rate: so many in so many seconds, evenly spaced. No clock: time is an argument."""

from __future__ import annotations

__all__ = ["Permits"]


class Permits:
    """Gives `count` permits in `seconds`, one at a time; `limit` None gives one whenever it is asked.

    ValueError for a limit that is none.
    """

    def __init__(self, limit: tuple[int, float] | None) -> None:
        if limit is not None and (limit[0] < 1 or not 0 < limit[1] < float("inf")):
            raise ValueError(f"agent_removal_rate_limit: {limit[0]} in {limit[1]} seconds is no rate")
        self._interval = 0.0 if limit is None else limit[1] / limit[0]
        self.next = float("-inf")
        """When the next one is to be had."""

    def take(self, now: float) -> bool:
        """Whether there is one; it is taken then."""
        if now < self.next:
            return False
        self.next = now + self._interval
        return True
