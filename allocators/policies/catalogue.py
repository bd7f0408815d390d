"""The policies by name, and of each what holds: every yes is searched for exceptions, every no has one that is kept."""

from __future__ import annotations

import numpy as np

from .fair import asset_fairness, drf, equal_split, single_resource, slot_fair
from .nash import ceei
from .policy import PoolPolicy
from .pool import Pool, Tasks
from .properties import (
    Property,
    bottleneck,
    envy,
    gain_of_lie,
    loss_of_addition,
    loss_of_leaving,
    sharing_loss,
    slack,
)
from .whole_catalogue import WHOLE_POLICIES

__all__ = ["POLICIES", "PoolPolicy"]


SLOT = 4


def in_slots(pool: Pool) -> Tasks:
    """`slot_fair` with slots of four units of each resource."""
    return slot_fair(pool, np.full(pool.capacity.size, SLOT))


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
        PoolPolicy(
            "slots",
            in_slots,
            f"{NSDI}, section 6.2: Hadoop's slots, here of four units of each resource",
            "O(users * (resources + log(users)))",
            {
                Property.SHARING_INCENTIVE: lambda: sharing_loss(in_slots, Pool.of([[5], [5]], [20])),
                Property.STRATEGY_PROOFNESS: lambda: gain_of_lie(
                    in_slots, Pool.of([[1], [1]], [24]), 0, np.array([SLOT])
                ),
                Property.ENVY_FREENESS: lambda: envy(in_slots, Pool.of([[5], [4]], [24])),
                Property.PARETO_EFFICIENCY: lambda: slack(in_slots, Pool.of([[5], [5]], [20])),
                Property.SINGLE_RESOURCE: lambda: bottleneck(in_slots, Pool.of([[5], [4]], [24]), 0),
                Property.BOTTLENECK: lambda: bottleneck(in_slots, Pool.of([[5, 1], [4, 1]], [24, 24]), 0),
            },
        ),
        *WHOLE_POLICIES,
    )
}
"""All that allocate one pool by demands alone; those of whole tasks are in `allocators.policies.whole_catalogue`."""
