"""DRF where servers differ: whole tasks, each on one server, in the turn of the least global dominant share.

Source: Wang, Li, Liang, "Dominant Resource Fairness in Cloud Computing Systems with Heterogeneous Servers", INFOCOM
2014: its heuristics for whole tasks, first-fit and best-fit.
"""

from __future__ import annotations

import enum
import importlib.util
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allocators.checks import MAX_AMOUNT
from allocators.drf import integers
from allocators.errors import AllocatorError

from .placing import BestFit, FirstFit, Instance, place

__all__ = ["Fit", "Placement", "drfh"]

WORTH_COMPILING = 100_000
"""From so many steps on, of some microseconds in Python, loading what numba compiled takes less than it saves."""

FINEST = 2**20
"""What the scale of the resource with the largest total is at most, see `Fit.BEST`."""


class Fit(enum.Enum):
    """On which server a task goes, of those that have enough free."""

    FIRST = "first"
    """The first."""
    BEST = "best"
    """The one whose free resources are most like the task in shape; ties go to the first.

    The paper's distance is `H(i, l) = sum(|D_ir / D_i1 - c_lr / c_l1|)` over the resources r, with demands D and
    free amounts c as parts of the totals. Here resource 1 is the first that the user demands (where all are demanded,
    as in the paper, that is the first), and what is compared is `sum(q_r * |D_ir * c_l1 - c_lr * D_i1|) / c_l1`, the
    same but for a factor that is the same for all servers: integers, and one correctly rounded division. The scale of
    a resource, `q_r = k * largest total // total_r`, stands for the parts of the totals; totals are in the largest
    unit that all amounts of the resource are multiples of, and k is the largest power of two up to 2^20 with which
    no sum can go above `MAX_AMOUNT`.
    """


@dataclass(frozen=True)
class Placement:
    """How many tasks each user got, and where.

    `counts` has shape (users,). `user`, `server` and `tasks` have shape (entries,): so many tasks of that user are on
    that server; an entry for each pair with any, in the order of users, then of servers.
    """

    counts: NDArray[np.int64]
    user: NDArray[np.int64]
    server: NDArray[np.int64]
    tasks: NDArray[np.int64]


def drfh(
    demands: ArrayLike,
    servers: ArrayLike,
    weights: ArrayLike | None = None,
    limits: ArrayLike | None = None,
    *,
    fit: Fit = Fit.BEST,
    compiled: bool | None = None,
) -> Placement:
    """Place tasks of the user with the least global dominant share / weight, until nobody's next task fits anywhere.

    `demands` (users, resources) is what one task of each user takes, `servers` (servers, resources) what each server
    has, both integers in the same unit for each resource; `weights` (users,) are integers above zero, default all 1;
    `limits` (users,) is how many tasks each wants at most. The global dominant share is the largest part of what all
    servers have together of any resource. Ties go to who has fewer tasks, then to the lower index; a user whose task
    fits on no server leaves, for nothing is ever returned.

    Pareto efficient: no further task fits. For divisible tasks the paper also proves envy-freeness and
    strategy-proofness.

    All is in integers but the shares, each of which is one division of two integers, correctly rounded. `compiled` says
    whether numba does it, with the same result: by default if it is installed, and the work is more than to load it.
    Time is O(tasks * log(users) + servers * resources * kinds) for first-fit, where users of equal demands are one
    kind, and O(tasks * resources * servers) for best-fit, of which numba looks at a tenth or less.

    AllocatorError for values that are no integers, negative or above `MAX_AMOUNT`, for shapes that do not fit, weights
    of zero, a user who demands nothing, totals or totals times weights above `MAX_AMOUNT`, for amounts too fine for
    best-fit, and if `compiled` is asked for without numba.

    The paper's example: a server of 2 CPUs and 12 GB and one of 12 CPUs and 2 GB, tasks of <0.2, 1> and <1, 0.2>, all
    in tenths. Best-fit finds that each user is best off with one of them; first-fit does not.

    >>> best = drfh([[2, 10], [10, 2]], [[20, 120], [120, 20]])
    >>> best.counts.tolist(), best.server.tolist()
    ([10, 10], [0, 1])
    >>> first = drfh([[2, 10], [10, 2]], [[20, 120], [120, 20]], fit=Fit.FIRST)
    >>> first.counts.tolist(), first.user.tolist(), first.server.tolist(), first.tasks.tolist()
    ([6, 6], [0, 0, 1, 1], [0, 1, 0, 1], [5, 1, 1, 5])
    """
    if not isinstance(fit, Fit):
        raise AllocatorError(f"fit must be a Fit, not {fit!r}")
    instance = _instance(demands, servers, weights, limits)
    if not len(instance.demands):
        none = np.zeros(0, dtype=np.int64)
        return Placement(none, none, none, none)
    scales = _scales(instance) if fit is Fit.BEST else np.zeros(0, dtype=np.int64)
    if compiled is None:
        compiled = _steps_at_most(instance, fit) >= WORTH_COMPILING and _numba()
    if not compiled:
        runs = place(instance, BestFit(instance, scales) if fit is Fit.BEST else FirstFit(instance))
    elif _numba():
        from .placing_kernel import place_compiled

        runs = place_compiled(instance, scales)
    else:
        raise AllocatorError("compiled is True, but numba is not installed")
    return _placement(instance, *runs)


def _instance(
    demands: ArrayLike, servers: ArrayLike, weights: ArrayLike | None, limits: ArrayLike | None
) -> Instance:
    need, whole = integers(demands, "demands"), integers(servers, "servers")
    if need.ndim != 2 or whole.ndim != 2 or need.shape[1] != whole.shape[1]:
        raise AllocatorError(
            f"demands {need.shape} and servers {whole.shape} must be (users, resources) and (servers, resources)"
        )
    users = need.shape[0]
    idle = np.flatnonzero(~need.any(axis=1))
    if idle.size:
        raise AllocatorError(f"user {idle[0]} demands nothing")
    ratio = np.ones(users, dtype=np.int64) if weights is None else integers(weights, "weights")
    most = np.full(users, MAX_AMOUNT) if limits is None else integers(limits, "limits")
    for value, what in ((ratio, "weights"), (most, "limits")):
        if value.shape != (users,):
            raise AllocatorError(f"{what} {value.shape} must have shape ({users},), one for each user")
    if not (ratio > 0).all():
        raise AllocatorError(f"weights must be above zero, user {int(np.argmin(ratio))} has 0")
    unit = np.maximum(np.gcd.reduce(np.vstack([need, whole]), axis=0), 1)
    need, whole = need // unit, whole // unit
    totals = [max(1, sum(column)) for column in whole.T.tolist()]
    heaviest = int(ratio.max(initial=1))
    for resource, total in enumerate(totals):
        if total * heaviest > MAX_AMOUNT:
            raise AllocatorError(
                f"resource {resource}: what the servers have, {total} in units of {unit[resource]}, times the "
                f"largest weight {heaviest} must not be above {MAX_AMOUNT}"
            )
    rows, kinds = np.unique(need, axis=0, return_inverse=True)
    denominators = ratio[:, None] * np.array(totals, dtype=np.int64)
    return Instance(kinds.reshape(users), rows, whole, denominators, most)


def _scales(instance: Instance) -> NDArray[np.int64]:
    """How much a difference in each resource counts, see `Fit.BEST`."""
    totals: list[int] = instance.servers.sum(axis=0).tolist()
    largest: list[int] = instance.servers.max(axis=0, initial=0).tolist()
    main = (instance.demands > 0).argmax(axis=1)
    # Of the kinds with the same first resource, no distance is above that of these two.
    bounds = [
        (instance.demands[main == first].max(axis=0).tolist(), first) for first in np.unique(main).tolist()
    ]
    factor = FINEST
    while factor:
        scales = [factor * max(totals) // total if total else 0 for total in totals]
        highest = max(
            (
                sum(
                    scale * max(amount * largest[first], capacity * demand[first])
                    for scale, amount, capacity in zip(scales, demand, largest, strict=True)
                )
                for demand, first in bounds
            ),
            default=0,
        )
        if highest <= MAX_AMOUNT:
            return np.array(scales, dtype=np.int64)
        factor //= 2
    raise AllocatorError(
        "the amounts of demands and servers are too fine for best-fit to compare shapes exactly: use a larger unit"
    )


def _steps_at_most(instance: Instance, fit: Fit) -> float:
    """About how often Python looks at something: at one server in best-fit takes it a thirtieth of what a task does."""
    totals = instance.servers.sum(axis=0)
    needed = instance.demands > 0
    enough = np.where(needed, totals / np.where(needed, instance.demands, 1), np.inf).min(
        axis=1, initial=np.inf
    )
    tasks = float(np.minimum(enough[instance.kinds], instance.limits).sum())
    servers = len(instance.servers)
    if fit is Fit.BEST:
        return tasks * (8 + servers / 32)
    return tasks + len(instance.demands) * servers / 16


def _numba() -> bool:
    return importlib.util.find_spec("numba") is not None


def _placement(
    instance: Instance, user: NDArray[np.int64], server: NDArray[np.int64], tasks: NDArray[np.int64]
) -> Placement:
    """Bring what was placed in runs into the order of users and servers, one entry for each pair."""
    order = np.lexsort((server, user))
    user, server, tasks = user[order], server[order], tasks[order]
    new = np.ones(user.size, dtype=np.bool_)
    new[1:] = (user[1:] != user[:-1]) | (server[1:] != server[:-1])
    starts = np.flatnonzero(new)
    each = np.add.reduceat(tasks, starts) if starts.size else tasks
    counts = np.zeros(instance.kinds.size, dtype=np.int64)
    np.add.at(counts, user, tasks)
    return Placement(counts, user[starts], server[starts], each)
