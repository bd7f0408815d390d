"""What a fair allocation may be asked to be, each as a measure of how far a policy is from it.

The properties of section 3 and table 2 of the DRF paper (Ghodsi et al., NSDI 2011). A measure is 0 where the property
holds, else the relative loss (or gain, of a lie) of the user who is hit worst. Utility is the number of tasks that what
a user holds is enough for, as demands are Leontief: twice the memory alone runs no further task.

The paper's proofs take every user to demand some of every resource. Where some demand none of one, users stop growing
at different times, and population monotonicity is lost (`random_pool(zeros=True)`; see also Parkes, Procaccia, Shah,
"Beyond Dominant Resource Fairness", TEAC 2015).
"""

from __future__ import annotations

import enum

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .filling import max_min
from .pool import Policy, Pool, Tasks, WholeTasks

__all__ = [
    "Property",
    "bottleneck",
    "dominated",
    "envy",
    "gain_of_lie",
    "loss_of_addition",
    "loss_of_leaving",
    "measure",
    "random_lie",
    "random_pool",
    "sharing_loss",
    "slack",
]


class Property(enum.Enum):
    """The rows of the table."""

    SHARING_INCENTIVE = "sharing incentive"
    """Nobody gets less than its part of the cluster alone, by weight, would be."""
    STRATEGY_PROOFNESS = "strategy-proofness"
    """Nobody gets more by saying that its tasks take something else than they do."""
    ENVY_FREENESS = "envy-freeness"
    """Nobody would have more of what another holds, weight for weight."""
    PARETO_EFFICIENCY = "Pareto efficiency"
    """Nobody can get more unless another gets less."""
    SINGLE_RESOURCE = "single resource fairness"
    """With one resource it is max-min fairness."""
    BOTTLENECK = "bottleneck fairness"
    """If all want the same resource most, it is max-min fairness over that one."""
    POPULATION_MONOTONICITY = "population monotonicity"
    """When a user leaves, nobody else gets less."""
    RESOURCE_MONOTONICITY = "resource monotonicity"
    """When there is more of a resource, nobody gets less."""


def sharing_loss(policy: Policy, pool: Pool) -> float:
    """How much less somebody gets than its part of the cluster alone would give it."""
    weights = pool.user_weights()
    alone = np.minimum(weights / weights.sum() / pool.fractions().max(axis=1), pool.limits)
    return _worst_loss(alone, policy(pool))


def envy(policy: Policy, pool: Pool) -> float:
    """How much more somebody could run with what another holds, brought to its own weight."""
    tasks, weights = policy(pool), pool.user_weights()
    held = pool.demands * (tasks / weights)[:, None]
    worst = 0.0
    for user in range(pool.users):
        needs = pool.demands[user] > 0
        enough = (held[:, needs] / pool.demands[user, needs]).min(axis=1) * weights[user]
        best = min(float(enough.max()), float(pool.limits[user]))
        worst = max(worst, _gain(tasks[user], best))
    return worst


def slack(policy: Policy, pool: Pool) -> float:
    """How large a part of each resource that somebody needs is left, of the one who could get most more.

    Or how much more is given than there is.
    """
    tasks = policy(pool)
    left = 1.0 - (pool.fractions() * tasks[:, None]).sum(axis=0)
    # More than there is was given: as bad as it gets.
    worst = max(0.0, -float(np.nan_to_num(left, nan=-np.inf).min(initial=0.0)) - 1e-9)
    for user in np.flatnonzero(tasks < pool.limits * (1 - 1e-9)):
        worst = max(worst, float(left[pool.demands[user] > 0].min()))
    return worst


def gain_of_lie(policy: Policy, pool: Pool, user: int, lie: NDArray[np.int64]) -> float:
    """How much more that user can run if it says that its tasks take `lie` (resources,)."""
    demands = pool.demands.copy()
    demands[user] = lie
    got = policy(Pool(demands, pool.capacity, pool.weights, pool.limits))[user] * lie
    needs = pool.demands[user] > 0
    return _gain(policy(pool)[user], float((got[needs] / pool.demands[user, needs]).min()))


def loss_of_leaving(policy: Policy, pool: Pool, user: int) -> float:
    """How much less somebody gets when that user has left."""
    return _worst_loss(
        np.asarray(np.delete(policy(pool), user), dtype=np.float64), policy(pool.without(user))
    )


def loss_of_addition(policy: Policy, pool: Pool, capacity: NDArray[np.int64]) -> float:
    """How much less somebody gets when there is that, which is more."""
    return _worst_loss(policy(pool), policy(Pool(pool.demands, capacity, pool.weights, pool.limits)))


def bottleneck(policy: Policy, pool: Pool, resource: int) -> float:
    """How far the shares of a resource that all want most are from max-min fair ones."""
    part = pool.fractions()[:, resource]
    fair = max_min(np.minimum(part * pool.limits, 1.0), 1.0, pool.user_weights())
    return float(np.abs(policy(pool) * part - fair).max() / fair.max())


def random_pool(rng: Generator, *, resources: int | None = None, zeros: bool = False) -> Pool:
    """Two to eight users, one to five resources, weights from 1 to 9; with `zeros` a fifth of the demands are zero."""
    users = int(rng.integers(2, 9))
    width = int(rng.integers(1, 6)) if resources is None else resources
    demands = rng.integers(1, 10, (users, width))
    if zeros:
        demands *= rng.random((users, width)) > 0.2
        demands[~demands.any(axis=1), rng.integers(width)] = 1
    weights = rng.integers(1, 10, users).astype(np.float64)
    return Pool(demands, rng.integers(10, 60, width), weights, np.full(users, np.inf))


def measure(what: Property, policy: Policy, rng: Generator, *, zeros: bool = False) -> float:
    """The measure of one property for a random pool, and for a random lie, leaver or addition where it takes one."""
    pool = random_pool(rng, zeros=zeros)
    match what:
        case Property.SHARING_INCENTIVE:
            return sharing_loss(policy, pool)
        case Property.ENVY_FREENESS:
            return envy(policy, pool)
        case Property.PARETO_EFFICIENCY:
            return slack(policy, pool)
        case Property.STRATEGY_PROOFNESS:
            user = int(rng.integers(pool.users))
            return gain_of_lie(policy, pool, user, random_lie(pool.demands[user], rng))
        case Property.SINGLE_RESOURCE:
            return bottleneck(policy, random_pool(rng, resources=1), 0)
        case Property.BOTTLENECK:
            wanted = int(rng.integers(pool.capacity.size))
            return bottleneck(policy, dominated(pool, wanted), wanted)
        case Property.POPULATION_MONOTONICITY:
            return loss_of_leaving(policy, pool, int(rng.integers(pool.users)))
        case Property.RESOURCE_MONOTONICITY:
            more = pool.capacity.copy()
            more[rng.integers(more.size)] *= int(rng.integers(2, 5))
            return loss_of_addition(policy, pool, more)


def random_lie(demand: NDArray[np.int64], rng: Generator) -> NDArray[np.int64]:
    """Something else than the truth: more of one resource, less of one, or anything."""
    lie = demand.copy()
    one = int(rng.integers(lie.size))
    kind = int(rng.integers(3))
    if kind == 0:
        lie[one] += int(rng.integers(1, 10))
    elif kind == 1:
        lie[one] = max(0, int(lie[one]) - int(rng.integers(1, 10)))
    else:
        lie = rng.integers(0, 10, lie.size)
    if not lie.any():
        lie[one] = 1
    return lie


def dominated(pool: Pool, resource: int) -> Pool:
    """The same, with as much demanded of that resource that it is everybody's largest share."""
    demands = pool.demands.copy()
    largest = pool.fractions().max(axis=1)
    demands[:, resource] = np.ceil(largest * pool.capacity[resource]).astype(np.int64)
    return Pool(demands, pool.capacity, pool.weights, pool.limits)


def _worst_loss(before: Tasks | WholeTasks, after: Tasks | WholeTasks) -> float:
    some = before > 0
    return float(np.maximum(0.0, 1.0 - after[some] / before[some]).max(initial=0.0))


def _gain(before: float, after: float) -> float:
    if after <= before:
        return 0.0
    return float(after / before - 1.0) if before > 0 else 1.0
