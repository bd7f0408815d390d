"""Refusals: for some time a client does not want some agent's resources.

Mesos's rule: a filter hides an offer that is contained in what was refused, so a larger remainder passes.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection
from operator import le

__all__ = ["FilterTable"]


class Filter:
    """One refusal: `refused` thousandths by column, until a time in seconds."""

    __slots__ = ("agent", "client", "live", "refused", "until")

    def __init__(self, agent: int, client: int, refused: list[int], until: float) -> None:
        self.agent = agent
        self.client = client
        self.refused = refused
        self.until = until
        self.live = True

    def hides(self, row: list[int]) -> bool:
        """Tell whether an offer of `row` is hidden."""
        return all(map(le, row, self.refused))


class FilterTable:
    """All filters, found by agent and client, by client, and by time of expiry."""

    def __init__(self) -> None:
        self._at: dict[int, dict[int, list[Filter]]] = {}
        self._agents: dict[int, set[int]] = {}
        self._queue: list[tuple[float, int, Filter]] = []
        self._made = 0
        self._dead = 0

    def add_column(self) -> None:
        """Make room for one more resource, of which nothing was refused so far."""
        for clients in self._at.values():
            for filters in clients.values():
                for item in filters:
                    item.refused.append(0)

    def add(self, agent: int, client: int, refused: list[int], until: float) -> None:
        """Set a filter; weaker and shorter ones of the same client there are dropped."""
        here = self._at.setdefault(agent, {}).setdefault(client, [])
        kept = [item for item in here if item.until > until or not all(map(le, item.refused, refused))]
        if len(kept) < len(here):
            self._kill([item for item in here if item not in kept])
        new = Filter(agent, client, refused, until)
        here[:] = [*kept, new]
        self._agents.setdefault(client, set()).add(agent)
        self._made += 1
        heapq.heappush(self._queue, (until, self._made, new))

    def agents(self) -> Collection[int]:
        """Return the agents with filters."""
        return self._at.keys()

    def hides(self, agent: int, client: int, row: list[int]) -> bool:
        """Tell whether a filter that has not ended hides an offer of `row`."""
        here = self._at.get(agent)
        return here is not None and any(item.hides(row) for item in here.get(client, ()))

    def hidden_until(self, agent: int, client: int, row: list[int]) -> float | None:
        """Return the time to which filters hide this very offer, or None if none does."""
        filters = self._at.get(agent, {}).get(client, [])
        return max((item.until for item in filters if item.hides(row)), default=None)

    def expire(self, now: float) -> set[int]:
        """Drop the filters that ended and return their agents."""
        agents: set[int] = set()
        while self._queue and self._queue[0][0] <= now:
            item = heapq.heappop(self._queue)[2]
            if item.live:
                item.live = False
                agents.add(item.agent)
                self._at[item.agent][item.client].remove(item)
                self._tidy(item.agent, item.client)
            else:
                self._dead -= 1
        return agents

    def clear_client(self, client: int) -> None:
        """Drop all filters of a client."""
        for agent in list(self._agents.get(client, ())):
            self._clear(agent, client)

    def clear_agent(self, agent: int) -> None:
        """Drop all filters on an agent."""
        for client in list(self._at.get(agent, ())):
            self._clear(agent, client)

    def next_expiry(self) -> float | None:
        """Return when the first filter ends, or None."""
        while self._queue and not self._queue[0][2].live:
            heapq.heappop(self._queue)
            self._dead -= 1
        return self._queue[0][0] if self._queue else None

    def _clear(self, agent: int, client: int) -> None:
        filters = self._at[agent][client]
        self._kill(filters)
        filters.clear()
        self._tidy(agent, client)

    def _tidy(self, agent: int, client: int) -> None:
        if not self._at[agent][client]:
            del self._at[agent][client]
            if not self._at[agent]:
                del self._at[agent]
            self._agents[client].discard(agent)
            if not self._agents[client]:
                del self._agents[client]

    def _kill(self, filters: list[Filter]) -> None:
        for item in filters:
            item.live = False
        self._dead += len(filters)
        # Long filters that are revived away must not pile up in the queue until they would have ended.
        if self._dead > 64 and 2 * self._dead > len(self._queue):
            self._queue = [entry for entry in self._queue if entry[2].live]
            heapq.heapify(self._queue)
            self._dead = 0
