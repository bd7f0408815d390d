"""Progressive filling with whole tasks: who is furthest behind gets its next one, until none fits.

Shares are compared as integers over a common denominator, or as fractions where that would be too long: no pick
depends on how a float is rounded. Source: Ghodsi et al., NSDI 2011, algorithm 1; who is next when its task does not fit
leaves, and the others go on, as every system has it (the paper's stops).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allocators.errors import AllocatorError

from .pool import Pool, WholeTasks

__all__ = [
    "Cost",
    "Step",
    "discrete_asset_fairness",
    "discrete_drf",
    "discrete_single_resource",
    "steps",
    "weighted_drf",
]

Cost = Callable[[Sequence[int | Fraction]], int | Fraction]
"""What one task counts, of its share of each resource, divided by the weight: `max` makes DRF, `sum` asset fairness."""

LONGEST = 1024
"""Bits of a common denominator that are still quicker to reckon with than fractions."""


@dataclass(frozen=True, slots=True)
class Step:
    """One task more: who got it, and how all stand after it."""

    user: int
    shares: tuple[Fraction, ...]
    """Of each user, what is compared: for DRF its largest share, divided by its weight."""
    tasks: tuple[int, ...]
    left: tuple[int, ...]
    """What is left of each resource."""


def steps(pool: Pool, cost: Cost = max, order: Sequence[int] | None = None) -> Iterator[Step]:
    """Fill the pool task by task, the user with the smallest `cost * tasks` first.

    Of equal ones the user with fewer tasks is first, then who is named first in `order`, which has each user once
    (default: as they are numbered). A weight for each resource is for `max` alone. Time is O(users) a step, for the
    shares; the functions below, which show none, take O(log users + resources).

    Table 1 of the DRF paper, where B is first: nine CPUs are used up, 14 of 18 GB used.

    >>> for step in steps(Pool.of([[1, 4], [3, 1]], [9, 18]), order=[1, 0]):
    ...     print("AB"[step.user], *step.shares, step.left)
    B 0 1/3 (6, 17)
    A 2/9 1/3 (5, 13)
    A 4/9 1/3 (4, 9)
    B 4/9 2/3 (1, 8)
    A 2/3 2/3 (0, 4)
    """
    costs, one = _costs(pool, cost)
    each = [None if value is None else Fraction(value) / one for value in costs]
    tasks, left = [0] * pool.users, pool.capacity.tolist()
    rows = pool.demands.tolist()
    shares = [Fraction(0)] * pool.users
    for user in _picks(pool, costs, ranks(pool.users, order)):
        tasks[user] += 1
        shares[user] = tasks[user] * (each[user] or Fraction(0))
        left = [rest - amount for rest, amount in zip(left, rows[user], strict=True)]
        yield Step(user, tuple(shares), tuple(tasks), tuple(left))


def discrete_drf(pool: Pool, order: Sequence[int] | None = None) -> WholeTasks:
    """Dominant resource fairness with whole tasks, shape (users,); `order` as for `steps`.

    Pareto efficient: no further task fits. Sharing incentive, envy-freeness, single resource and bottleneck fairness
    hold up to one task of each user (`allocators.policies.whole`); the others do not. Time is
    O(tasks * (resources + log(users))).

    >>> discrete_drf(Pool.of([[1, 4], [3, 1]], [9, 18])).tolist()
    [3, 2]
    >>> discrete_drf(Pool.of([[1], [1]], [12], weights=[1, 2], limits=[10, 5])).tolist()
    [7, 5]
    """
    return _count(pool, max, order)


def weighted_drf(demands: ArrayLike, capacity: ArrayLike, weights: ArrayLike | None = None) -> WholeTasks:
    """`discrete_drf` of plain arrays: how many whole tasks each user gets from one pool.

    `demands` (users, resources) is what one task of each user takes, `capacity` (resources,) what there is, both
    integers in the same unit per resource; `weights` (users,) are above zero, default all 1. Raises `AllocatorError`
    for values that are not integers or negative, shapes that do not fit, weights that are not finite and above zero,
    and a user who demands nothing (it would get infinitely many tasks).

    The example of the paper: 9 CPUs and 18 GB, tasks of A take 1 CPU and 4 GB, tasks of B 3 CPUs and 1 GB.

    >>> weighted_drf([[1, 4], [3, 1]], [9, 18]).tolist()
    [3, 2]
    >>> weighted_drf([[1], [1]], [12], weights=[1, 2]).tolist()
    [4, 8]
    """
    return discrete_drf(Pool.of(demands, capacity, weights))


def discrete_asset_fairness(pool: Pool, order: Sequence[int] | None = None) -> WholeTasks:
    """Asset fairness with whole tasks: equal sums of shares.

    >>> discrete_asset_fairness(Pool.of([[1, 4], [3, 1]], [9, 18])).tolist()
    [3, 2]
    """
    pool.user_weights()
    return _count(pool, sum, order)


def discrete_single_resource(pool: Pool, resource: int = 0, order: Sequence[int] | None = None) -> WholeTasks:
    """Max-min fairness over one resource with whole tasks; who demands none of it is held to its largest share.

    AllocatorError if there is no such resource.

    >>> discrete_single_resource(Pool.of([[1, 4], [3, 1]], [9, 18])).tolist()
    [3, 2]
    >>> discrete_single_resource(Pool.of([[1, 4], [4, 1]], [18, 18])).tolist()
    [4, 2]
    """
    pool.user_weights()
    if not 0 <= resource < pool.capacity.size:
        raise AllocatorError(f"resource is {resource}, not from 0 to {pool.capacity.size - 1}")
    return _count(pool, lambda shares: shares[resource] or max(shares), order)


def exact_costs(pool: Pool, cost: Cost = max) -> list[int | Fraction | None]:
    """Of each user what one task counts, all in one unit; None for who demands what there is nothing of."""
    return _costs(pool, cost)[0]


def whole_limits(pool: Pool) -> list[float]:
    """How many whole tasks each wants: infinite, or a whole number."""
    limits: list[float] = np.floor(pool.limits).tolist()
    return limits


def fits(row: Sequence[int], left: Sequence[int]) -> bool:
    """Whether there is as much left as one task takes."""
    return all(amount <= rest for amount, rest in zip(row, left, strict=True))


def _count(pool: Pool, cost: Cost, order: Sequence[int] | None) -> WholeTasks:
    tasks = [0] * pool.users
    for user in _picks(pool, exact_costs(pool, cost), ranks(pool.users, order)):
        tasks[user] += 1
    return np.array(tasks, dtype=np.int64)


def _picks(pool: Pool, costs: Sequence[int | Fraction | None], ranks: Sequence[int]) -> Iterator[int]:
    rows: list[list[int]] = pool.demands.tolist()
    limits = whole_limits(pool)
    left: list[int] = pool.capacity.tolist()
    queue: list[tuple[int | Fraction, int, int, int]] = [
        (0, 0, ranks[user], user) for user in range(pool.users) if costs[user] is not None
    ]
    heapq.heapify(queue)
    while queue:
        _, count, rank, user = queue[0]
        row = rows[user]
        if count >= limits[user] or not fits(row, left):
            heapq.heappop(queue)
            continue
        left = [rest - amount for amount, rest in zip(row, left, strict=True)]
        heapq.heapreplace(queue, ((count + 1) * (costs[user] or 0), count + 1, rank, user))
        yield user


def _costs(pool: Pool, cost: Cost) -> tuple[list[int | Fraction | None], int]:
    """The costs in a common unit, and how many of it are 1."""
    whole: list[int] = pool.capacity.tolist()
    scale = math.lcm(*(amount for amount in whole if amount))
    factors = [scale // amount if amount else 0 for amount in whole]
    inverses, unit = _inverses(pool.weights, pool.capacity.size)
    costs: list[int | Fraction | None] = []
    for row, inverse in zip(pool.demands.tolist(), inverses, strict=True):
        if any(need and not factor for need, factor in zip(row, factors, strict=True)):
            costs.append(None)
            continue
        shares = [need * factor * by for need, factor, by in zip(row, factors, inverse, strict=True)]
        costs.append(cost(shares))
    return costs, scale * unit


def _inverses(weights: NDArray[np.float64], width: int) -> tuple[list[list[int | Fraction]], int]:
    """One divided by each weight, times what is returned besides: integers if that is short enough."""
    if weights.ndim == 1:
        columns = [[weight.as_integer_ratio()] for weight in weights.tolist()]
        inverses, unit = _over_one(columns)
        return [row * width for row in inverses], unit
    return _over_one([[weight.as_integer_ratio() for weight in row] for row in weights.tolist()])


def _over_one(ratios: list[list[tuple[int, int]]]) -> tuple[list[list[int | Fraction]], int]:
    unit = 1
    for row in ratios:
        unit = math.lcm(unit, *(above for above, _ in row))
        if unit.bit_length() > LONGEST:
            return [[Fraction(below, above) for above, below in row] for row in ratios], 1
    return [[unit // above * below for above, below in row] for row in ratios], unit


def ranks(users: int, order: Sequence[int] | None) -> list[int]:
    """Of each user its place in `order`. AllocatorError unless that names each user once."""
    if order is None:
        return list(range(users))
    named = np.asarray(order).tolist()
    if len(named) != users or set(map(repr, named)) != set(map(repr, range(users))):
        raise AllocatorError(f"order {named} must name each user from 0 to {users - 1} once")
    places = [0] * users
    for place, user in enumerate(named):
        places[user] = place
    return places
