"""Names of roles and clients, and their nodes in the tree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from allocators.checks import MAX_AMOUNT
from allocators.core import NO_LIMIT, ROOT, Core
from allocators.errors import AllocatorError

__all__ = ["RoleSettings", "Roles", "above"]

GROUP = "."


@dataclass(slots=True)
class RoleSettings:
    """What was set for a role; amounts in thousandths by resource."""

    weight: float = 1.0
    priority: int = 0
    guarantee: dict[str, int] = field(default_factory=dict)
    limit: dict[str, int] = field(default_factory=dict)


def above(role: str) -> list[str]:
    """Return the role and all roles above it, itself last.

    >>> above("eng/dev/web")
    ['eng', 'eng/dev', 'eng/dev/web']
    """
    parts = role.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


class Roles:
    """Which node is which role; made when named, gone when nothing is set, reserved or running there."""

    def __init__(self, core: Core) -> None:
        self.nodes: dict[str, int] = {}
        self.names: dict[int, str] = {}
        self.clients: dict[int, tuple[str, str]] = {}
        self.settings: dict[str, RoleSettings] = {}
        self._core = core
        self._groups: dict[str, int] = {}
        self._children: Counter[str] = Counter()
        self._members: Counter[str] = Counter()
        self._reserved: Counter[str] = Counter()
        self._needs: dict[
            str, dict[str, int]
        ] = {}  # by resource and role: the larger of its guarantee and the next
        self._below: dict[
            str, dict[str, int]
        ] = {}  # by resource and role: the sum of what those right below need

    def node(self, role: str) -> int:
        """Return the role's node."""
        node = self.nodes.get(role)
        if node is None:
            parent = ROOT
            for path in above(role):
                node = self.nodes.get(path)
                if node is None:
                    node = self._core.add_node(parent, path.rpartition("/")[2], path)
                    self.nodes[path] = node
                    self.names[node] = path
                    self._children[path.rpartition("/")[0]] += 1
                parent = node
            return parent
        return node

    def add_client(self, framework: str, role: str) -> int:
        """Return a new leaf."""
        group = self._groups.get(role)
        if group is None:
            group = self._groups[role] = self._core.add_node(self.node(role), GROUP, role)
        client = self._core.add_node(group, framework, role, framework)
        self.clients[client] = (framework, role)
        self._members[role] += 1
        return client

    def remove_client(self, client: int) -> None:
        """Remove a leaf that holds nothing, and the roles that are empty thereby."""
        _, role = self.clients.pop(client)
        self._core.remove_node(client)
        self._members[role] -= 1
        if not self._members[role]:
            self._core.remove_node(self._groups.pop(role))
        self.prune(role)

    def reserve(self, role: str, agents: int) -> None:
        """Count the agents where something is reserved for the role: `agents` more of them."""
        self._reserved[role] += agents
        self.prune(role)

    def prune(self, role: str) -> None:
        """Remove the role, and those above it, that nothing needs any more."""
        while role in self.nodes and not (
            self._children[role] or self._members[role] or self._reserved[role] or role in self.settings
        ):
            node = self.nodes.pop(role)
            del self.names[node]
            self._core.remove_node(node)
            for counts in (self._children, self._members, self._reserved):
                del counts[role]
            role = role.rpartition("/")[0]
            self._children[role] -= 1

    def check_guarantees(
        self, role: str, guarantee: Mapping[str, int], cluster: Mapping[str, int] | None
    ) -> None:
        """Raise `AllocatorError` if with this guarantee all together would be above the cluster, or too large to count.

        Without a cluster only the latter is looked at. Time is O(depth) for each resource.
        """
        for name, amount in guarantee.items():
            *_, (_, whole) = self._needs_with(role, name, amount)
            most = MAX_AMOUNT if cluster is None else cluster.get(name, 0)
            if whole > most:
                there = "but the cluster has" if cluster is not None else "at most"
                raise AllocatorError(
                    f"role {role!r}: guarantees of {whole} thousandths of {name} in sum, {there} {most}"
                )

    def check_limits(self, role: str, new: RoleSettings) -> None:
        """Raise if what is guaranteed below a role, or to itself, would be above its limit: it could never be given."""
        for name in {*new.guarantee, *new.limit}:
            for path, need in self._needs_with(role, name, new.guarantee.get(name, 0)):
                settings = new if path == role else self.settings.get(path)
                most = None if settings is None else settings.limit.get(name)
                if most is not None and need > most:
                    raise AllocatorError(
                        f"role {path!r}: guarantees of {need} thousandths of {name} in it are above its limit of {most}"
                    )

    def set_guarantee(self, role: str, guarantee: Mapping[str, int]) -> None:
        """Remember what must be kept for the role, and for those above it."""
        for name in {*self._needs, *guarantee}:
            needs = self._needs.setdefault(name, {})
            below = self._below.setdefault(name, {})
            for path, need in self._needs_with(role, name, guarantee.get(name, 0)):
                if path:
                    parent = path.rpartition("/")[0]
                    below[parent] = below.get(parent, 0) + need - needs.get(path, 0)
                needs[path] = need

    def _needs_with(self, role: str, name: str, amount: int) -> list[tuple[str, int]]:
        """What each role from this one upwards would need, and at last, as "", all together."""
        needs, below = self._needs.get(name, {}), self._below.get(name, {})
        found: list[tuple[str, int]] = []
        grown = 0
        for path in [*reversed(above(role)), ""]:
            own = amount if path == role else 0
            if path and path != role and path in self.settings:
                own = self.settings[path].guarantee.get(name, 0)
            need = max(own, below.get(path, 0) + grown)
            grown = need - needs.get(path, 0)
            found.append((path, need))
        return found

    @staticmethod
    def limits(settings: RoleSettings, names: list[str], revocable: Mapping[str, int]) -> list[int]:
        """Return a role's limit as a row."""
        twins = revocable.values()
        return [
            NO_LIMIT if column in twins else settings.limit.get(name, NO_LIMIT)
            for column, name in enumerate(names)
        ]
