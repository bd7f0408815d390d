"""Every property of every policy: each yes is searched for exceptions, each no has one that is kept."""

from __future__ import annotations

import numpy as np
import pytest

from allocators.policies import POLICIES, PoolPolicy, Property, measure
from benchmarks.fairness import PAPER, fairness

pytestmark = pytest.mark.usefixtures("untraced")

INSTANCES = {"drf": 2_000, "ceei": 200}
"""`python -m benchmarks.fairness` takes 10,000 of each; here as many as there is time for.

Policies of whole tasks have theirs in `test_whole_properties`.
"""
PAIRS = [
    pytest.param(policy, what, id=f"{policy.name}-{what.value}")
    for policy in POLICIES.values()
    if not policy.whole
    for what in Property
]


@pytest.mark.parametrize(("policy", "what"), PAIRS)
def test_what_is_said_to_hold_does_and_what_is_not_does_not(policy: PoolPolicy, what: Property) -> None:
    if not policy.holds(what):
        assert policy.exceptions[what]() > 0.01
        return
    rng = np.random.default_rng(42)
    worst = max(policy.measure(what, rng) for _ in range(INSTANCES.get(policy.name, 500)))
    assert worst <= policy.tolerance


@pytest.mark.parametrize("name", PAPER)
def test_the_table_is_the_papers(name: str) -> None:
    assert set(POLICIES[name].exceptions) == PAPER[name]


def test_population_monotonicity_of_drf_is_lost_where_somebody_needs_none_of_a_resource() -> None:
    """The proofs take everybody to demand some of everything."""
    rng = np.random.default_rng(0)
    losses = [
        measure(Property.POPULATION_MONOTONICITY, POLICIES["drf"].allocate, rng, zeros=True)
        for _ in range(200)
    ]
    assert max(losses) > 0.1


def test_a_policy_that_is_unfair_is_found_out() -> None:
    """Else no yes would mean anything: first come, first served has hardly a property."""

    def first_come(pool):
        tasks, left = np.zeros(pool.users), pool.capacity.astype(float)
        for user in range(pool.users):
            needs = pool.demands[user] > 0
            tasks[user] = (left[needs] / pool.demands[user, needs]).min()
            left -= pool.demands[user] * tasks[user]
        return tasks

    rng = np.random.default_rng(0)
    worst = {what: max(measure(what, first_come, rng) for _ in range(200)) for what in Property}
    assert {what for what, value in worst.items() if value > 0.01} >= {
        Property.SHARING_INCENTIVE,
        Property.ENVY_FREENESS,
        Property.SINGLE_RESOURCE,
        Property.BOTTLENECK,
    }


def test_the_benchmark_prints_the_whole_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.fairness.violated", lambda *_: 0.0)
    rows = fairness(quick=True)
    assert len(rows) == len(POLICIES) * len(Property)
    assert all(row.met for row in rows)
