from __future__ import annotations

import numpy as np
import pytest

from allocators import DRFAllocator, OfferConstraints


@pytest.fixture(params=["plain", "numba"])
def allocator(request):
    """Two agents of 4 cpus, each with three small tasks of one framework; a big one waits for 4."""
    pytest.importorskip("numba")
    allocator = DRFAllocator(np.random.default_rng(1), engine=request.param, hold_time=100.0, max_held=0.5)
    for name in "ab":
        allocator.add_agent(name, {"cpus": 4000}, {("small", "r"): {"cpus": 4000}})
    allocator.set_framework("small", ["r"])
    allocator.set_framework("big", ["s"], min_offer=[{"cpus": 4000}], hold_after=10.0)
    assert allocator.allocate(0.0).grants == []
    return allocator


def end_task(allocator, agent, now):
    allocator.release(agent, "small", "r", {"cpus": 1000}, now=now)
    return [(grant.framework, grant.agent, grant.amounts["cpus"]) for grant in allocator.allocate(now).grants]


def test_small_tasks_starve_a_big_one_without_it(allocator):
    allocator.set_framework("big", ["s"], min_offer=[{"cpus": 4000}])
    for turn in range(50):
        assert end_task(allocator, "ab"[turn % 2], float(turn)) == [("small", "ab"[turn % 2], 1000)]


def test_an_agent_is_filled_up_for_it(allocator):
    assert end_task(allocator, "a", 5.0) == [("small", "a", 1000)]  # it has not waited long enough
    assert allocator.next_expiry() == 10.0
    allocator.allocate(10.0)
    assert allocator.next_expiry() == 110.0
    for turn in range(3):
        assert end_task(allocator, "a", 11.0 + turn) == []
        assert end_task(allocator, "b", 11.0 + turn) == [("small", "b", 1000)]
    assert allocator.free("a") == {"cpus": 3000}  # nobody's yet
    assert ("big", "s") not in allocator.allocated("a")
    assert allocator.shares()["big", "s"] == 3 / 8  # but it counts
    assert allocator.explain("small", "a", 14.0) == ["role r: held for framework big for 96 s more"]
    assert end_task(allocator, "a", 15.0) == [("big", "a", 4000)]
    assert allocator.allocated("a") == {("big", "s"): {"cpus": 4000}}
    assert allocator.next_expiry() == 25.0  # it waits again


def test_a_hold_ends_in_time_and_the_rest_goes_to_others(allocator):
    allocator.allocate(10.0)
    end_task(allocator, "a", 11.0)
    assert allocator.allocate(109.0).grants == []
    [grant] = allocator.allocate(110.0).grants
    assert (grant.framework, grant.amounts) == ("small", {"cpus": 1000})
    assert allocator.next_expiry() == 120.0


@pytest.mark.parametrize(
    "end",
    [
        lambda a: a.suppress("big"),
        lambda a: a.remove_framework("big"),
        lambda a: a.set_framework("big", ["s"], active=False),
    ],
)
def test_a_framework_that_wants_nothing_any_more_lets_go(allocator, end):
    allocator.allocate(10.0)
    end_task(allocator, "a", 11.0)
    end(allocator)
    [grant] = allocator.allocate(12.0).grants
    assert (grant.framework, grant.amounts) == ("small", {"cpus": 1000})
    assert allocator.next_expiry() is None


def test_an_agent_that_goes_lets_go(allocator):
    allocator.allocate(10.0)
    end_task(allocator, "a", 11.0)
    allocator.remove_agent("a")
    assert allocator.shares()["big", "s"] == 0.0
    allocator.allocate(12.0)
    assert end_task(allocator, "b", 13.0) == []  # the other one is held now


def test_no_more_agents_are_held_than_allowed(allocator):
    allocator.set_framework("big2", ["s"], min_offer=[{"cpus": 4000}], hold_after=10.0)
    allocator.allocate(10.0)
    allocator.allocate(20.0)
    assert end_task(allocator, "a", 21.0) == []
    assert end_task(allocator, "b", 21.0) == [("small", "b", 1000)]


def test_only_what_the_framework_was_told_of_can_be_released(allocator):
    allocator.claim("a", "big", "s", {"cpus": 500})
    allocator.allocate(10.0)
    end_task(allocator, "a", 11.0)
    with pytest.raises(ValueError, match=r"1000 thousandths of cpus, but it holds 500"):
        allocator.release("a", "big", "s", {"cpus": 1000})
    allocator.release("a", "big", "s", {"cpus": 500})


def test_an_agent_that_was_refused_is_not_held(allocator):
    allocator.add_agent("c", {"cpus": 4000})
    [grant] = allocator.allocate(1.0).grants
    assert grant.framework == "big"
    allocator.release("c", "big", "s", grant.amounts, refuse=1e6, now=1.0)
    assert [grant.framework for grant in allocator.allocate(1.0).grants] == ["small"]
    allocator.allocate(11.0)
    allocator.release("c", "small", "r", {"cpus": 4000}, now=12.0)
    assert [grant.framework for grant in allocator.allocate(12.0).grants] == ["small"]


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.set_framework(
            "big",
            ["s"],
            min_offer=[{"cpus": 4000}],
            hold_after=10.0,
            constraints=OfferConstraints(agents=["b"]),
        ),
        lambda a: a.set_framework("big", ["s"], min_offer=[{"cpus": 4000}]),
        lambda a: a.set_framework("big", ["s"], min_offer=[{"cpus": 9000}], hold_after=10.0),
        lambda a: a.update_agent("a", total={"cpus": 3500}),
        lambda a: a.update_agent("a", unavailability=(12.0, 50.0)),
        lambda a: a.update_agent("a", reservations={"else": {"cpus": 500}}),
        lambda a: a.claim("a", "small", "r", {"cpus": 500}),
    ],
)
def test_what_makes_no_sense_any_more_is_let_go(allocator, change):
    allocator.allocate(10.0)
    end_task(allocator, "a", 11.0)
    change(allocator)
    allocator.allocate(12.0)
    assert ("big", "s") not in allocator.allocated("a")
    assert allocator.shares()["big", "s"] == 0.0


def test_who_was_served_elsewhere_lets_go(allocator):
    allocator.allocate(10.0)
    end_task(allocator, "a", 11.0)
    allocator.add_agent("c", {"cpus": 4000})
    assert ("big", "c", {"cpus": 4000}) in [
        (grant.framework, grant.agent, grant.amounts) for grant in allocator.allocate(12.0).grants
    ]
    assert end_task(allocator, "a", 13.0) == [("small", "a", 2000)]


def test_all_that_is_told_of_a_held_agent_agrees(allocator):
    allocator.allocate(10.0)
    end_task(allocator, "a", 11.0)
    assert [grant.framework for grant in allocator.holdings("a")] == ["small"]
    assert allocator.free("a") == {"cpus": 1000}
    assert allocator.explain("big", "a", 12.0)[0] == "role s: held for it until it is enough, for 98 s more"
    allocator.update_agent("a", reservations={"r": {"cpus": 1000}})  # what is free can be reserved
    assert [grant.reserved for grant in allocator.allocate(12.0).grants] == [{"r": {"cpus": 1000}}]


def test_looking_for_an_agent_is_done_once_in_a_while(allocator):
    allocator.set_framework("big", ["s"], min_offer=[{"cpus": 5000}], hold_after=10.0)
    allocator.allocate(10.0)
    assert allocator.next_expiry() == 20.0
    allocator.allocate(15.0)
    assert allocator.next_expiry() == 20.0
