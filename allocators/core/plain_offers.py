"""What an agent would give a client: the rules, in plain Python."""

from __future__ import annotations

from operator import add

from .interface import NO_LIMIT, UNRESERVED, Minimum, Part, Reason
from .nodes import Node
from .plain_books import Agent, PlainBooks

__all__ = ["PlainOffers"]


class PlainOffers(PlainBooks):
    """Books that know what would be given; nothing changes here."""

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
