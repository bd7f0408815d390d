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
    assert [each.amounts for each in allocator.revocations(0.0)] == [{"cpus": 2000}] or allocator.revocations(
        0.0
    )


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
