"""The policies for trees and for servers once more: slowly, and so that one sees that it is right."""

from __future__ import annotations

from fractions import Fraction
from math import gcd

from allocators.policies.heterogeneous import Fit
from allocators.policies.hierarchical import Rule
from allocators.policies.hierarchy import TreeNode


def place_tasks(
    demands: list[list[int]], servers: list[list[int]], weights: list[int], limits: list[int], fit: Fit
) -> dict[tuple[int, int], int]:
    """Place one task after the other; return how many of each user are on each server."""
    free = [list(server) for server in servers]
    totals = [sum(server[r] for server in servers) for r in range(len(servers[0]))]
    units = [gcd(*(row[r] for row in demands + servers)) or 1 for r in range(len(totals))]
    coarse = [total // unit for total, unit in zip(totals, units, strict=True)]
    scales = [2**20 * max(coarse) // total if total else 0 for total in coarse]
    counts = [0] * len(demands)
    placed: dict[tuple[int, int], int] = {}

    def share(user: int) -> float:
        return max(
            (
                counts[user] * need / (total * weights[user])
                for need, total in zip(demands[user], totals, strict=True)
                if total
            ),
            default=0.0,
        )

    def distance(user: int, server: int) -> float:
        need = [amount // unit for amount, unit in zip(demands[user], units, strict=True)]
        left = [amount // unit for amount, unit in zip(free[server], units, strict=True)]
        one = next(r for r, amount in enumerate(need) if amount)
        return (
            sum(scales[r] * abs(need[r] * left[one] - left[r] * need[one]) for r in range(len(need)))
            / left[one]
        )

    def able(user: int) -> list[int]:
        return [
            server
            for server, left in enumerate(free)
            if all(amount <= rest for amount, rest in zip(demands[user], left, strict=True))
        ]

    while True:
        wanting = [user for user in range(len(demands)) if counts[user] < limits[user] and able(user)]
        if not wanting:
            return placed
        user = min(wanting, key=lambda user: (share(user), counts[user], user))
        if fit is Fit.FIRST:
            server = able(user)[0]
        else:
            server = min(able(user), key=lambda server: (distance(user, server), server))
        counts[user] += 1
        free[server] = [rest - amount for rest, amount in zip(free[server], demands[user], strict=True)]
        placed[user, server] = placed.get((user, server), 0) + 1


class SlowTree:
    """Hierarchical DRF by looking at the whole tree for each task."""

    def __init__(self, nodes: list[TreeNode], capacity: list[int], rule: Rule) -> None:
        self.nodes, self.capacity, self.rule = nodes, capacity, rule
        self.tasks = {node.name: 0 for node in nodes if node.demand is not None}

    def free(self) -> list[int]:
        return [
            total - sum(self.tasks[node.name] * node.demand[r] for node in self.leaves())
            for r, total in enumerate(self.capacity)
        ]

    def leaves(self) -> list[TreeNode]:
        return [node for node in self.nodes if node.demand is not None]

    def children(self, name: str | None) -> list[TreeNode]:
        return [node for node in self.nodes if node.parent == name]

    def wants(self, leaf: TreeNode) -> bool:
        return leaf.limit is None or self.tasks[leaf.name] < leaf.limit

    def blocked(self, node: TreeNode) -> bool:
        if node.demand is None:
            return all(self.blocked(child) for child in self.children(node.name))
        fits = all(need <= left for need, left in zip(node.demand, self.free(), strict=True))
        return not (self.wants(node) and fits)

    def running(self, node: TreeNode) -> int:
        if node.demand is not None:
            return self.tasks[node.name]
        return sum(self.running(child) for child in self.children(node.name))

    def counts(self, r: int) -> bool:
        """Whether a resource counts in the share of a group."""
        if not self.capacity[r]:
            return False
        needs = [leaf.demand[r] for leaf in self.leaves() if self.wants(leaf) and leaf.demand[r]]
        return self.rule is not Rule.HDRF or self.free()[r] >= min(needs, default=1)

    def held(self, node: TreeNode) -> list[Fraction]:
        width = range(len(self.capacity))
        if node.demand is not None:
            return [
                Fraction(self.tasks[node.name] * node.demand[r], self.capacity[r])
                if self.capacity[r]
                else Fraction()
                for r in width
            ]
        children = self.children(node.name)
        if self.rule is Rule.SUM:
            rescaled = []
        elif self.rule is Rule.RESCALE:
            rescaled = [child for child in children if self.running(child) or not self.blocked(child)]
        else:
            rescaled = [child for child in children if not self.blocked(child)]
        least = min((self.share(child) / Fraction(child.weight) for child in rescaled), default=Fraction())
        total = [Fraction()] * len(width)
        for child in children:
            factor = Fraction(1)
            if child in rescaled:
                share = self.share(child)
                factor = least * Fraction(child.weight) / share if share else Fraction()
            total = [before + factor * part for before, part in zip(total, self.held(child), strict=True)]
        return total

    def share(self, node: TreeNode) -> Fraction:
        group = node.demand is None
        held = self.held(node)
        return max(
            (held[r] for r in range(len(held)) if (self.counts(r) if group else self.capacity[r])),
            default=Fraction(),
        )

    def next(self) -> str | None:
        name = None
        while children := self.children(name):
            able = [child for child in children if not self.blocked(child)]
            if not able:
                return None
            name = min(
                able,
                key=lambda child: (
                    self.share(child) / Fraction(child.weight),
                    self.running(child),
                    self.nodes.index(child),
                ),
            ).name
        return name
