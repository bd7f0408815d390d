"""`python -m benchmarks.fairness`: which policy has which property, measured, beside table 2 of the DRF paper.

A row for each pair: of so many random pools, the part in which the property is violated; by policies that give whole
tasks only, violated by more than one task, as `allocators.policies.whole` states it. The ratio is the kept
exception's measure, where there is one. The target is no violation where the property is said to hold, and a kept
exception where it is said not to; and that the paper says the same.
"""

from __future__ import annotations

import numpy as np

from allocators.policies import POLICIES, PoolPolicy, Property

from .report import Row, main

PAPER = {
    "asset": {Property.SHARING_INCENTIVE, Property.BOTTLENECK, Property.RESOURCE_MONOTONICITY},
    "ceei": {Property.STRATEGY_PROOFNESS, Property.POPULATION_MONOTONICITY, Property.RESOURCE_MONOTONICITY},
    "drf": {Property.RESOURCE_MONOTONICITY},
}
"""What the paper's table says does not hold."""


def violated(policy: PoolPolicy, what: Property, instances: int) -> float:
    """The part of random pools, users demanding some of everything, in which the property does not hold."""
    rng = np.random.default_rng(2011)
    found = [policy.measure(what, rng) > policy.tolerance for _ in range(instances)]
    return sum(found) / instances


def cell(policy: PoolPolicy, what: Property, quick: bool) -> Row:
    """One row."""
    instances = 500 if quick else 10_000
    if policy.name == "ceei":
        # Twenty times as slow.
        instances = 50 if quick else 10_000
    part = violated(policy, what, instances)
    exception = policy.exceptions.get(what)
    kept = None if exception is None else round(exception(), 3)
    said = PAPER.get(policy.name)
    reference = None if said is None else f"paper: {'no' if what in said else 'yes'}"
    holds = policy.holds(what)
    met = part == 0 if holds else kept is not None and kept > 0.01
    agrees = said is None or (what in said) is not holds
    return Row(
        f"{policy.name}: {what.value}",
        round(100 * part, 3),
        f"% of {instances}",
        reference,
        kept,
        "yes: 0 %" if holds else "no: an exception is kept",
        met and agrees,
    )


def fairness(quick: bool) -> list[Row]:
    """The whole table."""
    return [cell(policy, what, quick) for policy in POLICIES.values() for what in Property]


if __name__ == "__main__":
    main("fairness", "Which policy has which property", fairness)
