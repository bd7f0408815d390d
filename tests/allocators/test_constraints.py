from __future__ import annotations

import numpy as np
import pytest

from allocators import AllocatorError, AttributeConstraint, DRFAllocator, OfferConstraints


@pytest.fixture(params=["plain", "numba"])
def allocator(request):
    pytest.importorskip("numba")
    allocator = DRFAllocator(np.random.default_rng(1), engine=request.param)
    allocator.add_agent("a", {"cpus": 4000}, attributes={"disk": "ssd", "year": 2025})
    allocator.add_agent("b", {"cpus": 4000}, attributes={"disk": "hdd", "year": 2020})
    allocator.add_agent("c", {"cpus": 4000})
    return allocator


def given(allocator, *predicate, agents=None):
    groups = [[AttributeConstraint(*predicate)]] if predicate else []
    allocator.set_framework("f", ["r"], constraints=OfferConstraints(agents, groups))
    return sorted(grant.agent for grant in allocator.allocate(0.0).grants)


@pytest.mark.parametrize(
    ("predicate", "agents"),
    [
        (("disk", "exists"), "ab"),
        (("disk", "not_exists"), "c"),
        (("disk", "equals", "ssd"), "a"),
        (("disk", "not_equals", "ssd"), "bc"),
        (("disk", "matches", ".*d"), "ab"),
        (("disk", "matches", "s"), ""),
        (("disk", "not_matches", "s.*"), "bc"),
        (("year", "at_least", 2021), "a"),
        (("year", "at_most", 2021), "b"),
        (("disk", "at_least", 1), ""),
        (("year", "equals", "2025"), ""),
    ],
)
def test_predicates(allocator, predicate, agents):
    assert given(allocator, *predicate) == list(agents)


def test_named_agents(allocator):
    assert given(allocator, agents=["b", "nowhere"]) == ["b"]
    assert allocator.explain("f", "a", 0.0) == ["role r: not one of the agents that it names"]


def test_one_group_of_several_is_enough(allocator):
    ssd, new = AttributeConstraint("disk", "equals", "ssd"), AttributeConstraint("year", "at_least", 2030)
    old = AttributeConstraint("year", "at_most", 2021)
    allocator.set_framework("f", ["r"], constraints=OfferConstraints(any_of=[[ssd, new], [old]]))
    assert [grant.agent for grant in allocator.allocate(0.0).grants] == ["b"]
    assert allocator.explain("f", "c", 0.0) == [
        "role r: attribute disk is absent, not ssd; attribute year is absent, not at most 2021"
    ]


def test_constraints_that_are_lifted_and_attributes_that_change(allocator):
    assert given(allocator, "disk", "equals", "ssd") == ["a"]
    allocator.update_agent("c", attributes={"disk": "ssd"})
    assert [grant.agent for grant in allocator.allocate(0.0).grants] == ["c"]
    allocator.set_framework("f", ["r"])
    assert [grant.agent for grant in allocator.allocate(0.0).grants] == ["b"]


def test_a_new_agent_is_looked_at(allocator):
    assert given(allocator, "disk", "equals", "ssd") == ["a"]
    allocator.add_agent("d", {"cpus": 1000}, attributes={"disk": "hdd"})
    allocator.add_agent("e", {"cpus": 1000}, attributes={"disk": "ssd"})
    assert [grant.agent for grant in allocator.allocate(0.0).grants] == ["e"]


def test_nothing_is_offered_in_a_maintenance_window(allocator):
    for agent in "bc":
        allocator.remove_agent(agent)
    allocator.update_agent("a", unavailability=(10.0, 5.0))
    allocator.set_framework("f", ["r"], min_offer=[{"cpus": 1}])
    [grant] = allocator.allocate(0.0).grants
    assert allocator.next_expiry() == 10.0
    allocator.release("a", "f", "r", grant.amounts, now=11.0)
    assert allocator.allocate(11.0).grants == []
    assert allocator.explain("f", "a", 11.0) == ["the agent is in maintenance for 4 s more"]
    assert allocator.next_expiry() == 15.0
    assert [grant.agent for grant in allocator.allocate(15.0).grants] == ["a"]
    assert allocator.next_expiry() is None


def test_a_framework_may_need_an_agent_for_longer_than_is_left(allocator):
    for agent in "bc":
        allocator.remove_agent(agent)
    allocator.update_agent("a", unavailability=(100.0, 5.0))
    allocator.set_framework("long", ["r"], constraints=OfferConstraints(available_for=60.0))
    assert [grant.framework for grant in allocator.allocate(40.0).grants] == ["long"]
    allocator.release("a", "long", "r", {"cpus": 4000}, now=41.0)
    assert allocator.allocate(41.0).grants == []
    assert allocator.explain("long", "a", 41.0) == [
        "role r: maintenance begins in 59 s, sooner than it can use"
    ]
    allocator.update_agent("a", unavailability=())
    assert [grant.framework for grant in allocator.allocate(42.0).grants] == ["long"]


def test_a_window_without_an_end(allocator):
    allocator.update_agent("a", unavailability=(0.0, None))
    assert given(allocator) == ["b", "c"]
    assert allocator.explain("f", "a", 0.0) == ["the agent is in maintenance"]
    assert allocator.next_expiry() is None


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("", "exists"), "attribute must be a non-empty string"),
        (("disk", "like", "x"), "predicate is 'like', not one of exists"),
        (("disk", "equals", 3), "equals takes a text, not 3"),
        (("disk", "matches", "("), r"'\(' is no regular expression"),
        (("year", "at_least", "x"), "at_least takes a number, not 'x'"),
        (("year", "at_most", float("nan")), "must be finite"),
        (("year", "exists", 1), "exists takes no value"),
    ],
)
def test_bad_predicates(arguments, text):
    with pytest.raises(AllocatorError, match=text):
        AttributeConstraint(*arguments)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"agents": "a"}, "agents must be a collection"),
        ({"agents": [""]}, "agent must be a non-empty"),
        ({"any_of": "x"}, "any_of must be a sequence"),
        ({"any_of": [["x"]]}, "a group holds AttributeConstraints"),
        ({"available_for": -1}, "available_for must not be below 0"),
    ],
)
def test_bad_constraints(settings, text):
    with pytest.raises(AllocatorError, match=text):
        OfferConstraints(**settings)
