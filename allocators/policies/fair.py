"""Policies that are progressive filling, each by a cost of its own; and two that are not, to compare with.

Of each, what holds for divisible tasks is in `allocators.policies.catalogue`, and tested.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from allocators.drf import numbers
from allocators.errors import AllocatorError

from .filling import fill, max_min
from .pool import Pool, Tasks

__all__ = ["asset_fairness", "drf", "equal_split", "single_resource", "slot_fair"]


def drf(pool: Pool) -> Tasks:
    """Dominant resource fairness: equal largest shares (Ghodsi et al., NSDI 2011, sections 4.1 and 4.3).

    >>> drf(Pool.of([[1, 4], [3, 1]], [9, 18])).round(6).tolist()
    [3.0, 2.0]

    More of a resource is not better for everybody: with CPUs doubled, the second user has less.

    >>> drf(Pool.of([[1, 1], [1, 4]], [6, 12])).round(6).tolist()
    [4.0, 2.0]
    >>> drf(Pool.of([[1, 1], [1, 4]], [12, 12])).round(6).tolist()
    [6.0, 1.5]
    """
    return fill(pool, pool.weighted().max(axis=1))


def asset_fairness(pool: Pool) -> Tasks:
    """Equal sums of shares: a percent of one resource counts as much as one of another (section 5.1 of the DRF paper).

    >>> asset_fairness(Pool.of([[1, 4], [3, 1]], [9, 18])).round(2).tolist()
    [2.52, 2.16]

    Somebody may get less than an equal part of the cluster would be: 30 of 70 is less than half.

    >>> asset_fairness(Pool.of([[2, 2], [1, 2]], [70, 70])).round(6).tolist()
    [15.0, 20.0]
    """
    pool.user_weights()
    return fill(pool, pool.weighted().sum(axis=1))


def single_resource(pool: Pool, resource: int = 0) -> Tasks:
    """Max-min fairness over one resource alone, say CPU, as schedulers before DRF had it (its section 6.2).

    Who does not demand that one is held to its dominant share. AllocatorError if there is no such resource.
    """
    pool.user_weights()
    weighted = pool.weighted()
    if not 0 <= resource < weighted.shape[1]:
        raise AllocatorError(f"resource is {resource}, not from 0 to {weighted.shape[1] - 1}")
    cost = weighted[:, resource]
    blocked = np.isinf(weighted).any(axis=1)
    return fill(pool, np.where(blocked, np.inf, np.where(cost > 0, cost, weighted.max(axis=1))))


def slot_fair(pool: Pool, slots: ArrayLike) -> Tasks:
    """Max-min fairness over slots of one size, Hadoop's before 2 (section 6.2 of the DRF paper).

    `slots` (resources,) is the size of a slot; there are as many as fit into the pool, and a task takes as many whole
    ones as cover it. AllocatorError if no slot fits, or a size is zero where something is demanded.
    """
    size = numbers(slots, "slots")
    if size.shape != pool.capacity.shape:
        raise AllocatorError(
            f"slots {size.shape} must have shape {pool.capacity.shape}, a size for each resource"
        )
    missing = np.flatnonzero((size == 0) & pool.demands.any(axis=0))
    if missing.size:
        raise AllocatorError(f"slots have none of resource {missing[0]}, which is demanded")
    cut = size > 0
    number = np.floor(pool.capacity[cut] / size[cut]).min(initial=np.inf)
    if not 0 < number < np.inf:
        raise AllocatorError(f"no slot of {size.tolist()} fits into {pool.capacity.tolist()}")
    each = np.ceil(pool.demands[:, cut] / size[cut]).max(axis=1)
    # Who wants without end wants all.
    want = np.minimum(pool.limits * each, number)
    return np.asarray(max_min(want, float(number), pool.user_weights()) / each)


def equal_split(pool: Pool) -> Tasks:
    """Each user alone on its part of every resource, by weight: the cluster cut into pieces."""
    weights = pool.user_weights()
    part = weights / weights.sum() if pool.users else weights
    return np.asarray(np.minimum(part / pool.fractions().max(axis=1, initial=0.0), pool.limits))
