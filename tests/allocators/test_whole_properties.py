"""What policies of whole tasks have up to one task: 10,000 pools for each yes, a kept case for each no."""

from __future__ import annotations

import numpy as np
import pytest

from allocators.policies import POLICIES, Pool, PoolPolicy, Property, measure_whole, random_wide_pool
from allocators.policies.whole import envy_up_to_one, sharing_loss_up_to_one, task_left

pytestmark = pytest.mark.usefixtures("untraced")

WHOLE = [policy for policy in POLICIES.values() if policy.whole]
INSTANCES = 10_000
SAME_POOL = {
    Property.SHARING_INCENTIVE: sharing_loss_up_to_one,
    Property.ENVY_FREENESS: envy_up_to_one,
    Property.PARETO_EFFICIENCY: task_left,
}
"""What can be measured of one allocation."""


@pytest.mark.parametrize("policy", WHOLE, ids=lambda policy: policy.name)
def test_what_needs_one_allocation(policy: PoolPolicy) -> None:
    measures = [each for what, each in SAME_POOL.items() if policy.holds(what)]
    assert measures
    rng = np.random.default_rng(42)
    for _ in range(INSTANCES):
        pool = random_wide_pool(rng)
        tasks = policy.allocate(pool)
        for each in measures:
            assert each(lambda _, tasks=tasks: tasks, pool) <= policy.tolerance, (each, pool)


@pytest.mark.parametrize(
    ("policy", "what"),
    [
        pytest.param(policy, what, id=f"{policy.name}-{what.value}")
        for policy in WHOLE
        for what in Property
        if what not in SAME_POOL and policy.holds(what)
    ],
)
def test_what_needs_more(policy: PoolPolicy, what: Property) -> None:
    rng = np.random.default_rng(43)
    worst = max(policy.measure(what, rng) for _ in range(INSTANCES))
    assert worst <= policy.tolerance


@pytest.mark.parametrize(
    ("policy", "what"),
    [
        pytest.param(policy, what, id=f"{policy.name}-{what.value}")
        for policy in WHOLE
        for what in policy.exceptions
    ],
)
def test_what_does_not_hold_has_an_exception(policy: PoolPolicy, what: Property) -> None:
    assert policy.exceptions[what]() > 0.01


def test_the_table() -> None:
    """So that a change of it is seen."""
    table = {
        policy.name: "".join("y" if policy.holds(what) else "-" for what in Property) for policy in WHOLE
    }
    assert table == {
        "discrete drf": "y-yyyy--",
        "discrete asset": "--yyy---",
        "discrete single resource": "--yyy---",
        "capacity": "y-yyyy--",
        "priority": "---y----",
        "fifo": "-y-y----",
        "lottery": "---y----",
        "random": "---y----",
    }


@pytest.mark.parametrize("less", [1, 2])
def test_a_policy_that_gives_too_little_is_found_out(less: int) -> None:
    drf = POLICIES["discrete drf"].allocate

    def stingy(pool: Pool):
        tasks = drf(pool)
        tasks[0] //= less + 1
        return tasks

    for what in (
        Property.SHARING_INCENTIVE,
        Property.ENVY_FREENESS,
        Property.PARETO_EFFICIENCY,
        Property.SINGLE_RESOURCE,
        Property.BOTTLENECK,
    ):
        rng = np.random.default_rng(1)
        assert max(measure_whole(what, stingy, rng) for _ in range(300)) > 0.01


def test_nothing_for_nobody_is_no_fairness() -> None:
    rng = np.random.default_rng(1)
    for what in (Property.SINGLE_RESOURCE, Property.BOTTLENECK, Property.PARETO_EFFICIENCY):
        assert measure_whole(what, lambda pool: np.zeros(pool.users, dtype=np.int64), rng) > 0.01
