"""Hierarchical dominant resource fairness: whole tasks, given to a tree of groups by picking down from the top.

Source: Bhattacharya, Culler, Friedman, Ghodsi, Shenker, Stoica, "Hierarchical Scheduling for Diverse Datacenter
Workloads", SoCC 2013; the two trees of the examples are those of Volcano's docs/design/hdrf.md.
"""

from __future__ import annotations

import enum
from bisect import bisect_left, insort
from collections.abc import Iterable
from fractions import Fraction
from operator import add, sub

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allocators.errors import AllocatorError

from .hierarchy import Hierarchy, TreeNode, check_limit

__all__ = ["HierarchicalDRF", "Rule", "hdrf"]

Entry = tuple[Fraction, int, int]
"""What siblings are ordered by: share / weight, tasks that run, number."""


class Rule(enum.Enum):
    """How the share of a group comes from what its children hold."""

    SUM = "sum"
    """Their plain sum, as in Mesos. What one child holds much of is held against all, and a child may starve."""
    RESCALE = "rescale"
    """Every child that holds something counts as the one with the least share / weight does."""
    HDRF = "hdrf"
    """That among those who can get more; who cannot counts in full, and what is used up does not count in groups."""


class _Node:
    """A group or a leaf while tasks run. Only `HierarchicalDRF` changes one."""

    __slots__ = (
        "blocked",
        "direction",
        "entry",
        "fixed",
        "held",
        "leaf",
        "number",
        "order",
        "parent",
        "part",
        "scaled",
        "scales",
        "share",
        "tasks",
        "weight",
    )

    def __init__(self, number: int, weight: Fraction, parent: _Node | None, width: int) -> None:
        self.number = number
        self.weight = weight
        self.parent = parent
        self.leaf = -1  # its number among the leaves, -1 in groups
        self.tasks = 0  # in the whole subtree
        self.blocked = False  # nobody in the subtree can get a task
        self.held = [Fraction()] * width  # of each resource as a part of all, by the rule
        self.share = Fraction()
        self.direction = self.held  # `held` for each unit of `share`
        self.entry: Entry | None = None  # in the parent's order, while it is there
        self.part = self.held  # what the parent's `scaled` or `fixed` has of it
        self.scales = False
        self.clear()

    def clear(self) -> None:
        """Forget the children."""
        self.order: list[Entry] = []
        self.scaled = [Fraction()] * len(self.held)  # of the children that are rescaled, weight * direction
        self.fixed = [Fraction()] * len(self.held)  # of the others, what they hold


class HierarchicalDRF:
    """A tree of groups to which tasks come, and in which they end.

    `next` says whose turn it is: from the top down, of the children that can get a task, always the one with the least
    dominant share / weight (ties: fewer tasks that run, then the order in which the nodes were given). A leaf can if it
    runs fewer tasks than its limit and its task fits into what is free. A leaf's dominant share is the largest part
    that it holds of any resource; a group's is by the `rule`. A resource is used up if less is left of it than any
    leaf below its limit needs. Resources that there are none of do not count; who demands one gets no task.

    What `Rule.HDRF` guarantees. A node's *portion* is the product of weight / (sum of the siblings' weights, its own
    included) from it up to the top; its *step* is for a leaf the dominant share of a task, for a group the sum of its
    children's weights times the largest step / weight of a child: by so much its share can grow in one turn.

    - Hierarchical share: when tasks have only started and nothing more fits, a leaf that wants more, and a group with
      such a leaf, hold at least `portion * (1 - slack)` of some resource, if no limit is met; else
      `portion - 2 * slack`. The slack is the sum of all nodes' steps and of one task: for divisible tasks nothing. One
      task is not enough for it: a group counts as empty until each child that can get a task has one.
    - No starvation: of what ends, a leaf below its portion gets back up to it. Under `Rule.SUM` a leaf may come to hold
      nothing for good (see the second example).

    All is exact, in integers and fractions: no result depends on rounding. Placing and releasing are O(leaves *
    resources) in NumPy, and O(depth * resources + log children) sums of fractions for each leaf that becomes able or
    unable to get a task thereby; O(nodes * resources) whenever a resource is used up or is so no longer.

    AllocatorError: see `Hierarchy.of`; methods raise it for unknown leaves, and before anything changed.

    Four groups, one of which has two leaves that need different things. CPUs are used up first. Then `n3,1` and the
    CPUs must not be held against `n3,2`, nor for it (19 and not 20, as ties are for who runs fewer tasks):

    >>> cpus, gpus = [1, 0], [0, 1]
    >>> tree = [TreeNode("n1", demand=cpus), TreeNode("n2", demand=cpus), TreeNode("n3")]
    >>> tree += [TreeNode("n3,1", "n3", demand=cpus), TreeNode("n3,2", "n3", demand=gpus)]
    >>> tree += [TreeNode("n4", demand=gpus)]
    >>> hdrf(tree, [30, 30], Rule.RESCALE)
    {'n1': 10, 'n2': 10, 'n3,1': 10, 'n3,2': 19, 'n4': 11}
    >>> hdrf(tree, [30, 30])
    {'n1': 10, 'n2': 10, 'n3,1': 10, 'n3,2': 15, 'n4': 15}

    Half of the GPUs for `n2,2`, also when tasks end. Plain sums give what is free then to `n1` always, for all the CPUs
    are held against `n2,2`:

    >>> tree = [TreeNode("n1", demand=gpus), TreeNode("n2")]
    >>> tree += [TreeNode("n2,1", "n2", demand=cpus), TreeNode("n2,2", "n2", demand=gpus)]
    >>> for rule in (Rule.SUM, Rule.HDRF):
    ...     cluster = HierarchicalDRF(tree, [10, 10], rule)
    ...     placed = cluster.fill()
    ...     print(cluster.tasks)
    ...     for leaf in ("n1", "n2,2") * 10:
    ...         if cluster.tasks[leaf]:
    ...             cluster.release(leaf)
    ...             placed = cluster.fill()
    ...     print(cluster.tasks)
    {'n1': 6, 'n2,1': 10, 'n2,2': 4}
    {'n1': 10, 'n2,1': 10, 'n2,2': 0}
    {'n1': 5, 'n2,1': 10, 'n2,2': 5}
    {'n1': 5, 'n2,1': 10, 'n2,2': 5}
    """

    def __init__(self, nodes: Iterable[TreeNode], capacity: ArrayLike, rule: Rule = Rule.HDRF) -> None:
        if not isinstance(rule, Rule):
            raise AllocatorError(f"rule must be a Rule, not {rule!r}")
        self._tree = tree = Hierarchy.of(nodes, capacity)
        self._rule = rule
        self._width = tree.capacity.size
        self._counted: list[int] = np.flatnonzero(tree.capacity > 0).tolist()
        self._root = _Node(-1, Fraction(1), None, self._width)
        self._nodes = self._linked()
        self._leaf = {tree.names[number]: leaf for leaf, number in enumerate(tree.leaves)}
        self._free = tree.capacity.copy()
        self._tasks = np.zeros(len(tree.leaves), dtype=np.int64)
        self._limits = tree.limits.copy()
        for leaf, number in enumerate(tree.leaves):
            demand: list[int] = tree.demands[leaf].tolist()
            unit = self._parts(demand)
            largest = max(unit, default=Fraction())
            self._nodes[number].leaf = leaf
            self._nodes[number].direction = [part / largest if largest else part for part in unit]
        self._able = np.zeros(len(tree.leaves), dtype=np.bool_)
        self._live = list(self._counted)
        self._look()
        self._rebuild()

    @property
    def tasks(self) -> dict[str, int]:
        """How many tasks each leaf runs."""
        return dict(zip(self._leaf, self._tasks.tolist(), strict=True))

    @property
    def free(self) -> NDArray[np.int64]:
        """What is free of each resource, in the unit of the capacity."""
        return self._free.copy()

    def share(self, name: str) -> float:
        """The largest part of any resource that a leaf, or all leaves of a group, hold. O(nodes * resources)."""
        if name not in self._tree.names:
            raise AllocatorError(f"unknown node {name!r}")
        top = self._tree.names.index(name)
        inside = {top}
        for number in reversed(self._tree.bottom_up):
            if self._tree.parents[number] in inside:
                inside.add(number)
        mine = np.array([number in inside for number in self._tree.leaves])
        held: list[int] = (self._tree.demands[mine] * self._tasks[mine, None]).sum(axis=0).tolist()
        return float(max(self._parts(held), default=0.0))

    def next(self) -> str | None:
        """The leaf whose turn it is, None if nobody can get a task. O(depth)."""
        if self._root.blocked:
            return None
        node = self._root
        while node.order:
            node = next(child for _, _, number in node.order if not (child := self._nodes[number]).blocked)
        return self._tree.names[node.number]

    def place(self, leaf: str, tasks: int = 1) -> None:
        """Have tasks of that leaf start. AllocatorError if they do not fit, or are more than it wants."""
        index, number = self._index(leaf), _count(tasks)
        running = int(self._tasks[index])
        if running + number > self._limits[index]:
            raise AllocatorError(
                f"leaf {leaf!r} runs {running} tasks, {number} more are above its limit {self._limits[index]}"
            )
        demand: list[int] = self._tree.demands[index].tolist()
        for resource, (amount, left) in enumerate(zip(demand, self._free.tolist(), strict=True)):
            if amount * number > left:
                raise AllocatorError(
                    f"leaf {leaf!r}: {number} tasks need {amount * number} of resource {resource}, {left} are free"
                )
        self._change(index, number)

    def release(self, leaf: str, tasks: int = 1) -> None:
        """Have tasks of that leaf end. AllocatorError if fewer run."""
        index, number = self._index(leaf), _count(tasks)
        if number > self._tasks[index]:
            raise AllocatorError(f"leaf {leaf!r} runs {self._tasks[index]} tasks, {number} cannot end")
        self._change(index, -number)

    def set_limit(self, leaf: str, limit: int | None) -> None:
        """Have that leaf want so many tasks at a time, None for no limit. If more run, they go on."""
        index = self._index(leaf)
        self._limits[index] = check_limit(limit, leaf)
        self._change(index, 0)

    def fill(self) -> int:
        """Place the task of whose turn it is until nobody can get one; return how many were placed."""
        placed = 0
        while (leaf := self.next()) is not None:
            self._change(self._leaf[leaf], 1)
            placed += 1
        return placed

    def _linked(self) -> list[_Node]:
        tree = self._tree
        nodes = [_Node(number, weight, None, self._width) for number, weight in enumerate(tree.weights)]
        for node, parent in zip(nodes, tree.parents, strict=True):
            node.parent = nodes[parent] if parent >= 0 else self._root
        return nodes

    def _index(self, leaf: str) -> int:
        index = self._leaf.get(leaf)
        if index is None:
            raise AllocatorError(f"unknown leaf {leaf!r}")
        return index

    def _parts(self, amounts: list[int]) -> list[Fraction]:
        whole: list[int] = self._tree.capacity.tolist()
        return [
            Fraction(amount, total) if total else Fraction()
            for amount, total in zip(amounts, whole, strict=True)
        ]

    def _change(self, leaf: int, tasks: int) -> None:
        self._tasks[leaf] += tasks
        self._free -= self._tree.demands[leaf] * tasks
        node: _Node | None = self._nodes[self._tree.leaves[leaf]]
        while node is not None:
            node.tasks += tasks
            node = node.parent
        before, live = self._able, self._live
        self._look()
        if self._live != live:
            self._rebuild()
            return
        self._lift(leaf)
        for other in np.flatnonzero(before != self._able).tolist():
            if other != leaf:
                self._lift(other)

    def _look(self) -> None:
        """See who can get a task, and which resources count in groups."""
        tree = self._tree
        wanting = self._tasks < self._limits
        self._able = wanting & (tree.demands <= self._free).all(axis=1)
        if self._rule is Rule.HDRF:
            wanted = tree.demands[wanting]
            nobody = np.iinfo(np.int64).max
            least = np.where(wanted > 0, wanted, nobody).min(axis=0, initial=nobody)
            used_up = self._free < np.where(least < nobody, least, 1)
            self._live = [resource for resource in self._counted if not used_up[resource]]

    def _rebuild(self) -> None:
        """Measure every node anew."""
        self._root.clear()
        for node in self._nodes:
            node.clear()
            node.entry = None
        for number in self._tree.bottom_up:
            node = self._nodes[number]
            self._measure(node)
            self._add(node)
        self._measure(self._root)

    def _lift(self, leaf: int) -> None:
        """Measure a leaf anew, and all groups that it is in."""
        node = self._nodes[self._tree.leaves[leaf]]
        while (parent := node.parent) is not None:
            self._remove(node, parent)
            self._measure(node)
            self._add(node)
            node = parent
        self._measure(node)

    def _measure(self, node: _Node) -> None:
        leaf = node.leaf
        if leaf >= 0:
            demand: list[int] = self._tree.demands[leaf].tolist()
            node.held = self._parts([amount * node.tasks for amount in demand])
            node.share = max(node.held, default=Fraction())
            node.blocked = not self._able[leaf]
            return
        node.blocked = all(self._nodes[number].blocked for _, _, number in node.order)
        node.held = node.fixed
        if node.order and self._rule is not Rule.SUM:
            least = node.order[0][0]
            node.held = [least * part + whole for part, whole in zip(node.scaled, node.fixed, strict=True)]
        node.share = max((node.held[resource] for resource in self._live), default=Fraction())
        node.direction = [part / node.share for part in node.held] if node.share else node.held

    def _add(self, node: _Node) -> None:
        parent = node.parent or self._root
        counts = not node.blocked or (self._rule is Rule.RESCALE and node.tasks > 0)
        node.scales = counts and self._rule is not Rule.SUM
        if counts:
            node.entry = (node.share / node.weight, node.tasks, node.number)
            insort(parent.order, node.entry)
        if node.scales:
            node.part = [node.weight * part for part in node.direction]
            parent.scaled = list(map(add, parent.scaled, node.part))
        else:
            node.part = node.held
            parent.fixed = list(map(add, parent.fixed, node.part))

    def _remove(self, node: _Node, parent: _Node) -> None:
        if node.entry is not None:
            del parent.order[bisect_left(parent.order, node.entry)]
            node.entry = None
        if node.scales:
            parent.scaled = list(map(sub, parent.scaled, node.part))
        else:
            parent.fixed = list(map(sub, parent.fixed, node.part))


def hdrf(nodes: Iterable[TreeNode], capacity: ArrayLike, rule: Rule = Rule.HDRF) -> dict[str, int]:
    """How many whole tasks each leaf gets of a pool by hierarchical DRF, if all start and none ends.

    Arguments, errors, guarantees and examples: see `HierarchicalDRF`.

    >>> hdrf([TreeNode("a", demand=[1, 4]), TreeNode("b", demand=[3, 1])], [9, 18])
    {'a': 3, 'b': 2}

    Volcano's other tree: the second leaf of `n2` must not be punished for the first having all the CPUs.

    >>> tree = [TreeNode("n1", demand=[1, 1]), TreeNode("n2")]
    >>> tree += [TreeNode("n2,1", "n2", demand=[1, 0]), TreeNode("n2,2", "n2", demand=[0, 1])]
    >>> hdrf(tree, [10, 10])
    {'n1': 5, 'n2,1': 5, 'n2,2': 5}
    """
    cluster = HierarchicalDRF(nodes, capacity, rule)
    cluster.fill()
    return cluster.tasks


def _count(tasks: int) -> int:
    if isinstance(tasks, bool) or not isinstance(tasks, int | np.integer) or tasks < 1:
        raise AllocatorError(f"tasks must be a number of tasks above zero, not {tasks!r}")
    return int(tasks)
