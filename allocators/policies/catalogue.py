"""The policies by name, and of each what holds: every yes is searched for exceptions, every no has one that is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .fair import asset_fairness, drf, equal_split, single_resource
from .nash import ceei
from .pool import Pool, Tasks
from .properties import (
    Property,
    bottleneck,
    gain_of_lie,
    loss_of_addition,
    loss_of_leaving,
    sharing_loss,
    slack,
)

__all__ = ["POLICIES", "PoolPolicy"]


@dataclass(frozen=True)
class PoolPolicy:
    """A policy: who gets how many tasks of a `Pool`, where it is from, and what can be relied on.

    `exceptions` has a kept case for each property that does not hold: called, it gives the measure of it. All others
    hold, for users who demand some of every resource, to within `tolerance`.
    """

    name: str
    allocate: Callable[[Pool], Tasks]
    source: str
    complexity: str
    exceptions: Mapping[Property, Callable[[], float]]
    tolerance: float = 1e-9

    def holds(self, what: Property) -> bool:
        """Whether the property holds."""
        return what not in self.exceptions


FILLING = "O(resources * users * (resources + log(users)))"
NSDI = "Ghodsi et al., Dominant Resource Fairness, NSDI 2011"
DOUBLED = np.array([24, 12])

POLICIES: dict[str, PoolPolicy] = {
    policy.name: policy
    for policy in (
        PoolPolicy(
            "drf",
            drf,
            f"{NSDI}, section 4",
            FILLING,
            {
                Property.RESOURCE_MONOTONICITY: lambda: loss_of_addition(
                    drf, Pool.of([[1, 1], [1, 4]], [6, 12]), np.array([12, 12])
                )
            },
        ),
        PoolPolicy(
            "asset",
            asset_fairness,
            f"{NSDI}, section 5.1",
            FILLING,
            {
                Property.SHARING_INCENTIVE: lambda: sharing_loss(
                    asset_fairness, Pool.of([[3, 3], [7, 1], [7, 1]], [20, 20])
                ),
                Property.BOTTLENECK: lambda: bottleneck(
                    asset_fairness, Pool.of([[7, 1], [2, 2]], [20, 20]), 0
                ),
                Property.RESOURCE_MONOTONICITY: lambda: loss_of_addition(
                    asset_fairness, Pool.of([[1, 5], [5, 2]], [12, 12]), DOUBLED
                ),
            },
        ),
        PoolPolicy(
            "ceei",
            ceei,
            f"{NSDI}, section 5.2; Eisenberg and Gale 1959; Nash 1950",
            "O(users * resources^2) a step of Newton's method",
            {
                Property.STRATEGY_PROOFNESS: lambda: gain_of_lie(
                    ceei, Pool.of([[40, 10], [20, 30]], [200, 200]), 0, np.array([41, 30])
                ),
                Property.POPULATION_MONOTONICITY: lambda: loss_of_leaving(
                    ceei, Pool.of([[1, 7], [7, 3], [4, 6]], [20, 20]), 0
                ),
                Property.RESOURCE_MONOTONICITY: lambda: loss_of_addition(
                    ceei, Pool.of([[3, 1], [3, 5]], [12, 12]), DOUBLED
                ),
            },
            tolerance=1e-6,
        ),
        PoolPolicy(
            "equal split",
            equal_split,
            "the cluster cut into pieces; what sharing is compared with",
            "O(users * resources)",
            {Property.PARETO_EFFICIENCY: lambda: slack(equal_split, Pool.of([[1, 5], [5, 1]], [12, 12]))},
        ),
        PoolPolicy(
            "single resource",
            single_resource,
            f"{NSDI}, section 6.2: fair CPUs",
            FILLING,
            {
                Property.SHARING_INCENTIVE: lambda: sharing_loss(
                    single_resource, Pool.of([[1, 1], [1, 5]], [12, 12])
                ),
                Property.BOTTLENECK: lambda: bottleneck(
                    single_resource, Pool.of([[1, 1], [1, 5]], [12, 12]), 1
                ),
            },
        ),
    )
}
"""All that allocate a pool of divisible resources by demands alone."""
