"""A tree of groups with weights, and at its leaves those who want tasks: what it is stated as, and what is checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allocators.checks import MAX_AMOUNT, check_name, check_weight
from allocators.drf import integers
from allocators.errors import AllocatorError

__all__ = ["Hierarchy", "TreeNode", "check_limit"]


@dataclass(frozen=True)
class TreeNode:
    """A node of the tree: a leaf if it has a `demand`, else a group.

    `parent` is the name of the group it is in, None at the top. `weight` is above zero, and counts among the siblings.
    `demand` (resources,) is what one task takes, integers in the unit of the capacity. `limit` is how many tasks a leaf
    wants to have at a time, None for no limit. All is checked when a tree is made of it.
    """

    name: str
    parent: str | None = None
    weight: float = 1
    demand: ArrayLike | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Hierarchy:
    """A checked tree; nodes are numbered in the order in which they were given.

    `parents` and `weights` have an entry for each of `names`, the parent -1 at the top; `leaves` are the numbers of
    the nodes that are leaves; `demands` (leaves, resources) and `limits` (leaves,) belong to them. `bottom_up` has
    every node after all that are below it.
    """

    names: list[str]
    parents: list[int]
    weights: list[Fraction]
    leaves: list[int]
    demands: NDArray[np.int64]
    limits: NDArray[np.int64]
    capacity: NDArray[np.int64]
    bottom_up: list[int]

    @classmethod
    def of(cls, nodes: Iterable[TreeNode], capacity: ArrayLike) -> Hierarchy:
        """Check, in O(nodes * resources).

        AllocatorError for a name that is empty or there twice, a parent that is unknown or a leaf or below its own
        child, a weight that is not above zero, a group without children, a demand of another shape than `capacity`
        (resources,), of nothing, negative, not of integers or above `MAX_AMOUNT`, and for a limit that is no number of
        tasks.
        """
        whole = integers(capacity, "capacity")
        if whole.ndim != 1:
            raise AllocatorError(f"capacity {whole.shape} must have shape (resources,)")
        given = list(nodes)
        numbers: dict[str, int] = {}
        for number, node in enumerate(given):
            if check_name(node.name, "name of a node") in numbers:
                raise AllocatorError(f"node {node.name!r} is there twice")
            numbers[node.name] = number
        parents = [_parent(node, given, numbers) for node in given]
        groups = set(parents)
        for number, node in enumerate(given):
            if node.demand is None and number not in groups:
                raise AllocatorError(f"node {node.name!r} has neither children nor a demand")
            if node.demand is None and node.limit is not None:
                raise AllocatorError(f"node {node.name!r} has a limit, which is for leaves alone")
        leaves = [number for number, node in enumerate(given) if node.demand is not None]
        return cls(
            list(numbers),
            parents,
            [Fraction(check_weight(node.weight, f"node {node.name!r}")) for node in given],
            leaves,
            np.array([_demand(given[leaf], whole) for leaf in leaves], dtype=np.int64).reshape(
                -1, whole.size
            ),
            np.array([check_limit(given[leaf].limit, given[leaf].name) for leaf in leaves], dtype=np.int64),
            whole,
            _bottom_up(parents, given),
        )


def check_limit(limit: int | None, name: str) -> int:
    """Return the number of tasks that a leaf wants at most; no limit is `MAX_AMOUNT`. AllocatorError if it is none."""
    if limit is None:
        return MAX_AMOUNT
    if isinstance(limit, bool) or not isinstance(limit, int | np.integer) or not 0 <= limit <= MAX_AMOUNT:
        raise AllocatorError(f"node {name!r}: limit must be a number of tasks or None, not {limit!r}")
    return int(limit)


def _parent(node: TreeNode, given: list[TreeNode], numbers: dict[str, int]) -> int:
    if node.parent is None:
        return -1
    number = numbers.get(node.parent)
    if number is None:
        raise AllocatorError(f"node {node.name!r}: unknown parent {node.parent!r}")
    if given[number].demand is not None:
        raise AllocatorError(f"node {node.name!r}: its parent {node.parent!r} has a demand, and so is a leaf")
    return number


def _demand(node: TreeNode, capacity: NDArray[np.int64]) -> NDArray[np.int64]:
    demand = integers(node.demand if node.demand is not None else [], f"node {node.name!r}: demand")
    if demand.shape != capacity.shape:
        raise AllocatorError(f"node {node.name!r}: demand {demand.shape} must have shape {capacity.shape}")
    if not demand.any():
        raise AllocatorError(f"node {node.name!r} demands nothing")
    return demand


def _bottom_up(parents: list[int], given: list[TreeNode]) -> list[int]:
    waiting = [0] * len(parents)
    for parent in parents:
        if parent >= 0:
            waiting[parent] += 1
    order = [number for number, children in enumerate(waiting) if not children]
    for number in order:
        parent = parents[number]
        if parent >= 0:
            waiting[parent] -= 1
            if not waiting[parent]:
                order.append(parent)
    if len(order) < len(parents):
        above = next(number for number, children in enumerate(waiting) if children)
        seen: list[int] = []
        while above not in seen:
            seen.append(above)
            above = parents[above]
        circle = [given[number].name for number in [*seen[seen.index(above) :], above]]
        raise AllocatorError(f"node {circle[0]!r} is below itself: {' in '.join(circle)}")
    return order
