"""Progressive filling: everybody grows together, until something that they need is used up."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allocators.drf import numbers
from allocators.errors import AllocatorError

from .pool import Pool, Tasks

__all__ = ["fill", "max_min"]

NEARLY = 1e-12
"""Levels that differ by less than this part are one: so much is the rounding of their sums."""


def fill(pool: Pool, cost: NDArray[np.float64]) -> Tasks:
    """Have every user's `tasks * cost` grow at one pace, until a resource that it needs is used up or its limit met.

    `cost` (users,) is what makes the policy: the dominant share of a task for DRF, the sum of its shares for asset
    fairness, divided by the weight. Who is left goes on, so the result is Pareto efficient. Time is
    O(users * (resources + log users)) for each resource that is used up: no loop over users or tasks.
    """
    tasks = np.zeros(pool.users)
    with np.errstate(divide="ignore", invalid="ignore"):
        pace = 1.0 / cost
        level_of_limit = np.where(pool.limits > 0, pool.limits * cost, 0.0)
    growing = np.isfinite(cost) & (pool.limits > 0)
    used = np.zeros(pool.capacity.shape)
    capacity = pool.capacity.astype(np.float64)
    while growing.any():
        who = np.flatnonzero(growing)
        who = who[np.argsort(level_of_limit[who], kind="stable")]
        breaks = level_of_limit[who]
        rates = pool.demands[who] * pace[who, None]
        level, first = _first_used_up(rates, breaks, capacity - used)
        tasks[who] = np.minimum(level, breaks) * pace[who] if np.isfinite(level) else pool.limits[who]
        met = breaks <= level
        # The limit itself, and not what the way there and back has rounded it to.
        tasks[who[met]] = pool.limits[who[met]]
        if not np.isfinite(level):
            break
        stopped = met | (pool.demands[who][:, first] > 0).any(axis=1)
        used += (pool.demands[who[stopped]] * tasks[who[stopped], None]).sum(axis=0)
        growing[who[stopped]] = False
    return tasks


def _first_used_up(
    rates: NDArray[np.float64], breaks: NDArray[np.float64], left: NDArray[np.float64]
) -> tuple[float, NDArray[np.bool_]]:
    """The level at which a resource is used up, infinite if none is, and which resources are then.

    Users are in the order of the levels `breaks` at which they stop by themselves; `rates` (users, resources) is what
    each takes for one unit of level before.
    """
    finite = np.where(np.isfinite(breaks), breaks, 0.0)
    taken = np.vstack([np.zeros(rates.shape[1]), np.cumsum(rates * finite[:, None], axis=0)])
    # From the end, so that where nobody is left it is exactly 0.
    growth = np.cumsum(rates[::-1], axis=0)[::-1]
    levels = np.full(rates.shape[1], np.inf)
    for resource in np.flatnonzero(rates.any(axis=0)):
        # What is used at each break, were there enough: it never falls, so the first that is too much is found at once.
        grows = growth[:, resource] > 0
        at_break = taken[:-1, resource] + np.where(grows, growth[:, resource], 1.0) * np.where(
            grows, breaks, 0.0
        )
        # Never falling, but where those who are left, without a limit, need none of it: it stays what it was.
        number = int(np.searchsorted(np.maximum.accumulate(at_break), left[resource]))
        if number < len(breaks) and growth[number, resource] > 0:
            levels[resource] = max(0.0, (left[resource] - taken[number, resource]) / growth[number, resource])
    level = float(levels.min(initial=np.inf))
    return level, levels <= level * (1 + NEARLY)


def max_min(demands: ArrayLike, capacity: float, weights: ArrayLike | None = None) -> NDArray[np.float64]:
    """Share one divisible thing: nobody gets more than it wants, and nobody who gets less could have had more.

    Weighted max-min fairness, water-filling (Bertsekas and Gallager, Data Networks, section 6.5.2). `demands` (users,)
    and the result are in the unit of `capacity`; `weights` (users,) are above zero, default all 1. Time is
    O(users * log users).

    >>> max_min([2, 2.6, 4, 5], 10).round(9).tolist()
    [2.0, 2.6, 2.7, 2.7]
    >>> max_min([10, 10, 1], 9, weights=[1, 3, 1]).tolist()
    [2.0, 6.0, 1.0]
    """
    want = numbers(demands, "demands")
    whole = numbers(capacity, "capacity")
    ratio = np.ones(want.shape) if weights is None else numbers(weights, "weights")
    if want.ndim != 1 or whole.ndim != 0 or ratio.shape != want.shape:
        raise AllocatorError(
            f"demands {want.shape} and weights {ratio.shape} must be (users,), capacity {whole.shape} a number"
        )
    if not (ratio > 0).all():
        user = int(np.argmin(ratio))
        raise AllocatorError(f"weights must be above zero, user {user} has {ratio[user]}")
    if want.sum() <= whole:
        return want
    order = np.argsort(want / ratio, kind="stable")
    levels = (want / ratio)[order]
    met = np.concatenate([[0.0], np.cumsum(want[order])[:-1]])
    rest = ratio[order][::-1].cumsum()[::-1]
    # The water stands at the first level whose users, and all behind them, could not be filled to it.
    first = int(np.argmax(met + rest * levels >= whole))
    level = (whole - met[first]) / rest[first]
    return np.asarray(np.minimum(want, level * ratio))
