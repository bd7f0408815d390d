from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from allocators import AllocatorError, Capacity, DominantShare, DRFAllocator, Fifo, Lottery, Priority
from allocators.plugins import allocator_names, make_allocator


def cluster(order, agents=12):
    allocator = DRFAllocator(np.random.default_rng(1), order=order)
    for number in range(agents):
        allocator.add_agent(f"a{number:04}", {"cpus": 1000})
    return allocator


def roles(allocator):
    return Counter(grant.role for grant in allocator.allocate(0.0).grants)


def test_fifo_serves_who_came_first():
    allocator = cluster(Fifo())
    allocator.set_framework("zebra", ["z"], min_offer=[{"cpus": 1000}])
    allocator.set_framework("ant", ["a"])
    assert roles(allocator) == {"z": 12}


def test_priority_is_strict_and_among_equals_fair():
    allocator = cluster(Priority())
    for role, priority in {"low": -1, "prod": 5, "prod2": 5}.items():
        allocator.set_role(role, priority=priority)
        allocator.set_framework(f"f-{role}", [role])
    assert roles(allocator) == {"prod": 6, "prod2": 6}
    allocator.set_role("prod", limit={"cpus": 2000})
    for agent in list(allocator.agents):
        for (framework, role), amounts in allocator.allocated(agent).items():
            if role == "prod":
                allocator.release(agent, framework, role, amounts)
    allocator.suppress("f-prod2")
    assert roles(allocator) == {"prod": 2, "low": 4}


def test_capacity_serves_the_least_used_part_of_its_guarantee():
    allocator = cluster(Capacity())
    allocator.set_role("large", guarantee={"cpus": 8000})
    allocator.set_role("small", guarantee={"cpus": 4000})
    for role in ("large", "small", "none"):
        allocator.set_framework(f"f-{role}", [role])
    assert roles(allocator) == {"large": 8, "small": 4}
    allocator.suppress("f-small")
    for agent in list(allocator.agents):
        for (framework, role), amounts in allocator.allocated(agent).items():
            if role == "small":
                allocator.release(agent, framework, role, amounts)
    assert roles(allocator) == {}  # small's guarantee is kept free; elastic is what is above guarantees


def test_lottery_draws_by_weight():
    allocator = cluster(Lottery(np.random.default_rng(2)), agents=2000)
    allocator.set_role("three", weight=3.0)
    for role in ("one", "three"):
        allocator.set_framework(f"f-{role}", [role])
    counts = roles(allocator)
    assert counts.total() == 2000
    assert 1400 < counts["three"] < 1600  # 1500 +- 5 standard deviations


def test_the_engine_that_is_compiled_keeps_to_dominant_shares():
    pytest.importorskip("numba")
    with pytest.raises(AllocatorError, match=r"engine numba keeps to dominant shares"):
        DRFAllocator(engine="numba", order=Fifo())


def test_all_names_make_an_allocator():
    pytest.importorskip("numba")
    for name in allocator_names():
        allocator = make_allocator(name, np.random.default_rng(3))
        allocator.add_agent("a", {"cpus": 1000})
        allocator.set_framework("f", ["r"])
        assert [grant.agent for grant in allocator.allocate(0.0).grants] == ["a"], name


def an_order():
    return Fifo()


NOT_AN_ALLOCATOR = 7


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nothing", "there is no allocator 'nothing': it is one of drf, drf-numba, capacity"),
        ("no_such_module:x", "cannot be imported: No module named 'no_such_module'"),
        (f"{__name__}:missing", "cannot be imported: .*missing"),
        (f"{__name__}:NOT_AN_ALLOCATOR", "is 7: neither an order nor a function"),
        (f"{__name__}:an_order", "takes 0 positional arguments"),
        ("builtins:list", "not iterable"),
        ("builtins:repr", "which has no allocate, add_agent"),
    ],
)
def test_bad_names(name, text):
    with pytest.raises(AllocatorError, match=text):
        make_allocator(name)


class Stubborn(DominantShare):
    """The one with the larger share is next."""

    def key(self, node, share):
        return -share


@pytest.mark.parametrize("agents", [10, 200])
def test_an_order_that_is_nearly_ours_is_asked_all_the_same(agents):
    allocator = cluster(Stubborn(), agents)
    for name in ("a", "b"):
        allocator.set_framework(name, ["*"])
    assert Counter(grant.framework for grant in allocator.allocate(0.0).grants) == {"a": agents}


class Failing:
    steady = True

    def __init__(self):
        self.asked = 0

    def key(self, node, share):
        self.asked += 1
        if 8 <= self.asked < 12:
            raise RuntimeError("no idea")
        return share


def test_an_order_that_fails_leaves_nobody_charged():
    allocator = cluster(Failing(), agents=6)
    for name in ("a", "b"):
        allocator.set_framework(name, ["*"])
    with pytest.raises(RuntimeError, match=r"no idea"):
        allocator.allocate(0.0)
    assert set(allocator.shares().values()) == {0.0}
    while True:
        try:
            grants = allocator.allocate(1.0).grants
        except RuntimeError:
            continue
        break
    assert len({grant.agent for grant in grants}) == 6


@pytest.mark.parametrize("order", [5, DominantShare, "fifo"])
def test_what_is_no_order_is_refused(order):
    with pytest.raises(AllocatorError, match=r"order must be an Order, with steady and key"):
        DRFAllocator(order=order)
