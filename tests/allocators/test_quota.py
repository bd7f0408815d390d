from __future__ import annotations

import numpy as np
import pytest

from allocators import MAX_AMOUNT, AllocatorError, DRFAllocator

pytest.importorskip("numba")


@pytest.fixture(params=["plain", "numba"])
def cluster(request):
    def make(agents, **amounts):
        allocator = DRFAllocator(np.random.default_rng(1), engine=request.param)
        for number in range(agents):
            allocator.add_agent(f"a{number}", amounts or {"cpus": 4000})
        return allocator

    return make


def held(allocator, name="cpus"):
    sums = {}
    for agent in allocator.agents:
        for (framework, _), amounts in allocator.allocated(agent).items():
            sums[framework] = sums.get(framework, 0) + amounts.get(name, 0)
    return sums


def test_a_limit_cuts_the_offer_and_the_rest_goes_on(cluster):
    allocator = cluster(2)
    allocator.set_role("small", limit={"cpus": 5000})
    allocator.set_framework("f", ["small"])
    assert [grant.amounts for grant in allocator.allocate(0.0).grants] == [{"cpus": 4000}, {"cpus": 1000}]
    [cut] = [agent for agent in allocator.agents if allocator.free(agent)]
    assert allocator.explain("f", cut, 0.0) == ["role small: at its limit of cpus"]
    allocator.set_framework("g", ["other"])
    assert [grant.amounts for grant in allocator.allocate(0.0).grants] == [{"cpus": 3000}]


def test_a_limit_binds_the_whole_subtree(cluster):
    allocator = cluster(4)
    allocator.set_role("eng", limit={"cpus": 6000})
    allocator.set_framework("f", ["eng/dev"])
    allocator.set_framework("g", ["eng/ops/night"])
    allocator.set_framework("h", ["eng"])
    allocator.allocate(0.0)
    assert sum(held(allocator).values()) == 6000
    idle = next(agent for agent in allocator.agents if allocator.free(agent).get("cpus", 0) == 4000)
    assert allocator.explain("f", idle, 0.0) == ["role eng/dev: role eng is at its limit of cpus"]


def test_a_guarantee_is_kept_free_until_its_framework_comes(cluster):
    allocator = cluster(4)
    allocator.set_role("prod", guarantee={"cpus": 10_000})
    allocator.set_framework("batch", ["batch"])
    allocator.allocate(0.0)
    assert held(allocator) == {"batch": 6000}
    idle = next(agent for agent in allocator.agents if allocator.free(agent).get("cpus", 0) == 4000)
    assert allocator.explain("batch", idle, 0.0) == [
        "role batch: what is free is kept for the guarantees of other roles"
    ]
    allocator.set_framework("prod", ["prod"])
    allocator.allocate(0.0)
    assert held(allocator) == {"batch": 6000, "prod": 10_000}


def test_guarantees_come_first_whatever_the_shares(cluster):
    allocator = cluster(3)
    allocator.set_role("prod", guarantee={"cpus": 12_000})
    allocator.set_framework("p", ["prod"])
    allocator.allocate(0.0)
    grants = {agent: allocator.allocated(agent) for agent in allocator.agents}
    assert held(allocator) == {"p": 12_000}
    allocator.set_framework("q", ["idle"])
    agent = next(iter(grants))
    allocator.release(agent, "p", "prod", {"cpus": 4000})
    assert [grant.framework for grant in allocator.allocate(0.0).grants] == ["p"]  # though q has nothing


def test_what_is_guaranteed_to_a_role_below_is_not_for_its_siblings(cluster):
    allocator = cluster(3)
    allocator.set_role("eng", guarantee={"cpus": 10_000})
    allocator.set_role("eng/dev", guarantee={"cpus": 8000})
    allocator.set_framework("other", ["sales"])
    allocator.set_framework("sibling", ["eng/ops"])
    allocator.allocate(0.0)
    # 12 are free: 8 are kept for dev, and 2 more are eng's, which ops is part of.
    assert held(allocator) == {"sibling": 4000} or held(allocator) == {"sibling": 2000, "other": 2000}
    allocator.set_framework("dev", ["eng/dev"])
    allocator.allocate(0.0)
    assert held(allocator)["dev"] == 8000


def test_what_a_task_leaves_below_the_limit_goes_to_agents_that_were_passed_over(cluster):
    allocator = cluster(3)
    allocator.set_role("small", limit={"cpus": 4000})
    allocator.set_framework("f", ["small"])
    [grant] = allocator.allocate(0.0).grants
    allocator.update_agent(grant.agent, active=False)
    allocator.release(grant.agent, "f", "small", {"cpus": 4000})
    [other] = allocator.allocate(0.0).grants
    assert other.agent != grant.agent


def test_reservations_count_as_used_by_their_role(cluster):
    allocator = cluster(2)
    allocator.update_agent("a0", reservations={"eng": {"cpus": 3000}})
    allocator.set_role("eng", limit={"cpus": 4000})
    allocator.set_framework("f", ["eng"])
    allocator.allocate(0.0)
    assert held(allocator) == {"f": 4000}


def test_a_reservation_is_for_the_role_and_those_below_it_only(cluster):
    allocator = cluster(1)
    allocator.update_agent("a0", reservations={"eng": {"cpus": 3000}})
    allocator.set_framework("other", ["sales"])
    [grant] = allocator.allocate(0.0).grants
    assert (grant.framework, grant.amounts, grant.reserved) == ("other", {"cpus": 1000}, {})
    allocator.set_framework("dev", ["eng/dev"])
    [grant] = allocator.allocate(0.0).grants
    assert (grant.framework, grant.amounts, grant.reserved) == ("dev", {}, {"eng": {"cpus": 3000}})
    assert allocator.holdings("a0")[0] == grant
    allocator.release("a0", "dev", "eng/dev", {}, reserved={"eng": {"cpus": 1000}}, refuse=5.0)
    assert allocator.free("a0") == {"cpus": 1000}
    assert allocator.allocate(0.0).grants == []


def test_revocable_resources_are_for_those_who_say_so_and_count_nowhere(cluster):
    allocator = cluster(1)
    allocator.update_agent("a0", revocable={"cpus": 2000})
    allocator.set_framework("f", ["r"])
    [grant] = allocator.allocate(0.0).grants
    assert (grant.amounts, grant.revocable) == ({"cpus": 4000}, {})
    allocator.set_framework("g", ["s"], revocable=True)
    [grant] = allocator.allocate(0.0).grants
    assert (grant.framework, grant.amounts, grant.revocable) == ("g", {}, {"cpus": 2000})
    assert allocator.shares()["g", "s"] == 0.0
    allocator.release("a0", "g", "s", {}, revocable={"cpus": 500})
    with pytest.raises(AllocatorError, match=r"revocable: 2000 thousandths of cpus, but it holds 1500"):
        allocator.release("a0", "g", "s", {}, revocable={"cpus": 2000})


BAD = {
    "quota above the cluster": (
        lambda a: a.set_role("x", guarantee={"cpus": 9000}),
        "role 'x': guarantees of 17000 thousandths of cpus in sum, but the cluster has 8000",
    ),
    "quotas above the cluster in sum": (
        lambda a: a.set_role("y", guarantee={"cpus": 5000}),
        "guarantees of 9000 thousandths of cpus in sum",
    ),
    "guarantee above the limit": (
        lambda a: a.set_role("x", guarantee={"cpus": 2000}, limit={"cpus": 1000}),
        "role 'x': guarantee of 2000 thousandths of cpus is above its limit of 1000",
    ),
    "negative limit": (lambda a: a.set_role("x", limit={"cpus": -1}), "limit: cpus must be from 0"),
    "no priority": (lambda a: a.set_role("x", priority=1.5), "priority must be an integer, not 1.5"),
    "reserved for all": (
        lambda a: a.update_agent("a0", reservations={"*": {"cpus": 1}}),
        "nothing can be reserved for role",
    ),
    "reserved more than there is": (
        lambda a: a.update_agent("a0", reservations={"x": {"cpus": 4001}}),
        "agent 'a0': 4001 thousandths of cpus reserved, of 4000",
    ),
    "reserved more than is free": (
        lambda a: a.update_agent("a0", reservations={"eng": {"cpus": 1000}, "x": {"cpus": 2500}}),
        "agent 'a0': 2500 thousandths of cpus more are to be reserved, but 2000 are free",
    ),
    "unreserved while held": (
        lambda a: a.update_agent("a1", reservations={}),
        "1000 thousandths of cpus reserved for 'eng' are held, 0 would remain",
    ),
    "claim of what is not reserved": (
        lambda a: a.claim("a0", "f", "eng", {}, reserved={"eng": {"cpus": 1001}}),
        "1001 thousandths of cpus reserved for 'eng', but 1000 are free",
    ),
    "claim of another role's": (
        lambda a: a.claim("a0", "f", "sales", {}, reserved={"eng": {"cpus": 1}}),
        "what is reserved for 'eng' is not for that role",
    ),
    "claim of revocable": (
        lambda a: a.claim("a0", "f", "eng", {}, revocable={"cpus": 1}),
        "1 thousandths of revocable cpus, but 0 are free",
    ),
    "window": (lambda a: a.update_agent("a0", unavailability=5.0), r"unavailability is \(start, duration\)"),
    "window backwards": (
        lambda a: a.update_agent("a0", unavailability=(5.0, -1.0)),
        "duration must not be below 0",
    ),
    "attributes": (
        lambda a: a.update_agent("a0", attributes={"x": None}),
        "attribute 'x', if it is no text, must be a number",
    ),
    "constraints": (lambda a: a.set_framework("f", ["eng"], constraints="ssd"), "must be OfferConstraints"),
    "hold without minimum": (lambda a: a.set_framework("f", ["eng"], hold_after=5.0), "needs a min_offer"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_changes_nothing(cluster, name):
    allocator = cluster(2)
    allocator.set_role("y", guarantee={"cpus": 4000})
    allocator.set_role("z", guarantee={"cpus": 4000})
    allocator.update_agent("a0", reservations={"eng": {"cpus": 1000}})
    allocator.claim("a0", "f", "eng", {"cpus": 1000})
    allocator.update_agent("a1", reservations={"eng": {"cpus": 1000}})
    allocator.claim("a1", "f", "eng", {}, reserved={"eng": {"cpus": 1000}})

    def state():
        books = [
            (a, allocator.free(a), allocator.holdings(a), allocator.core.reserved(n))
            for a, n in allocator.agents.items()
        ]
        return books, allocator.shares(), repr(allocator.roles.settings), dict(allocator.roles.nodes)

    before = state()
    call, text = BAD[name]
    if name == "quotas above the cluster in sum":
        allocator.set_role("z", guarantee={})
        allocator.set_role("z", guarantee={"cpus": 4000})
        before = state()
    with pytest.raises(AllocatorError, match=text):
        call(allocator)
    assert state() == before


def test_a_quota_above_the_cluster_can_be_forced_before_its_agents_come(cluster):
    allocator = cluster(0)
    allocator.set_role("prod", guarantee={"cpus": 4000}, force=True)
    allocator.set_framework("f", ["batch"])
    allocator.add_agent("a", {"cpus": 4000})
    assert allocator.allocate(0.0).grants == []


def test_an_unknown_engine_is_refused():
    with pytest.raises(AllocatorError, match=r"engine is 'c', not plain or numba"):
        DRFAllocator(engine="c")


def test_what_is_held_in_all_stays_small_enough_to_count(cluster):
    allocator = cluster(1)
    allocator.claim("a0", "f", "r", {"cpus": MAX_AMOUNT})
    with pytest.raises(AllocatorError, match=r"cpus held in the cluster would be above"):
        allocator.claim("a0", "f", "r", {"cpus": MAX_AMOUNT})
    with pytest.raises(AllocatorError, match=r"agent 'b': cpus held in the cluster would be above"):
        allocator.add_agent("b", {"cpus": 1}, {("f", "r"): {"cpus": MAX_AMOUNT}})
    allocator.set_role("x", guarantee={"cpus": MAX_AMOUNT}, force=True)
    with pytest.raises(
        AllocatorError, match=r"role 'y': guarantees of \d+ thousandths of cpus in sum, at most"
    ):
        allocator.set_role("y", guarantee={"cpus": 1}, force=True)
    allocator.update_agent("a0", revocable={"cpus": MAX_AMOUNT})
    with pytest.raises(AllocatorError, match=r"agent 'c': cpus of the cluster would be above"):
        allocator.add_agent("c", {"cpus": 1}, revocable={"cpus": 1})


def test_what_is_nothing_leaves_no_trace(cluster):
    allocator = cluster(1)
    allocator.set_role("x", guarantee={"cpus": 0})
    assert allocator.role_shares() == {}
    allocator.set_framework("f", ["r"])
    allocator.allocate(0.0)
    for number in range(5):
        allocator.release("a0", "f", "r", {f"junk{number}": 0})
    assert set(allocator.columns.names) == {"cpus", "mem"}


def test_guarantees_are_summed_up_by_the_tree(cluster):
    allocator = cluster(1)
    allocator.set_role("a", guarantee={"cpus": 2000})
    allocator.set_role("a/x", guarantee={"cpus": 1500})
    allocator.set_role("a/y", guarantee={"cpus": 1500})  # 3000 for a, though it has 2000 itself
    with pytest.raises(AllocatorError, match=r"guarantees of 4001 thousandths of cpus in sum"):
        allocator.set_role("b", guarantee={"cpus": 1001})
    allocator.set_role("a/x", guarantee={})
    allocator.set_role("b", guarantee={"cpus": 2000})
    with pytest.raises(AllocatorError, match=r"guarantees of 4500 thousandths"):
        allocator.set_role("a/y/z", guarantee={"cpus": 2500})


@pytest.mark.parametrize("limit", [{"cpus": 0}, {"cpus": 5}])
def test_a_role_at_its_limit_is_passed_over_and_comes_back(cluster, limit):
    allocator = cluster(30)
    allocator.set_role("full", limit=limit)
    for number in range(20):
        allocator.set_framework(f"f{number}", ["full"])
    assert allocator.allocate(0.0).grants == []
    allocator.set_role("full", limit={"cpus": 6000})
    assert sum(grant.amounts["cpus"] for grant in allocator.allocate(0.0).grants) == 6000
    (agent, holder) = next((a, f) for a in allocator.agents for f, _ in allocator.allocated(a))
    allocator.release(agent, holder, "full", {"cpus": 2000})
    assert sum(grant.amounts["cpus"] for grant in allocator.allocate(0.0).grants) == 2000


def test_what_is_guaranteed_below_a_limit_is_within_it(cluster):
    allocator = cluster(4)
    allocator.set_role("prod", limit={"cpus": 4000})
    text = r"role 'prod': guarantees of 8000 thousandths of cpus in it are above its limit of 4000"
    with pytest.raises(AllocatorError, match=text):
        allocator.set_role("prod/x/y", guarantee={"cpus": 8000})
    allocator.set_role("prod/x", guarantee={"cpus": 3000})
    with pytest.raises(AllocatorError, match=r"role 'prod': guarantees of 4500 thousandths"):
        allocator.set_role("prod/z", guarantee={"cpus": 1500})
    with pytest.raises(
        AllocatorError, match=r"role 'prod': guarantees of 3000 thousandths of cpus in it are above"
    ):
        allocator.set_role("prod", limit={"cpus": 2999})
