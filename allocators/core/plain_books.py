"""The books of the plain engine: who is there, what is free, who holds what."""

from __future__ import annotations

import math
from collections.abc import Iterable
from operator import add, sub

from allocators.orders import DominantShare, Order

from .filters import FilterTable
from .interface import NO_LIMIT, UNRESERVED, Minimum
from .nodes import Nodes

__all__ = ["Agent", "PlainBooks"]

MANY = 64
"""So many totals are kept, of which agents with the same share one list."""


class Agent:
    """The books of one agent: total = free + reserved + what is held that is not reserved; rows by column.

    A row is never changed, only replaced: agents may share one.
    """

    __slots__ = ("active", "excluded", "free", "held", "reserved", "total")

    def __init__(self, width: int) -> None:
        self.active = True
        self.total = [0] * width
        self.free = [0] * width  # what is not reserved; negative where over-committed
        self.reserved: dict[int, tuple[list[int], list[int]]] = {}  # by role: all, and free of it
        self.held: dict[tuple[int, int], list[int]] = {}
        self.excluded: set[int] = set()

    def offerable(self) -> bool:
        """Whether there is anything to give."""
        if not self.active:
            return False
        return max(self.free, default=0) > 0 or any(
            max(free, default=0) > 0 for _, free in self.reserved.values()
        )


class PlainBooks:
    """Facts, movements and questions of `Core`."""

    def __init__(self, order: Order | None = None) -> None:
        self.widened = False
        self._order = DominantShare() if order is None else order
        self._nodes = Nodes(self._order)
        self._agents: dict[int, Agent] = {}
        self._spare: list[int] = []
        self._idle: set[int] = set()  # agents with anything to give
        self._filters = FilterTable()
        self._left_out: set[tuple[int, int]] = set()
        self._width = 0
        self._counted: list[bool] = []
        self._twins: dict[int, int] = {}  # revocable column -> the column that it is a kind of
        self._minimum: Minimum = []
        self._own_minimum: set[int] = set()
        self._cluster: list[int] = []
        self._headroom: list[int] = []  # sum of what is free and not reserved on active agents
        self._quotas: set[int] = set()
        self._shared: dict[tuple[int, ...], list[int]] = {}  # totals, one list for equal ones
        self._special: set[int] = set()  # agents that have reservations, or that some client cannot use
        self._full: set[int] = set()  # roles at their limit, in the pass that goes on
        self._stale_totals = True

    def add_column(self, *, counted: bool, twin: int | None = None) -> int:
        """See `Core`."""
        if twin is not None:
            self._twins[self._width] = twin
        self._width += 1
        self._counted.append(counted)
        self._cluster.append(0)
        self._headroom = []
        self._nodes.add_column()
        self._filters.add_column()
        self._shared.clear()
        for agent in self._agents.values():
            total = (*agent.total, 0)
            idle = agent.free is agent.total
            agent.total = self._shared.setdefault(total, list(total))
            agent.free = agent.total if idle else [*agent.free, 0]
            agent.held = {key: [*row, 0] for key, row in agent.held.items()}
            agent.reserved = {
                role: ([*whole, 0], [*free, 0]) for role, (whole, free) in agent.reserved.items()
            }
        self._stale_totals = True
        return self._width - 1

    def add_node(self, parent: int, name: str, role: str, framework: str = "") -> int:
        """See `Core`."""
        return self._nodes.add(parent, name, role, framework)

    def remove_node(self, node: int) -> None:
        """See `Core`."""
        self._nodes.remove(node)
        self._own_minimum.discard(node)

    def set_weight(self, node: int, weight: float) -> None:
        """See `Core`."""
        self._nodes[node].weight = weight
        self._nodes.touch(self._nodes[node])

    def set_priority(self, node: int, priority: int) -> None:
        """See `Core`."""
        self._nodes[node].priority = priority
        self._nodes.touch(self._nodes[node])

    def set_quota(self, node: int, guarantee: list[int], limit: list[int]) -> None:
        """See `Core`."""
        self._nodes.set_quota(self._nodes[node], guarantee, limit)
        if any(guarantee) or any(most != NO_LIMIT for most in limit):
            self._quotas.add(node)
        else:
            self._quotas.discard(node)
        self.widened = True

    def set_minimum(self, minimum: Minimum) -> None:
        """See `Core`."""
        self._minimum = minimum

    def set_client(self, client: int, *, active: bool, minimum: Minimum | None, revocable: bool) -> None:
        """See `Core`."""
        node = self._nodes[client]
        node.minimum, node.revocable = minimum, revocable
        if minimum is None:
            self._own_minimum.discard(client)
        else:
            self._own_minimum.add(client)
        self._nodes.set_active(node, active=active)

    def add_agent(self, total: list[int]) -> int:
        """See `Core`."""
        number = self._spare.pop() if self._spare else len(self._agents)
        self._agents[number] = Agent(self._width)
        self.set_total(number, total)
        return number

    def remove_agent(self, agent: int) -> None:
        """See `Core`."""
        books = self._agents[agent]
        for (client, part), row in list(books.held.items()):
            self.give(agent, client, part, row)
        for role, (whole, _) in list(books.reserved.items()):
            self.set_reserved(agent, role, [0] * len(whole))
        self.set_active(agent, active=False)
        self._cluster = list(map(sub, self._cluster, books.total))
        self._stale_totals = True
        self._filters.clear_agent(agent)
        self._left_out = {pair for pair in self._left_out if pair[0] != agent}
        self._special.discard(agent)
        self._idle.discard(agent)
        del self._agents[agent]
        self._spare.append(agent)

    def set_total(self, agent: int, total: list[int]) -> None:
        """See `Core`."""
        books = self._agents[agent]
        grown = list(map(sub, total, books.total))
        self._cluster = list(map(add, self._cluster, grown))
        if len(self._shared) > MANY:
            self._shared.clear()
        books.total = self._shared.setdefault(tuple(total), list(total))
        self._move(books, grown)
        self._note(agent)
        self._stale_totals = True
        self.widened |= bool(self._quotas)

    def set_active(self, agent: int, *, active: bool) -> None:
        """See `Core`."""
        books = self._agents[agent]
        if active != books.active:
            books.active = active
            self._note(agent)
            self._headroom = []  # summed anew when it is needed
            self.widened |= bool(self._quotas)

    def set_reserved(self, agent: int, role: int, row: list[int]) -> None:
        """See `Core`."""
        books = self._agents[agent]
        zeros = [0] * self._width
        whole, free = books.reserved.get(role, (zeros, zeros))
        grown = list(map(sub, row, whole))
        if any(row):
            books.reserved[role] = (row, list(map(add, free, grown)))
        else:
            books.reserved.pop(role, None)
        self._see(agent)
        self._nodes.reserve(self._nodes[role], grown)
        self._move(books, [-amount for amount in grown])
        self._note(agent)
        self.widened |= bool(self._quotas)

    def exclude(self, agent: int, client: int, *, excluded: bool) -> None:
        """See `Core`."""
        if excluded:
            self._agents[agent].excluded.add(client)
        else:
            self._agents[agent].excluded.discard(client)
        self._see(agent)

    def _see(self, agent: int) -> None:
        """Note whether the agent must be looked at on its own in every pass."""
        books = self._agents[agent]
        (self._special.add if books.reserved or books.excluded else self._special.discard)(agent)

    def _note(self, agent: int) -> None:
        """Note whether the agent has anything to give."""
        (self._idle.add if self._agents[agent].offerable() else self._idle.discard)(agent)

    def _move(self, books: Agent, row: list[int]) -> None:
        """Add `row` to what is free and not reserved."""
        free = list(map(add, books.free, row))
        if free == books.total:
            free = books.total  # one list for all such agents, which a pass need not read each time
        if books.active and len(self._headroom) == self._width:
            self._headroom = [
                whole + max(0, now) - max(0, was)
                for whole, now, was in zip(self._headroom, free, books.free, strict=True)
            ]
        books.free = free

    def take(self, agent: int, client: int, part: int, row: list[int], *, counts: bool) -> None:
        """See `Core`."""
        books = self._agents[agent]
        before = books.held.get((client, part))
        books.held[client, part] = list(row) if before is None else list(map(add, before, row))
        back = [-amount for amount in row]
        self._nodes.charge(self._nodes[client], row, counts=counts)
        if part == UNRESERVED:
            self._move(books, back)
        else:
            self._use_reserved(books, client, part, row, back)
        self._note(agent)
        self.widened |= self._nodes.guarantees > 0

    def give(self, agent: int, client: int, part: int, row: list[int]) -> None:
        """See `Core`."""
        books = self._agents[agent]
        rest = list(map(sub, books.held[client, part], row))
        if any(rest):
            books.held[client, part] = rest
        else:
            del books.held[client, part]
        self._nodes.refund(self._nodes[client], row)
        if part == UNRESERVED:
            self._move(books, row)
        else:
            self._use_reserved(books, client, part, [-amount for amount in row], row)
        self._note(agent)
        self.widened |= bool(self._quotas)

    def _use_reserved(self, books: Agent, client: int, part: int, row: list[int], back: list[int]) -> None:
        whole, free = books.reserved[part]
        books.reserved[part] = (whole, list(map(sub, free, row)))
        self._nodes.reserve(self._nodes[part], back)
        self._nodes.borrow(self._nodes[client], self._nodes[part], row)

    def refuse(self, agent: int, client: int, row: list[int], until: float) -> None:
        """See `Core`."""
        self._filters.add(agent, client, row, until)

    def leave_out(self, agent: int, client: int) -> None:
        """See `Core`."""
        self._left_out.add((agent, client))

    def forgive(self, client: int) -> None:
        """See `Core`."""
        self._filters.clear_client(client)
        self._left_out = {pair for pair in self._left_out if pair[1] != client}

    def expire(self, now: float) -> Iterable[int]:
        """See `Core`."""
        return self._filters.expire(now)

    def next_expiry(self) -> float | None:
        """See `Core`."""
        return self._filters.next_expiry()

    def _settle(self) -> None:
        """Bring up to date what is put off until it is looked at."""
        if self._stale_totals:
            self._nodes.set_totals(
                [
                    whole if counted and whole > 0 else math.inf
                    for whole, counted in zip(self._cluster, self._counted, strict=True)
                ]
            )
            self._stale_totals = False
        if self._nodes.guarantees and len(self._headroom) != self._width:
            rows = [
                [max(0, amount) for amount in books.free] for books in self._agents.values() if books.active
            ]
            self._headroom = [sum(column) for column in zip(*rows, strict=True)] or [0] * self._width

    def total(self, agent: int) -> list[int]:
        """See `Core`."""
        return self._agents[agent].total

    def free(self, agent: int) -> list[int]:
        """See `Core`."""
        return self._agents[agent].free

    def reserved(self, agent: int) -> dict[int, tuple[list[int], list[int]]]:
        """See `Core`."""
        return self._agents[agent].reserved

    def held(self, agent: int) -> dict[tuple[int, int], list[int]]:
        """See `Core`."""
        return self._agents[agent].held

    def cluster(self) -> list[int]:
        """See `Core`."""
        return self._cluster

    def allocated(self, node: int) -> list[int]:
        """See `Core`."""
        return self._nodes[node].allocated

    def share(self, node: int) -> float:
        """See `Core`."""
        self._settle()
        return self._nodes.share(self._nodes[node])

    def room(self, node: int) -> tuple[list[int], list[int]]:
        """See `Core`."""
        here = self._nodes[node]
        columns = range(self._width)
        return [here.room(column) for column in columns], [here.over(column) for column in columns]

    def claims(self, client: int) -> list[int]:
        """See `Core`."""
        node = self._nodes[client]
        return [self._nodes.claims(node, column)[0] for column in range(self._width)]

    def is_active(self, agent: int) -> bool:
        """See `Core`."""
        return self._agents[agent].active

    def hidden_until(self, agent: int, client: int, row: list[int]) -> float | None:
        """See `Core`."""
        return self._filters.hidden_until(agent, client, row)
