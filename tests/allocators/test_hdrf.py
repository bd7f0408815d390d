"""Hierarchical DRF: Volcano's trees, histories in which plain sums starve a leaf, the guarantee, and bad input."""

from __future__ import annotations

import doctest
import importlib
import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from allocators import AllocatorError
from allocators.policies.hierarchical import HierarchicalDRF, Rule, hdrf
from allocators.policies.hierarchy import TreeNode
from tests.allocators.slow_policies import SlowTree

CPU, GPU = [1, 0], [0, 1]
FOUR = [
    TreeNode("n1", demand=CPU),
    TreeNode("n2", demand=CPU),
    TreeNode("n3"),
    TreeNode("n3,1", "n3", demand=CPU),
    TreeNode("n3,2", "n3", demand=GPU),
    TreeNode("n4", demand=GPU),
]
TWO = [
    TreeNode("n1", demand=GPU),
    TreeNode("n2"),
    TreeNode("n2,1", "n2", demand=CPU),
    TreeNode("n2,2", "n2", demand=GPU),
]


@pytest.mark.parametrize("module", ["hierarchical", "hierarchy"])
def test_examples_in_the_documentation(module: str) -> None:
    assert doctest.testmod(importlib.import_module(f"allocators.policies.{module}")).failed == 0


def test_volcanos_trees() -> None:
    size = 300
    for rule, third in ((Rule.SUM, 1 / 2), (Rule.RESCALE, 2 / 3), (Rule.HDRF, 1 / 2)):
        tasks = hdrf(FOUR, [size, size], rule)
        assert [tasks[leaf] for leaf in ("n1", "n2", "n3,1")] == [100, 100, 100]
        assert tasks["n3,2"] / size == pytest.approx(third, abs=1 / size)
        assert tasks["n4"] / size == pytest.approx(1 - third, abs=1 / size)
    tree = [TreeNode("n1", demand=[1, 1]), *TWO[1:]]
    for rule in Rule:
        cluster = HierarchicalDRF(tree, [size, size], rule)
        cluster.fill()
        assert (cluster.share("n1"), cluster.share("n2")) == (0.5, 0.5)


def play(rule: Rule, seed: int, ends: int) -> HierarchicalDRF:
    """Tasks that hold GPUs end at random, and at once somebody gets what is free."""
    chance = random.Random(seed)
    cluster = HierarchicalDRF(TWO, [20, 20], rule)
    cluster.fill()
    for _ in range(ends):
        running = cluster.tasks
        cluster.release(chance.choice(["n1"] * running["n1"] + ["n2,2"] * running["n2,2"]))
        cluster.fill()
    return cluster


@pytest.mark.parametrize("seed", range(5))
def test_where_tasks_end_plain_sums_starve_a_leaf(seed: int) -> None:
    starved = play(Rule.SUM, seed, 400)
    assert starved.tasks == {"n1": 20, "n2,1": 20, "n2,2": 0}
    for rule in (Rule.RESCALE, Rule.HDRF):
        assert play(rule, seed, 400).tasks == {"n1": 10, "n2,1": 20, "n2,2": 10}


def test_who_starved_gets_its_part_back_by_the_other_rule() -> None:
    cluster = HierarchicalDRF(TWO, [20, 20])
    cluster.place("n1", 20)
    cluster.place("n2,1", 20)
    for _ in range(30):
        cluster.release("n1")
        cluster.fill()
    assert cluster.tasks == {"n1": 10, "n2,1": 20, "n2,2": 10}


@pytest.mark.parametrize("seed", range(5))
def test_rescaling_alone_takes_from_a_leaf_and_both_rules_give_it_back(seed: int) -> None:
    """With a history too: what ends of GPUs goes to `n3,2` for as long as `n3,1` counts as the least."""
    for rule, least, most in ((Rule.RESCALE, 9, 12), (Rule.HDRF, 14, 16)):
        chance = random.Random(seed)
        cluster = HierarchicalDRF(FOUR, [30, 30], rule)
        cluster.fill()
        for _ in range(300):
            leaf = chance.choice([leaf for leaf in ("n3,2", "n4") if cluster.tasks[leaf]])
            cluster.release(leaf)
            cluster.fill()
        assert least <= cluster.tasks["n4"] <= most


def random_tree(chance: random.Random, *, limits: bool) -> tuple[list[TreeNode], list[int]]:
    width = chance.randint(1, 3)
    groups: list[str | None] = [None]
    nodes = []
    for number in range(chance.randint(0, 3)):
        groups.append(f"g{number}")
        nodes.append(TreeNode(f"g{number}", chance.choice(groups[:-1]), chance.choice([1, 2, 0.5, 3])))
    for number in range(len(nodes) + chance.randint(1, 4)):
        # Each group gets at least one leaf.
        parent = f"g{number}" if number < len(groups) - 1 else chance.choice(groups)
        demand = [chance.choice([0, 1, 2, 3, 5]) for _ in range(width)]
        demand[chance.randrange(width)] += 1
        limit = chance.randint(0, 8) if limits and chance.random() < 0.4 else None
        nodes.append(TreeNode(f"l{number}", parent, chance.choice([1, 2, 0.1, 5]), demand, limit))
    chance.shuffle(nodes)
    return nodes, [
        chance.choice([0, 7, 20, 31, 40]) if limits else chance.randint(30, 90) for _ in range(width)
    ]


@pytest.mark.parametrize("rule", Rule)
@pytest.mark.parametrize("seed", range(8))
def test_it_is_what_looking_at_the_whole_tree_gives(seed: int, rule: Rule) -> None:
    chance = random.Random(seed)
    for _ in range(6):
        nodes, capacity = random_tree(chance, limits=True)
        fast, slow = HierarchicalDRF(nodes, capacity, rule), SlowTree(nodes, capacity, rule)
        for _ in range(40):
            leaf = fast.next()
            assert leaf == slow.next()
            running = [name for name, tasks in fast.tasks.items() if tasks]
            what = chance.random()
            if what < 0.1:
                name = chance.choice(list(fast.tasks))
                limit = chance.choice([None, chance.randint(0, 5)])
                fast.set_limit(name, limit)
                slow.nodes = [
                    replace(node, limit=limit) if node.name == name else node for node in slow.nodes
                ]
            elif leaf is not None and what < 0.7:
                fast.place(leaf)
                slow.tasks[leaf] += 1
            elif running:
                name = chance.choice(running)
                number = chance.randint(1, fast.tasks[name])
                fast.release(name, number)
                slow.tasks[name] -= number
            assert fast.tasks == slow.tasks
            assert fast.free.tolist() == slow.free()


def portion(node: TreeNode, nodes: list[TreeNode]) -> Fraction:
    named = {other.name: other for other in nodes}
    part = Fraction(1)
    at: TreeNode | None = node
    while at is not None:
        part *= Fraction(at.weight) / sum(
            Fraction(other.weight) for other in nodes if other.parent == at.parent
        )
        at = named[at.parent] if at.parent is not None else None
    return part


def inside(node: TreeNode, nodes: list[TreeNode]) -> list[TreeNode]:
    if node.demand is not None:
        return [node]
    return [leaf for child in nodes if child.parent == node.name for leaf in inside(child, nodes)]


def steps(nodes: list[TreeNode], capacity: list[int]) -> dict[str, Fraction]:
    """By how much each node's share can grow in one turn."""
    found: dict[str, Fraction] = {}
    while len(found) < len(nodes):
        for node in nodes:
            children = [child for child in nodes if child.parent == node.name]
            if node.demand is not None:
                found[node.name] = max(
                    Fraction(need, total) for need, total in zip(node.demand, capacity, strict=True)
                )
            elif all(child.name in found for child in children):
                found[node.name] = sum(Fraction(child.weight) for child in children) * max(
                    found[child.name] / Fraction(child.weight) for child in children
                )
    return found


@pytest.mark.parametrize("limits", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_hierarchical_share_guarantee(seed: int, limits: bool) -> None:
    """Whoever wants more has its portion, but for the steps; more exactly so if nobody's limit is met."""
    chance = random.Random(seed)
    meaningful = 0
    for _ in range(25):
        nodes, capacity = random_tree(chance, limits=False)
        capacity = [10 * total for total in capacity]
        if limits:
            nodes = [
                replace(node, limit=10) if chance.random() < 0.3 and node.demand else node for node in nodes
            ]
        cluster = HierarchicalDRF(nodes, capacity)
        cluster.fill()
        step = steps(nodes, capacity)
        slack = sum(step.values()) + max(step[name] for name in cluster.tasks)
        for node in nodes:
            wanting = [
                leaf.limit is None or cluster.tasks[leaf.name] < leaf.limit for leaf in inside(node, nodes)
            ]
            if any(wanting):
                part = portion(node, nodes)
                least = part - 2 * slack if limits else part * (1 - slack)
                meaningful += least > part / 4
                assert cluster.share(node.name) >= least - 1e-12
    assert meaningful > 20


def test_weights_count_among_siblings() -> None:
    tree = [
        TreeNode("a", weight=3),
        TreeNode("b", weight=1),
        TreeNode("a1", "a", demand=[1]),
        TreeNode("a2", "a", weight=2, demand=[1]),
        TreeNode("b1", "b", weight=7, demand=[1]),
    ]
    assert hdrf(tree, [120]) == {"a1": 30, "a2": 60, "b1": 30}


def test_who_wants_no_more_or_what_there_is_not_holds_up_nobody() -> None:
    tree = [
        TreeNode("a", demand=[1, 0], limit=2),
        TreeNode("b", demand=[1, 1]),
        TreeNode("c", demand=[1, 0]),
    ]
    for rule in Rule:
        assert hdrf(tree, [10, 0], rule) == {"a": 2, "b": 0, "c": 8}
    assert hdrf([TreeNode("a", demand=[1])], [0]) == {"a": 0}
    assert hdrf([], [5]) == {}


def test_a_limit_below_what_runs() -> None:
    cluster = HierarchicalDRF([TreeNode("a", demand=[1]), TreeNode("b", demand=[1])], [10])
    cluster.fill()
    cluster.set_limit("a", 2)
    for _ in range(4):
        cluster.release("a")
        cluster.fill()
    assert cluster.tasks == {"a": 2, "b": 8}
    cluster.release("b")
    assert cluster.next() == "b"
    cluster.set_limit("a", None)
    assert cluster.next() == "a"


LEAF = TreeNode("a", demand=[1, 1])


@pytest.mark.parametrize(
    ("nodes", "capacity", "text"),
    [
        ([LEAF, LEAF], [1, 1], "node 'a' is there twice"),
        ([TreeNode("", demand=[1, 1])], [1, 1], "name of a node must be a non-empty string, not ''"),
        ([TreeNode("a", "x", demand=[1, 1])], [1, 1], "node 'a': unknown parent 'x'"),
        ([LEAF, TreeNode("b", "a", demand=[1, 1])], [1, 1], "node 'b': its parent 'a' has a demand"),
        ([TreeNode("a", "a")], [1, 1], "node 'a' is below itself: a in a"),
        (
            [LEAF, TreeNode("b", "c", demand=[1, 1]), TreeNode("c", "d"), TreeNode("d", "c")],
            [1, 1],
            "node 'c' is below itself: c in d in c",
        ),
        ([TreeNode("a")], [1, 1], "node 'a' has neither children nor a demand"),
        ([TreeNode("g", limit=3), TreeNode("a", "g", demand=[1])], [1], "node 'g' has a limit"),
        ([TreeNode("a", demand=[1])], [1, 1], r"node 'a': demand \(1,\) must have shape \(2,\)"),
        ([TreeNode("a", demand=[0, 0])], [1, 1], "node 'a' demands nothing"),
        ([TreeNode("a", demand=[1, -1])], [1, 1], "node 'a': demand must be finite and not negative"),
        ([TreeNode("a", demand=[1, np.nan])], [1, 1], "node 'a': demand must be finite"),
        ([TreeNode("a", demand=[1, 0.5])], [1, 1], "node 'a': demand must hold integers"),
        ([TreeNode("a", demand=[1, 2**53])], [1, 1], "node 'a': demand must not be above"),
        ([LEAF], [[1, 1]], r"capacity \(1, 2\) must have shape"),
        ([LEAF], [1, 2**53], "capacity must not be above"),
        ([LEAF], [1, np.inf], "capacity must be finite"),
        ([TreeNode("a", weight=0, demand=[1])], [1], "node 'a': weight must be above zero, not 0"),
        ([TreeNode("a", weight=-1, demand=[1])], [1], "node 'a': weight must be above zero, not -1"),
        ([TreeNode("a", weight=np.nan, demand=[1])], [1], "node 'a': weight must be finite"),
        (
            [TreeNode("a", demand=[1], limit=-1)],
            [1],
            "node 'a': limit must be a number of tasks or None, not -1",
        ),
        ([TreeNode("a", demand=[1], limit=1.5)], [1], "node 'a': limit must be a number of tasks"),
    ],
)
def test_what_is_no_tree(nodes: list[TreeNode], capacity: object, text: str) -> None:
    with pytest.raises(AllocatorError, match=text):
        HierarchicalDRF(nodes, capacity)


def test_calls_that_are_refused_change_nothing() -> None:
    cluster = HierarchicalDRF(
        [TreeNode("a", demand=[2], limit=3), TreeNode("g"), TreeNode("b", "g", demand=[1])], [9]
    )
    cluster.fill()
    before = cluster.tasks
    for call, text in (
        (lambda: cluster.place("x"), "unknown leaf 'x'"),
        (lambda: cluster.place("g"), "unknown leaf 'g'"),
        (lambda: cluster.place("a", 5), "leaf 'a' runs 2 tasks, 5 more are above its limit 3"),
        (lambda: cluster.place("b"), "leaf 'b': 1 tasks need 1 of resource 0, 0 are free"),
        (lambda: cluster.place("b", 0), "tasks must be a number of tasks above zero, not 0"),
        (lambda: cluster.release("b", 6), "leaf 'b' runs 5 tasks, 6 cannot end"),
        (lambda: cluster.release("b", True), "tasks must be a number of tasks above zero, not True"),
        (lambda: cluster.set_limit("b", -1), "node 'b': limit must be"),
        (lambda: cluster.share("x"), "unknown node 'x'"),
    ):
        with pytest.raises(AllocatorError, match=text):
            call()
        assert cluster.tasks == before
        assert cluster.next() is None


def test_a_group_counts_anew_when_others_use_a_resource_up() -> None:
    tree = [
        TreeNode("g"),
        TreeNode("g,1", "g", demand=CPU, limit=4),
        TreeNode("g,2", "g", demand=GPU),
        TreeNode("c", demand=CPU),
        TreeNode("d", demand=GPU),
    ]
    cluster = HierarchicalDRF(tree, [10, 10])
    for leaf, tasks in (("g,1", 4), ("g,2", 1), ("d", 2), ("c", 5)):
        cluster.place(leaf, tasks)
    assert cluster.next() == "d"
    cluster.place("c")
    assert cluster.next() == "g,2"
    cluster.release("c")
    cluster.set_limit("c", 0)
    assert cluster.next() == "d"


@pytest.mark.parametrize("rule", ["rescale", None])
def test_what_is_no_rule_is_refused(rule: str | None) -> None:
    with pytest.raises(AllocatorError, match="rule must be a Rule"):
        hdrf([TreeNode("a", demand=[1])], [1], rule)
