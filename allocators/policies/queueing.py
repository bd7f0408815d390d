"""Policies that know no shares: who came first, or who is drawn."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.random import Generator

from allocators.errors import AllocatorError

from .discrete import fits, ranks, whole_limits
from .pool import Pool, WholeTasks

__all__ = ["fifo", "lottery", "random_picks"]


def fifo(pool: Pool, order: Sequence[int] | None = None) -> WholeTasks:
    """First come, first served: each in `order` (default: as numbered) gets all that it wants and that fits.

    Hadoop's first scheduler, but that who is blocked blocks nobody. Weights do not count. Strategy-proof and Pareto
    efficient, and nothing else. Time is O(users * resources).

    >>> fifo(Pool.of([[1, 4], [3, 1]], [9, 18])).tolist()
    [4, 1]
    >>> fifo(Pool.of([[1, 4], [3, 1]], [9, 18]), order=[1, 0]).tolist()
    [0, 3]
    """
    places = ranks(pool.users, order)
    limits = whole_limits(pool)
    rows: list[list[int]] = pool.demands.tolist()
    left: list[int] = pool.capacity.tolist()
    tasks = [0] * pool.users
    for user in sorted(range(pool.users), key=places.__getitem__):
        number = min(rest // need for rest, need in zip(left, rows[user], strict=True) if need)
        tasks[user] = int(min(number, limits[user]))
        left = [rest - tasks[user] * need for rest, need in zip(left, rows[user], strict=True)]
    return np.array(tasks, dtype=np.int64)


def lottery(pool: Pool, rng: Generator, *, compensated: bool = False) -> WholeTasks:
    """Draw who gets its next task, each with as many tickets as its weight, until none fits.

    Waldspurger and Weihl, Lottery Scheduling, OSDI 1994; Mesos offers so among frameworks with preferences (NSDI 2011,
    section 4.3). The numbers of tasks are as the weights, on average; with `compensated` it is the largest shares, for
    a user has then the more tickets the smaller its tasks are (their section 4.5). Who is drawn is a matter of chance,
    and so the tickets are floats. Only Pareto efficient. Time is O(tasks * (resources + log(users))), and O(users)
    each time half the tickets have left the game.

    AllocatorError if `rng` is no `numpy.random.Generator`; the same one gives the same draw.

    >>> lottery(Pool.of([[1], [1]], [4000], weights=[1, 3]), np.random.default_rng(1)).tolist()
    [1011, 2989]
    >>> lottery(Pool.of([[1], [3]], [4000]), np.random.default_rng(1), compensated=True).tolist()
    [1990, 670]
    """
    weights = pool.user_weights()
    if compensated:
        weights = weights / pool.fractions().max(axis=1, initial=0.0)
    return _draw(pool, weights.tolist(), rng)


def random_picks(pool: Pool, rng: Generator) -> WholeTasks:
    """Draw who gets its next task, each alike: the lottery with one ticket for each user.

    Mesos's random sorter, to compare with. Only Pareto efficient.

    >>> random_picks(Pool.of([[1], [1]], [4000], weights=[1, 3]), np.random.default_rng(1)).tolist()
    [2015, 1985]
    """
    return _draw(pool, [1.0] * pool.users, rng)


def _draw(pool: Pool, tickets: list[float], rng: Generator) -> WholeTasks:
    if not isinstance(rng, Generator):
        raise AllocatorError(f"rng must be a numpy.random.Generator, not {rng!r}")
    limits = whole_limits(pool)
    rows: list[list[int]] = pool.demands.tolist()
    left: list[int] = pool.capacity.tolist()
    tasks = [0] * pool.users
    playing = [user for user in range(pool.users) if limits[user] >= 1 and fits(rows[user], left)]
    while playing:
        sums = list(accumulate(tickets[user] for user in playing))
        gone: set[int] = set()
        lost = 0.0
        while lost <= sums[-1] / 2 and len(gone) < len(playing):
            user = playing[min(bisect_right(sums, rng.random() * sums[-1]), len(playing) - 1)]
            if user in gone:
                continue
            row = rows[user]
            if tasks[user] < limits[user] and fits(row, left):
                tasks[user] += 1
                left = [rest - need for rest, need in zip(left, row, strict=True)]
            else:
                gone.add(user)
                lost += tickets[user]
        playing = [user for user in playing if user not in gone]
    return np.array(tasks, dtype=np.int64)
