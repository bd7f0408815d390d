from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from allocators import DRFAllocator


def cluster(agents, **amounts):
    allocator = DRFAllocator(np.random.default_rng(1))
    for number in range(agents):
        allocator.add_agent(f"a{number}", amounts or {"cpus": 1000, "mem": 1_000_000})
    return allocator


def offers(allocator, by="role", **options):
    return Counter(getattr(grant, by) for grant in allocator.allocate(0.0, **options).grants)


def test_first_client_gets_the_whole_remainder():
    allocator = cluster(1, cpus=4000, mem=8_000_000, ports=3000)
    allocator.set_framework("f", ["r"])
    [grant] = allocator.allocate(0.0).grants
    assert (grant.agent, grant.framework, grant.role) == ("a0", "f", "r")
    assert grant.amounts == {"cpus": 4000, "mem": 8_000_000, "ports": 3000}
    assert allocator.free("a0") == {}
    assert allocator.allocated("a0") == {("f", "r"): grant.amounts}
    assert allocator.allocate(0.0, full=True).grants == []


def test_equal_weights_equal_numbers():
    allocator = cluster(12)
    for framework in "abc":
        allocator.set_framework(framework, ["r"])
    assert offers(allocator, "framework") == {"a": 4, "b": 4, "c": 4}
    assert allocator.shares() == {("a", "r"): 1 / 3, ("b", "r"): 1 / 3, ("c", "r"): 1 / 3}
    assert allocator.role_shares() == {"r": 1.0}


def test_weights_one_to_two():
    allocator = cluster(12)
    allocator.set_framework("f", ["one"])
    allocator.set_framework("g", ["two"])
    allocator.set_role("two", weight=2.0)
    assert offers(allocator) == {"one": 4, "two": 8}


def test_weight_changes_later():
    allocator = cluster(6)
    allocator.set_framework("f", ["one"])
    allocator.set_framework("g", ["two"])
    assert offers(allocator) == {"one": 3, "two": 3}
    allocator.set_role("two", weight=3.0)
    for number in range(6, 12):
        allocator.add_agent(f"a{number}", {"cpus": 1000, "mem": 1_000_000})
    assert offers(allocator) == {"two": 6}


def test_children_share_what_the_parent_gets():
    allocator = cluster(12)
    allocator.set_framework("f", ["eng/dev"])
    allocator.set_framework("g", ["eng/ops"])
    allocator.set_framework("h", ["sales"])
    assert offers(allocator) == {"eng/dev": 3, "eng/ops": 3, "sales": 6}
    assert allocator.role_shares() == {"eng": 0.5, "eng/dev": 0.25, "eng/ops": 0.25, "sales": 0.5}


def test_own_frameworks_of_a_parent_are_one_more_sibling():
    allocator = cluster(12)
    for framework in ("f1", "f2"):
        allocator.set_framework(framework, ["eng"])
    allocator.set_framework("g", ["eng/dev"])
    allocator.set_role("eng/dev", weight=2.0)
    grants = offers(allocator, "framework")
    assert grants == {"f1": 2, "f2": 2, "g": 8}


def test_suppressed_subtree_gives_its_turn_and_keeps_its_charge():
    allocator = cluster(4)
    allocator.set_framework("f", ["eng/dev"])
    allocator.set_framework("g", ["sales"])
    assert offers(allocator) == {"eng/dev": 2, "sales": 2}
    allocator.suppress("f")
    allocator.add_agent("late", {"cpus": 1000})
    assert offers(allocator) == {"sales": 1}
    assert allocator.role_shares()["eng"] == 0.5  # 2 of 4 GB; of the 5 cpus it is less


def test_dominant_resource_decides():
    allocator = DRFAllocator()
    allocator.add_agent(
        "used",
        {"cpus": 9000, "mem": 18_000_000},
        {("a", "r"): {"cpus": 3000, "mem": 12_000_000}, ("b", "s"): {"cpus": 5000, "mem": 1_000_000}},
    )
    allocator.set_framework("a", ["r"])
    allocator.set_framework("b", ["s"])
    assert allocator.shares() == {("a", "r"): 12 / 18, ("b", "s"): 5 / 9}
    assert offers(allocator, "framework") == {"b": 1}


def test_ports_and_named_resources_do_not_count():
    allocator = DRFAllocator(exclude_from_share={"ports", "gpus"})
    allocator.add_agent(
        "a", {"cpus": 10_000, "gpus": 2000, "ports": 5000}, {("f", "r"): {"gpus": 2000, "ports": 5000}}
    )
    allocator.set_framework("f", ["r"])
    allocator.set_framework("g", ["r"])
    assert allocator.shares() == {("f", "r"): 0.0, ("g", "r"): 0.0}


def test_idle_clients_take_turns():
    allocator = cluster(1)
    for framework in ("a", "b"):
        allocator.set_framework(framework, ["r"])
    order = []
    for _ in range(4):
        [grant] = allocator.allocate(0.0).grants
        order.append(grant.framework)
        allocator.release(grant.agent, grant.framework, grant.role, grant.amounts)
    assert order == ["a", "b", "a", "b"]


def test_inactive_agents_count_in_the_total_and_are_not_offered():
    allocator = cluster(2)
    allocator.update_agent("a1", active=False)
    allocator.set_framework("f", ["r"])
    assert [grant.agent for grant in allocator.allocate(0.0).grants] == ["a0"]
    assert allocator.shares() == {("f", "r"): 0.5}
    allocator.update_agent("a1", active=True)
    assert [grant.agent for grant in allocator.allocate(0.0).grants] == ["a1"]


def test_progressive_filling_within_one_pass():
    allocator = cluster(100)
    for number in range(7):
        allocator.set_framework(f"f{number}", [f"r{number % 3}"])
    by_role = offers(allocator)
    assert max(by_role.values()) - min(by_role.values()) <= 1


def test_agent_order_comes_from_the_generator():
    def first(seed):
        allocator = DRFAllocator(np.random.default_rng(seed))
        for number in range(50):
            allocator.add_agent(f"a{number}", {"cpus": 1000})
        allocator.set_framework("f", ["r"])
        return [grant.agent for grant in allocator.allocate(0.0).grants]

    assert first(1) == first(1)
    assert first(1) != first(2)
    assert sorted(first(1)) == sorted(first(2))


@pytest.mark.parametrize(
    ("total", "offered"),
    [
        ({"cpus": 9, "mem": 31_999}, False),
        ({"cpus": 10}, True),
        ({"mem": 32_000}, True),
        ({"disk": 10**9, "gpus": 8000, "ports": 1000}, False),
        ({"cpus": 10, "gpus": 8000}, True),
        ({}, False),
    ],
)
def test_minimum_offer(total, offered):
    allocator = DRFAllocator()
    allocator.add_agent("a", total)
    allocator.set_framework("f", ["r"])
    assert bool(allocator.allocate(0.0).grants) == offered
    if not offered:
        [reason] = allocator.explain("f", "a", 0.0)
        assert reason.startswith("too small" if total else "nothing is free")


def test_minimum_offer_of_the_allocator_and_of_a_framework():
    allocator = DRFAllocator(min_allocatable=[])
    allocator.add_agent("a", {"gpus": 1})
    allocator.set_framework("big", ["r"], min_offer=[{"gpus": 2000}, {"cpus": 2000, "mem": 1}])
    allocator.set_framework("small", ["s"])
    assert offers(allocator, "framework") == {"small": 1}
    allocator.add_agent("b", {"cpus": 2000})
    allocator.suppress("small")
    assert offers(allocator, "framework") == {}
    allocator.set_framework("big", ["r"], min_offer=[{"cpus": 2000}])
    assert offers(allocator, "framework") == {"big": 1}


def test_overcommitted_agent_offers_nothing_of_that_resource():
    allocator = DRFAllocator()
    allocator.add_agent("a", {"cpus": 4000, "mem": 1_000_000}, {("old", "r"): {"cpus": 3000}})
    allocator.update_agent("a", total={"cpus": 2000, "mem": 1_000_000})
    allocator.set_framework("f", ["r"])
    [grant] = allocator.allocate(0.0).grants
    assert grant.amounts == {"mem": 1_000_000}
    assert allocator.free("a") == {}
    allocator.release("a", "old", "r", {"cpus": 1500})
    [grant] = allocator.allocate(0.0).grants
    assert grant.amounts == {"cpus": 500}


def test_holdings_of_unknown_frameworks_are_charged_when_they_come():
    allocator = DRFAllocator()
    allocator.add_agent("a", {"cpus": 4000}, {("f", "r"): {"cpus": 3000}})
    allocator.set_framework("g", ["r"])
    assert allocator.shares() == {("f", "r"): 0.75, ("g", "r"): 0.0}
    assert offers(allocator, "framework") == {"g": 1}
    assert allocator.explain("f", "a", 0.0) == [
        "the framework is not registered",
        "nothing is free on the agent",
    ]
    allocator.set_framework("f", ["r"])
    allocator.release("a", "f", "r", {"cpus": 3000})
    assert offers(allocator, "framework") == {"f": 1}


def test_removed_agent_is_uncharged():
    allocator = cluster(2)
    allocator.set_framework("f", ["r"])
    allocator.allocate(0.0)
    allocator.remove_agent("a0")
    assert allocator.shares() == {("f", "r"): 1.0}
    allocator.add_agent("a0", {"cpus": 1000, "mem": 1_000_000})
    assert allocator.shares() == {("f", "r"): 0.5}


def test_removed_framework_frees_what_it_held():
    allocator = cluster(2)
    allocator.set_framework("f", ["r"])
    allocator.set_framework("g", ["s"])
    assert offers(allocator, "framework") == {"f": 1, "g": 1}
    allocator.remove_framework("f")
    assert allocator.shares() == {("g", "s"): 0.5}
    assert offers(allocator, "framework") == {"g": 1}


def test_framework_that_leaves_a_role_keeps_the_charge_until_released():
    allocator = cluster(1)
    allocator.set_framework("f", ["r"])
    [grant] = allocator.allocate(0.0).grants
    allocator.set_framework("f", ["s"])
    assert allocator.shares() == {("f", "r"): 1.0, ("f", "s"): 0.0}
    allocator.release("a0", "f", "r", grant.amounts)
    assert allocator.shares() == {("f", "s"): 0.0}
    assert offers(allocator) == {"s": 1}


def test_shares_stay_exact_over_many_movements():
    allocator = DRFAllocator()
    allocator.add_agent("a", {"cpus": 10_007, "mem": 333_333_331})
    allocator.set_framework("f", ["r"])
    for step in range(1000):
        for grant in allocator.allocate(float(step)).grants:
            part = {name: amount // 3 for name, amount in grant.amounts.items()}
            rest = {name: amount - part[name] for name, amount in grant.amounts.items()}
            allocator.release("a", "f", "r", part)
            allocator.release("a", "f", "r", rest)
        assert allocator.shares() == {("f", "r"): 0.0}
    assert len(allocator.allocate(1000.0).grants) == 1
    assert allocator.shares() == {("f", "r"): 1.0}
