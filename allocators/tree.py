"""The role tree: who is next, by weighted dominant share at every level.

One tree holds what Mesos splits into a role sorter and one framework sorter per role. Inner nodes are roles;
each role with frameworks has one child ".", the group of its own frameworks, which competes with the
sub-roles as one more sibling of weight 1 (Mesos's virtual leaf); leaves are clients, that is (framework,
role).

Siblings are ordered by (dominant share / weight, allocations ever made, name). The second counts on after a
release: two idle clients thus take turns instead of the first by name winning each time.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from operator import add, sub

from allocators.minimum import Minimum

GROUP = "."


class Node:
    """A role, a group or a client of the tree. Only `RoleTree` changes one."""

    __slots__ = (
        "active",
        "allocated",
        "children",
        "count",
        "epoch",
        "framework",
        "key",
        "minimum",
        "name",
        "order",
        "parent",
        "role",
        "stale",
        "weight",
    )

    def __init__(self, name: str, role: str, framework: str, parent: Node | None, width: int) -> None:
        self.name = name
        self.role = role
        self.framework = framework  # "" in roles and groups
        self.parent = parent
        self.children: dict[str, Node] = {}
        self.weight = 1.0
        self.allocated = [0] * width  # thousandths by column, the whole subtree
        self.count = 0
        self.active = 0  # active clients in the subtree
        self.minimum: Minimum | None = None  # of a client that has its own
        self.key: Entry | None = None  # the entry in the parent's order, while it is there
        self.order: list[Entry] = []
        self.stale: set[Node] = set()  # children whose key may have changed
        self.epoch = -1


Entry = tuple[float, int, str, Node]


class RoleTree:
    """Roles and clients with their allocation, sorted when looked at and not before."""

    def __init__(self) -> None:
        self._root = Node("", "", "", None, 0)
        self._roles: dict[str, Node] = {}
        self._counted: list[tuple[int, int]] = []
        self._width = 0
        self._epoch = 0

    def add_column(self) -> None:
        """Make room for one more resource."""
        self._width += 1
        for node in self._nodes():
            node.allocated.append(0)

    def set_totals(self, counted: Sequence[tuple[int, int]]) -> None:
        """Set what shares are a fraction of: (column, thousandths above zero) of the resources that count."""
        self._counted = list(counted)
        self._epoch += 1  # every share changed: each level is sorted anew when next looked at

    def client(self, framework: str, role: str) -> Node:
        """Return the client's leaf; if it is not there it is created, inactive and holding nothing."""
        group = self._child(self._role(role), GROUP, role, "")
        return self._child(group, framework, role, framework)

    def remove_client(self, client: Node) -> None:
        """Remove a client that holds nothing, and the roles that are empty thereby and of weight 1."""
        self.set_active(client, active=False)
        self._prune(client)

    def set_weight(self, role: str, weight: float) -> None:
        """Set a role's weight; weight 1 is the default and lets an empty role go."""
        node = self._role(role)
        node.weight = weight
        if node.parent is not None:
            node.parent.stale.add(node)
        self._prune(node)

    def set_active(self, client: Node, *, active: bool) -> None:
        """Put a client into the order, or take it out; its allocation counts in both cases."""
        step = int(active) - client.active
        if step == 0:
            return
        node = client
        while node.parent is not None:
            node.active += step
            node.parent.stale.add(node)
            node = node.parent

    def charge(self, client: Node, row: list[int]) -> None:
        """Add one allocation of `row` (thousandths by column) to the client and the roles above it."""
        node = client
        while node.parent is not None:
            node.allocated = list(map(add, node.allocated, row))
            node.count += 1
            node.parent.stale.add(node)
            node = node.parent

    def refund(self, client: Node, row: list[int]) -> None:
        """Take `row` from the client and the roles above it."""
        node = client
        while node.parent is not None:
            node.allocated = list(map(sub, node.allocated, row))
            node.parent.stale.add(node)
            node = node.parent

    def share(self, node: Node) -> float:
        """Return the dominant share, without weight, of a node's whole subtree."""
        allocated, best = node.allocated, 0.0
        for column, total in self._counted:
            fraction = allocated[column] / total
            if fraction > best:
                best = fraction
        return best

    def groups(self) -> Iterator[list[Entry]]:
        """Yield the active clients in order, one sorted list a group; the tree must not change meanwhile."""
        pending = [iter(self._sorted(self._root))]
        while pending:
            entry = next(pending[-1], None)
            if entry is None:
                pending.pop()
            elif entry[2] == GROUP:
                yield self._sorted(entry[3])
            else:
                pending.append(iter(self._sorted(entry[3])))

    def clients(self) -> Iterator[Node]:
        """Yield every client, active or not."""
        return (node for node in self._nodes() if node.framework)

    def roles(self) -> dict[str, Node]:
        """Return every role by name, parents before children."""
        return dict(sorted(self._roles.items()))

    def _role(self, role: str) -> Node:
        node = self._roles.get(role)
        if node is None:
            node, path = self._root, ""
            for part in role.split("/"):
                path = f"{path}/{part}" if path else part
                node = self._child(node, part, path, "")
                self._roles[path] = node
        return node

    def _child(self, parent: Node, name: str, role: str, framework: str) -> Node:
        child = parent.children.get(name)
        if child is None:
            child = parent.children[name] = Node(name, role, framework, parent, self._width)
        return child

    def _prune(self, node: Node) -> None:
        while node.parent is not None and not node.children and node.weight == 1.0:
            parent = node.parent
            del parent.children[node.name]
            parent.stale.add(node)
            if not node.framework and node.name != GROUP:
                del self._roles[node.role]
            node = parent

    def _sorted(self, node: Node) -> list[Entry]:
        order, stale = node.order, node.stale
        if not stale and node.epoch == self._epoch:
            return order
        if node.epoch != self._epoch or 4 * len(stale) > len(order) + 16:
            for child in node.children.values():
                child.key = self._key(child) if child.active else None
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
            if child.active:
                child.key = self._key(child)
                insort(order, child.key)
        stale.clear()
        return order

    def _key(self, node: Node) -> Entry:
        return (self.share(node) / node.weight, node.count, node.name, node)

    def _nodes(self) -> Iterator[Node]:
        pending = list(self._root.children.values())
        while pending:
            node = pending.pop()
            yield node
            pending.extend(node.children.values())
