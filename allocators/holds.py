"""Agents that are filled up for a framework whose smallest offer is more than is free anywhere.

YARN's incremental reservation, bounded: a framework that states what it can use, and how long it is ready to wait,
has one agent held for it; what becomes free there is kept, and counts in its share, until it is enough or time is up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from operator import add, sub

from allocators.books import Books
from allocators.core import Reason
from allocators.interface import Client, Grant
from allocators.roles import above

__all__ = ["Holds"]


@dataclass(slots=True)
class Hold:
    """What was gathered of one agent so far, by part."""

    client: int
    until: float
    parts: dict[int, list[int]] = field(default_factory=dict)


class Holds:
    """Who waits, and what is held for whom; at most one agent a client."""

    def __init__(self, books: Books, mark: Callable[[int], object], time: float, part: float) -> None:
        self._books = books
        self._mark = mark
        self._time = time
        self._part = part
        self._on: dict[int, Hold] = {}
        self._since: dict[int, float] = {}
        self._patient: set[str] = set()  # frameworks that say how long they are ready to wait
        self._now = -math.inf

    def __bool__(self) -> bool:
        return bool(self._on or self._patient)

    def heed(self, framework: str, *, patient: bool) -> None:
        """Say whether a framework has agents held for it when it has waited."""
        (self._patient.add if patient else self._patient.discard)(framework)
        if not patient:
            for client in self._books.frameworks[framework].clients.values():
                self.end_for(client)

    # What is held

    def client_on(self, agent: int) -> int | None:
        """For whom the agent is held."""
        hold = self._on.get(agent)
        return None if hold is None else hold.client

    def until(self, agent: int) -> float:
        """Until when the agent is held."""
        return self._on[agent].until

    def gathered(self, agent: int, part: int, row: list[int]) -> list[int]:
        """What is free of a part of the agent, with what is only kept."""
        hold = self._on.get(agent)
        kept = None if hold is None else hold.parts.get(part)
        return row if kept is None else list(map(add, row, kept))

    def told(self, agent: int, held: Mapping[tuple[int, int], list[int]]) -> dict[tuple[int, int], list[int]]:
        """What of `held` on the agent the frameworks know of."""
        hold = self._on.get(agent)
        known = dict(held)
        if hold is None:
            return known
        for part, row in hold.parts.items():
            rest = list(map(sub, known.pop((hold.client, part)), row))
            if any(rest):
                known[hold.client, part] = rest
        return known

    def add_to(self, agent: int, amounts: dict[str, int]) -> dict[str, int]:
        """What is free, with what is held."""
        hold = self._on.get(agent)
        if hold is not None:
            for row in hold.parts.values():
                for name, amount in self._books.columns.amounts(row).items():
                    amounts[name] = amounts.get(name, 0) + amount
        return amounts

    # Ends

    def end_on(self, agent: int) -> None:
        """Let go of what is held on an agent."""
        hold = self._on.pop(agent, None)
        if hold is not None:
            for part, row in hold.parts.items():
                self._books.core.give(agent, hold.client, part, row)
            self._mark(agent)

    def end_for(self, client: int) -> None:
        """The client wants nothing any more."""
        self._since.pop(client, None)
        for agent in [agent for agent, hold in self._on.items() if hold.client == client]:
            self.end_on(agent)

    def next_change(self) -> float | None:
        """When the next hold ends, or somebody has waited long enough for one."""
        times = [hold.until for hold in self._on.values()]
        times += [self._since.get(client, math.inf) + patience for client, patience in self._waiting()]
        return min((time for time in times if self._now < time < math.inf), default=None)

    # Turns

    def before(self, now: float) -> Iterator[Grant]:
        """Before others are served: gather what became free on held agents, and yield what is enough."""
        self._now = now
        for agent in sorted(self._on):
            hold = self._on[agent]
            if hold.until <= now or not self._makes_sense(agent, hold.client):
                self.end_on(agent)
                self._since[hold.client] = now
                continue
            found = self._books.core.available(agent, hold.client)
            parts = {part: list(row) for part, row in hold.parts.items()}
            for part, row in found:
                parts[part] = list(map(add, parts[part], row)) if part in parts else row
            enough = self._enough(hold.client, parts)
            for part, row in found:
                self._books.core.take(
                    agent, hold.client, part, row, counts=enough and (part, row) is found[-1]
                )
            hold.parts = parts
            if enough:
                del self._on[agent]
                yield self._books.grant(self._books.agent_names[agent], hold.client, list(parts.items()))

    def after(self, now: float, served: Collection[Client]) -> list[Grant]:
        """After others were served: hold agents for those who have waited long enough.

        Who finds none waits once more as long: to look for one takes a look at all agents.
        """
        waiting = self._waiting()
        holding = {hold.client for hold in self._on.values()}
        most = math.ceil(self._part * len(self._books.agents))
        waiting.sort(key=lambda each: (self._books.core.share(each[0]), self._books.roles.clients[each[0]]))
        started = False
        for client, patience in waiting:
            if self._books.roles.clients[client] in served:
                self.end_for(client)
                self._since[client] = now
            since = self._since.setdefault(client, now)
            if now - since >= patience and client not in holding and len(self._on) < most:
                agent = self._best_agent(client)
                if agent is None:
                    self._since[client] = now
                else:
                    self._on[agent] = Hold(client, now + self._time)
                    started = True
        return list(self.before(now)) if started else []

    def _makes_sense(self, agent: int, client: int) -> bool:
        """Whether the client could still have of that agent what it waits for."""
        core = self._books.core
        return (
            core.is_active(agent)
            and core.offer(agent, client)[0] is not Reason.EXCLUDED
            and any(self._fitting(agent, client))
        )

    def _fitting(self, agent: int, client: int) -> list[list[int]]:
        """The alternatives of its smallest offer that the whole agent would be enough for."""
        core = self._books.core
        path = {self._books.roles.nodes[role] for role in above(self._books.roles.clients[client][1])}
        most = core.total(agent)
        for role, (whole, _) in core.reserved(agent).items():
            if role not in path:
                most = list(map(sub, most, whole))
        return [
            need
            for need in self._alternatives(client)
            if all(least <= have for least, have in zip(need, most, strict=True))
        ]

    def _waiting(self) -> list[tuple[int, float]]:
        return [
            (state.clients[role], state.hold_after)
            for state in (self._books.frameworks[name] for name in sorted(self._patient))
            if state.hold_after is not None
            for role in sorted(state.ready())
        ]

    def _alternatives(self, client: int) -> list[list[int]]:
        framework, _ = self._books.roles.clients[client]
        return [self._books.columns.row(one) for one in self._books.frameworks[framework].min_offer]

    def _enough(self, client: int, parts: Mapping[int, list[int]]) -> bool:
        row = [sum(column) for column in zip(*parts.values(), strict=True)]
        return bool(row) and any(
            all(have >= least for have, least in zip(row, one, strict=True))
            for one in self._alternatives(client)
        )

    def _best_agent(self, client: int) -> int | None:
        """The agent that lacks least of the smallest offer that it could ever make, by name among equals."""
        core = self._books.core
        best: tuple[float, str, int] | None = None
        cluster = core.cluster()
        for agent, name in self._books.agent_names.items():
            if agent in self._on or not core.is_active(agent):
                continue
            if core.offer(agent, client)[0] not in (Reason.TOO_SMALL, Reason.NOTHING_FREE):
                continue
            free = [0] * len(cluster)
            for _, row in core.available(agent, client):
                free = list(map(add, free, row))
            for need in self._fitting(agent, client):
                if core.hidden_until(agent, client, need) is None:
                    lack = sum(
                        max(0, least - have) / whole
                        for least, have, whole in zip(need, free, cluster, strict=True)
                        if whole > 0
                    )
                    if best is None or (lack, name) < best[:2]:
                        best = (lack, name, agent)
        return None if best is None else best[2]
