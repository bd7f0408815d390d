"""Maintenance windows: agents that are offered to nobody for a planned time."""

from __future__ import annotations

import math

__all__ = ["Windows"]


class Windows:
    """When each agent is unavailable; times in seconds."""

    def __init__(self) -> None:
        self._of: dict[int, tuple[float, float]] = {}
        self._within: set[int] = set()
        self._changed: set[int] = set()
        self._now = -math.inf

    def __bool__(self) -> bool:
        return bool(self._of or self._changed)

    def set(self, agent: int, window: tuple[float, float] | tuple[()]) -> None:
        """Set an agent's (start, end), or () for none."""
        self._of.pop(agent, None)
        if window:
            self._of[agent] = window
        self._changed.add(agent)

    def forget(self, agent: int) -> None:
        """The agent is gone."""
        self._of.pop(agent, None)
        self._within.discard(agent)
        self._changed.discard(agent)

    def see(self, now: float) -> list[int]:
        """Let time pass; return the agents for which anything may be different, those with windows included."""
        self._now = now
        seen = sorted({*self._of, *self._changed})
        self._changed.clear()
        self._of = {agent: window for agent, window in self._of.items() if window[1] > now}
        self._within = {agent for agent, (start, _) in self._of.items() if start <= now}
        return seen

    def within(self, agent: int) -> bool:
        """Whether the agent is unavailable now."""
        return agent in self._within

    def window(self, agent: int) -> tuple[float, float] | None:
        """The agent's (start, end), if it has one that has not ended."""
        return self._of.get(agent)

    def too_soon(self, agent: int, seconds: float) -> bool:
        """Whether the agent becomes unavailable before so many seconds have passed; 0 is never too soon."""
        window = self._of.get(agent)
        return window is not None and seconds > 0 and window[0] - self._now < seconds

    def next_change(self) -> float | None:
        """When the next window begins or ends."""
        times = (time for window in self._of.values() for time in window)
        return min((time for time in times if self._now < time < math.inf), default=None)
