from __future__ import annotations

import numpy as np
import pytest

from allocators import DRFAllocator, Revocation


@pytest.fixture(params=["plain", "numba"])
def allocator(request):
    """Three agents of 4 cpus, all used by batch; prod has 6 guaranteed."""
    pytest.importorskip("numba")
    allocator = DRFAllocator(np.random.default_rng(1), engine=request.param)
    for name in "abc":
        allocator.add_agent(name, {"cpus": 4000}, {("batch", "batch"): {"cpus": 4000}})
    allocator.set_framework("batch", ["batch"])
    allocator.set_role("prod", guarantee={"cpus": 6000})
    return allocator


def test_who_is_below_its_guarantee_may_have_others_revoked(allocator):
    assert allocator.revocations(0.0) == []  # nobody wants it
    allocator.set_framework("prod", ["prod"], min_offer=[{"cpus": 3000}])
    assert allocator.revocations(0.0) == [Revocation("a", "batch", "batch", {"cpus": 3000}, ("prod", "prod"))]
    assert allocator.allocated("a") == {("batch", "batch"): {"cpus": 4000}}  # nothing is done yet
    allocator.release("a", "batch", "batch", {"cpus": 3000})
    assert allocator.revocations(0.0) == []  # it will be offered
    [grant] = allocator.allocate(0.0).grants
    assert (grant.framework, grant.amounts) == ("prod", {"cpus": 3000})
    assert [(each.agent, each.amounts) for each in allocator.revocations(0.0)] == [("b", {"cpus": 3000})]


def test_not_for_more_than_the_guarantee_lacks(allocator):
    allocator.set_framework("prod", ["prod"], min_offer=[{"cpus": 4000}])
    allocator.claim("a", "prod", "prod", {"cpus": 3000})
    assert allocator.revocations(0.0) == []


def test_never_from_one_at_or_below_its_guarantee(allocator):
    allocator.set_role("batch", guarantee={"cpus": 10_000}, force=True)
    allocator.set_framework("prod", ["prod"], min_offer=[{"cpus": 3000}])
    assert allocator.revocations(0.0) == []
    allocator.set_framework("prod", ["prod"], min_offer=[{"cpus": 2000}])
    [revocation] = allocator.revocations(0.0)
    assert revocation.amounts == {"cpus": 2000}


def test_two_who_lack_do_not_take_the_same_twice(allocator):
    allocator.set_role("batch", guarantee={"cpus": 9000}, force=True)
    allocator.set_role("more", guarantee={"cpus": 2000}, force=True)
    allocator.set_framework("prod", ["prod"], min_offer=[{"cpus": 2000}])
    allocator.set_framework("more", ["more"], min_offer=[{"cpus": 2000}])
    assert len(allocator.revocations(0.0)) == 1  # the second would bring batch below


def test_who_has_most_gives_first(allocator):
    allocator.add_agent("d", {"cpus": 4000}, {("little", "l"): {"cpus": 2000}, ("much", "m"): {"cpus": 2000}})
    allocator.add_agent("e", {"cpus": 4000}, {("much", "m"): {"cpus": 4000}})
    for name in "abc":
        allocator.remove_agent(name)
    allocator.set_framework("prod", ["prod"], min_offer=[{"cpus": 2000}])
    [revocation] = allocator.revocations(0.0)
    assert (revocation.framework, revocation.amounts) == ("much", {"cpus": 2000})


def test_an_agent_that_it_cannot_use_is_let_be(allocator):
    from allocators import OfferConstraints

    allocator.set_framework(
        "prod", ["prod"], min_offer=[{"cpus": 1000}], constraints=OfferConstraints(agents=["c"])
    )
    [revocation] = allocator.revocations(0.0)
    assert revocation.agent == "c"
    allocator.update_agent("c", active=False)
    assert allocator.revocations(0.0) == []


def test_two_frameworks_of_a_role_are_not_given_its_guarantee_twice(allocator):
    allocator.set_role("prod", guarantee={"cpus": 2000})
    for name in ("p1", "p2"):
        allocator.set_framework(name, ["prod"], min_offer=[{"cpus": 2000}])
    assert len(allocator.revocations(0.0)) == 1
    for name in ("q1", "q2", "q3"):
        allocator.set_framework(name, [f"eng/{name}"], min_offer=[{"cpus": 2000}])
    allocator.set_role("eng", guarantee={"cpus": 2000})
    assert len(allocator.revocations(0.0)) == 2


def test_what_a_limit_forbids_is_not_revoked(allocator):
    allocator.set_role("prod", guarantee={})
    allocator.claim("a", "f", "eng", {"cpus": 2000})
    allocator.set_role("eng", limit={"cpus": 2000})
    allocator.set_role("eng/p", guarantee={"cpus": 2000})
    allocator.set_framework("p", ["eng/p"], min_offer=[{"cpus": 2000}])
    assert allocator.revocations(0.0) == []


def test_what_is_kept_for_a_role_below_is_not_revoked_for_its_sibling(allocator):
    allocator.set_role("prod", guarantee={})
    allocator.set_role("eng", guarantee={"cpus": 4000})
    allocator.set_role("eng/x", guarantee={"cpus": 4000})
    allocator.set_framework("y", ["eng/y"], min_offer=[{"cpus": 2000}])
    assert allocator.revocations(0.0) == []


def test_an_agent_that_is_over_committed_must_be_emptied_first(allocator):
    for name in "bc":
        allocator.remove_agent(name)
    allocator.claim("a", "batch", "batch", {"cpus": 3000})
    allocator.set_framework("prod", ["prod"], min_offer=[{"cpus": 2000}])
    [revocation] = allocator.revocations(0.0)
    assert revocation.amounts == {"cpus": 5000}
    allocator.release("a", "batch", "batch", {"cpus": 5000})
    assert [grant.framework for grant in allocator.allocate(0.0).grants] == ["prod"]


def test_an_agent_whose_maintenance_has_begun_is_let_be(allocator):
    allocator.set_framework("prod", ["prod"], min_offer=[{"cpus": 3000}])
    for name in "ab":
        allocator.update_agent(name, unavailability=(5.0, 10.0))
    assert [each.agent for each in allocator.revocations(1.0)] == ["a"]
    assert [each.agent for each in allocator.revocations(6.0)] == ["c"]


def test_what_is_only_kept_for_somebody_is_not_revoked(allocator):
    allocator.set_framework("big", ["big"], min_offer=[{"cpus": 4000}], hold_after=0.0)
    allocator.allocate(0.0)
    allocator.release("a", "batch", "batch", {"cpus": 1000}, now=1.0)
    allocator.suppress("batch")
    allocator.allocate(1.0)
    allocator.set_framework("prod", ["prod"], min_offer=[{"cpus": 4000}])
    for each in allocator.revocations(1.0):
        allocator.release(each.agent, each.framework, each.role, each.amounts)
