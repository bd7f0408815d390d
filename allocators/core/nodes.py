"""The role tree: who is next, by an order of siblings at every level.

One tree holds what Mesos splits into a role sorter and one framework sorter per role. Inner nodes are roles;
each role with frameworks has one child ".", the group of its own frameworks, which competes with the
sub-roles as one more sibling of weight 1 (Mesos's virtual leaf); leaves are clients, that is (framework,
role).

Siblings are ordered by the order's key (for DRF: dominant share / weight), allocations ever made, name. The
second counts on after a release: two idle clients thus take turns instead of the first by name winning each time.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from operator import add, sub
from typing import Any

from allocators.orders import Order

from .interface import NO_LIMIT, ROOT, Minimum

__all__ = ["GROUP", "Node", "Nodes"]

GROUP = "."


class Node:
    """A role, a group or a client of the tree. Only `Nodes` changes one; orders look at it.

    Rows are thousandths by column, of the whole subtree. `allocated` is what its clients hold, revocable columns
    included; `unused` what is reserved for it and not held; `borrowed` what its clients hold of reservations for
    roles above it.
    """

    __slots__ = (
        "active",
        "allocated",
        "arrival",
        "borrowed",
        "children",
        "count",
        "epoch",
        "framework",
        "guarantee",
        "key",
        "limit",
        "minimum",
        "name",
        "need",
        "needed_below",
        "number",
        "order",
        "parent",
        "priority",
        "revocable",
        "role",
        "stale",
        "unused",
        "weight",
    )

    def __init__(
        self, number: int, arrival: int, name: str, role: str, framework: str, parent: Node | None, width: int
    ) -> None:
        self.number = number
        self.arrival = arrival  # the how manieth node it is
        self.name = name
        self.role = role
        self.framework = framework  # "" in roles and groups
        self.parent = parent
        self.children: dict[int, Node] = {}
        self.weight = 1.0
        self.priority = 0
        self.allocated = [0] * width
        self.unused = [0] * width
        self.borrowed = [0] * width
        self.guarantee = [0] * width
        self.limit: list[int] | None = None
        self.need = [0] * width  # what must be kept free for its guarantee and those below it
        self.needed_below = [0] * width  # the sum of the children's
        self.count = 0
        self.active = 0  # active clients in the subtree
        self.minimum: Minimum | None = None  # of a client that has its own
        self.revocable = False
        self.key: Entry | None = None  # the entry in the parent's order, while it is there
        self.order: list[Entry] = []
        self.stale: set[Node] = set()  # children whose key may have changed
        self.epoch = -1

    def over(self, column: int) -> int:
        """How much the role has above its guarantee: use of reservations for roles above does not fill it."""
        return self.allocated[column] + self.unused[column] - self.borrowed[column] - self.guarantee[column]

    def unmet(self, column: int) -> int:
        """What the role lacks to its guarantee."""
        return max(0, -self.over(column)) if self.guarantee[column] else 0

    def room(self, column: int) -> int:
        """What the role may still get by its own limit."""
        if self.limit is None or self.limit[column] == NO_LIMIT:
            return NO_LIMIT
        return max(0, self.limit[column] - self.allocated[column] - self.unused[column])

    def path(self) -> Iterator[Node]:
        """Yield the node and those above it, without the root."""
        node = self
        while node.parent is not None:
            yield node
            node = node.parent


Entry = tuple[Any, int, str, Node]


class Nodes:
    """The tree, sorted when looked at and not before."""

    def __init__(self, order: Order) -> None:
        self.all: list[Node | None] = [Node(ROOT, 0, "", "", "", None, 0)]
        self.totals: list[float] = []  # by column; infinite where it makes no share
        self.width = 0
        self.guarantees = 0  # roles that have one
        self._order = order
        self._spare: list[int] = []
        self._made = 0
        self._epoch = 0

    def __getitem__(self, number: int) -> Node:
        node = self.all[number]
        if node is None:
            raise LookupError(f"there is no node {number}")
        return node

    def __iter__(self) -> Iterator[Node]:
        return (node for node in self.all if node is not None)

    def add_column(self) -> None:
        """Make room for one more resource."""
        self.width += 1
        for node in self:
            for row in (node.allocated, node.unused, node.borrowed, node.guarantee):
                row.append(0)
            node.need.append(0)
            node.needed_below.append(0)
            if node.limit is not None:
                node.limit.append(NO_LIMIT)

    def set_totals(self, totals: list[float]) -> None:
        """Set what shares are a fraction of: every level is sorted anew when next looked at."""
        self.totals = totals
        self._epoch += 1

    def unsettle(self) -> None:
        """Have all levels sorted anew: a key could not be had, in the midst of it."""
        self._epoch += 1
        for node in self:
            node.key = None

    def add(self, parent: int, name: str, role: str, framework: str) -> int:
        """Add a node."""
        above = self[parent]
        self._made += 1
        if self._spare:
            number = self._spare.pop()
        else:
            number = len(self.all)
            self.all.append(None)
        node = Node(number, self._made, name, role, framework, above, self.width)
        self.all[number] = above.children[number] = node
        return number

    def remove(self, number: int) -> None:
        """Remove a node that is empty."""
        node = self[number]
        parent = node.parent
        if parent is not None:
            del parent.children[number]
            parent.stale.add(node)
            self.all[number] = None
            self._spare.append(number)

    def touch(self, node: Node) -> None:
        """Have the node sorted anew among its siblings."""
        if node.parent is not None:
            node.parent.stale.add(node)

    def set_active(self, client: Node, *, active: bool) -> None:
        """Put a client into the order, or take it out; its allocation counts in both cases."""
        step = int(active) - client.active
        if step:
            for node in client.path():
                node.active += step
                self.touch(node)

    def set_quota(self, node: Node, guarantee: list[int], limit: list[int]) -> None:
        """Replace a role's quota."""
        self.guarantees += any(guarantee) - any(node.guarantee)
        node.guarantee = guarantee
        node.limit = limit if any(most != NO_LIMIT for most in limit) else None
        self.touch(node)
        self._renew_needs(node)

    def charge(self, client: Node, row: list[int], *, counts: bool) -> None:
        """Add `row` to what the client and the roles above it hold."""
        for node in client.path():
            node.allocated = list(map(add, node.allocated, row))
            node.count += counts
            self.touch(node)
        if self.guarantees:
            self._renew_needs(client)

    def refund(self, client: Node, row: list[int]) -> None:
        """Take `row` from the client and the roles above it."""
        for node in client.path():
            node.allocated = list(map(sub, node.allocated, row))
            self.touch(node)
        if self.guarantees:
            self._renew_needs(client)

    def reserve(self, role: Node, row: list[int]) -> None:
        """Add `row`, which may be negative, to what is reserved for a role and not used."""
        for node in role.path():
            node.unused = list(map(add, node.unused, row))
            self.touch(node)
        if self.guarantees:
            self._renew_needs(role)

    def borrow(self, client: Node, role: Node, row: list[int]) -> None:
        """Add `row`, which may be negative, to what the client and roles up to `role` hold of its."""
        for node in client.path():
            if node is role:
                break
            node.borrowed = list(map(add, node.borrowed, row))
        if self.guarantees:
            self._renew_needs(client)

    def _renew_needs(self, start: Node) -> None:
        for node in start.path():
            need = [max(node.unmet(column), below) for column, below in enumerate(node.needed_below)]
            parent = node.parent
            if need != node.need and parent is not None:
                parent.needed_below = [
                    below + now - was
                    for below, now, was in zip(parent.needed_below, need, node.need, strict=True)
                ]
                node.need = need

    def claims(self, client: Node, column: int) -> tuple[int, int]:
        """What the client's roles lack that is not kept for others below them; and what all others need."""
        own = others = need = 0
        for node in client.path():
            others += node.needed_below[column] - need
            own = max(own, node.unmet(column) - others)
            need = node.need[column]
        return own, others + self[ROOT].needed_below[column] - need

    def share(self, node: Node) -> float:
        """Return the dominant share, without weight, of a node's whole subtree."""
        best = 0.0
        for amount, total in zip(node.allocated, self.totals, strict=True):
            fraction = amount / total
            if fraction > best:
                best = fraction
        return best

    def groups(self, skips: Callable[[Node], bool] | None = None) -> Iterator[list[Entry]]:
        """Yield the active clients in order, one sorted list a group, but for roles that `skips` says.

        What is charged meanwhile does not change the order of what is yielded.
        """
        pending = [iter(self._sorted(self[ROOT]))]
        while pending:
            entry = next(pending[-1], None)
            if entry is None:
                pending.pop()
            elif entry[2] == GROUP:
                yield self._sorted(entry[3])
            elif skips is None or not skips(entry[3]):
                pending.append(iter(self._sorted(entry[3])))

    def only_group(self) -> Node | None:
        """Return the group that has all active clients, if there is one."""
        node = self[ROOT]
        while node.name != GROUP:
            active = [child for child in node.children.values() if child.active]
            if len(active) != 1:
                return None
            node = active[0]
        return node

    def _sorted(self, node: Node) -> list[Entry]:
        order, stale = node.order, node.stale
        if not self._order.steady:
            return sorted(self.entry(child) for child in node.children.values() if child.active)
        if not stale and node.epoch == self._epoch:
            return order
        if node.epoch != self._epoch or 4 * len(stale) > len(order) + 16:
            for child in node.children.values():
                child.key = self.entry(child) if child.active else None
            node.order = sorted(child.key for child in node.children.values() if child.key is not None)
            node.epoch = self._epoch
            stale.clear()
            return node.order
        if len(order) == 1 and len(stale) == 1 and order[0][3] in stale and order[0][3].active:
            return order  # an only child needs no new key
        for child in stale:
            if child.key is not None:
                del order[bisect_left(order, child.key)]
                child.key = None
        # Only now: a child that was removed and made anew may have the very key of the old one.
        for child in stale:
            if child.active and child.number in node.children:
                child.key = self.entry(child)
                insort(order, child.key)
        stale.clear()
        return order

    def entry(self, node: Node) -> Entry:
        """What the node is sorted by."""
        return (self._order.key(node, self.share(node)), node.count, node.name, node)
