"""Dominant resource fairness over a pool: the share, and the discrete algorithm of the paper.

Source: Ghodsi, Zaharia, Hindman, Konwinski, Shenker, Stoica, "Dominant Resource Fairness: Fair Allocation of
Multiple Resource Types", NSDI 2011 (algorithm 1, and section 4.3 for weights).
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allocators.checks import MAX_AMOUNT
from allocators.errors import AllocatorError


def dominant_share(allocated: ArrayLike, capacity: ArrayLike) -> NDArray[np.float64]:
    """Return the largest fraction of any resource that each user holds.

    `allocated` has shape (..., resources), `capacity` (resources,), both in the same unit per resource; the
    result has the leading shape of `allocated`. Resources of zero capacity do not count. Raises
    `AllocatorError` for shapes that do not fit, and for values that are negative or not finite.

    >>> dominant_share([[3, 12], [6, 2]], [9, 18]).round(3).tolist()
    [0.667, 0.667]
    """
    held = numbers(allocated, "allocated")
    whole = numbers(capacity, "capacity")
    if whole.ndim != 1 or held.ndim < 1 or held.shape[-1] != whole.shape[0]:
        raise AllocatorError(
            f"allocated {held.shape} and capacity {whole.shape} must be (..., resources) and (resources,)"
        )
    counted = whole > 0
    fractions = held[..., counted] / whole[counted]
    return np.asarray(fractions.max(axis=-1, initial=0.0), dtype=np.float64)


def weighted_drf(
    demands: ArrayLike, capacity: ArrayLike, weights: ArrayLike | None = None
) -> NDArray[np.int64]:
    """Return how many whole tasks each user gets from one pool by weighted DRF.

    `demands` (users, resources) is what one task of each user takes, `capacity` (resources,) what there is,
    both integers in the same unit per resource; `weights` (users,) are above zero, default all 1. The user
    with the smallest dominant share divided by weight (ties: fewer tasks, then lower index) gets its next
    task, until no task of any user fits; a user whose task does not fit leaves, for nothing is ever returned.
    Time is O(tasks * log(users)).

    Pareto efficient: no further task fits. For divisible tasks the paper also proves sharing incentive,
    envy-freeness, strategy-proofness and population monotonicity, which whole tasks only approximate. Not
    resource monotone.

    Raises `AllocatorError` for values that are not integers or negative, shapes that do not fit, weights that
    are not finite and above zero, and a user who demands nothing (it would get infinitely many tasks).

    The example of the paper: 9 CPUs and 18 GB, tasks of A take 1 CPU and 4 GB, tasks of B 3 CPUs and 1 GB.

    >>> weighted_drf([[1, 4], [3, 1]], [9, 18]).tolist()
    [3, 2]
    >>> weighted_drf([[1], [1]], [12], weights=[1, 2]).tolist()
    [4, 8]
    """
    need = integers(demands, "demands")
    whole = integers(capacity, "capacity")
    if need.ndim != 2 or whole.ndim != 1 or need.shape[1] != whole.shape[0]:
        raise AllocatorError(
            f"demands {need.shape} and capacity {whole.shape} must be (users, resources) and (resources,)"
        )
    users = need.shape[0]
    ratio = np.ones(users) if weights is None else numbers(weights, "weights")
    if ratio.shape != (users,):
        raise AllocatorError(f"weights {ratio.shape} must have shape ({users},), one for each user")
    if not (ratio > 0).all():
        raise AllocatorError(f"weights must be above zero, user {int(np.argmin(ratio))} has {ratio.min()}")
    if not need.any(axis=1).all():
        raise AllocatorError(f"user {int(np.argmin(need.any(axis=1)))} demands nothing")

    rows: list[list[int]] = need.tolist()
    left: list[int] = whole.tolist()
    counted = [(column, amount) for column, amount in enumerate(left) if amount > 0]
    weight: list[float] = ratio.tolist()
    tasks = [0] * users
    queue = [(0.0, 0, user) for user in range(users)]
    while queue:
        _, count, user = queue[0]
        row = rows[user]
        if any(amount > rest for amount, rest in zip(row, left, strict=True)):
            heapq.heappop(queue)
            continue
        left = [rest - amount for amount, rest in zip(row, left, strict=True)]
        count += 1
        tasks[user] = count
        # From integers each time: a float share that is added up drifts, and ties would fall at random.
        share = max(count * row[column] / amount for column, amount in counted)
        heapq.heapreplace(queue, (share / weight[user], count, user))
    return np.array(tasks, dtype=np.int64)


def numbers(value: ArrayLike, what: str) -> NDArray[np.float64]:
    """Return `value` as floats: finite, not negative; `what` names it in the error."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise AllocatorError(f"{what} is not an array of numbers: {error}") from None
    if array.dtype.kind not in "iuf" and array.size:
        raise AllocatorError(f"{what} must hold numbers, not {array.dtype}")
    floats = array.astype(np.float64)
    if not np.isfinite(floats).all() or (floats < 0).any():
        raise AllocatorError(f"{what} must be finite and not negative")
    return floats


def integers(value: ArrayLike, what: str) -> NDArray[np.int64]:
    """Return `value` as integers, not negative, at most `MAX_AMOUNT`; `what` names it in the error."""
    floats = numbers(value, what)
    array = np.asarray(value)
    if array.dtype.kind not in "iu" and array.size:
        raise AllocatorError(f"{what} must hold integers (scale fractions first), not {array.dtype}")
    if floats.size and floats.max() > MAX_AMOUNT:
        raise AllocatorError(f"{what} must not be above {MAX_AMOUNT}")
    return array.astype(np.int64)
