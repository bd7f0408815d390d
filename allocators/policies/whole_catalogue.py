"""The policies that give whole tasks: of each what holds up to one task, and a kept case of what does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from .bands import strict_priority
from .capacity import capacity_scheduler
from .discrete import discrete_asset_fairness, discrete_drf, discrete_single_resource
from .policy import PoolPolicy
from .pool import Pool, WholeTasks
from .properties import Property
from .queueing import fifo, lottery, random_picks
from .whole import (
    bottleneck_up_to_one,
    envy_up_to_one,
    gain_of_lie_up_to_one,
    loss_of_addition_up_to_one,
    loss_of_leaving_up_to_one,
    sharing_loss_up_to_one,
    task_left,
)

__all__ = ["WHOLE_POLICIES"]

Case = tuple[Any, ...]
"""Demands, capacity and weights of a pool; then liar and lie, who leaves, what there is later, or the resource."""

MEASURES: dict[Property, Callable[..., float]] = {
    Property.SHARING_INCENTIVE: sharing_loss_up_to_one,
    Property.STRATEGY_PROOFNESS: gain_of_lie_up_to_one,
    Property.ENVY_FREENESS: envy_up_to_one,
    Property.PARETO_EFFICIENCY: task_left,
    Property.SINGLE_RESOURCE: bottleneck_up_to_one,
    Property.BOTTLENECK: bottleneck_up_to_one,
    Property.POPULATION_MONOTONICITY: loss_of_leaving_up_to_one,
    Property.RESOURCE_MONOTONICITY: loss_of_addition_up_to_one,
}
NSDI = "Ghodsi et al., Dominant Resource Fairness, NSDI 2011"
STEPS = "O(tasks * (resources + log(users)))"


def _kept(
    allocate: Callable[[Pool], WholeTasks], cases: Mapping[Property, Case]
) -> dict[Property, Callable[[], float]]:
    return {what: partial(_again, MEASURES[what], allocate, *case) for what, case in cases.items()}


def _again(
    measure: Callable[..., float],
    allocate: Callable[[Pool], WholeTasks],
    demands: list[list[int]],
    capacity: list[int],
    weights: list[float],
    *change: int | list[int],
) -> float:
    pool = Pool.of(demands, capacity, weights)
    return measure(allocate, pool, *(np.array(one) if isinstance(one, list) else one for one in change))


def _drawn(policy: Callable[..., WholeTasks]) -> Callable[[Pool], WholeTasks]:
    """The policy with one seed for all pools, so that a kept case stays one."""
    return lambda pool: policy(pool, np.random.default_rng(1))


DRF_EXCEPTIONS: dict[Property, Case] = {
    Property.STRATEGY_PROOFNESS: ([[1, 25], [1, 1]], [50, 100], [1, 1], 1, [4, 4]),
    Property.POPULATION_MONOTONICITY: ([[15, 12], [16, 3], [1, 7]], [200, 200], [3, 3, 1], 1),
    Property.RESOURCE_MONOTONICITY: ([[1, 9], [26, 1]], [300, 100], [3, 1], [300, 400]),
}
DRAWN_LOTTERY, DRAWN_RANDOM = _drawn(lottery), _drawn(random_picks)

WHOLE_POLICIES = (
    PoolPolicy(
        "discrete drf",
        discrete_drf,
        f"{NSDI}, algorithm 1",
        STEPS,
        _kept(discrete_drf, DRF_EXCEPTIONS),
        whole=True,
    ),
    PoolPolicy(
        "discrete asset",
        discrete_asset_fairness,
        f"{NSDI}, section 5.1",
        STEPS,
        _kept(
            discrete_asset_fairness,
            {
                Property.SHARING_INCENTIVE: ([[5, 8], [17, 1]], [200, 300], [1, 1]),
                Property.STRATEGY_PROOFNESS: ([[27, 4], [1, 8]], [200, 300], [3, 1], 1, [7, 56]),
                Property.BOTTLENECK: ([[2, 6], [2, 1]], [100, 300], [1, 3], 0),
                Property.POPULATION_MONOTONICITY: ([[1, 5], [18, 1], [16, 1]], [300, 200], [1, 1, 3], 1),
                Property.RESOURCE_MONOTONICITY: ([[1, 28], [5, 1]], [50, 300], [3, 1], [50, 1200]),
            },
        ),
        whole=True,
    ),
    PoolPolicy(
        "discrete single resource",
        discrete_single_resource,
        f"{NSDI}, section 6.2: fair CPUs",
        STEPS,
        _kept(
            discrete_single_resource,
            {
                Property.SHARING_INCENTIVE: ([[1, 15], [1, 1]], [300, 300], [1, 3]),
                Property.STRATEGY_PROOFNESS: ([[8, 1], [1, 28]], [300, 200], [1, 1], 0, [40, 5]),
                Property.BOTTLENECK: ([[12, 2], [6, 1], [1, 3]], [300, 50], [2, 3, 3], 1),
                Property.POPULATION_MONOTONICITY: (
                    [[16, 1], [2, 13], [23, 20]],
                    [300, 300],
                    [1, 3, 1],
                    2,
                ),
                Property.RESOURCE_MONOTONICITY: ([[1, 28], [5, 1]], [50, 300], [3, 1], [50, 1200]),
            },
        ),
        whole=True,
    ),
    PoolPolicy(
        "capacity",
        capacity_scheduler,
        "Hadoop's capacity scheduler, a queue guaranteed to each user; Vavilapalli et al., YARN, SoCC 2013",
        "O(tasks * queues * resources)",
        _kept(capacity_scheduler, DRF_EXCEPTIONS),
        whole=True,
    ),
    PoolPolicy(
        "priority",
        strict_priority,
        "Verma et al., Borg, EuroSys 2015, section 2.5; weights are priorities",
        STEPS,
        _kept(
            strict_priority,
            {
                Property.SHARING_INCENTIVE: ([[1, 6], [1, 3]], [100, 300], [3, 2]),
                Property.STRATEGY_PROOFNESS: ([[1, 25], [1, 1]], [50, 100], [1, 1], 1, [4, 4]),
                Property.ENVY_FREENESS: ([[6, 4], [2, 3], [1, 2]], [300, 300], [2, 3, 2]),
                Property.SINGLE_RESOURCE: ([[2], [1]], [300], [1, 3], 0),
                Property.BOTTLENECK: ([[2, 2], [1, 1]], [300, 300], [3, 2], 0),
                Property.POPULATION_MONOTONICITY: ([[8, 6], [1, 13], [5, 1]], [200, 200], [3, 2, 3], 0),
                Property.RESOURCE_MONOTONICITY: ([[1, 28], [5, 1]], [50, 300], [3, 1], [50, 1200]),
            },
        ),
        whole=True,
    ),
    PoolPolicy(
        "fifo",
        fifo,
        "first come, first served: Hadoop's first scheduler",
        "O(users * resources)",
        _kept(
            fifo,
            {
                Property.SHARING_INCENTIVE: ([[3, 2], [2, 6]], [300, 300], [1, 3]),
                Property.ENVY_FREENESS: ([[1, 1], [1, 1]], [300, 300], [1, 1]),
                Property.SINGLE_RESOURCE: ([[1], [1]], [300], [1, 1], 0),
                Property.BOTTLENECK: ([[1, 1], [1, 1]], [300, 300], [1, 1], 0),
                Property.POPULATION_MONOTONICITY: ([[1, 16], [4, 6], [14, 1]], [50, 100], [1, 1, 1], 0),
                Property.RESOURCE_MONOTONICITY: ([[1, 28], [5, 1]], [50, 300], [1, 1], [50, 1200]),
            },
        ),
        whole=True,
    ),
    PoolPolicy(
        "lottery",
        DRAWN_LOTTERY,
        "Waldspurger and Weihl, Lottery Scheduling, OSDI 1994; one draw, as it comes",
        STEPS,
        _kept(
            DRAWN_LOTTERY,
            {
                Property.SHARING_INCENTIVE: ([[1, 15], [1, 1]], [300, 300], [1, 3]),
                Property.STRATEGY_PROOFNESS: ([[1, 3], [8, 1]], [200, 300], [2, 1], 0, [5, 15]),
                Property.ENVY_FREENESS: ([[17, 16], [1, 1]], [200, 200], [1, 2]),
                Property.SINGLE_RESOURCE: ([[1], [12]], [300], [2, 3], 0),
                Property.BOTTLENECK: ([[1, 1], [3, 3], [24, 1]], [300, 300], [1, 1, 3], 0),
                Property.POPULATION_MONOTONICITY: ([[7, 2], [24, 1], [25, 2]], [300, 50], [2, 2, 3], 0),
                Property.RESOURCE_MONOTONICITY: ([[28, 19], [1, 10]], [100, 200], [3, 1], [200, 200]),
            },
        ),
        whole=True,
    ),
    PoolPolicy(
        "random",
        DRAWN_RANDOM,
        "Mesos's random sorter; one draw, as it comes",
        STEPS,
        _kept(
            DRAWN_RANDOM,
            {
                Property.SHARING_INCENTIVE: ([[1, 15], [1, 1]], [300, 300], [1, 3]),
                Property.STRATEGY_PROOFNESS: ([[1, 3], [8, 1]], [200, 300], [2, 1], 0, [5, 15]),
                Property.ENVY_FREENESS: ([[1, 1], [2, 3]], [200, 300], [3, 1]),
                Property.SINGLE_RESOURCE: ([[24], [1]], [300], [1, 2], 0),
                Property.BOTTLENECK: ([[13, 20], [1, 2]], [200, 300], [1, 2], 1),
                Property.POPULATION_MONOTONICITY: ([[10, 1], [3, 1], [6, 24]], [200, 100], [3, 2, 2], 1),
                Property.RESOURCE_MONOTONICITY: ([[9, 14], [9, 1]], [200, 100], [1, 1], [200, 200]),
            },
        ),
        whole=True,
    ),
)
