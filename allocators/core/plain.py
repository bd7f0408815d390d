"""The engine in plain Python: the one that takes any order, and needs nothing installed."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from operator import add, sub, truediv
from typing import cast, overload

import numpy as np
from numpy.typing import NDArray

from allocators.orders import DominantShare, Order

from .filters import FilterTable
from .interface import NO_LIMIT, UNRESERVED, Given, Minimum, Part, Pass, Reason
from .nodes import Entry, Node, Nodes

__all__ = ["PlainCore"]

MANY = 64
"""From so many agents on it pays to keep the order of a flat tree, and not to sort for each."""


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


class Gifts(Pass):
    """What a pass over a flat tree gave, as lists; each grant is made when it is looked at."""

    def __init__(self) -> None:
        self.agents: list[int] = []
        self.clients: list[int] = []
        self.rows: list[list[int]] = []
        self.parts: dict[int, list[Part]] = {}  # by place: where it is not just a row that is not reserved

    def add(self, given: Given) -> None:
        """Put one more at the end."""
        self.parts[len(self.agents)] = given.parts
        self.agents.append(given.agent)
        self.clients.append(given.client)
        self.rows.append([])

    def __len__(self) -> int:
        return len(self.agents)

    @overload
    def __getitem__(self, index: int) -> Given: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Given]: ...

    def __getitem__(self, index: int | slice) -> Given | Sequence[Given]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        parts = self.parts.get(place) or [(UNRESERVED, self.rows[place])]
        return Given(self.agents[place], self.clients[place], parts)

    def __iter__(self) -> Iterator[Given]:
        return map(self.__getitem__, range(len(self)))

    def pairs(self) -> Iterator[tuple[int, int]]:
        """See `Pass`."""
        return zip(self.agents, self.clients, strict=True)

    def reserved_for(self) -> set[int]:
        """See `Pass`."""
        return {part for parts in self.parts.values() for part, _ in parts if part != UNRESERVED}


class PlainCore:
    """See `Core`. Time: a decision O(clients passed over + depth * log(siblings)); memory O(what is held)."""

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
        self._stale_totals = True

    # Columns

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

    # The tree

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

    # Agents

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

    # Movements

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

    # Decisions

    def offerable(self, among: Iterable[int] | None = None) -> list[int]:
        """See `Core`."""
        return sorted(self._idle if among is None else self._idle.intersection(among))

    def run(self, order: Sequence[int] | NDArray[np.int64]) -> list[Given] | Pass:
        """See `Core`."""
        self._settle()
        if isinstance(order, np.ndarray):
            order = cast("list[int]", order.tolist())
        given: list[Given] = []
        if any(self._nodes[0].needed_below):
            for number in order:
                self._serve(number, given, guarantees=True)
        elif len(order) >= MANY and self._is_plain():
            group = self._nodes.only_group()
            special = {*self._special, *self._filters.agents(), *(number for number, _ in self._left_out)}
            if group is not None and len(special) * 10 < len(order):
                gifts = self._serve_flat(order, group, special)
                self._left_out.clear()
                return gifts
        for number in order:
            self._serve(number, given, guarantees=False)
        self._left_out.clear()
        return given

    def offer(self, agent: int, client: int) -> tuple[Reason, list[Part]]:
        """See `Core`."""
        self._settle()
        if (agent, client) in self._left_out:
            return Reason.LEFT_OUT, []
        return self._offer(agent, self._agents[agent], self._nodes[client])

    def available(self, agent: int, client: int) -> list[Part]:
        """See `Core`."""
        self._settle()
        return self._parts(self._agents[agent], self._nodes[client])[0]

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

    def _serve(self, number: int, given: list[Given], *, guarantees: bool) -> None:
        """Give out what is free on one agent; with `guarantees` only to those who lack some of theirs."""
        books = self._agents[number]
        if number not in self._idle:
            return
        simple = self._minimum and not books.reserved and not self._own_minimum
        if simple and not self._reaches([max(0, amount) for amount in books.free], self._minimum):
            return
        left_out = self._left_out
        for group in self._nodes.groups():
            for _, _, _, client in group:
                if guarantees and not self._lacks(client, books.free):
                    continue
                if left_out and (number, client.number) in left_out:
                    continue
                reason, parts = self._offer(number, books, client)
                if reason is Reason.NONE:
                    counts = True
                    for part, row in parts:
                        self.take(number, client.number, part, row, counts=counts)
                        counts = False
                    given.append(Given(number, client.number, parts))
                    if number not in self._idle:
                        return

    def _lacks(self, client: Node, free: list[int]) -> bool:
        return any(
            amount > 0 and self._nodes.claims(client, column)[0] > 0 for column, amount in enumerate(free)
        )

    def _offer(self, number: int, books: Agent, client: Node) -> tuple[Reason, list[Part]]:
        """What the agent would give the client, or the first thing that is in the way."""
        if client.number in books.excluded:
            return Reason.EXCLUDED, []
        parts, narrowed = self._parts(books, client)
        if not parts:
            return (narrowed or Reason.NOTHING_FREE), []
        row = parts[0][1]
        for _, more in parts[1:]:
            row = list(map(add, row, more))
        minimum = self._minimum if client.minimum is None else client.minimum
        if minimum and not self._reaches(row, minimum):
            return (narrowed or Reason.TOO_SMALL), []
        if self._filters.hides(number, client.number, row):
            return Reason.REFUSED, []
        return Reason.NONE, parts

    def _reaches(self, row: list[int], minimum: Minimum) -> bool:
        if self._twins:
            row = list(row)
            for twin, column in self._twins.items():
                row[column] += row[twin]
        for alternative in minimum:
            for column, amount in alternative:
                if row[column] < amount:
                    break
            else:
                return True
        return False

    def _parts(self, books: Agent, client: Node) -> tuple[list[Part], Reason | None]:
        """What is free on the agent for the client by part, and what made it less, if anything did."""
        row = [max(0, amount) for amount in books.free]
        parts: list[Part] = []
        narrowed: Reason | None = None
        if not client.revocable:
            for twin in self._twins:
                row[twin] = 0
        if self._quotas or books.reserved:
            path = list(client.path())
            # From the client upwards: what the nodes so far may still get by their limits.
            room = [NO_LIMIT] * self._width
            taken = [0] * self._width
            for node in path:
                here = books.reserved.get(node.number)
                if here is not None:
                    amounts = [
                        min(max(0, free), max(0, most - used))
                        for free, most, used in zip(here[1], room, taken, strict=True)
                    ]
                    if any(amounts):
                        parts.append((node.number, amounts))
                        taken = list(map(add, taken, amounts))
                    if any(free > amount for free, amount in zip(here[1], amounts, strict=True)):
                        narrowed = Reason.LIMIT
                if node.limit is not None:
                    # What is taken of reservations from here on upwards counts here, what was so far does not:
                    # it is counted already, as reserved.
                    room = [min(most, node.room(column) + taken[column]) for column, most in enumerate(room)]
            if self._quotas:
                row, why = self._within_quota(row, client, room, taken)
                narrowed = why or narrowed
        if any(row):
            parts.append((UNRESERVED, row))
        return parts, narrowed

    def _within_quota(
        self, row: list[int], client: Node, room: list[int], taken: list[int]
    ) -> tuple[list[int], Reason | None]:
        """Cut what is not reserved to the limits of the path, and to what the guarantees of others leave."""
        narrowed: Reason | None = None
        result = list(row)
        for column, amount in enumerate(row):
            if amount <= 0 or column in self._twins:
                continue
            most = max(0, room[column] - taken[column])
            if most < amount:
                narrowed = Reason.LIMIT
                amount = most
            if self._nodes.guarantees:
                own, others = self._nodes.claims(client, column)
                most = max(own, self._headroom[column] - others)
                if most < amount:
                    narrowed = Reason.GUARANTEES
                    amount = max(0, most)
            result[column] = amount
        return result, narrowed

    # The usual pass: one group, nothing in anybody's way, each agent goes whole to the first client.

    def _is_plain(self) -> bool:
        return (
            isinstance(self._order, DominantShare)
            and not self._quotas
            and not self._own_minimum
            and not self._twins
        )

    def _serve_flat(self, order: Sequence[int], group: Node, special: set[int]) -> Gifts:
        """Serve agents with one order of the group; the roles above it are charged once for all.

        The order is two sorted lists, each from a place on: who was served goes into the second, mostly to its end,
        and the second takes the place of the first when that is at an end.
        """
        gifts = Gifts()
        agents, totals, clients, idle = self._agents, self._nodes.totals, gifts.clients, self._idle
        zeros = [0] * self._width
        began = 0
        usable: list[int] | None = None  # the last row that reached the minimum
        alike: list[int] | None = None  # the last row given, to one who held `before`
        before: list[int] = []
        after: list[int] = []
        share = 0.0
        first, second, here, there = list(next(self._nodes.groups())), list[Entry](), 0, 0
        for number in order:
            books = agents[number]
            row = books.free
            if number in special or not books.active or (row is not usable and min(row) < 0):
                self._keep_order(group, first[here:] + second[there:], gifts.rows[began:])
                given: list[Given] = []
                self._serve(number, given, guarantees=False)
                for each in given:
                    gifts.add(each)
                began = len(clients)
                first, second, here, there = list(next(self._nodes.groups())), [], 0, 0
                continue
            if row is not usable:
                if not any(row) or (self._minimum and not self._reaches(row, self._minimum)):
                    continue
                usable = row
            if here == len(first):
                first, second, here, there = second, [], there, 0
            if there < len(second) and second[there] < first[here]:
                entry = second[there]
                there += 1
            else:
                entry = first[here]
                here += 1
            client = entry[3]
            if row is not alike or client.allocated != before:  # often the same again
                alike, before = row, client.allocated
                after = list(map(add, before, row))
                share = max(map(truediv, after, totals))
            client.allocated = [*after]
            count = client.count = entry[1] + 1
            entry = (share / client.weight, count, entry[2], client)
            if (
                here > 0
                and (here == len(first) or entry < first[here])
                and not (there < len(second) and second[there] < entry)
            ):
                here -= 1
                first[here] = entry
            elif there == len(second) or second[-1] < entry:
                second.append(entry)
            else:
                insort(second, entry, there)
            key = (client.number, UNRESERVED)
            held = books.held
            held[key] = list(map(add, held[key], row)) if key in held else row
            books.free = zeros
            idle.discard(number)
            gifts.agents.append(number)
            clients.append(client.number)
            gifts.rows.append(row)
        self._keep_order(group, first[here:] + second[there:], gifts.rows[began:])
        self._headroom = []
        return gifts

    def _keep_order(self, group: Node, entries: list[Entry], rows: list[list[int]]) -> None:
        """Give the group the order of its clients, and charge it and the roles above for them."""
        entries.sort()
        group.order = entries
        for entry in entries:
            entry[3].key = entry
        row = [sum(column) for column in zip(*rows, strict=True)]
        for node in group.path() if rows else ():
            node.allocated = list(map(add, node.allocated, row))
            node.count += len(rows)
            self._nodes.touch(node)

    # Questions

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

    def is_active(self, agent: int) -> bool:
        """See `Core`."""
        return self._agents[agent].active

    def hidden_until(self, agent: int, client: int, row: list[int]) -> float | None:
        """See `Core`."""
        return self._filters.hidden_until(agent, client, row)
