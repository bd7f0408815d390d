"""How many messages a second the schedulers of a principal may send: what is more waits its turn. No clock."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Mapping
from typing import Generic, TypeVar

from .options import RateLimit
from .permits import Permits

__all__ = ["RateLimits", "Turn"]

T = TypeVar("T")


class Turn(enum.Enum):
    """When a message's turn is."""

    NOW = "now"
    LATER = "later"
    """`due` will tell."""
    NEVER = "never"
    """Too many wait already."""


class RateLimits(Generic[T]):
    """Lets messages of a principal pass evenly spaced, in their order; those of others at once."""

    def __init__(self, limits: Mapping[str, RateLimit]) -> None:
        self.limits = limits
        self._permits = {principal: Permits((1, 1 / limit.qps)) for principal, limit in limits.items()}
        self._waiting: dict[str, deque[T]] = {principal: deque() for principal in limits}

    def arrive(self, principal: str, message: T, now: float) -> Turn:
        """Say when a message's turn is; one whose turn is later is kept."""
        limit = self.limits.get(principal)
        if limit is None:
            return Turn.NOW
        waiting = self._waiting[principal]
        if not waiting and self._permits[principal].take(now):
            return Turn.NOW
        if limit.capacity is not None and len(waiting) >= limit.capacity:
            return Turn.NEVER
        waiting.append(message)
        return Turn.LATER

    def follow(self, principal: str, message: T) -> bool:
        """Keep something behind the messages that wait, however many those are. False if none do."""
        waiting = self._waiting.get(principal)
        if not waiting:
            return False
        waiting.append(message)
        return True

    def due(self, now: float) -> list[T]:
        """Take out the messages whose turn it is."""
        found = []
        for principal, waiting in self._waiting.items():
            while waiting and self._permits[principal].take(now):
                found.append(waiting.popleft())
        return found

    def next_due(self) -> float | None:
        """When the next turn is, or None: nothing waits."""
        return min(
            (self._permits[principal].next for principal, waiting in self._waiting.items() if waiting),
            default=None,
        )
