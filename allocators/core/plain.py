"""The engine in plain Python: the one that takes any order, and needs nothing installed."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import add, truediv
from typing import cast

import numpy as np
from numpy.typing import NDArray

from allocators.orders import DominantShare

from .gifts import ListGifts
from .interface import UNRESERVED, Given, Minimum, Pass, Reason
from .nodes import Entry, Node
from .plain_offers import PlainOffers

__all__ = ["PlainCore"]

FEW = 8
"""With more minima of clients' own than this, roles at their limit are looked at: to find out costs more."""
MANY = 64
"""From so many agents on it pays to keep the order of a flat tree, and not to sort for each."""


class PlainCore(PlainOffers):
    """See `Core`. Time: a decision O(clients passed over + depth * log(siblings)); memory O(what is held)."""

    def offerable(self, among: Iterable[int] | None = None) -> list[int]:
        """See `Core`."""
        return sorted(self._idle if among is None else self._idle.intersection(among))

    def run(self, order: Sequence[int] | NDArray[np.int64]) -> list[Given] | Pass:
        """See `Core`."""
        self._settle()
        if isinstance(order, np.ndarray):
            order = cast("list[int]", order.tolist())
        given: list[Given] = []
        whole = False
        try:
            result = self._pass(order, given)
            whole = True
        finally:
            if (
                not whole
            ):  # an order of siblings that is not ours has failed: nobody is told, so nobody is charged
                for agent, client, parts in given:
                    for part, row in parts:
                        self.give(agent, client, part, row)
                self._nodes.unsettle()
        self._left_out.clear()
        return result

    def _pass(self, order: Sequence[int], given: list[Given]) -> list[Given] | Pass:
        self._full.clear()
        if any(self._nodes[0].needed_below):
            for number in order:
                self._serve(number, given, guarantees=True)
        elif len(order) >= MANY and self._is_plain():
            group = self._nodes.only_group()
            special = {*self._special, *self._filters.agents(), *(number for number, _ in self._left_out)}
            if group is not None and len(special) * 10 < len(order):
                return self._serve_flat(order, group, special)
        for number in order:
            self._serve(number, given, guarantees=False)
        return given

    def _serve(self, number: int, given: list[Given], *, guarantees: bool) -> None:
        """Give out what is free on one agent; with `guarantees` only to those who lack some of theirs."""
        books = self._agents[number]
        if number not in self._idle:
            return
        simple = self._minimum and not books.reserved and not self._own_minimum
        if simple and not self._reaches([max(0, amount) for amount in books.free], self._minimum):
            return
        skips: Callable[[Node], bool] | None = None
        if self._quotas and not self._twins:
            needy = guarantees or not (books.reserved or self._is_spare())
            if needy and not any(self._nodes[0].needed_below):
                return
            skips = partial(self._is_passed_over, needy=needy)
        left_out = self._left_out
        for group in self._nodes.groups(skips):
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

    def _is_spare(self) -> bool:
        """Whether more than the smallest offer is free that need not be kept for guarantees."""
        if not self._nodes.guarantees or len(self._own_minimum) > FEW:
            return True
        kept = self._nodes[0].needed_below
        spare = [max(0, free - need) for free, need in zip(self._headroom, kept, strict=True)]
        return any(not minimum or self._reaches(spare, minimum) for minimum in self._minima())

    def _is_passed_over(self, role: Node, *, needy: bool) -> bool:
        """Whether nobody in the role can get anything: by its limit, or with `needy` as nothing is kept for it."""
        if needy and role.parent is self._nodes[0] and not any(role.need):
            return True
        if role.number in self._full:
            return True
        if role.limit is None or any(role.unused) or len(self._own_minimum) > FEW:
            return False
        # Nobody has more than the cluster, either: of what there is none of, there is no limit in most cases.
        room = [min(role.room(column), whole) for column, whole in enumerate(self._cluster)]
        if any(not minimum or self._reaches(room, minimum) for minimum in self._minima()):
            return False
        self._full.add(role.number)  # for this pass: what is given out only makes it less
        return True

    def _minima(self) -> Iterator[Minimum]:
        yield self._minimum
        for client in self._own_minimum:
            yield self._nodes[client].minimum or []

    def _is_plain(self) -> bool:
        return (
            type(self._order) is DominantShare
            and not self._quotas
            and not self._own_minimum
            and not self._twins
        )

    def _serve_flat(self, order: Sequence[int], group: Node, special: set[int]) -> ListGifts:
        """Serve agents with one order of the group; the roles above it are charged once for all.

        The order is two sorted lists, each from a place on: who was served goes into the second, mostly to its end,
        and the second takes the place of the first when that is at an end.
        """
        gifts = ListGifts()
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
