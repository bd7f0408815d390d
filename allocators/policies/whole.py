"""The properties of policies that give whole tasks: what is asked of them is asked up to one task.

As in `allocators.policies.properties`, a measure is 0 where the property holds, within the bound that is stated, for
users who each want tasks without end and some of every resource. A user's share is of the resource that its tasks take
most of. `task(i)` is the share of one task of user i; `all tasks` is the sum of that over all users: one task of each.

| property | the bound |
|---|---|
| sharing incentive | no less than the part, by weight, of a cluster that is smaller by all tasks |
| strategy-proofness | what a liar holds, but for one task as it states it, is worth the truth and all tasks at most |
| envy-freeness | what another holds but for one of its tasks is not worth a whole task more, weight for weight |
| Pareto efficiency | none: no further task of anybody fits |
| single resource and bottleneck fairness | of two users, one is not ahead by more than a task of each, weight for \
weight; and there is not a task of everybody's size left |
| population and resource monotonicity | nobody's share falls by more than all tasks |

Why the first holds for DRF with whole tasks: when user i is first blocked, by resource r, each other one's share before
its last task was, by weight, no more than i's; so what is used of r is at most `all tasks` and the users' parts at the
level of i, and that with the task that did not fit is more than all there is. The others are argued alike. What is lost
is the monotonicities: who is left when the others are blocked takes what they leave, and that may be nothing or much.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .pool import Policy, Pool
from .properties import Property, dominated, random_lie

__all__ = [
    "bottleneck_up_to_one",
    "envy_up_to_one",
    "gain_of_lie_up_to_one",
    "loss_of_addition_up_to_one",
    "loss_of_leaving_up_to_one",
    "measure_whole",
    "random_wide_pool",
    "sharing_loss_up_to_one",
    "task_left",
]


def sharing_loss_up_to_one(policy: Policy, pool: Pool) -> float:
    """How much less, of all there is, somebody has than its part of what is there but for a task of each."""
    task = pool.fractions().max(axis=1)
    weights = pool.user_weights()
    return _positive(weights / weights.sum() * (1 - task.sum()) - policy(pool) * task)


def envy_up_to_one(policy: Policy, pool: Pool) -> float:
    """How many tasks more, by weight, what another holds but for one task is worth, but for one task."""
    tasks, weights = policy(pool), pool.user_weights()
    held = pool.demands * np.maximum(tasks - 1, 0)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = np.nanmin(held[None, :, :] / pool.demands[:, None, :], axis=2)
    return _positive((worth - 1) * (weights[:, None] / weights) - tasks[:, None])


def task_left(policy: Policy, pool: Pool) -> float:
    """How large a part of each resource that it needs is left, of somebody whose task would fit."""
    left = pool.capacity - policy(pool) @ pool.demands
    able = (pool.demands <= left).all(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.nan_to_num(left / pool.capacity)
    return max((float(part[need > 0].min()) for need in pool.demands[able]), default=0.0)


def bottleneck_up_to_one(policy: Policy, pool: Pool, resource: int) -> float:
    """How far somebody is ahead of another, of the resource that all want most, or how much of it is left."""
    part, weights = pool.fractions()[:, resource], pool.user_weights()
    share = policy(pool) * part
    ahead = share[:, None] - part[:, None] - part - weights[:, None] / weights * share
    np.fill_diagonal(ahead, 0.0)
    return max(_positive(ahead), _positive(1 - share.sum() - part.max()))


def gain_of_lie_up_to_one(policy: Policy, pool: Pool, user: int, lie: NDArray[np.int64]) -> float:
    """How much more, of all there is, that user can use if it says that its tasks take `lie` (resources,)."""
    demands = pool.demands.copy()
    demands[user] = lie
    told = policy(Pool(demands, pool.capacity, pool.weights, pool.limits))[user]
    needs = pool.demands[user] > 0
    worth = (max(told - 1, 0) * lie[needs] / pool.demands[user, needs]).min()
    task = pool.fractions().max(axis=1)
    return _positive((worth - policy(pool)[user]) * task[user] - task.sum())


def loss_of_leaving_up_to_one(policy: Policy, pool: Pool, user: int) -> float:
    """How much less, of all there is, somebody has when that user has left."""
    task = pool.fractions().max(axis=1)
    lost = np.delete(policy(pool), user) - policy(pool.without(user))
    return _positive(lost * np.delete(task, user) - task.sum())


def loss_of_addition_up_to_one(policy: Policy, pool: Pool, capacity: NDArray[np.int64]) -> float:
    """How much less, of all there was, somebody has when there is that, which is more."""
    task = pool.fractions().max(axis=1)
    lost = policy(pool) - policy(Pool(pool.demands, capacity, pool.weights, pool.limits))
    return _positive(lost * task - task.sum())


def random_wide_pool(rng: Generator, *, resources: int | None = None) -> Pool:
    """Two to eight users, one to five resources, weights from 1 to 3, tasks that take from one to 39 of 50 to 399.

    Small amounts are as frequent as large ones: the exceptions are where somebody takes little of what blocks others.
    """
    users = int(rng.integers(2, 9))
    width = int(rng.integers(1, 6)) if resources is None else resources
    demands = np.exp(rng.uniform(0, np.log(40), (users, width))).astype(np.int64)
    weights = rng.integers(1, 4, users).astype(np.float64)
    return Pool(demands, rng.integers(50, 400, width), weights, np.full(users, np.inf))


def measure_whole(what: Property, policy: Policy, rng: Generator) -> float:
    """The measure of one property for a random pool, and for a random lie, leaver or addition where it takes one."""
    if what is Property.SINGLE_RESOURCE:
        return bottleneck_up_to_one(policy, random_wide_pool(rng, resources=1), 0)
    pool = random_wide_pool(rng)
    match what:
        case Property.SHARING_INCENTIVE:
            return sharing_loss_up_to_one(policy, pool)
        case Property.ENVY_FREENESS:
            return envy_up_to_one(policy, pool)
        case Property.PARETO_EFFICIENCY:
            return task_left(policy, pool)
        case Property.STRATEGY_PROOFNESS:
            user = int(rng.integers(pool.users))
            return gain_of_lie_up_to_one(policy, pool, user, _wide_lie(pool.demands[user], rng))
        case Property.BOTTLENECK:
            wanted = int(rng.integers(pool.capacity.size))
            return bottleneck_up_to_one(policy, dominated(pool, wanted), wanted)
        case Property.POPULATION_MONOTONICITY:
            return loss_of_leaving_up_to_one(policy, pool, int(rng.integers(pool.users)))
        case Property.RESOURCE_MONOTONICITY:
            more = pool.capacity.copy()
            more[rng.integers(more.size)] *= int(rng.integers(2, 5))
            return loss_of_addition_up_to_one(policy, pool, more)


def _wide_lie(demand: NDArray[np.int64], rng: Generator) -> NDArray[np.int64]:
    """Another task, or several at once as one."""
    return demand * int(rng.integers(2, 9)) if rng.random() < 0.5 else random_lie(demand, rng)


def _positive(excess: NDArray[np.float64] | float) -> float:
    return float(np.max(excess, initial=0.0))
